"""DICOM images: every transfer syntax, every road to the picture, no word about the patient, no way to crash."""

import io
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jpeg_ls
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from support.dicom_images import (
    JPEG_2000,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    JPEG_LS_NEAR,
    LOSSLESS,
    NAMES,
    RLE,
    as_jpeg,
    dicom,
)
from support.tiny_models import write_tiny_onnx

from fractura.cli.main import main
from fractura.core.errors import DataError
from fractura.formats import read_dataset, write_tfrecord
from fractura.formats.convert import convert
from fractura.formats.voc import VocAnnotation, VocObject
from fractura.formats.voc.serializer import voc_bytes
from fractura.imaging import helper_process
from fractura.imaging.dicom import decoder_process, is_dicom, reader
from fractura.imaging.dicom.codec import decode_first_frame
from fractura.imaging.dicom.decoder_process import decode_apart
from fractura.imaging.dicom.facts import patient_hash, study_hash
from fractura.imaging.dicom.source import parsing_quietly
from fractura.imaging.reader import (
    radiograph_channels,
    radiograph_facts,
    radiograph_size,
    radiograph_size_and_facts,
    read_radiograph,
)
from fractura.inference.discovery import find_images

HEIGHT, WIDTH = 40, 60
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH]
DEEP = ((np.sin(COLUMNS / 9) + np.cos(ROWS / 7) + 2) / 4 * 4095).astype(np.uint16)
DEEP[0, :2] = 0, 4095
SHOWN = np.floor(DEEP / 4095 * 255 + 0.5).astype(np.uint8)


def grey(data: bytes, name: str = "image.dcm") -> np.ndarray:
    image = read_radiograph(data, name=name)
    assert (image.pixels == image.pixels[:, :, :1]).all()
    return image.pixels[:, :, 0].astype(int)


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize(("kind", "bits"), [("u2", 12), ("u2", 16), ("i2", 12), ("u1", 8)])
def test_every_lossless_transfer_syntax(syntax, kind, bits):
    values = {"u2": DEEP, "i2": DEEP.astype(np.int16) - 2048, "u1": SHOWN}[kind].astype(kind)
    data = dicom(values, bits=bits, syntax=LOSSLESS[syntax])
    assert np.array_equal(grey(data), SHOWN)
    assert radiograph_size(data) == (WIDTH, HEIGHT)
    assert radiograph_channels(data) == 1


def test_lossy_transfer_syntaxes():
    assert np.abs(grey(as_jpeg(SHOWN)) - SHOWN).max() <= 8
    assert np.abs(grey(dicom(DEEP, bits=12, syntax=JPEG_2000)) - SHOWN).max() <= 2
    assert np.abs(grey(dicom(DEEP, bits=12, syntax=JPEG_LS_NEAR)) - SHOWN).max() <= 2


@pytest.mark.parametrize("syntax", LOSSLESS)
def test_colour(syntax):
    colours = np.stack([SHOWN, SHOWN[::-1], 255 - SHOWN], axis=2)
    elements = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    data = dicom(colours, syntax=LOSSLESS[syntax], **elements)
    assert np.array_equal(read_radiograph(data).pixels, colours)
    assert radiograph_channels(data) == 3


@pytest.mark.parametrize("interleave_mode", [0, 1, 2])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_colour_by_plane_line_and_pixel_in_jpeg_ls(interleave_mode, kind):
    colours = np.stack([DEEP, DEEP[::-1], 4095 - DEEP], axis=2) >> (4 if kind == "u1" else 0)
    colours = colours.astype(kind)
    # CharLS takes colours by plane as three images on top of each other
    pixels = np.ascontiguousarray(colours.transpose(2, 0, 1)) if interleave_mode == 0 else colours
    frame = bytes(
        jpeg_ls.encode_pixel_data(
            pixels.tobytes(),
            rows=HEIGHT,
            columns=WIDTH,
            samples_per_pixel=3,
            bits_stored=8 if kind == "u1" else 12,
            photometric_interpretation="RGB",
            planar_configuration=int(interleave_mode == 0),
            interleave_mode=interleave_mode,
        )
    )
    values = decode_apart(frame, JPEG_LS, WIDTH, HEIGHT, 3, 8 if kind == "u1" else 12)
    assert np.array_equal(np.frombuffer(values, kind).reshape(HEIGHT, WIDTH, 3), colours)


def test_first_of_several_frames_is_the_image():
    frames = np.stack([DEEP, DEEP[::-1], DEEP[:, ::-1]])
    for syntax in (LOSSLESS["native"], RLE, JPEG_LOSSLESS_SV1):
        data = dicom(frames, bits=12, syntax=syntax)
        assert np.array_equal(grey(data), SHOWN)
        assert radiograph_facts(data).frames == 3


def test_pain_9_same_image_in_any_file_same_picture():
    def encoded(values, kind):
        stream = io.BytesIO()
        Image.fromarray(values).save(stream, kind)
        return stream.getvalue()

    files = {
        "8-bit png": encoded(SHOWN, "PNG"),
        "12-bit png": encoded(DEEP, "PNG"),
        "16-bit png": encoded(DEEP * 16, "PNG"),
        "16-bit tiff": encoded(DEEP * 16, "TIFF"),
        "rgb png": encoded(np.stack([SHOWN] * 3, 2), "PNG"),
        "8-bit dicom": dicom(SHOWN),
        "12-bit dicom": dicom(DEEP, bits=12),
        "12 bits in 16 dicom": dicom(DEEP, bits=16),
        "16-bit dicom": dicom(DEEP * 16),
    }
    for name, data in files.items():
        assert np.abs(grey(data, name) - SHOWN).max() <= 1, name


# ---------------------------------------------------------------- the road to the picture


def lut(entries: np.ndarray, first: int = 0, bits: int = 16):
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    item = Dataset()
    item.add_new(0x00283002, "US", [len(entries) % 65536, first, bits])
    item.add_new(0x00283006, "OW", entries.astype("<u2").tobytes())
    return Sequence([item])


def voi_lut(turned: bool):
    ramp = np.arange(4096)
    return {"VOILUTSequence": lut((4095 - ramp if turned else ramp).astype(np.uint16), bits=12)}


WINDOW = {"WindowCenter": 2048, "WindowWidth": 4096}
NEGATIVE = (4095 - DEEP).astype(np.uint16)
M1 = {"PhotometricInterpretation": "MONOCHROME1"}
INVERSE = {"PresentationLUTShape": "INVERSE"}
TURN = {"RescaleSlope": -1, "RescaleIntercept": 4095}
SAME = {
    "plain": (DEEP, {}),
    "window": (DEEP, WINDOW),
    "linear exact": (DEEP, {"WindowCenter": 2047.5, "WindowWidth": 4095, "VOILUTFunction": "LINEAR_EXACT"}),
    "voi lut": (DEEP, voi_lut(False)),
    "voi lut wins over window": (DEEP, {**voi_lut(False), "WindowCenter": 5, "WindowWidth": 2}),
    "identity": (DEEP, {"PresentationLUTShape": "IDENTITY", "RescaleSlope": 1, "RescaleIntercept": 0}),
    "m1": (NEGATIVE, M1),
    "m1 inverse is one inversion": (NEGATIVE, {**M1, **INVERSE}),
    "m2 inverse": (NEGATIVE, INVERSE),
    "m1 window": (NEGATIVE, {**M1, **WINDOW}),
    "m1 voi lut": (NEGATIVE, {**M1, **voi_lut(False)}),
    "slope -1": (NEGATIVE, TURN),
    "slope -1 window": (NEGATIVE, {**TURN, **WINDOW}),
    "slope -1 voi lut": (NEGATIVE, {**TURN, **voi_lut(False)}),
    "slope -1 m1": (DEEP, {**TURN, **M1}),
    "slope -1 m1 window": (DEEP, {**TURN, **M1, **WINDOW}),
    "slope -1 m1 voi lut": (DEEP, {**TURN, **M1, **voi_lut(False)}),
    "slope -1 inverse": (DEEP, {**TURN, **INVERSE, **WINDOW}),
    "slope -10": (NEGATIVE, {"RescaleSlope": -10, "RescaleIntercept": 40950}),
    "slope -10 window": (
        NEGATIVE,
        {"RescaleSlope": -10, "RescaleIntercept": 40950, "WindowCenter": 20480, "WindowWidth": 40951},
    ),
    "turning voi lut": (NEGATIVE, voi_lut(True)),
    "turning voi lut m1": (DEEP, {**voi_lut(True), **M1}),
    "turning voi lut slope -1": (DEEP, {**voi_lut(True), **TURN}),
    "turning modality lut": (
        NEGATIVE,
        {"ModalityLUTSequence": lut((4095 - np.arange(4096)).astype(np.uint16), bits=12)},
    ),
    "modality lut then window": (
        NEGATIVE,
        {"ModalityLUTSequence": lut((4095 - np.arange(4096)).astype(np.uint16), bits=12), **WINDOW},
    ),
    "several windows: the first": (DEEP, {"WindowCenter": [2048, 9], "WindowWidth": [4096, 1]}),
    "window without width": (DEEP, {"WindowCenter": 2048, "WindowWidth": 0}),
    "window that shows nothing": (DEEP, {"WindowCenter": 30000, "WindowWidth": 10}),
    "slope 0": (DEEP, {"RescaleSlope": 0, "RescaleIntercept": 0}),
}


@pytest.mark.parametrize("road", SAME)
def test_pain_10_no_negative_images(road):
    values, elements = SAME[road]
    assert np.abs(grey(dicom(values, bits=12, **elements)) - SHOWN).max() <= 1


def test_window_cuts_as_the_standard_says():
    shown = grey(dicom(DEEP, bits=12, WindowCenter=1000, WindowWidth=200))
    expected = np.clip((DEEP - 999.5) / 199 + 0.5, 0, 1) * 255
    assert np.abs(shown - expected).max() <= 0.5
    smooth = grey(dicom(DEEP, bits=12, WindowCenter=1000, WindowWidth=200, VOILUTFunction="SIGMOID"))
    assert np.abs(smooth - 255 / (1 + np.exp(-4 * (DEEP - 1000.0) / 200))).max() <= 0.51


@pytest.mark.parametrize("elements", [{}, M1, WINDOW, {**M1, **WINDOW}])
def test_padding_is_black_and_counts_for_nothing(elements):
    values = (DEEP // 8).astype(np.uint16) if not elements else DEEP.copy()
    padded = values.copy()
    padded[:, :10] = 4095
    padded[padded[:, 10:].shape[0] :, :] = 0
    values[values == 4095] = 4094
    padded[:, 10:][padded[:, 10:] == 4095] = 4094
    shown = grey(dicom(padded, bits=12, PixelPaddingValue=4095, **elements))
    assert (shown[:, :10] == 0).all()
    assert np.array_equal(shown[:, 10:], grey(dicom(values[:, 10:], bits=12, **elements)))
    assert shown[:, 10:].any()


def test_bits_beside_the_image_are_taken_off():
    """Old overlays live in the bits above."""
    assert np.array_equal(grey(dicom(DEEP | (ROWS % 2 << 14).astype(np.uint16), bits=12)), SHOWN)


# ---------------------------------------------------------------- what may leave the file


def test_facts():
    data = dicom(DEEP, bits=12, BodyPartExamined="WRIST ", ViewPosition="AP", ImageLaterality="R")
    facts = radiograph_facts(data)
    assert (facts.patient, facts.body_part, facts.view, facts.laterality) == (
        patient_hash("PLANTED-ID-4711"),
        "WRIST",
        "AP",
        "R",
    )
    assert len(facts.patient) == 16
    assert patient_hash(" 12 ") == patient_hash("12") != patient_hash("13")
    assert patient_hash("  ") is None
    assert study_hash("1.2") == study_hash("1.2\0") != patient_hash("1.2")
    assert study_hash("") is None


@pytest.mark.parametrize(("meaning", "part"), [("Chest", "CHEST"), ("Lumbar spine", None), ("", None)])
def test_newer_objects_name_the_body_part_by_a_code(meaning, part):
    from pydicom.dataset import Dataset

    code = Dataset()
    code.CodeMeaning = meaning
    assert radiograph_facts(dicom(DEEP, bits=12, AnatomicRegionSequence=[code])).body_part == part
    both = dicom(DEEP, bits=12, AnatomicRegionSequence=[code], BodyPartExamined="WRIST")
    assert radiograph_facts(both).body_part == "WRIST"
    assert radiograph_facts(dicom(DEEP, bits=12, AnatomicRegionSequence=[])).body_part is None


@pytest.mark.parametrize("keyword", ["BodyPartExamined", "ViewPosition", "ImageLaterality", "Modality"])
def test_free_text_is_no_fact(keyword):
    try:
        facts = radiograph_facts(dicom(DEEP, bits=12, **{keyword: "PLANTED"}))
    except DataError as error:
        assert "PLANTED" not in str(error)  # noqa: PT017
    else:
        assert "PLANTED" not in repr(facts)


def data_folder(root: Path) -> Path:
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    boxes = (VocObject("Fractura", 10, 10, 30, 30),)
    for name, data in {
        "a.dcm": dicom(DEEP, bits=12, BodyPartExamined="WRIST", StudyInstanceUID="1.2.5"),
        "IM0002": dicom(DEEP[::-1].copy(), bits=12, syntax=JPEG_LS),
    }.items():
        (root / "images" / name).write_bytes(data)
        annotation = VocAnnotation(name, WIDTH, HEIGHT, 1, boxes)
        (root / "annotations" / f"{Path(name).stem}.xml").write_bytes(voc_bytes(annotation))
    return root


def test_a_folder_of_dicoms_is_a_data_folder(tmp_path):
    dataset = read_dataset(data_folder(tmp_path))
    assert [record.name for record in dataset] == ["IM0002", "a.dcm"]
    assert [record.body_part for record in dataset] == [None, "WRIST"]
    assert {record.patient for record in dataset} == {patient_hash("PLANTED-ID-4711")}
    assert dataset.records[1].study == study_hash("1.2.5") != dataset.records[0].study
    assert {record.device for record in dataset} == {radiograph_facts(dicom(DEEP, bits=12)).device} != {None}
    assert [image.name for image in find_images([tmp_path]).images] == ["IM0002", "a"]


def test_no_name_in_a_header_leaves_the_file(tmp_path, caplog, capfd, recwarn):
    caplog.set_level(logging.DEBUG)
    folder = data_folder(tmp_path / "data")
    write_tfrecord(read_dataset(folder), tmp_path / "out.tfrecord")
    odd = {"PatientID": "PLANTED-ID" * 20, "PatientAge": "Planted", "PatientBirthDate": "Planted Name"}
    damaged = bytearray(dicom(DEEP, bits=12, WindowCenter=5, WindowWidth=7))
    damaged[damaged.index(b"US\x02\x00") + 2] = 40
    import warnings

    with warnings.catch_warnings():  # pydicom warns while it writes these, which is none of our doing
        warnings.simplefilter("ignore")
        logging.getLogger("pydicom").disabled = True
        files = [dicom(DEEP, bits=12, **odd), dicom(DEEP, bits=12, Modality="PLANTED^NAME")]
        logging.getLogger("pydicom").disabled = False
    said = []
    for data in (*files, bytes(damaged), bytes(damaged)[:700]):
        for read in (read_radiograph, radiograph_size, radiograph_facts):
            try:
                said.append(repr(read(data, name="image.dcm")))
            except DataError as error:
                said.append(str(error))
    said += (
        [record.getMessage() for record in caplog.records] + [str(w.message) for w in recwarn] + [*capfd.readouterr()]
    )
    for text in said:
        assert "PLANTED" not in text.upper()
    written = (tmp_path / "out.tfrecord").read_bytes().upper()
    assert all(name.upper().encode() not in written for name in NAMES)
    assert b"a.dcm".upper() in written
    # and what was written is still the image
    again = read_dataset(tmp_path / "out.tfrecord")
    assert np.array_equal(read_radiograph(again.records[1].read_bytes(), name="a.dcm").pixels[:, :, 0], SHOWN)


def test_convert_says_that_copied_headers_name_patients(tmp_path):
    images = data_folder(tmp_path / "images")
    copied = convert(images, tmp_path / "coco", "coco")
    assert "2 DICOM files were copied whole" in str(copied.problems[-1])
    assert "DICOM" not in str(convert(images, tmp_path / "images.tfrecord", "tfrecord").problems)


def test_detect_takes_dicom_and_writes_no_name(tmp_path, capfd):
    folder = data_folder(tmp_path / "data")
    model, out = write_tiny_onnx(tmp_path / "tiny.onnx"), tmp_path / "out"
    assert main(["detect", str(folder / "images"), "--model", str(model), "--output", str(out)]) == 0
    written = [path for path in out.rglob("*") if path.is_file()]
    assert {"a", "IM0002"} <= {path.stem for path in written}
    for path in written:
        assert b"PLANTED" not in path.read_bytes().upper(), path.name
    assert "PLANTED" not in "".join(capfd.readouterr()).upper()


# ---------------------------------------------------------------- what is refused


ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"
JPEG_LS_FRAME = b"\xff\xf7\x00\x0b\x10"
REFUSED = {
    "ct": (lambda: dicom(DEEP, Modality="CT"), "of modality CT .computed tomography., not a radiograph"),
    "mr": (lambda: dicom(DEEP, Modality="MR"), "of modality MR"),
    "us": (lambda: dicom(DEEP, Modality="US"), "of modality US"),
    "sr": (lambda: dicom(DEEP, Modality="SR"), "of modality SR .structured report."),
    "other, not captured": (lambda: dicom(DEEP, Modality="OT", SOPClassUID=ULTRASOUND), "of modality OT"),
    "unknown": (lambda: dicom(DEEP, Modality="XYZ", SOPClassUID=ULTRASOUND), "of an unknown modality"),
    "none": (lambda: dicom(DEEP, Modality="", SOPClassUID=ULTRASOUND), "names no modality"),
    "report": (lambda: dicom(DEEP, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.67"), "is a DICOM structured report, not"),
    "directory": (lambda: dicom(DEEP, SOPClassUID="1.2.840.10008.1.3.10"), "is a DICOM directory .DICOMDIR., not"),
    "header ends": (lambda: dicom(DEEP)[:400], "no rows or columns"),
    "header is missing": (lambda: dicom(DEEP)[:280], "its header is cut off"),
    "palette": (lambda: dicom(SHOWN, PhotometricInterpretation="PALETTE COLOR"), "PALETTE COLOR"),
    "bomb": (lambda: dicom(SHOWN, Rows=60000, Columns=60000), "million pixels"),
    "cut off": (lambda: dicom(DEEP, Rows=HEIGHT + 1), "is cut off"),
    "no rows": (lambda: dicom(DEEP, Rows=0), "no rows or columns"),
    "bits": (lambda: dicom(DEEP, BitsAllocated=32, BitsStored=32), "32 of 32 bits"),
    "size lies": (
        lambda: dicom(DEEP, syntax=JPEG_LS).replace(JPEG_LS_FRAME + b"\x00\x28", JPEG_LS_FRAME + b"\x7f\xff"),
        "its pixels claim 60x32767, its header 60x40",
    ),
    "no end": (lambda: dicom(DEEP, syntax=JPEG_LOSSLESS_SV1).replace(b"\xff\xd9", b"\x00\x00"), "is cut off"),
    "syntax": (lambda: dicom(DEEP).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0"), "not read"),
    "deflated": (
        lambda: dicom(DEEP, syntax=JPEG_2000).replace(b"1.2.840.10008.1.2.4.91", b"1.2.840.10008.1.2.1.99"),
        "deflated",
    ),
    "no pixels": (lambda: dicom(DEEP).replace(b"\xe0\x7f\x10\x00OW", b"\xe1\x7f\x10\x00OW"), "without pixels"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_by_name_with_a_hint(kind):
    data, message = REFUSED[kind]
    with pytest.raises(DataError, match=message) as caught:
        read_radiograph(data(), name="image 1.dcm")
    assert "image 1.dcm" in str(caught.value)
    assert caught.value.hint


def test_a_captured_image_counts():
    assert np.array_equal(grey(dicom(SHOWN, Modality="OT", SOPClassUID="1.2.840.10008.5.1.4.1.1.7")), SHOWN)


def test_what_is_dicom():
    assert is_dicom(dicom(SHOWN)[:132])
    assert not is_dicom(b"\x89PNG" + bytes(200), "a.dcm")
    assert is_dicom(bytes(200), "a.DCM")
    assert not is_dicom(bytes(200), "a.png")


def test_without_prefix():
    from pydicom import dcmread

    dataset = dcmread(io.BytesIO(dicom(DEEP, bits=12, syntax=LOSSLESS["implicit"])))
    stream = io.BytesIO()
    del dataset.file_meta
    dataset.preamble = None
    dataset.save_as(stream, implicit_vr=True, little_endian=True, enforce_file_format=False)
    data = stream.getvalue()
    assert data[128:132] != b"DICM"
    assert np.array_equal(grey(data, "old.dcm"), SHOWN)


@pytest.mark.parametrize("syntax", [*LOSSLESS, "jpeg"])
@given(
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.floats(0, 1),
)
@settings(max_examples=30, deadline=None)
def test_mutated_images_are_read_or_refused(syntax, edits, cut):
    """Also where GDCM would end the process: a helper process takes the fall."""
    data = bytearray(MUTANTS[syntax])
    for place, value in edits:
        data[132 + int(place * (len(data) - 132))] = value
    if cut > 0.7:
        data = data[: int(cut * len(data))]
    for read in (radiograph_size, read_radiograph, radiograph_facts):
        try:
            read(bytes(data), name="mutant")
        except DataError as error:
            assert "mutant" in str(error)  # noqa: PT017
            assert error.hint  # noqa: PT017
            assert "PLANTED" not in str(error).upper()  # noqa: PT017


MUTANTS = {name: dicom(DEEP, bits=12, syntax=syntax, **WINDOW) for name, syntax in LOSSLESS.items()}
MUTANTS["jpeg"] = as_jpeg(SHOWN)


def test_the_helper_that_dies_is_replaced():
    good = dicom(DEEP, bits=12, syntax=JPEG_LOSSLESS_SV1)
    assert np.array_equal(grey(good), SHOWN)
    for process in decoder_process._helpers._idle:
        process.kill()
        process.wait()
    assert np.array_equal(grey(good), SHOWN)


def test_a_decoder_that_hangs_is_stopped(monkeypatch):
    whole = bytes(jpeg_ls.encode_array((np.arange(2400) % 251).astype(np.uint8).reshape(40, 60)))
    assert decode_apart(whole, JPEG_LS, 60, 40, 1, 8) is not None
    monkeypatch.setattr(helper_process, "SECONDS", 1.0)
    assert decode_apart(whole[:100], JPEG_LS, 60, 40, 1, 8) is None
    monkeypatch.undo()
    assert decode_apart(whole, JPEG_LS, 60, 40, 1, 8) is not None


def test_each_thread_has_a_helper_of_its_own(tmp_path):
    worker = tmp_path / "worker.py"
    worker.write_text(
        "import os, sys, time\nfrom pathlib import Path\nhere = Path(__file__).parent\n"
        "sys.stdin.buffer.read(1)\n(here / f'{os.getpid()}.here').touch()\n"
        "while len(list(here.glob('*.here'))) < 2:\n    time.sleep(0.01)\n"  # for ever, were it alone
        "sys.stdout.buffer.write((1).to_bytes(8, 'little') + b'x')\nsys.stdout.flush()\nsys.stdin.buffer.read()\n",
        encoding="utf-8",
    )
    helpers = helper_process.HelperProcesses(worker)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda _: helpers.ask(b"?", 1), range(2))) == [b"x", b"x"]
    started = list(helpers._idle)
    assert len(started) == 2
    helpers.close()
    assert all(process.poll() is not None for process in started)


def test_several_threads_decode_at_the_same_time(monkeypatch):
    both, data = threading.Barrier(2, timeout=60), dicom(DEEP, bits=12, syntax=RLE)

    def decode(*arguments):
        both.wait()  # breaks unless two threads are in here
        return decode_first_frame(*arguments)

    monkeypatch.setattr(reader, "decode_first_frame", decode)
    with ThreadPoolExecutor(2) as pool:
        for shown in pool.map(grey, [data] * 2):
            assert np.array_equal(shown, SHOWN)


def test_pydicom_is_silent_for_us_only(caplog):
    logger = logging.getLogger("pydicom")
    with parsing_quietly():
        logger.warning("PLANTED")
    logger.warning("somebody else's")
    assert [record.getMessage() for record in caplog.records] == ["somebody else's"]


# ---------------------------------------------------------------- real images


def test_real_ankle(dicom_example):
    """MONOCHROME1, lossy and lossless JPEG 2000: bone is white, and both are one picture."""
    lossy, lossless = (grey(dicom_example(f"RG3_J2K{kind}.dcm").read_bytes()) for kind in "IR")
    assert np.abs(lossy - lossless).mean() < 0.5
    assert lossless[900, 800:900].mean() > 120  # the shaft of the tibia
    assert lossless[900, 480:600].mean() < 40  # air beside the leg
    facts = radiograph_facts(dicom_example("RG3_J2KR.dcm"))
    assert (facts.body_part, facts.view, facts.laterality) == ("EXTREMITY", "AP", "R")


@pytest.mark.parametrize("name", ["mlut_18.dcm", "vlut_04.dcm"])
def test_real_look_up_tables(dicom_example, name):
    """The SMPTE pattern, its grey patches in order, behind a modality LUT and behind a VOI LUT."""
    shown = grey(dicom_example(f"{name}").read_bytes())
    patches = [shown[330, 120], shown[280, 120], shown[230, 120], shown[180, 120], shown[180, 180]]
    assert patches == sorted(patches)
    assert np.ptp(patches) > 60
    assert (shown.min(), shown.max()) == (0, 255)


def test_real_small_image(dicom_example):
    path = dicom_example("dicomdirtests/77654033/CR1/6154")
    assert read_radiograph(path).pixels.shape == (16, 16, 3)
    assert radiograph_facts(path).body_part == "CSPINE"


@pytest.mark.parametrize("turned", [False, True])
def test_size_and_facts_at_once_are_those_one_by_one(turned, tmp_path):
    data = dicom(DEEP, bits=12, PatientID="4711", BodyPartExamined="WRIST", **WINDOW)
    if turned:
        stream = io.BytesIO()
        exif = Image.Exif()
        exif[0x0112] = 6
        Image.fromarray(SHOWN).save(stream, "JPEG", exif=exif)
        data = stream.getvalue()
    (tmp_path / "image").write_bytes(data)
    size, facts = radiograph_size_and_facts(tmp_path / "image")
    assert size == radiograph_size(tmp_path / "image") == (SHOWN.shape if turned else SHOWN.shape[::-1])
    assert facts == radiograph_facts(tmp_path / "image")
    assert facts.body_part == (None if turned else "WRIST")
