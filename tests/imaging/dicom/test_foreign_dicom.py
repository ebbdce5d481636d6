"""DICOM as archives, media and old programs write it: whole files are read, files that end too early are called so."""

import io
import struct

import numpy as np
import pytest
from PIL import Image
from support.dicom_images import (
    BIG_ENDIAN,
    DIGITAL_RADIOGRAPHY,
    JPEG,
    JPEG_2000_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS,
    LOSSLESS,
    RLE,
    dicom,
)
from support.material import reported_case

from fractura.core.errors import DataError
from fractura.imaging.dicom import codec, decoder_process, decoder_worker
from fractura.imaging.headers import whole_jpeg, whole_jpeg_2000
from fractura.imaging.reader import is_image_file, read_grey_values, read_radiograph

ROWS, COLUMNS = np.mgrid[:41, :61]  # odd sides: odd numbers of bytes
DEEP = ((np.sin(COLUMNS / 9) + np.cos(ROWS / 7) + 2) / 4 * 4095).astype(np.uint16)
DEEP[0, :2] = 0, 4095
SHOWN = np.floor(DEEP / 4095 * 255 + 0.5).astype(np.uint8)
WINDOW = {"WindowCenter": 2047.5, "WindowWidth": 4095, "VOILUTFunction": "LINEAR_EXACT"}
COMPRESSED = [name for name in LOSSLESS if name not in ("native", "implicit", "big endian", "rle")]


def grey(data, name="image.dcm"):
    return read_radiograph(data, name=name).pixels[:, :, 0].astype(int)


def element(data, keyword="PixelData"):
    """The element's value, and where it begins."""
    from pydicom import dcmread

    value = dcmread(io.BytesIO(data))[keyword].value
    return value, data.rindex(value)


def repacked(values, syntax, change, **elements):
    """A compressed image whose one frame went through ``change``, its fragment as long as that left it."""
    from pydicom.encaps import generate_frames

    data = dicom(values, bits=12, syntax=syntax, **elements)
    value, at = element(data)
    frame = change(next(generate_frames(value, number_of_frames=1)).rstrip(b"\0"))
    item = b"\xfe\xff\x00\xe0"
    return data[:at] + item + bytes(4) + item + struct.pack("<I", len(frame)) + frame + b"\xfe\xff\xdd\xe0" + bytes(4)


# ---------------------------------------------------------------- without a window


@pytest.mark.parametrize(
    ("values", "elements"),
    [
        (DEEP, {}),
        (DEEP.astype("i2") - 663, {"RescaleSlope": 1, "RescaleIntercept": -1024}),
        (DEEP.astype("i2") - 30000, {"RescaleSlope": 0.25, "RescaleIntercept": 7}),
        (DEEP.astype("i2") - 2048, {"RescaleSlope": -1, "PhotometricInterpretation": "MONOCHROME1"}),
        ((DEEP + 9000).astype("u2"), {}),
        ((DEEP >> 4).astype("u1"), {}),
    ],
)
def test_without_a_window_the_span_of_the_values_is_shown(values, elements, caplog):
    caplog.set_level("INFO")
    shown = grey(dicom(values, **elements))
    span = values.astype(float) - values.min()
    assert np.abs(shown - span / span.max() * 255).max() <= 0.51
    assert "it names no window; the span of its values is shown" in caplog.text
    window = read_grey_values(dicom(values, **elements)).window
    assert np.array_equal(read_grey_values(dicom(values, **elements)).shown(window.centre, window.width), shown)


def test_an_image_of_one_value_is_black():
    assert not grey(dicom(np.full((4, 5), -77, "i2"))).any()


# ---------------------------------------------------------------- how the file begins


def bare(syntax, *, keep_meta=False):
    """As old archives wrote files: without preamble and prefix, with or without the meta group."""
    data = dicom(DEEP, bits=12, syntax=syntax, **WINDOW)
    start = 132 if keep_meta else 132 + 12 + struct.unpack_from("<I", data, 140)[0]
    return data[start:]


@pytest.mark.parametrize("syntax", ["native", "implicit", "big endian"])
@pytest.mark.parametrize("name", ["IM000001", "a.IMA", "1.2.840.113619.2.1", "film.x-ray", "a.dcm"])
@pytest.mark.parametrize("keep_meta", [False, True])
def test_without_preamble_under_any_name(tmp_path, syntax, name, keep_meta):
    path = tmp_path / name
    path.write_bytes(bare(LOSSLESS[syntax], keep_meta=keep_meta))
    assert is_image_file(path)
    assert np.array_equal(grey(path), SHOWN)


def test_a_compressed_file_without_preamble_keeps_its_meta_group():
    assert np.array_equal(grey(bare(JPEG_LS, keep_meta=True), "IM1"), SHOWN)


@pytest.mark.parametrize("start", [b"\x08\x00" * 300, b"\x02\x00\x00\x00" + b"\xff" * 600, b"", b"\x08", b"%PDF" * 90])
def test_other_files_are_not_taken_for_it(tmp_path, start):
    (tmp_path / "file").write_bytes(start)
    assert not is_image_file(tmp_path / "file")


@pytest.mark.parametrize("modality", ["DR", "", "XR", "OT", "XDR"])
def test_the_class_of_the_object_speaks_for_an_unusual_modality(modality):
    for sop_class in (DIGITAL_RADIOGRAPHY, f"{DIGITAL_RADIOGRAPHY}.1", "1.2.840.10008.5.1.4.1.1.1"):
        assert np.array_equal(grey(dicom(DEEP, bits=12, Modality=modality, SOPClassUID=sop_class)), SHOWN)
    with pytest.raises(DataError, match="of modality CT"):
        read_radiograph(dicom(DEEP, bits=12, Modality="CT"))


@pytest.mark.parametrize("keyword", ["ModalityLUTSequence", "VOILUTSequence"])
def test_empty_tables_are_none(keyword):
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    only_named, full = Dataset(), Dataset()
    only_named.LUTDescriptor = [0, 0, 16]
    full.LUTDescriptor, full.LUTData = [4096, 0, 12], np.arange(4096, dtype="<u2").tobytes()
    for items in ([], [Dataset()], [only_named], [Dataset(), full]):
        image = dicom(DEEP, bits=12, **WINDOW, **{keyword: Sequence(items)})
        assert np.abs(grey(image) - SHOWN).max() <= 1


# ---------------------------------------------------------------- how the values lie


@pytest.mark.parametrize("shape", [(41, 61), (40, 60)])
def test_bytes_in_words_of_a_big_endian_file(shape):
    from pydicom import dcmread

    values = SHOWN[: shape[0], : shape[1]]
    dataset = dcmread(io.BytesIO(dicom(values, syntax=BIG_ENDIAN)))
    padded = values.tobytes() + b"\0" * (values.size % 2)
    dataset["PixelData"].VR = "OW"
    dataset["PixelData"].value = np.frombuffer(padded, "<u2").astype(">u2").tobytes()
    stream = io.BytesIO()
    dataset.save_as(stream)
    assert np.array_equal(grey(stream.getvalue()), values)
    assert np.array_equal(grey(dicom(values, syntax=BIG_ENDIAN)), values)  # OB: single bytes


@pytest.mark.parametrize("syntax", ["native", "implicit", "big endian", "rle", "jpeg-ls", "jpeg 2000 lossless"])
@pytest.mark.parametrize("bits", [12, 16])
def test_colours_of_16_bits(syntax, bits):
    colours = np.stack([DEEP, DEEP[::-1], 4095 - DEEP], axis=2) << (bits - 12)
    elements = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    pixels = read_radiograph(dicom(colours, bits=bits, syntax=LOSSLESS[syntax], **elements)).pixels
    assert np.abs(pixels - colours / (2**bits - 1) * 255).max() <= 0.51


# ---------------------------------------------------------------- what follows the end, and where there is none


@pytest.mark.parametrize("syntax", COMPRESSED)
@pytest.mark.parametrize("padding", [b"", b"\0", b"\xff", b"\xff\xff\xff", b"\0" * 9, b"\xff\xd9", b" "])
def test_padding_after_the_end(syntax, padding):
    data = repacked(DEEP, LOSSLESS[syntax], lambda frame: frame + padding, **WINDOW)
    assert np.array_equal(grey(data), SHOWN)


def test_jpeg_with_a_preview_and_padding():
    preview, picture = io.BytesIO(), io.BytesIO()
    Image.fromarray(SHOWN[:9, :9]).save(preview, "JPEG")
    Image.fromarray(SHOWN).save(picture, "JPEG", quality=95)
    small = b"Exif\0\0" + preview.getvalue()
    segment = b"\xff\xe1" + struct.pack(">H", len(small) + 2) + small
    frame = picture.getvalue()[:2] + segment + picture.getvalue()[2:]
    assert whole_jpeg(frame + b"\xff\0") == frame
    data = repacked(DEEP, JPEG_LOSSLESS_SV1, lambda _: frame + b"\xff", BitsAllocated=16)
    data = data.replace(JPEG_LOSSLESS_SV1.encode(), JPEG.encode())
    assert np.abs(grey(data) - np.asarray(Image.open(picture)).astype(int) / SHOWN.max() * 255).max() <= 2


def open_ended(frame):
    """The only tile's length left open, as writers do that do not know it beforehand."""
    at = frame.index(b"\xff\x90")
    return frame[: at + 6] + bytes(4) + frame[at + 10 :]


@pytest.mark.parametrize(
    "change",
    [open_ended, lambda f: open_ended(f) + b"\0", lambda f: open_ended(f) + b"\xff", lambda f: f[:-2]],
    ids=["open", "open, padded", "open, padded with FF", "without end marker"],
)
def test_jpeg_2000_of_open_length_or_without_end_marker(change):
    assert np.array_equal(grey(repacked(DEEP, JPEG_2000_LOSSLESS, change, **WINDOW)), SHOWN)


@pytest.mark.parametrize("syntax", [*COMPRESSED, "rle"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_what_ends_too_early_is_called_cut_off(syntax, share):
    data = dicom(DEEP, bits=12, syntax=LOSSLESS[syntax], **WINDOW)
    value, at = element(data)
    with pytest.raises(DataError, match="is cut off"):
        read_radiograph(data[: at + int(len(value) * share)], name="image.dcm")
    if syntax != "rle":  # which has no end of its own
        with pytest.raises(DataError, match=r"is cut off|not compressed as it says"):
            read_radiograph(repacked(DEEP, LOSSLESS[syntax], lambda frame: frame[: int(len(frame) * share)]))


@pytest.mark.parametrize("syntax", COMPRESSED)
def test_a_file_that_lacks_only_what_closes_it_is_whole(syntax):
    data = repacked(DEEP, LOSSLESS[syntax], lambda frame: frame, **WINDOW)
    assert data.endswith(b"\xfe\xff\xdd\xe0" + bytes(4))
    assert np.array_equal(grey(data[:-8]), SHOWN)


def test_missing_tiles_are_missed():
    stream = io.BytesIO()
    Image.fromarray(DEEP).save(stream, "JPEG2000", no_jp2=True, irreversible=False, tile_size=(32, 32))
    frame = stream.getvalue()
    assert whole_jpeg_2000(frame) == frame
    assert whole_jpeg_2000(frame[: frame.rindex(b"\xff\x90")] + b"\xff\xd9") is None


@pytest.mark.parametrize("syntax", [RLE, JPEG_LS])
def test_frames_of_several_fragments(syntax):
    from pydicom import dcmread
    from pydicom.encaps import encapsulate, generate_frames

    dataset = dcmread(io.BytesIO(dicom(np.stack([DEEP, DEEP[::-1]]), bits=12, syntax=syntax)))
    frames = list(generate_frames(dataset.PixelData, number_of_frames=2))
    for table in (True, False):
        for pieces in (1, 3) if table else (1,):
            dataset.PixelData = encapsulate(frames, fragments_per_frame=pieces, has_bot=table)
            stream = io.BytesIO()
            dataset.save_as(stream)
            assert np.array_equal(grey(stream.getvalue()), SHOWN), (table, pieces)


# ---------------------------------------------------------------- a second decoder


@pytest.mark.parametrize("kind", ["u2", "i2", "u1"])
def test_gdcm_reads_what_pillow_refuses(monkeypatch, kind):
    def refuse(*arguments, **options):
        raise DataError("is a damaged DICOM")

    values = {"u2": DEEP, "i2": DEEP.astype(np.int16) - 2048, "u1": SHOWN}[kind].astype(kind)
    data = dicom(values, bits=8 if kind == "u1" else 12, syntax=JPEG_2000_LOSSLESS)
    monkeypatch.setattr(codec, "_pydicom", refuse)
    assert np.array_equal(grey(data), SHOWN)


def test_gdcm_reads_what_charls_refuses(monkeypatch):
    """In this process: the helper would not see the change."""
    import jpeg_ls

    def refuse(frame):
        raise RuntimeError("unlike what CharLS likes")

    frame = bytes(jpeg_ls.encode_array(DEEP))
    monkeypatch.setattr(decoder_worker, "decode_jpeg_ls", refuse)
    values = decoder_worker.decode(61, 41, 1, 12, 16, JPEG_LS, frame)
    assert np.array_equal(np.frombuffer(values, "<u2").reshape(DEEP.shape), DEEP)
    assert decoder_process.decode_apart(frame, JPEG_LS, 61, 41, 1, 12) == values


# ---------------------------------------------------------------- the files of the reports


SAME = ("dicom/empty_lut_items.dcm", "dicom/no_preamble_noext", "dicom/jpegls_odd_padFF.dcm")
SAME += ("dicom_reports/j2k_psot0_odd.dcm", "dicom/rgb16_OT.dcm")
SPANNED = ("dicom/big_endian8_OW.dcm", "dicom/s16_slope_nowindow.dcm")


@pytest.mark.parametrize("name", [*SAME, *SPANNED])
def test_the_files_of_the_reports(name):
    """One phantom in all of them, of grey levels 22 to 247, or 0 to 255 where there is no window."""
    shown, expected = grey(reported_case(name)), grey(reported_case("dicom/modality_DR.dcm"))
    assert (shown.shape, int(expected.min()), int(expected.max())) == ((96, 128), 22, 247)
    if name in SPANNED:
        expected = (expected - 22) * 255 / 225
    assert np.abs(shown - expected)[1:].max() <= (1.7 if name in SPANNED else 1)
    assert (np.abs(shown - expected) > 1.7).sum() <= 1  # two of them have a dark first pixel


def test_the_file_of_the_reports_that_ends_too_early():
    with pytest.raises(DataError, match="is cut off: the end of its pixels is missing"):
        read_radiograph(reported_case("dicom_reports/cut_jpegls_80.dcm"))


def test_no_file_of_the_reports_is_forgotten():
    there = {f"{part}/{each.name}" for part in ("dicom", "dicom_reports") for each in reported_case(part).iterdir()}
    assert there == {*SAME, *SPANNED, "dicom/modality_DR.dcm", "dicom_reports/cut_jpegls_80.dcm"}
