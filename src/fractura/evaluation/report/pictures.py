"""The films on which the model fails worst, as pictures: a detail with what people drew and what the model marked."""

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
"""Longer sides of the two pictures of a film, pixels."""
_AROUND, _LEAST = 3.0, 0.3
"""Side of the detail: this many times the box's longer side, and at least this share of the film's."""
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
            "{name} of {wide} × {high} pixels, {share} of the film: {near}. Missed on this film: {missed} of {boxes}; "
            "false marks: {false}.",
            name=m.evaluation.class_names[int(outcome.record.boxes.labels[box])],
            wide=round(corners[2] - corners[0]),
            high=round(corners[3] - corners[1]),
            share=_share_of_film(say, corners, outcome.record),
            near=near,
            missed=len(outcome.missed),
            boxes=len(outcome.record.boxes),
            false=len(outcome.false),
        )
        seen = say(
            "Detail of the radiograph {film}: a fracture that was not marked, in a dashed frame, {place}.",
            film=outcome.record.name,
            place=_place(say, corners, outcome.record),
        )
        figures.append(_figure(m, number, outcome, corners, caption, seen))
    nothing = say("No fracture was missed at the threshold.")
    return _chapter(
        m, "misses", say("The worst misses"), figures, nothing, sum(bool(each.missed) for each in m.evaluation.outcomes)
    )


def false_alarms(m: Material) -> Markup:
    """The false marks that the model is surest of."""
    say, found = m.say, m.evaluation.worst_false_alarms(NUMBER)
    figures = []
    for number, outcome in enumerate(found, start=1):
        scores = _scores(outcome.marks)
        mark = max(outcome.false, key=lambda each: scores[each])
        corners = _corners(outcome.marks, mark)
        caption = say(
            "False mark of score {score}, {wide} × {high} pixels, {share} of the film: {why}. False marks on this "
            "film: {false}.",
            score=say.number(scores[mark]),
            wide=round(corners[2] - corners[0]),
            high=round(corners[3] - corners[1]),
            share=_share_of_film(say, corners, outcome.record),
            why=_why_false(say, outcome, mark),
            false=len(outcome.false),
        )
        seen = say(
            "Detail of the radiograph {film}: a false mark of score {score} in a solid frame, {place}.",
            film=outcome.record.name,
            score=say.number(scores[mark]),
            place=_place(say, corners, outcome.record),
        )
        figures.append(_figure(m, number, outcome, corners, caption, seen))
    nothing = say("There is no false mark at the threshold.")
    return _chapter(
        m,
        "false-alarms",
        say("The worst false alarms"),
        figures,
        nothing,
        sum(bool(each.false) for each in m.evaluation.outcomes),
    )


def _why_false(say: Words, outcome: Outcome, mark: int) -> str:
    if outcome.record.is_negative:
        return say("a normal film")
    overlap = float(outcome.marks.iou(outcome.record.boxes)[mark].max())
    if overlap == 0:
        return say("away from the fracture on this film")
    if overlap < IOU_OF[MAIN_CRITERION]:
        return say("it overlaps a drawn box, but with IoU {overlap} only", overlap=say.number(overlap))
    return say(
        "it lies on a drawn box (IoU {overlap}) that a better mark found already, or that is of another class",
        overlap=say.number(overlap),
    )


def _chapter(m: Material, name: str, title: str, figures: Sequence[Markup], nothing: str, films: int) -> Markup:
    say = m.say
    if not figures:
        return section(name, title, [paragraph(nothing)])
    legend = say(
        "Dashed green: drawn by people. Solid: marked by the model, with class and score. The small picture shows "
        "where on the film the detail lies. Shown: {shown} of {films} films, worst first.",
        shown=len(figures),
        films=films,
    )
    body: list[Cell] = [paragraph(legend), Markup(f'<div class="gallery">{joined(figures).html}</div>')]
    return section(name, title, body)


def _figure(m: Material, number: int, outcome: Outcome, corners: Corners, caption: str, seen: str) -> Markup:
    record, say = outcome.record, m.say
    try:
        film = read_radiograph(record.read_bytes(), name=record.name)
    except (DataError, OSError):  # changed on the disk since it was looked at
        shown = paragraph(say("The film cannot be shown: it cannot be read any more."))
    else:
        if film.facts.burnt_in_text:
            shown = paragraph(say("The film is not shown: it says that writing is burnt in."))
        else:
            crop = detail_around(corners, (record.width, record.height))
            detail = _detail(film.pixels, crop, outcome.marks, record.boxes, m.evaluation.class_names)
            overview = say("The whole radiograph, small; a white frame shows where the detail lies.")
            shown = joined([Markup(picture(detail, seen)), Markup(picture(_overview(film.pixels, crop), overview))])
    return Markup(
        f'<figure class="film"><div class="pair">{shown.html}</div>'
        f"<figcaption><b>{number}. {text(record.name)}</b><br>{text(caption)}</figcaption></figure>"
    )


def detail_around(corners: Corners, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A square round a box, moved into the film and cut to it: left, top, right, bottom in whole pixels.

    Args:
        corners: Of the box.
        size: Width and height of the film.
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
    pixels: NDArray[np.uint8], crop: tuple[int, int, int, int], marks: Boxes, truth: Boxes, names: Sequence[str]
) -> Image.Image:
    """The detail enlarged first and drawn on then: lines and letters stay fine."""
    left, top, right, bottom = crop
    scale = _DETAIL / max(right - left, bottom - top)
    size = max(round((right - left) * scale), 1), max(round((bottom - top) * scale), 1)
    image = Image.fromarray(np.ascontiguousarray(pixels[top:bottom, left:right])).resize(size, Image.Resampling.LANCZOS)
    return draw_boxes(
        np.asarray(image), _moved(marks, crop, scale), names, truth=_moved(truth, crop, scale), letters=1.6
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


def _scores(marks: Boxes) -> list[float]:
    return [] if marks.scores is None else marks.scores.tolist()


def _share_of_film(say: Words, corners: Corners, record: Record) -> str:
    return say.percent((corners[2] - corners[0]) * (corners[3] - corners[1]) / (record.width * record.height))


def _place(say: Words, corners: Corners, record: Record) -> str:
    """Where on the film, in thirds."""
    across = int(min(max((corners[0] + corners[2]) / 2 / record.width, 0), 0.999) * 3)
    down = int(min(max((corners[1] + corners[3]) / 2 / record.height, 0), 0.999) * 3)
    return say(
        (
            ("at the upper left of the film", "at the top of the film", "at the upper right of the film"),
            ("at the left of the film", "in the middle of the film", "at the right of the film"),
            ("at the lower left of the film", "at the bottom of the film", "at the lower right of the film"),
        )[down][across]
    )
