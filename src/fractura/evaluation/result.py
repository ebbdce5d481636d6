"""``Evaluation``: everything measured of a set of marks, in one value that goes to JSON and onto one screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fractura.core.boxes import Boxes
from fractura.core.dataset import Record
from fractura.evaluation.metric_names import (
    CRITERIA,
    CRITERION_TEXT,
    FALSE_MARKS_PER_FILM,
    LEVELS,
    MAIN_CRITERION,
    Figure,
    point_text,
)

Curve = dict[str, list[float]]


@dataclass(frozen=True)
class Intervals:
    """How the intervals of all figures came about.

    Attributes:
        rounds: Resamples drawn.
        seed: Of the draw.
        level: Share of resamples between the ends.
        unit: What was drawn with replacement: ``patient`` or ``study`` (all films of it together), else ``film``.
        clusters: Number of such units.
        method: One sentence for readers.
    """

    rounds: int
    seed: int
    level: float
    unit: str
    clusters: int
    method: str


@dataclass(frozen=True)
class Subgroup:
    """The figures of some of the films, or of some of the boxes.

    Attributes:
        by: What divides the films: ``body part``, ``view``, ``box size``, a manifest's column, ….
        name: Which part this is.
        films: Films in it.
        positive: Of them, films with a box to be found.
        negative: Of them, films without any box.
        boxes: Boxes to be found.
        figures: Some of the keys of ``Evaluation.figures``.
    """

    by: str
    name: str
    films: int
    positive: int
    negative: int
    boxes: int
    figures: dict[str, Figure]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one film at the threshold, by ``MAIN_CRITERION``.

    Attributes:
        record: The film and what people drew on it.
        marks: Marks from the threshold up, best first.
        film_score: The film's score, 0..1.
        positive: There is a box to be found; None where all boxes are difficult.
        missed: Positions in ``record.boxes`` that no mark found.
        false: Positions in ``marks`` that find nothing.
        missed_scores: For each of ``missed`` the best score of a mark of any score that lies right; 0 without one.
    """

    record: Record
    marks: Boxes
    film_score: float
    positive: bool | None
    missed: tuple[int, ...]
    false: tuple[int, ...]
    missed_scores: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values; the film by its name."""
        scores = [] if self.marks.scores is None else self.marks.scores.tolist()
        return {
            "film": self.record.name,
            "positive": self.positive,
            "score": self.film_score,
            "boxes": self.record.boxes.xyxy.tolist(),
            "marks": [[*corners, score] for corners, score in zip(self.marks.xyxy.tolist(), scores, strict=True)],
            "missed": list(self.missed),
            "missed_scores": list(self.missed_scores),
            "false": list(self.false),
        }


@dataclass(frozen=True)
class Curves:
    """Curves as lists of numbers, ready to be drawn.

    Attributes:
        froc: For each criterion ``false_marks_per_film``, ``sensitivity``, ``threshold``: a staircase,
            the corners where it rises and its end.
        precision_recall: For each overlap ``recall`` (101 steps) and ``precision``, COCO's, mean over classes.
        roc: For each level (``film``, …) ``false_positive_rate`` and ``sensitivity``.
        reliability: For ``film`` and ``mark`` mean ``score``, ``observed`` share with Wilson's 95 % ``low`` and
            ``high``, and ``count`` of each bin; bins hold equally many.
    """

    froc: dict[str, Curve] = field(default_factory=dict)
    precision_recall: dict[str, Curve] = field(default_factory=dict)
    roc: dict[str, Curve] = field(default_factory=dict)
    reliability: dict[str, Curve] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All that was measured. Every share lies in 0..1.

    Attributes:
        films: Number of films.
        positive: Films with a box to be found.
        negative: Films without any box; films with difficult boxes only are neither.
        boxes: Boxes to be found, without the difficult ones.
        difficult: Boxes flagged difficult.
        marks: Predicted boxes, of any score.
        patients: Number of patients, None where no film's patient is known.
        studies: Number of studies, None where none is known.
        class_names: In label order.
        threshold: Score from which a mark counts in the figures at one operating point.
        calibrated: The calibration figures are of the model's probabilities, not of its raw scores.
        intervals: How the intervals came about; None without intervals.
        figures: The flat table of all figures, by key (see ``figure_text``).
        subgroups: The same for parts of the films.
        curves: For drawing.
        outcomes: One per film, in the data set's order.
        notes: What readers must know: what is not defined on these films and why.
    """

    films: int
    positive: int
    negative: int
    boxes: int
    difficult: int
    marks: int
    patients: int | None
    studies: int | None
    class_names: tuple[str, ...]
    threshold: float
    calibrated: bool
    intervals: Intervals | None
    figures: dict[str, Figure]
    subgroups: tuple[Subgroup, ...] = ()
    curves: Curves = field(default_factory=Curves)
    outcomes: tuple[Outcome, ...] = ()
    notes: tuple[str, ...] = ()

    def value(self, key: str) -> float | None:
        """The value of a figure."""
        return self.figures[key].value

    def worst_misses(self, number: int = 20) -> list[Outcome]:
        """Films with missed boxes; first those whose missed box got the least score."""
        missed = [outcome for outcome in self.outcomes if outcome.missed]
        return sorted(missed, key=lambda outcome: (min(outcome.missed_scores), outcome.film_score))[:number]

    def worst_false_alarms(self, number: int = 20) -> list[Outcome]:
        """Films with false marks; first those whose false mark has the highest score."""

        def highest(outcome: Outcome) -> float:
            assert outcome.marks.scores is not None
            return max(float(outcome.marks.scores[place]) for place in outcome.false)

        return sorted((outcome for outcome in self.outcomes if outcome.false), key=highest, reverse=True)[:number]

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts, lists, numbers and None, ready for JSON."""
        return {
            **self.summary(),
            "subgroups": [asdict(group) for group in self.subgroups],
            "curves": asdict(self.curves),
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
        }

    def summary(self) -> dict[str, Any]:
        """What model cards keep: all figures of all films, and the FROC of the main criterion; ready for JSON."""
        counts = ("films", "positive", "negative", "boxes", "difficult", "marks", "patients", "studies")
        froc = {name: curve for name, curve in self.curves.froc.items() if name == MAIN_CRITERION}
        return {
            **{name: getattr(self, name) for name in counts},
            "class_names": list(self.class_names),
            "threshold": self.threshold,
            "calibrated": self.calibrated,
            "intervals": None if self.intervals is None else asdict(self.intervals),
            "figures": {key: asdict(figure) for key, figure in self.figures.items()},
            "curves": {"froc": froc},
            "notes": list(self.notes),
        }

    def rows(self) -> list[tuple[str, str]]:
        """One screen: pairs of a figure's name and its value as text."""
        return [
            ("films", f"{self.films} ({self.positive} with boxes, {self.negative} without)"),
            ("boxes", f"{self.boxes}" + (f" and {self.difficult} difficult" if self.difficult else "")),
            *_average_precision_rows(self.figures, self.class_names),
            *_froc_rows(self.figures),
            *_threshold_rows(self.figures, self.threshold),
            *_level_rows(self.figures),
            *_calibration_rows(self.figures, self.calibrated),
        ]

    def subgroup_rows(self) -> list[list[str]]:
        """A row for each subgroup: its name, films, boxes and the figures of ``SUBGROUP_COLUMNS``."""
        return [
            [
                f"{group.by}: {group.name}",
                str(group.films),
                str(group.boxes),
                *(group.figures[key].to_text(2) if key in group.figures else "" for key in SUBGROUP_COLUMNS),
            ]
            for group in self.subgroups
        ]


SUBGROUP_COLUMNS = {
    "AP50": "AP, IoU 0.5",
    f"froc/{MAIN_CRITERION}/1": "found at 1 false mark a film",
    f"box_sensitivity/{MAIN_CRITERION}": "found at threshold",
    "false_marks_per_normal_film": "false marks per normal film",
    "film_auc": "film AUC",
}
"""What the terminal shows of subgroups; boxes are found by ``MAIN_CRITERION``."""

Rows = list[tuple[str, str]]


def _average_precision_rows(figures: Mapping[str, Figure], class_names: tuple[str, ...]) -> Rows:
    rows = [("AP 0.5:0.95 / 0.75", _values(figures, ("AP", "AP75")))]
    rows += [(f"AP at {CRITERION_TEXT[f'iou{key[2:]}']}", figures[key].to_text()) for key in ("AP50", "AP30", "AP10")]
    if len(class_names) > 1:
        rows += [
            (f"  {name}", _values(figures, [f"{key}/{name}" for key in ("AP50", "AP30", "AP10")]))
            for name in class_names
        ]
    return rows


def _values(figures: Mapping[str, Figure], keys: tuple[str, ...] | list[str]) -> str:
    return " / ".join(Figure(figures[key].value).to_text() for key in keys)


def _froc_rows(figures: Mapping[str, Figure]) -> Rows:
    rows = [("FROC: false marks per film", " ".join(f"{point_text(point):>5}" for point in FALSE_MARKS_PER_FILM))]
    for criterion in CRITERIA:
        keys = [f"froc/{criterion}/{point_text(point)}" for point in FALSE_MARKS_PER_FILM]
        values = " ".join(f"{Figure(figures[key].value).to_text():>5}" for key in keys)
        rows.append((f"  sensitivity, {CRITERION_TEXT[criterion]}", values))
    return rows


def _threshold_rows(figures: Mapping[str, Figure], threshold: float) -> Rows:
    rows = [(f"at threshold {threshold:.3g}", "sensitivity, precision, false marks per film")]
    for criterion in CRITERIA:
        found = figures[f"box_sensitivity/{criterion}"]
        text = (
            f"{found.to_text()} {found.part} of {found.count}, "
            f"{Figure(figures[f'precision/{criterion}'].value).to_text()}, "
            f"{Figure(figures[f'false_marks_per_film/{criterion}'].value).to_text(2)}"
        )
        rows.append((f"  {CRITERION_TEXT[criterion]}", text))
    rows.append(("  false marks per normal film", figures["false_marks_per_normal_film"].to_text(2)))
    return rows


def _level_rows(figures: Mapping[str, Figure]) -> Rows:
    rows = []
    for level in LEVELS:
        if f"{level}_auc" not in figures:
            continue
        rows.append((f"{level} AUC", figures[f"{level}_auc"].to_text()))
        rows += [
            (f"{level} {name}", f"{figures[f'{level}_{name}'].to_text()} at the threshold")
            for name in ("sensitivity", "specificity")
        ]
        rows.append((f"{level} PPV / NPV", _values(figures, (f"{level}_ppv", f"{level}_npv"))))
    return rows


def _calibration_rows(figures: Mapping[str, Figure], calibrated: bool) -> Rows:
    what = "probabilities" if calibrated else "raw scores"
    keys = ("film_ece", "film_brier", "mark_ece", "mark_brier")
    return [(f"ECE / Brier of {what}", f"films {_values(figures, keys[:2])}, marks {_values(figures, keys[2:])}")]
