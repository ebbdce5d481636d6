"""The worst failures of a model as pictures: a detail of each image with what people drew and what was detected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fractura.core.boxes import Boxes
from fractura.core.dataset import Record
from fractura.core.errors import DataError
from fractura.core.html import picture
from fractura.evaluation.froc import IOU_OF, scores_of
from fractura.evaluation.metric_names import MAIN_CRITERION
from fractura.evaluation.report.context import ReportContext
from fractura.evaluation.report.language import Language
from fractura.evaluation.result import Outcome
from fractura.imaging.reader import read_radiograph
from fractura.inference.render import draw_boxes

SHOWN = 20
"""Images of each kind of failure at most."""
_DETAIL, _OVERVIEW = 400, 180
"""Longer sides of the two pictures of an image, pixels."""
_AROUND, _LEAST = 3.0, 0.3
"""Side of the detail: this many times the box's longer side, and at least this share of the image's."""
_FRAME = (255, 255, 255)

Corners = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One image of a gallery.

    Attributes:
        name: Of the image.
        caption: What went wrong.
        pictures: A detail and the whole image, as HTML; empty if they must not or cannot be shown.
        why_not_shown: One sentence, if so.
    """

    name: str
    caption: str
    pictures: tuple[Markup, ...] = ()
    why_not_shown: str = ""


def misses(context: ReportContext, language: Language) -> list[Failure]:
    """The fractures that the model is furthest from finding, at most ``SHOWN``."""
    return [_miss(context, language, outcome) for outcome in context.evaluation.worst_misses(SHOWN)]


def _miss(context: ReportContext, language: Language, outcome: Outcome) -> Failure:
    _ = language.gettext
    place = int(np.argmin(outcome.missed_scores))
    box, score = outcome.missed[place], outcome.missed_scores[place]
    corners = _corners(outcome.record.boxes, box)
    if score > 0:
        candidate = _("the best candidate there scores {score}", score=language.number(score, 3))
    else:
        candidate = _("there is no candidate there, at any score")
    caption = _(
        "{name} of {width} × {height} pixels, {share} of the image: {candidate}. Missed on this image: {missed} of "
        "{boxes}; false positives: {false_positives}.",
        name=context.evaluation.class_names[int(outcome.record.boxes.labels[box])],
        candidate=candidate,
        missed=len(outcome.missed),
        boxes=len(outcome.record.boxes),
        false_positives=len(outcome.false),
        **_size(corners, outcome.record, language),
    )
    description = _(
        "Detail of the radiograph {image}: a fracture that was not detected, in a dashed frame, {place}.",
        image=outcome.record.name,
        place=_place(corners, outcome.record, language),
    )
    return _failure(context, language, outcome, corners, caption, description)


def false_alarms(context: ReportContext, language: Language) -> list[Failure]:
    """The false positives that the model is surest of, at most ``SHOWN``."""
    return [_false_alarm(context, language, outcome) for outcome in context.evaluation.worst_false_alarms(SHOWN)]


def _false_alarm(context: ReportContext, language: Language, outcome: Outcome) -> Failure:
    _, scores = language.gettext, scores_of(outcome.detections)
    detection = max(outcome.false, key=lambda each: float(scores[each]))
    score = language.number(float(scores[detection]))
    corners = _corners(outcome.detections, detection)
    caption = _(
        "False positive of score {score}, {width} × {height} pixels, {share} of the image: {why}. False positives on "
        "this image: {false_positives}.",
        score=score,
        why=_why_false(outcome, detection, language),
        false_positives=len(outcome.false),
        **_size(corners, outcome.record, language),
    )
    description = _(
        "Detail of the radiograph {image}: a false positive of score {score} in a solid frame, {place}.",
        image=outcome.record.name,
        score=score,
        place=_place(corners, outcome.record, language),
    )
    return _failure(context, language, outcome, corners, caption, description)


def _why_false(outcome: Outcome, detection: int, language: Language) -> str:
    _ = language.gettext
    if outcome.record.is_negative:
        return _("a normal image")
    overlap = float(outcome.detections.iou(outcome.record.boxes)[detection].max())
    if overlap == 0:
        return _("away from the fracture on this image")
    if overlap < IOU_OF[MAIN_CRITERION]:
        return _("it overlaps a drawn box, but with IoU {overlap} only", overlap=language.number(overlap))
    return _(
        "it is on a drawn box (IoU {overlap}) that a better detection found already, or that is of another class",
        overlap=language.number(overlap),
    )


def _failure(
    context: ReportContext, language: Language, outcome: Outcome, corners: Corners, caption: str, description: str
) -> Failure:
    _, record = language.gettext, outcome.record
    try:
        image = read_radiograph(record.read_bytes(), name=record.name)
    except DataError:  # changed on the disk since it was measured
        why = _("The image cannot be shown: it can no longer be read.")
        return Failure(name=record.name, caption=caption, why_not_shown=why)
    if image.facts.burnt_in_text:
        why = _("The image is not shown: it says that text is burnt in.")
        return Failure(name=record.name, caption=caption, why_not_shown=why)
    crop = detail_around(corners, (record.width, record.height))
    detail = _detail(image.pixels, crop, outcome.detections, record.boxes, context.evaluation.class_names)
    pictures = (
        Markup(picture(detail, description)),
        Markup(
            picture(
                _overview(image.pixels, crop),
                _("The whole radiograph, small; a white frame shows where the detail is."),
            )
        ),
    )
    return Failure(name=record.name, caption=caption, pictures=pictures)


def detail_around(corners: Corners, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A square round a box, moved into the image and cut to it: left, top, right, bottom in whole pixels.

    Args:
        corners: Of the box.
        size: Width and height of the image.
    """
    left, top, right, bottom = corners
    side = max(_AROUND * max(right - left, bottom - top), _LEAST * max(size))
    ends = []
    for middle, limit in (((left + right) / 2, size[0]), ((top + bottom) / 2, size[1])):
        length = min(round(side), limit)
        start = min(max(round(middle - length / 2), 0), limit - length)
        ends.append((start, start + length))
    return ends[0][0], ends[1][0], ends[0][1], ends[1][1]


def _detail(
    pixels: NDArray[np.uint8],
    crop: tuple[int, int, int, int],
    detections: Boxes,
    ground_truth: Boxes,
    names: Sequence[str],
) -> Image.Image:
    """The detail enlarged first and drawn on then: lines and letters stay fine."""
    left, top, right, bottom = crop
    scale = _DETAIL / max(right - left, bottom - top)
    size = max(round((right - left) * scale), 1), max(round((bottom - top) * scale), 1)
    image = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right])).resize(size, Image.Resampling.LANCZOS)
    return draw_boxes(
        np.asarray(image),
        _moved(detections, crop, scale),
        names,
        ground_truth=_moved(ground_truth, crop, scale),
        letters=1.6,
    )


def _moved(boxes: Boxes, crop: tuple[int, int, int, int], scale: float) -> Boxes:
    """The boxes that reach into the detail, in its pixels."""
    left, top, right, bottom = crop
    inside = (
        (boxes.xyxy[:, 0] < right) & (boxes.xyxy[:, 2] > left) & (boxes.xyxy[:, 1] < bottom) & (boxes.xyxy[:, 3] > top)
    )
    chosen = boxes.select(np.flatnonzero(inside))
    return Boxes((chosen.xyxy - np.array([left, top, left, top])) * scale, chosen.labels, chosen.scores)


def _overview(pixels: NDArray[np.uint8], crop: tuple[int, int, int, int]) -> Image.Image:
    image = Image.fromarray(np.ascontiguousarray(pixels))
    scale = _OVERVIEW / max(image.size)
    image = image.resize((max(round(image.width * scale), 1), max(round(image.height * scale), 1)))
    left, top, right, bottom = (round(corner * scale) for corner in crop)
    ImageDraw.Draw(image).rectangle((left, top, max(right - 1, left), max(bottom - 1, top)), outline=_FRAME, width=2)
    return image


def _corners(boxes: Boxes, place: int) -> Corners:
    left, top, right, bottom = boxes.xyxy[place].tolist()
    return left, top, right, bottom


def _size(corners: Corners, record: Record, language: Language) -> dict[str, object]:
    """Width and height of a box in pixels, and the share of the image that it covers."""
    width, height = corners[2] - corners[0], corners[3] - corners[1]
    share = language.percent(width * height / (record.width * record.height))
    return {"width": round(width), "height": round(height), "share": share}


def _place(corners: Corners, record: Record, language: Language) -> str:
    """Where on the image, in thirds."""
    _ = language.gettext
    across = int(min(max((corners[0] + corners[2]) / 2 / record.width, 0), 0.999) * 3)
    down = int(min(max((corners[1] + corners[3]) / 2 / record.height, 0), 0.999) * 3)
    return (
        (_("at the upper left of the image"), _("at the top of the image"), _("at the upper right of the image")),
        (_("at the left of the image"), _("in the middle of the image"), _("at the right of the image")),
        (_("at the lower left of the image"), _("at the bottom of the image"), _("at the lower right of the image")),
    )[down][across]
