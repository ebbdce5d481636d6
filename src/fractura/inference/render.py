"""Draw detections on an image with Pillow: lines and letters grow with the image, labels stay inside it."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fractura.core.boxes import Boxes
from fractura.inference.answer import certainty_text

Colour = tuple[int, int, int]

GROUND_TRUTH_COLOUR: Colour = (90, 220, 120)
DETECTION_COLOURS: tuple[Colour, ...] = (
    (255, 170, 30),
    (80, 180, 255),
    (255, 100, 160),
    (200, 140, 255),
    (255, 240, 80),
    (90, 230, 220),
)
"""By label, in turn; all of them stand out on grey and differ from the ground truth's green."""
_BLACK: Colour = (0, 0, 0)
_WHITE: Colour = (255, 255, 255)
_HEAT_COVER = 0.75
"""How much of the image the strongest heat hides."""


def draw_boxes(
    pixels: NDArray[np.uint8],
    boxes: Boxes,
    class_names: Sequence[str],
    *,
    probabilities: NDArray[np.float64] | None = None,
    ground_truth: Boxes | None = None,
    letters: float = 1.0,
    texts: Sequence[str] | None = None,
) -> Image.Image:
    """Draw detections on an image: solid lines, class name and score; ground truth is dashed and green.

    Each number says whether it is a score or a probability.

    Args:
        pixels: uint8 ``(h, w, 3)``; not changed.
        boxes: Detections in pixels of the image; those with low scores are drawn first, so that good ones lie on top.
        class_names: Names for the labels of ``boxes`` and ``ground_truth``.
        probabilities: Of ``boxes`` to lie on a fracture, ``(n,)``, where the model is calibrated.
        ground_truth: Boxes that people drew, to be shown as well.
        letters: Size of the letters, as a multiple of the usual one: small pictures need larger ones.
        texts: What stands at each of ``boxes``, instead of class name and score.

    Returns:
        A new RGB picture of the image's size.
    """
    picture = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    width, font = _line_width(picture.size), _font(picture.size, letters)
    if ground_truth is not None:
        for corners in ground_truth.xyxy.tolist():
            _draw_dashed(draw, _inside(corners, picture.size), GROUND_TRUTH_COLOUR, width)
    order = range(len(boxes)) if boxes.scores is None else np.argsort(boxes.scores, kind="stable").tolist()
    placed = [(index, _inside(boxes.xyxy[index].tolist(), picture.size)) for index in order]
    for index, corners in placed:
        draw.rectangle(corners, outline=_colour(int(boxes.labels[index])), width=width)
    # Labels after all the lines: no box may cross one out.
    for index, corners in placed:
        label = int(boxes.labels[index])
        text = class_names[label] if texts is None else texts[index]
        if texts is None and boxes.scores is not None:
            probability = None if probabilities is None else float(probabilities[index])
            text += f" {certainty_text(float(boxes.scores[index]), probability)}"
        _draw_label(draw, corners, text, font, _colour(label), picture.size)
    return picture


def draw_heat(pixels: NDArray[np.uint8], heat: NDArray[np.float32], boxes: Boxes) -> Image.Image:
    """The image under a heat map, the stronger a place the brighter and less transparent; boxes are thin lines.

    Args:
        pixels: uint8 ``(h, w, 3)``; not changed.
        heat: float32 ``(h, w)``, 0..1.
        boxes: Detections in pixels of the image.

    Returns:
        A new RGB picture of the image's size.
    """
    cover = (_HEAT_COVER * np.sqrt(heat))[:, :, None]
    mixed = np.rint(pixels + cover * (_heat_colours(heat) - pixels.astype(np.float32)))
    picture = Image.fromarray(mixed.astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    width = max(_line_width(picture.size) // 2, 1)
    for corners, label in zip(boxes.xyxy.tolist(), boxes.labels.tolist(), strict=True):
        draw.rectangle(_inside(corners, picture.size), outline=_colour(label), width=width)
    return picture


def _heat_colours(share: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The colours of shares 0..1: uint8 ``(..., 3)``; equal steps look equal, to the colour-blind as well."""
    from matplotlib import colormaps

    colours: NDArray[np.uint8] = colormaps["inferno"](share, bytes=True)[..., :3]
    return colours


def with_caption(picture: Image.Image, *texts: str, scale: tuple[str, str] | None = None) -> Image.Image:
    """The picture with a black strip below: lines of text, and with ``scale`` the heat's colours between two words.

    A text that is wider than the picture goes on in the next line.
    """
    font = _font(picture.size)
    high = round(font.size * 1.7) if isinstance(font, ImageFont.FreeTypeFont) else 20
    margin = high // 4
    lines = [line for text in texts for line in _wrapped(text, font, picture.width - 2 * margin)]
    whole = Image.new("RGB", (picture.width, picture.height + (len(lines) + (scale is not None)) * high))
    whole.paste(picture, (0, 0))
    draw = ImageDraw.Draw(whole)
    for number, line in enumerate(lines):
        draw.text((margin, picture.height + number * high + high // 2), line, fill=_WHITE, font=font, anchor="lm")
    if scale is not None:
        low, most = scale
        middle = picture.height + len(lines) * high + high // 2
        draw.text((margin, middle), low, fill=_WHITE, font=font, anchor="lm")
        start = margin + round(draw.textlength(low, font)) + margin
        length = picture.width // 3
        colours = _heat_colours(np.linspace(0, 1, max(length, 1), dtype=np.float32))
        bar = Image.fromarray(np.repeat(colours[None], max(high // 2, 1), axis=0))
        whole.paste(bar, (start, middle - high // 4))
        draw.text((start + length + margin, middle), most, fill=_WHITE, font=font, anchor="lm")
    return whole


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int) -> list[str]:
    """The text in lines that fit; a single word may be too long."""
    lines: list[str] = []
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def side_by_side(left: Image.Image, right: Image.Image) -> Image.Image:
    """Two pictures side by side on black, aligned at the top."""
    gap = max(left.width // 100, 2)
    picture = Image.new("RGB", (left.width + gap + right.width, max(left.height, right.height)))
    picture.paste(left, (0, 0))
    picture.paste(right, (left.width + gap, 0))
    return picture


def _colour(label: int) -> Colour:
    return DETECTION_COLOURS[label % len(DETECTION_COLOURS)]


def _line_width(size: tuple[int, int]) -> int:
    return max(round(max(size) / 350), 2)


def _font(size: tuple[int, int], letters: float = 1.0) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """DejaVu Sans, large enough to read when the whole image fills a screen.

    It comes with matplotlib, which need not be imported for it. Pillow's own font has neither accents nor dashes.
    """
    points = max(round(letters * max(size) / 45), 10)
    try:
        # The other way of layout is not on every machine, and gives up on some mixtures of scripts.
        return ImageFont.truetype(_font_file(), points, layout_engine=ImageFont.Layout.BASIC)
    except OSError:
        return ImageFont.load_default(points)


@cache
def _font_file() -> str:
    found = importlib.util.find_spec("matplotlib")
    folder = Path(found.origin).parent if found is not None and found.origin is not None else Path()
    return str(folder / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf")


def _inside(corners: Sequence[float], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Whole pixels inside the image, right and bottom not before left and top."""
    left, top, right, bottom = (
        int(min(max(round(value), 0), limit - 1)) for value, limit in zip(corners, (*size, *size), strict=True)
    )
    return min(left, right), min(top, bottom), max(left, right), max(top, bottom)


def _draw_dashed(draw: ImageDraw.ImageDraw, corners: tuple[int, int, int, int], colour: Colour, width: int) -> None:
    left, top, right, bottom = corners
    dash = 4 * width
    for start in range(left, right + 1, 2 * dash):
        end = min(start + dash, right)
        draw.rectangle((start, top, end, min(top + width - 1, bottom)), fill=colour)
        draw.rectangle((start, max(bottom - width + 1, top), end, bottom), fill=colour)
    for start in range(top, bottom + 1, 2 * dash):
        end = min(start + dash, bottom)
        draw.rectangle((left, start, min(left + width - 1, right), end), fill=colour)
        draw.rectangle((max(right - width + 1, left), start, right, end), fill=colour)


def _draw_label(
    draw: ImageDraw.ImageDraw,
    corners: tuple[int, int, int, int],
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    colour: Colour,
    size: tuple[int, int],
) -> None:
    """Black letters on the box's colour: above the box, below it where there is no room, else inside; never cut off."""
    ink_left, ink_top, ink_right, ink_bottom = draw.textbbox((0, 0), text, font=font)
    margin = max(round((ink_bottom - ink_top) / 5), 1)
    wide, high = round(ink_right - ink_left) + 2 * margin, round(ink_bottom - ink_top) + 2 * margin
    left, top, _, bottom = corners
    if top - high >= 0:
        y = top - high
    elif bottom + high < size[1]:
        y = bottom + 1
    else:
        y = top
    x, y = max(min(left, size[0] - wide), 0), max(min(y, size[1] - high), 0)
    draw.rectangle((x, y, x + wide - 1, y + high - 1), fill=colour)
    draw.text((x + margin - ink_left, y + margin - ink_top), text, fill=_BLACK, font=font)
