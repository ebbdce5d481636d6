"""Boxes of the image as it is stored, which TensorFlow's files hold, and of the image as it is displayed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fractura.imaging.headers import ImageHeader
from fractura.imaging.reader import radiograph_frame


def stored_frame(data: bytes, header: ImageHeader, name: str) -> tuple[int, int, int]:
    """``(width, height, EXIF orientation)`` of an image as stored, from its header alone.

    Raises:
        DataError: It is not an image, or its header is damaged.
    """
    if header.width and header.height and not header.has_exif:
        return header.width, header.height, 1
    return radiograph_frame(data, name=name)


def displayed_to_stored(xyxy: NDArray[np.float32], orientation: int, width: int, height: int) -> NDArray[np.float32]:
    """Boxes in pixels of the displayed image, ``(n, 4)``, as pixels of the stored one of ``width`` x ``height``."""
    if orientation == 1:
        return xyxy
    left, top, right, bottom = xyxy.T
    corners = {
        2: (width - right, top, width - left, bottom),
        3: (width - right, height - bottom, width - left, height - top),
        4: (left, height - bottom, right, height - top),
        5: (top, left, bottom, right),
        6: (top, height - right, bottom, height - left),
        7: (width - bottom, height - right, width - top, height - left),
        8: (width - bottom, left, width - top, right),
    }[orientation]
    return np.stack(corners, axis=1).astype(np.float32)


def stored_to_displayed(xyxy: NDArray[np.float32], orientation: int, width: int, height: int) -> NDArray[np.float32]:
    """The inverse of ``displayed_to_stored``; ``width`` x ``height`` is again the stored image."""
    inverse = {6: 8, 8: 6}.get(orientation, orientation)
    if orientation >= 5:
        width, height = height, width
    return displayed_to_stored(xyxy, inverse, width, height)
