"""DICOM objects made from results, examined by dcmtk, dicom3tools and pydicom."""

import io
import logging
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from support.dicom_images import JPEG_LOSSLESS_SV1, NAMES, NATIVE, dicom
from support.hospital_results import BOXES, DEEP, DEVICE, REFERABLE, origin, row, source
from support.material import absent

from fractura.core.boxes import Boxes
from fractura.core.errors import DataError
from fractura.hospital.device import Device
from fractura.hospital.dicom_results import DICOM_KINDS, dicom_bytes, dicom_results
from fractura.hospital.object_identity import made_here
from fractura.hospital.presentation_state import ColourImageError
from fractura.imaging.reader import read_radiograph

SIGNED = DEEP.astype(np.int16) - 2100
WINDOW = {"WindowCenter": 1900, "WindowWidth": 2500}
M1 = {"PhotometricInterpretation": "MONOCHROME1"}
LOOKS = {
    "window": (DEEP, WINDOW),
    "two windows": (DEEP, {"WindowCenter": [1900, 9], "WindowWidth": [2500, 1]}),
    "window, low is white": (DEEP, {**M1, **WINDOW}),
    "window, inverse": (DEEP, {"PresentationLUTShape": "INVERSE", **WINDOW}),
    "window, rescaled": (SIGNED, {"RescaleSlope": 2, "RescaleIntercept": 4000, **WINDOW}),
    "no window": (DEEP, {}),
    "no window, signed": (SIGNED, {}),
    "no window, low is white": (DEEP, M1),
}
"""An image's values, and what its header says of how they look."""
NO_CHECK_OF_UTF_8 = b"W: The VR checker does not support this Specific Character Set: ISO_IR 192\n"


def program(name, *words):
    if shutil.which(name) is None:
        absent(f"needs {name}: apt-get install dcmtk dicom3tools")
    return subprocess.run([name, *map(str, words)], capture_output=True, check=False)


def kind_named(said):
    """True if dciodvfy knows the kind of object, and has thus examined it."""
    return any(kind in said for kind in ("ComprehensiveSR", "SCImage", "GrayscaleSoftcopyPresentationState"))


def examined(dataset, folder):
    """The object as read again, after dicom3tools found no error in it."""
    path = folder / f"{dataset.Modality}.dcm"
    path.write_bytes(dicom_bytes(dataset))
    said = program("dciodvfy", path).stderr.decode()
    assert [line for line in said.splitlines() if line.startswith("Error")] == []
    assert kind_named(said)
    return path


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"Laterality": ""},
        {"BodyPartExamined": "CSPINE", "Laterality": ""},
        {"ImageLaterality": "L", "Laterality": None},
        {"BodyPartExamined": None, "Laterality": None, "StudyDate": "", "PatientSex": "unknown"},
        {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "山田^太郎"},
        {"NumberOfFrames": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", DICOM_KINDS)
def test_dicom3tools_finds_no_error(kind, elements, tmp_path):
    image = source(**elements)
    [made] = dicom_results(image, row(), origin(), DEVICE, [kind]).values()
    read = dcmread(examined(made, tmp_path))
    original = dcmread(io.BytesIO(image))
    assert str(read.PatientName) == str(original.PatientName)
    for keyword in ("StudyInstanceUID", "PatientID", "AccessionNumber", "PatientBirthDate", "StudyDate"):
        assert read[keyword].value == original[keyword].value


@pytest.mark.parametrize("boxes", [BOXES, BOXES.above(1)], ids=["two detections", "none"])
def test_dcmtk_takes_report_and_presentation_state(boxes, tmp_path):
    made = dicom_results(source(), row(boxes, 0.9 if len(boxes) else 0.1), origin(), DEVICE)
    report = program("dsrdump", examined(made["sr"], tmp_path))
    assert (report.returncode, report.stderr.replace(NO_CHECK_OF_UTF_8, b"")) == (0, b"")
    text = report.stdout.decode()
    assert text.count('"Finding"') == len(boxes)
    for words in ("PRELIMINARY", "UNVERIFIED", "2.25.20260131", "Artificial Intelligence", "sha256:abab"):
        assert words in text
    state = program("dcmpschk", examined(made["gsps"], tmp_path))
    assert b"Test passed" in state.stdout + state.stderr


@pytest.mark.parametrize("look", LOOKS)
def test_a_presentation_state_leaves_the_image_as_it_looks(look, tmp_path):
    """dcmtk shows the image through the state as the reader of pixels shows it without."""
    values, elements = LOOKS[look]
    image = source(values, **elements)
    (tmp_path / "a.dcm").write_bytes(image)
    [state] = dicom_results(image, row(), origin(), DEVICE, ["gsps"]).values()
    picture = tmp_path / "a.pgm"
    assert program("dcmp2pgm", "-p", examined(state, tmp_path), tmp_path / "a.dcm", picture).returncode == 0
    shown = np.asarray(Image.open(picture)).astype(int)
    assert np.abs(shown - read_radiograph(image, name="a.dcm").pixels[:, :, 0]).max() <= 1


def test_the_shape_of_a_window_stays():
    """dcmtk knows the linear one only."""
    image = source(VOILUTFunction="SIGMOID", **WINDOW)
    [state] = dicom_results(image, row(), origin(), DEVICE, ["gsps"]).values()
    [shown] = state.SoftcopyVOILUTSequence
    assert (shown.WindowCenter, shown.WindowWidth, shown.VOILUTFunction) == (1900, 2500, "SIGMOID")


@pytest.mark.parametrize("name", ["vlut_04.dcm", "mlut_18.dcm"])
def test_lookup_tables_stay(name, dicom_example, tmp_path):
    path = dicom_example(name)
    found = row(Boxes([], [], []), 0.1)
    [state] = dicom_results(path.read_bytes(), found, origin(), DEVICE, ["gsps"]).values()
    picture = tmp_path / "a.pgm"
    assert program("dcmp2pgm", "-p", examined(state, tmp_path), path, picture).returncode == 0
    assert np.abs(np.asarray(Image.open(picture)).astype(int) - read_radiograph(path).pixels[:, :, 0]).max() <= 1


def test_boxes_of_a_presentation_state_lie_in_pixels_of_the_image():
    [state] = dicom_results(source(**WINDOW), row(), origin(), DEVICE, ["gsps"]).values()
    [annotation] = state.GraphicAnnotationSequence
    first, second = annotation.GraphicObjectSequence
    assert (first.GraphicType, first.GraphicAnnotationUnits) == ("POLYLINE", "PIXEL")
    assert first.GraphicData == [20.5, 30, 120, 30, 120, 90.25, 20.5, 90.25, 20.5, 30]
    assert second.GraphicData[:2] == [200, 100]
    assert max(second.GraphicData) == 300
    texts = [each.UnformattedTextValue for each in annotation.TextObjectSequence]
    assert texts == [
        "fracture suspected: score 0.90, not calibrated; research, not for diagnosis",
        "fracture score 0.90",
        "cast score 0.50",
    ]
    [series] = state.ReferencedSeriesSequence
    assert series.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.4"


def test_a_secondary_capture_is_the_picture_of_detect(tmp_path):
    image = source(syntax=NATIVE, **WINDOW)
    [capture] = dicom_results(image, row(), origin(), DEVICE, ["sc"]).values()
    path, picture = examined(capture, tmp_path), tmp_path / "a.png"
    assert program("dcm2pnm", "+on", path, picture).returncode == 0
    shown, plain = np.asarray(Image.open(picture)), read_radiograph(image, name="a.dcm").pixels
    assert shown.shape[1] == 300
    assert shown.shape[0] > 200  # the answer stands below the image
    inside, around = shown[40:80, 40:100], shown[95:, :190][:100]
    assert np.array_equal(inside, plain[40:80, 40:100])
    assert np.array_equal(around, plain[95:195, :190])
    assert tuple(shown[60, 20]) == (255, 170, 30)  # the box's left side
    read = dcmread(path)
    assert (read.PhotometricInterpretation, read.BurnedInAnnotation) == ("RGB", "YES")
    assert list(read.ImageType[:2]) == ["DERIVED", "SECONDARY"]
    assert read.SourceImageSequence[0].ReferencedSOPInstanceUID == "1.2.3.4"
    assert read.SeriesInstanceUID != REFERABLE["SeriesInstanceUID"]
    assert made_here(read)
    assert not made_here(dcmread(io.BytesIO(image)))


def test_an_image_packed_with_loss_gives_a_picture_that_says_so():
    from support.dicom_images import as_jpeg

    image = as_jpeg((DEEP >> 4).astype(np.uint8), **REFERABLE)
    [capture] = dicom_results(image, row(), origin(), DEVICE, ["sc"]).values()
    assert capture.LossyImageCompression == "01"
    [plain] = dicom_results(source(syntax=JPEG_LOSSLESS_SV1), row(), origin(), DEVICE, ["sc"]).values()
    assert plain.get("LossyImageCompression") in (None, "00")


def test_the_same_result_has_the_same_uids_and_another_one_has_others():
    def uids(image=None, device=DEVICE, **settings):
        made = dicom_results(image or source(), row(), origin(**settings), device)
        return [(kind, each.SOPInstanceUID, each.SeriesInstanceUID) for kind, each in made.items()]

    usual = uids()
    assert uids() == usual
    assert len({uid for _, *both in usual for uid in both}) == 6
    others = [
        uids(threshold=0.5),
        uids(digest="cd" * 32),
        uids(fast=True, threshold=0.41),
        uids(device=Device("2.25.7")),
        uids(source(SOPInstanceUID="1.2.3.5")),
    ]
    for other in others:
        assert {uid for _, uid, _ in usual}.isdisjoint(uid for _, uid, _ in other)
    assert [series for *_, series in others[-1]] == [series for *_, series in usual]  # another image of its series


def test_a_detection_has_one_identity_in_report_and_presentation_state():
    made = dicom_results(source(), row(), origin(), DEVICE)
    [annotation] = made["gsps"].GraphicAnnotationSequence
    report = [str(element.value) for element in made["sr"].iterall() if element.VR == "UI"]
    for outline, text in zip(annotation.GraphicObjectSequence, annotation.TextObjectSequence[1:], strict=True):
        assert outline.TrackingUID == text.TrackingUID
        assert outline.TrackingUID in report


def test_times_are_those_of_the_run():
    """An object is the same, byte for byte, when it is made again from the same run."""
    run = origin()
    first, second = (dicom_results(source(), row(), run, DEVICE) for _ in range(2))
    assert [dicom_bytes(each) for each in first.values()] == [dicom_bytes(each) for each in second.values()]


def test_of_several_frames_the_first_is_meant(tmp_path):
    image = source(np.stack([DEEP, DEEP // 2]), **WINDOW)
    made = dicom_results(image, row(), origin(), DEVICE)
    assert made["sc"].SourceImageSequence[0].ReferencedFrameNumber == 1
    [annotation] = made["gsps"].GraphicAnnotationSequence
    assert annotation.ReferencedImageSequence[0].ReferencedFrameNumber == 1
    for each in made.values():
        path = tmp_path / "a.dcm"
        path.write_bytes(dicom_bytes(each))
        dcmread(path)


def test_colour_has_no_grey_presentation_state():
    colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    image = dicom(np.repeat((DEEP >> 4).astype(np.uint8)[:, :, None], 3, axis=2), **REFERABLE, **colour)
    assert set(dicom_results(image, row(), origin(), DEVICE, ["sr", "sc"])) == {"sr", "sc"}
    with pytest.raises(ColourImageError, match="stored in colour"):
        dicom_results(image, row(), origin(), DEVICE, ["gsps"])


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"0" * 200, "needs a DICOM image"),
        (dicom(DEEP, bits=16), "no StudyInstanceUID, SeriesInstanceUID"),
        (source().replace(b"20260131", b"PLANTED!"), "damaged or incomplete"),
    ],
)
def test_images_without_results(image, problem, caplog, recwarn):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(DataError, match=problem) as caught:
        dicom_results(image, row() | {"image": "a.png" if image.startswith(b"\x89") else "a.dcm"}, origin(), DEVICE)
    said = str(caught.value) + caplog.text + "".join(str(each.message) for each in recwarn)
    assert not any(name in said for name in (*NAMES, "PLANTED"))
