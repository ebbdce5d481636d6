"""The picture is the one that dcmtk, the reference of many viewers, makes of the same file. Skips without dcmtk."""

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image
from support.dicom_images import BIG_ENDIAN, JPEG_LOSSLESS_SV1, JPEG_LS, NATIVE, RLE, dicom
from support.material import absent, reported_case

from fractura.imaging.reader import read_radiograph

ROWS, COLUMNS = np.mgrid[:40, :60]
DEEP = ((np.sin(COLUMNS / 9) + np.cos(ROWS / 7) + 2) / 4 * 3900 + 90).astype(np.uint16)
SIGNED = DEEP.astype(np.int16) - 2100
BYTES = (DEEP >> 4).astype(np.uint8)
M1, INVERSE = {"PhotometricInterpretation": "MONOCHROME1"}, {"PresentationLUTShape": "INVERSE"}
WINDOW = {"WindowCenter": 1900, "WindowWidth": 2500}
COLOUR = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
FIRST_WINDOW, SPAN = ("+Wi", "1"), ("+Wm",)
IMAGES = {
    "no window": (DEEP, {}, SPAN),
    "no window, signed": (SIGNED, {}, SPAN),
    "no window, rescaled": (SIGNED, {"RescaleSlope": 0.5, "RescaleIntercept": -1024}, SPAN),
    "no window, turned": (DEEP, {"RescaleSlope": -1, "RescaleIntercept": 0}, SPAN),
    "no window, 8 bits": (BYTES, {}, SPAN),
    "no window, low is white": (SIGNED, M1, SPAN),
    "window": (DEEP, WINDOW, FIRST_WINDOW),
    "window, low is white": (DEEP, {**M1, **WINDOW}, FIRST_WINDOW),
    "window, inverse": (DEEP, {**INVERSE, **WINDOW}, FIRST_WINDOW),
    "window, rescaled": (SIGNED, {"RescaleSlope": 2, "RescaleIntercept": 4000, **WINDOW}, FIRST_WINDOW),
    "two windows": (DEEP, {"WindowCenter": [1900, 9], "WindowWidth": [2500, 1]}, FIRST_WINDOW),
    "16 bits of colour": (np.stack([DEEP, DEEP[::-1], 4095 - DEEP], axis=2) << 4, COLOUR, ()),
}
REPORTED = {
    "empty_lut_items.dcm": FIRST_WINDOW,
    "modality_DR.dcm": FIRST_WINDOW,
    "no_preamble_noext": FIRST_WINDOW,
    "jpegls_odd_padFF.dcm": FIRST_WINDOW,
    "rgb16_OT.dcm": (),
    "big_endian8_OW.dcm": SPAN,
    "s16_slope_nowindow.dcm": SPAN,
}


def need_dcmtk():
    if shutil.which("dcm2pnm") is None:
        absent("needs dcmtk")


def shown_by_dcmtk(path, options, tmp_path):
    need_dcmtk()
    for program in ("dcmdjpls", "dcmdjpeg", "dcmdrle"):  # the ones that do not know its packing leave it alone
        plain = tmp_path / f"{program}.dcm"
        if subprocess.run([program, path, plain], capture_output=True, check=False).returncode == 0:
            path = plain
    picture = tmp_path / "picture.pnm"
    subprocess.run(["dcm2pnm", *options, "+op", path, picture], capture_output=True, check=True)
    values = np.asarray(Image.open(picture)).astype(int)
    return values if values.ndim == 3 else np.stack([values] * 3, axis=2)


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("syntax", [NATIVE, BIG_ENDIAN, RLE, JPEG_LOSSLESS_SV1, JPEG_LS])
def test_any_packing(name, syntax, tmp_path):
    values, elements, options = IMAGES[name]
    path = tmp_path / "image.dcm"
    path.write_bytes(dicom(values, bits=16 if "RGB" in elements.values() else None, syntax=syntax, **elements))
    assert np.abs(read_radiograph(path).pixels - shown_by_dcmtk(path, options, tmp_path)).max() <= 1


@pytest.mark.parametrize("quality", [10, 60, 95])
@pytest.mark.parametrize("values", [DEEP, np.where((ROWS + COLUMNS) % 31 < 3, 4095, 0).astype(np.uint16)])
def test_lossy_jpeg_of_12_bits(values, quality, tmp_path):
    need_dcmtk()
    (tmp_path / "image.dcm").write_bytes(dicom(values, bits=12, **WINDOW))
    path = tmp_path / "lossy.dcm"
    encode = ["dcmcjpeg", "+ee", "+q", str(quality), tmp_path / "image.dcm", path]
    subprocess.run(encode, capture_output=True, check=True)
    assert np.abs(read_radiograph(path).pixels - shown_by_dcmtk(path, FIRST_WINDOW, tmp_path)).max() <= 1


@pytest.mark.parametrize("name", REPORTED)
def test_the_files_of_the_reports(name, tmp_path):
    path = reported_case(f"dicom/{name}")
    assert np.abs(read_radiograph(path).pixels - shown_by_dcmtk(path, REPORTED[name], tmp_path)).max() <= 1
