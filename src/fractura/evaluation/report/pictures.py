"""The images on which the model fails worst, as pictures: a detail with what people drew and what the model
detected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fractura.core.boxes import Boxes
from fractura.core.dataset import Record
from fractura.core.errors import DataError
from fractura.core.html import picture, text
from fractura.evaluation.froc import IOU_OF
from fractura.evaluation.metric_names import MAIN_CRITERION
from fractura.evaluation.report.context import Material
from fractura.evaluation.report.markup import Cell, Markup, joined, paragraph, section
from fractura.evaluation.report.words import Words
from fractura.evaluation.result import Outcome
from fractura.imaging.reader import read_radiograph
from fractura.inference.render import draw_boxes

NUMBER = 20
_DETAIL, _OVERVIEW = 400, 180
"""Longer sides of the two pictures of an image, pixels."""
_AROUND, _LEAST = 3.0, 0.3
"""Side of the detail: this many times the box's longer side, and at least this share of the image's."""
_FRAME = (255, 255, 255)

Corners = tuple[float, float, float, float]


def misses(m: Material) -> Markup:
    """The fractures that the model is furthest from finding."""
    say, found = m.say, m.evaluation.worst_misses(NUMBER)
    figures = []
    for number, outcome in enumerate(found, start=1):
        place = min(range(len(outcome.missed)), key=lambda each: outcome.missed_scores[each])
        box, score = outcome.missed[place], outcome.missed_scores[place]
        corners = _corners(outcome.record.boxes, box)
        near = (
            say("the best candidate there scores {score}", score=say.number(score, 3))
            if score > 0
            else say("no candidate lies there, at any score")
        )
        caption = say(
            "{name} of {wide} × {high} pixels, {share} of the image: {near}. Missed on this image: {missed} of "
            "{boxes}; "
            "false positives: {false}.",
            name=m.evaluation.class_names[int(outcome.record.boxes.labels[box])],
            wide=round(corners[2] - corners[0]),
            high=round(corners[3] - corners[1]),
            share=_share_of_image(say, corners, outcome.record),
            near=near,
            missed=len(outcome.missed),
            boxes=len(outcome.record.boxes),
            false=len(outcome.false),
        )
        seen = say(
            "Detail of the radiograph {image}: a fracture that was not annotated, in a dashed frame, {place}.",
            image=outcome.record.name,
            place=_place(say, corners, outcome.record),
        )
        figures.append(_figure(m, number, outcome, corners, caption, seen))
    nothing = say("No fracture was missed at the threshold.")
    return _chapter(
        m, "misses", say("The worst misses"), figures, nothing, sum(bool(each.missed) for each in m.evaluation.outcomes)
    )


def false_alarms(m: Material) -> Markup:
    """The false positives that the model is surest of."""
    say, found = m.say, m.evaluation.worst_false_alarms(NUMBER)
    figures = []
    for number, outcome in enumerate(found, start=1):
        scores = _scores(outcome.detections)
        detection = max(outcome.false, key=lambda each: scores[each])
        corners = _corners(outcome.detections, detection)
        caption = say(
            "False positive of score {score}, {wide} × {high} pixels, {share} of the image: {why}. False positives on "
            "this "
            "image: {false}.",
            score=say.number(scores[detection]),
            wide=round(corners[2] - corners[0]),
            high=round(corners[3] - corners[1]),
            share=_share_of_image(say, corners, outcome.record),
            why=_why_false(say, outcome, detection),
            false=len(outcome.false),
        )
        seen = say(
            "Detail of the radiograph {image}: a false positive of score {score} in a solid frame, {place}.",
            image=outcome.record.name,
            score=say.number(scores[detection]),
            place=_place(say, corners, outcome.record),
        )
        figures.append(_figure(m, number, outcome, corners, caption, seen))
    nothing = say("There is no false positive at the threshold.")
    return _chapter(
        m,
        "false-alarms",
        say("The worst false alarms"),
        figures,
        nothing,
        sum(bool(each.false) for each in m.evaluation.outcomes),
    )


def _why_false(say: Words, outcome: Outcome, detection: int) -> str:
    if outcome.record.is_negative:
        return say("a normal image")
    overlap = float(outcome.detections.iou(outcome.record.boxes)[detection].max())
    if overlap == 0:
        return say("away from the fracture on this image")
    if overlap < IOU_OF[MAIN_CRITERION]:
        return say("it overlaps a drawn box, but with IoU {overlap} only", overlap=say.number(overlap))
    return say(
        "it lies on a drawn box (IoU {overlap}) that a better detection found already, or that is of another class",
        overlap=say.number(overlap),
    )


def _chapter(m: Material, name: str, title: str, figures: Sequence[Markup], nothing: str, images: int) -> Markup:
    say = m.say
    if not figures:
        return section(name, title, [paragraph(nothing)])
    legend = say(
        "Dashed green: drawn by people. Solid: annotated by the model, with class and score. The small picture shows "
        "where on the image the detail lies. Shown: {shown} of {images} images, worst first.",
        shown=len(figures),
        images=images,
    )
    body: list[Cell] = [paragraph(legend), Markup(f'<div class="gallery">{joined(figures).html}</div>')]
    return section(name, title, body)


def _figure(m: Material, number: int, outcome: Outcome, corners: Corners, caption: str, seen: str) -> Markup:
    record, say = outcome.record, m.say
    try:
        image = read_radiograph(record.read_bytes(), name=record.name)
    except (DataError, OSError):  # changed on the disk since it was examined
        shown = paragraph(say("The image cannot be shown: it cannot be read any more."))
    else:
        if image.facts.burnt_in_text:
            shown = paragraph(say("The image is not shown: it says that writing is burnt in."))
        else:
            crop = detail_around(corners, (record.width, record.height))
            detail = _detail(image.pixels, crop, outcome.detections, record.boxes, m.evaluation.class_names)
            overview = say("The whole radiograph, small; a white frame shows where the detail lies.")
            shown = joined([Markup(picture(detail, seen)), Markup(picture(_overview(image.pixels, crop), overview))])
    return Markup(
        f'<figure class="image"><div class="pair">{shown.html}</div>'
        f"<figcaption><b>{number}. {text(record.name)}</b><br>{text(caption)}</figcaption></figure>"
    )


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


def _scores(detections: Boxes) -> list[float]:
    return [] if detections.scores is None else detections.scores.tolist()


def _share_of_image(say: Words, corners: Corners, record: Record) -> str:
    return say.percent((corners[2] - corners[0]) * (corners[3] - corners[1]) / (record.width * record.height))


def _place(say: Words, corners: Corners, record: Record) -> str:
    """Where on the image, in thirds."""
    across = int(min(max((corners[0] + corners[2]) / 2 / record.width, 0), 0.999) * 3)
    down = int(min(max((corners[1] + corners[3]) / 2 / record.height, 0), 0.999) * 3)
    return say(
        (
            ("at the upper left of the image", "at the top of the image", "at the upper right of the image"),
            ("at the left of the image", "in the middle of the image", "at the right of the image"),
            ("at the lower left of the image", "at the bottom of the image", "at the lower right of the image"),
        )[down][across]
    )
