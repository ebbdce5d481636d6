"""Boxes of the stored image and of the displayed one, against the pixels themselves."""

import io

import numpy as np
import pytest
from PIL import Image
from support.encoded_images import with_orientation

from fractura.formats.tfrecord.orientation import displayed_to_stored, stored_frame, stored_to_displayed
from fractura.imaging.headers import image_header
from fractura.imaging.reader import read_radiograph


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_stored_frame(kind, orientation):
    data = with_orientation(orientation, kind)
    assert stored_frame(data, image_header(data), "image") == (37, 23, orientation)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_turn_as_the_pixels_do(orientation):
    width, height = 37, 23
    stored = np.zeros((height, width), np.uint8)
    stored[3:9, 5:22] = 255
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(stored).save(stream, "PNG", exif=exif)
    shown = read_radiograph(stream.getvalue()).pixels[:, :, 0]
    rows, columns = np.nonzero(shown)
    displayed = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    box = np.array([[5, 3, 22, 9]], np.float32)
    np.testing.assert_array_equal(displayed_to_stored(displayed, orientation, width, height), box)
    np.testing.assert_array_equal(stored_to_displayed(box, orientation, width, height), displayed)
