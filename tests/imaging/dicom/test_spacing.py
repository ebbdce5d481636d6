"""How large a pixel is, and in which plane: the cases of PS3.3 section 10.7.1.1."""

import numpy as np
import pytest
from support.dicom_images import dicom

from fractura.imaging.dicom import PixelSpacing
from fractura.imaging.reader import read_radiograph

ROWS_FIRST = ["0.2", "0.1"]


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, None),
        ({"ImagerPixelSpacing": ROWS_FIRST}, PixelSpacing(0.1, 0.2, "detector")),
        # not calibrated: Pixel Spacing repeats the imager's, here with other digits
        ({"ImagerPixelSpacing": ROWS_FIRST, "PixelSpacing": ["0.200001", "0.1"]}, PixelSpacing(0.1, 0.2, "detector")),
        ({"ImagerPixelSpacing": ROWS_FIRST, "PixelSpacing": ["0.17", "0.09"]}, PixelSpacing(0.09, 0.17, "calibrated")),
        (
            {"ImagerPixelSpacing": ROWS_FIRST, "PixelSpacing": ROWS_FIRST, "PixelSpacingCalibrationType": "GEOMETRY"},
            PixelSpacing(0.1, 0.2, "calibrated"),
        ),
        ({"PixelSpacing": ROWS_FIRST, "PixelSpacingCalibrationType": "FIDUCIAL"}, PixelSpacing(0.1, 0.2, "calibrated")),
        ({"PixelSpacing": ROWS_FIRST}, PixelSpacing(0.1, 0.2, "unknown")),
        # what is no spacing
        ({"PixelSpacing": ["0", "0"], "ImagerPixelSpacing": ROWS_FIRST}, PixelSpacing(0.1, 0.2, "detector")),
        ({"PixelSpacing": ["-0.1", "0.1"]}, None),
        ({"PixelSpacing": None}, None),
        ({"PixelSpacing": "0.1"}, None),
        ({"PixelSpacing": ["0.1", "0.1", "0.1"]}, None),
    ],
    ids=str,
)
def test_spacing(elements, expected):
    data = dicom(np.zeros((4, 6), np.uint16), bits=12, **elements)
    assert read_radiograph(data, name="wrist.dcm").facts.spacing == expected
