"""``evaluate``: every figure of a set of marks in one value that goes to JSON and onto one screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fractura.boxes import Boxes
from fractura.dataset import Dataset
from fractura.evaluation.coco import AveragePrecision, average_precision
from fractura.evaluation.froc import (
    FALSE_MARKS_PER_FILM,
    FOUND,
    Matching,
    film_scores,
    match_marks,
    rank_auc,
    scores_of,
)
from fractura.splits import refuse_wrong_split

OVERLAPS = (0.1, 0.3, 0.5)
"""IoU from which a mark finds a box: loose, middle, strict."""


@dataclass(frozen=True)
class AtThreshold:
    """Marks that score at least the threshold, at one overlap.

    Attributes:
        found: Boxes found.
        missed: Boxes not found.
        false_marks: Marks that find nothing.
        sensitivity: ``found / boxes``; None without boxes.
        precision: ``found / (found + false_marks)``; None without marks.
        false_marks_per_film: Mean over all films; None without films.
        false_marks_per_negative: Mean over the films without any box; None without such films.
        sensitivity_by_class: ``sensitivity`` of each class.
    """

    found: int
    missed: int
    false_marks: int
    sensitivity: float | None
    precision: float | None
    false_marks_per_film: float | None
    false_marks_per_negative: float | None
    sensitivity_by_class: dict[str, float | None]


@dataclass(frozen=True)
class Films:
    """Films as a whole: a film's score is that of its best mark, whatever its place and class.

    Films whose boxes are all ``difficult`` are neither positive nor negative.

    Attributes:
        positive: Films with a box.
        negative: Films without any.
        auc: Chance that a positive film scores above a negative one; None unless there are both.
        sensitivity: Share of positive films with a mark at the threshold; None without positive films.
        specificity: Share of negative films without one; None without negative films.
    """

    positive: int
    negative: int
    auc: float | None
    sensitivity: float | None
    specificity: float | None


@dataclass(frozen=True)
class Evaluation:
    """All figures of one set of marks. Every share lies in 0..1; None means "not defined on these films".

    Attributes:
        films: Number of films.
        boxes: Boxes to be found, without the difficult ones.
        difficult: Boxes flagged difficult.
        marks: Predicted boxes, of any score.
        threshold: Score from which a mark counts in ``at_threshold`` and ``film_level``.
        average_precision: COCO's figures.
        froc: For each overlap (``"0.1"``, ...) the sensitivity at each allowed mean of false marks per film.
        at_threshold: For each overlap the counts at ``threshold``.
        film_level: Films as a whole.
        notes: What is not defined on these films and why.
    """

    films: int
    boxes: int
    difficult: int
    marks: int
    threshold: float
    average_precision: AveragePrecision
    froc: dict[str, dict[str, float | None]]
    at_threshold: dict[str, AtThreshold]
    film_level: Films
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and None, ready for JSON."""
        document = asdict(self)
        document["notes"] = list(self.notes)
        return document

    def rows(self) -> list[tuple[str, str]]:
        """One screen: pairs of a figure's name and its value as text."""
        ap = self.average_precision.figures
        rows = [
            ("films", f"{self.films} ({self.film_level.positive} with boxes, {self.film_level.negative} without)"),
            ("boxes", f"{self.boxes}" + (f" and {self.difficult} difficult" if self.difficult else "")),
            ("AP 0.5:0.95 / 0.75", f"{_text(ap['AP'])} / {_text(ap['AP75'])}"),
            ("AP at IoU 0.5 / 0.3 / 0.1", f"{_text(ap['AP50'])} / {_text(ap['AP30'])} / {_text(ap['AP10'])}"),
        ]
        if len(self.average_precision.by_class) > 1:
            for name, figures in self.average_precision.by_class.items():
                rows.append((f"  {name}", " / ".join(_text(figures[key]) for key in ("AP50", "AP30", "AP10"))))
        points = " ".join(f"{_point(point):>5}" for point in FALSE_MARKS_PER_FILM)
        rows.append(("FROC: false marks per film", points))
        for overlap, curve in self.froc.items():
            values = " ".join(f"{_text(curve[_point(point)]):>5}" for point in FALSE_MARKS_PER_FILM)
            rows.append((f"  sensitivity, IoU {overlap}", values))
        rows.append(
            (f"at threshold {self.threshold:g}", "sensitivity, precision, false marks per film / negative film")
        )
        for overlap, counts in self.at_threshold.items():
            text = (
                f"{_text(counts.sensitivity)} ({counts.found} of {counts.found + counts.missed}), "
                f"{_text(counts.precision)}, {_text(counts.false_marks_per_film, 2)} / "
                f"{_text(counts.false_marks_per_negative, 2)}"
            )
            rows.append((f"  IoU {overlap}", text))
        film = self.film_level
        rows.append(("film AUC", _text(film.auc)))
        rows.append(
            (
                "film sensitivity / specificity",
                f"{_text(film.sensitivity)} / {_text(film.specificity)} at the threshold",
            )
        )
        return rows


def _text(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _point(false_marks: float) -> str:
    return f"{false_marks:g}"


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def evaluate(dataset: Dataset, predictions: Sequence[Boxes], *, threshold: float = 0.5) -> Evaluation:
    """Measure marks against the boxes that people drew.

    Args:
        dataset: Films with their boxes.
        predictions: One scored ``Boxes`` per record, in the same order, labels as in ``dataset.class_names``; all
            candidates, not cut at a threshold: AP, FROC and AUC need the low scores.
        threshold: Score from which a mark counts in the figures at one operating point.

    Raises:
        ValueError: Not one ``Boxes`` per film, marks without scores, scores that are not finite and in 0..1, a corner
            that is not finite, or a label outside the class names.
        DataError: Films of the train split are among them (see ``refuse_wrong_split``).
    """
    refuse_wrong_split(dataset, "evaluate")
    _refuse_wrong(dataset, predictions)
    matchings = {f"{overlap:g}": match_marks(dataset, predictions, overlap) for overlap in OVERLAPS}
    loosest = next(iter(matchings.values()))
    films = _film_level(dataset, predictions, threshold)
    return Evaluation(
        films=len(dataset),
        boxes=loosest.truths,
        difficult=sum(int(np.count_nonzero(record.difficult)) for record in dataset.records),
        marks=len(loosest.scores),
        threshold=float(threshold),
        average_precision=average_precision(dataset, predictions),
        froc={
            overlap: {_point(point): matching.sensitivity_at(point) for point in FALSE_MARKS_PER_FILM}
            for overlap, matching in matchings.items()
        },
        at_threshold={overlap: _at_threshold(dataset, matching, threshold) for overlap, matching in matchings.items()},
        film_level=films,
        notes=_notes(dataset, loosest, films),
    )


def _refuse_wrong(dataset: Dataset, predictions: Sequence[Boxes]) -> None:
    if len(predictions) != len(dataset):
        raise ValueError(f"{len(dataset)} films need as many predictions, got {len(predictions)}")
    for record, marks in zip(dataset.records, predictions, strict=True):
        if marks.scores is None:
            raise ValueError(f"{record.name}: marks to be evaluated need scores")
        if not np.isfinite(marks.xyxy).all() or not ((marks.scores >= 0) & (marks.scores <= 1)).all():
            raise ValueError(f"{record.name}: a mark has a corner that is not finite or a score outside 0..1")
        labels = np.concatenate([marks.labels, record.boxes.labels])
        if not ((labels >= 0) & (labels < len(dataset.class_names))).all():
            raise ValueError(f"{record.name}: a label is outside the {len(dataset.class_names)} class names")


def _at_threshold(dataset: Dataset, matching: Matching, threshold: float) -> AtThreshold:
    found, false = matching.at(threshold)
    counted = matching.scores >= np.float32(threshold)
    negative = np.array([record.is_negative for record in dataset.records], dtype=bool)
    # On a negative film no mark can be found or left out: all that count are false.
    on_negatives = int(np.count_nonzero(counted & negative[matching.films])) if len(negative) else 0
    by_class: dict[str, float | None] = {}
    for label, name in enumerate(dataset.class_names):
        hits = counted & (matching.outcome == FOUND) & (matching.labels == label)
        boxes = sum(int(np.count_nonzero((r.boxes.labels == label) & ~r.difficult)) for r in dataset.records)
        by_class[name] = _share(int(np.count_nonzero(hits)), boxes)
    return AtThreshold(
        found=found,
        missed=matching.truths - found,
        false_marks=false,
        sensitivity=_share(found, matching.truths),
        precision=_share(found, found + false),
        false_marks_per_film=_share(false, len(dataset)),
        false_marks_per_negative=_share(on_negatives, int(np.count_nonzero(negative))),
        sensitivity_by_class=by_class,
    )


def _film_level(dataset: Dataset, predictions: Sequence[Boxes], threshold: float) -> Films:
    scores = film_scores(predictions)
    marked = np.array([bool((scores_of(marks) >= np.float32(threshold)).any()) for marks in predictions], dtype=bool)
    positive = np.array([bool((~record.difficult).any()) for record in dataset.records], dtype=bool)
    negative = np.array([record.is_negative for record in dataset.records], dtype=bool)
    positives, negatives = int(np.count_nonzero(positive)), int(np.count_nonzero(negative))
    return Films(
        positive=positives,
        negative=negatives,
        auc=rank_auc(scores[positive], scores[negative]),
        sensitivity=_share(int(np.count_nonzero(marked & positive)), positives),
        specificity=_share(int(np.count_nonzero(~marked & negative)), negatives),
    )


def _notes(dataset: Dataset, matching: Matching, films: Films) -> tuple[str, ...]:
    notes = []
    if not len(dataset):
        notes.append("there are no films: nothing is defined")
    elif not matching.truths:
        notes.append("no box is to be found: AP, sensitivity and FROC are not defined")
    if len(dataset) and not films.negative:
        notes.append("every film has a box: specificity, film AUC and false marks per negative film are not defined")
    if len(dataset) and not len(matching.scores):
        notes.append("the model marked nothing at all, at any score")
    neither = len(dataset) - films.positive - films.negative
    if neither:
        notes.append(f"{neither} films have difficult boxes only: they count as neither positive nor negative")
    return tuple(notes)
