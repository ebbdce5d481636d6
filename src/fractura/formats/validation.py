"""What makes a Pascal VOC annotation unusable: the reader stops at these, the checks list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractura.formats.voc.serializer import VocAnnotation, VocObject

# LabelImg rounds to whole pixels and counts from 1, so a box along the border may lie this far outside.
ROUNDING = 1.0


def box_fault(each: VocObject, width: int, height: int) -> str | None:
    """What is wrong with a box on an image of this size: outside by more than rounding, or without area; else None."""
    left, top, right, bottom = each.corners
    shown = f"({left:g}, {top:g}, {right:g}, {bottom:g})"
    if right <= left or bottom <= top:
        return f"box {shown} has no area"
    if min(left, top) < -ROUNDING or right > width + ROUNDING or bottom > height + ROUNDING:
        return f"box {shown} lies outside the image of {width}x{height}"
    if min(right, width) <= max(left, 0) or min(bottom, height) <= max(top, 0):
        return f"box {shown} lies outside the image of {width}x{height}"
    return None


def size_fault(annotation: VocAnnotation, size: tuple[int, int]) -> tuple[str, str] | None:
    """Problem and hint if the file's ``<size>`` is not the image's displayed size, else None."""
    written = (annotation.width, annotation.height)
    if written == size:
        return None
    width, height = size
    if written == (height, width) and width != height:
        return (
            f"says {height}x{width}, but the image is displayed as {width}x{height}: the boxes were drawn before the "
            "image was turned (EXIF orientation)",
            "draw the boxes again on the image as it is displayed",
        )
    says = "does not say its width and height" if None in written else f"says {written[0]}x{written[1]}"
    return (
        f"{says}, but the image is {width}x{height}",
        "check that the file belongs to this image; if the boxes sit right, correct <width> and <height>",
    )
