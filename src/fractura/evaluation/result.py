"""``Evaluation``: everything measured of a set of detections, in one value that goes to JSON and onto one screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fractura.core.boxes import Boxes
from fractura.core.dataset import Record
from fractura.evaluation.messages import Message
from fractura.evaluation.metric_names import (
    CRITERIA,
    CRITERION_TEXT,
    FALSE_POSITIVES_PER_IMAGE,
    LEVELS,
    MAIN_CRITERION,
    Metric,
    point_text,
)

Curve = dict[str, list[float]]


@dataclass(frozen=True)
class Intervals:
    """How the intervals of all metrics came about.

    Attributes:
        rounds: Resamples drawn.
        seed: Of the draw.
        level: Share of resamples between the ends.
        unit: What was drawn with replacement: ``patient`` or ``study`` (all images of it together), else ``image``.
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
    """The metrics of some of the images, or of some of the boxes.

    Attributes:
        by: What divides the images: ``body part``, ``view``, ``box size``, a manifest's column, ….
        name: Which part this is.
        images: Images in it.
        positive: Of them, images with a box to be found.
        negative: Of them, images without any box.
        boxes: Boxes to be found.
        metrics: Some of the keys of ``Evaluation.metrics``.
    """

    by: str
    name: str
    images: int
    positive: int
    negative: int
    boxes: int
    metrics: dict[str, Metric]


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one image at the threshold, by ``MAIN_CRITERION``.

    Attributes:
        record: The image and what people drew on it.
        detections: Detections from the threshold up, best first.
        image_score: The image's score, 0..1.
        positive: There is a box to be found; None where all boxes are difficult.
        missed: Positions in ``record.boxes`` that no detection found.
        false: Positions in ``detections`` that find nothing.
        missed_scores: For each of ``missed`` the best score of a detection of any score that lies right; 0 without one.
    """

    record: Record
    detections: Boxes
    image_score: float
    positive: bool | None
    missed: tuple[int, ...]
    false: tuple[int, ...]
    missed_scores: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values; the image by its name."""
        scores = [] if self.detections.scores is None else self.detections.scores.tolist()
        return {
            "image": self.record.name,
            "positive": self.positive,
            "score": self.image_score,
            "boxes": self.record.boxes.xyxy.tolist(),
            "detections": [
                [*corners, score] for corners, score in zip(self.detections.xyxy.tolist(), scores, strict=True)
            ],
            "missed": list(self.missed),
            "missed_scores": list(self.missed_scores),
            "false": list(self.false),
        }


@dataclass(frozen=True)
class Curves:
    """Curves as lists of numbers, ready to be drawn.

    Attributes:
        froc: For each criterion ``false_positives_per_image``, ``sensitivity``, ``threshold``: a staircase,
            the corners where it rises and its end.
        precision_recall: For each overlap ``recall`` (101 steps) and ``precision``, COCO's, mean over classes.
        roc: For each level (``image``, …) ``false_positive_rate`` and ``sensitivity``.
        reliability: For ``image`` and ``detection`` mean ``score``, ``observed`` share with Wilson's 95 % ``low`` and
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
        images: Number of images.
        positive: Images with a box to be found.
        negative: Images without any box; images with difficult boxes only are neither.
        boxes: Boxes to be found, without the difficult ones.
        difficult: Boxes flagged difficult.
        detections: Predicted boxes, of any score.
        patients: Number of patients, None where no image's patient is known.
        studies: Number of studies, None where none is known.
        class_names: In label order.
        threshold: Score from which a detection counts in the metrics at one operating point.
        calibrated: The calibration metrics are of the model's probabilities, not of its raw scores.
        intervals: How the intervals came about; None without intervals.
        metrics: The flat table of all metrics, by key (see ``metric_text``).
        subgroups: The same for parts of the images.
        curves: For drawing.
        outcomes: One per image, in the data set's order.
        notes: What readers must know: what is not defined on these images and why.
    """

    images: int
    positive: int
    negative: int
    boxes: int
    difficult: int
    detections: int
    patients: int | None
    studies: int | None
    class_names: tuple[str, ...]
    threshold: float
    calibrated: bool
    intervals: Intervals | None
    metrics: dict[str, Metric]
    subgroups: tuple[Subgroup, ...] = ()
    curves: Curves = field(default_factory=Curves)
    outcomes: tuple[Outcome, ...] = ()
    notes: tuple[Message, ...] = ()

    def value(self, key: str) -> float | None:
        """The value of a metric."""
        return self.metrics[key].value

    def worst_misses(self, number: int = 20) -> list[Outcome]:
        """Images with missed boxes; first those whose missed box got the least score."""
        missed = [outcome for outcome in self.outcomes if outcome.missed]
        return sorted(missed, key=lambda outcome: (min(outcome.missed_scores), outcome.image_score))[:number]

    def worst_false_alarms(self, number: int = 20) -> list[Outcome]:
        """Images with false positives; first those whose false positive has the highest score."""

        def highest(outcome: Outcome) -> float:
            assert outcome.detections.scores is not None
            return max(float(outcome.detections.scores[place]) for place in outcome.false)

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
        """What model cards keep: all metrics of all images, and the FROC of the main criterion; ready for JSON."""
        counts = ("images", "positive", "negative", "boxes", "difficult", "detections", "patients", "studies")
        froc = {name: curve for name, curve in self.curves.froc.items() if name == MAIN_CRITERION}
        return {
            **{name: getattr(self, name) for name in counts},
            "class_names": list(self.class_names),
            "threshold": self.threshold,
            "calibrated": self.calibrated,
            "intervals": None if self.intervals is None else asdict(self.intervals),
            "metrics": {key: asdict(metric) for key, metric in self.metrics.items()},
            "curves": {"froc": froc},
            "notes": [str(note) for note in self.notes],
        }

    def rows(self) -> list[tuple[str, str]]:
        """One screen: pairs of a metric's name and its value as text."""
        return [
            ("images", f"{self.images} ({self.positive} with boxes, {self.negative} without)"),
            ("boxes", f"{self.boxes}" + (f" and {self.difficult} difficult" if self.difficult else "")),
            *_average_precision_rows(self.metrics, self.class_names),
            *_froc_rows(self.metrics),
            *_threshold_rows(self.metrics, self.threshold),
            *_level_rows(self.metrics),
            *_calibration_rows(self.metrics, self.calibrated),
        ]

    def subgroup_rows(self) -> list[list[str]]:
        """A row for each subgroup: its name, images, boxes and the metrics of ``SUBGROUP_COLUMNS``."""
        return [
            [
                f"{group.by}: {group.name}",
                str(group.images),
                str(group.boxes),
                *(group.metrics[key].to_text(2) if key in group.metrics else "" for key in SUBGROUP_COLUMNS),
            ]
            for group in self.subgroups
        ]


SUBGROUP_COLUMNS = {
    "AP50": "AP, IoU 0.5",
    f"froc/{MAIN_CRITERION}/1": "found at 1 false positive an image",
    f"box_sensitivity/{MAIN_CRITERION}": "found at threshold",
    "false_positives_per_normal_image": "false positives per normal image",
    "image_auc": "image AUC",
}
"""What the terminal shows of subgroups; boxes are found by ``MAIN_CRITERION``."""

Rows = list[tuple[str, str]]


def _average_precision_rows(metrics: Mapping[str, Metric], class_names: tuple[str, ...]) -> Rows:
    rows = [("AP 0.5:0.95 / 0.75", _values(metrics, ("AP", "AP75")))]
    rows += [(f"AP at {CRITERION_TEXT[f'iou{key[2:]}']}", metrics[key].to_text()) for key in ("AP50", "AP30", "AP10")]
    if len(class_names) > 1:
        rows += [
            (f"  {name}", _values(metrics, [f"{key}/{name}" for key in ("AP50", "AP30", "AP10")]))
            for name in class_names
        ]
    return rows


def _values(metrics: Mapping[str, Metric], keys: tuple[str, ...] | list[str]) -> str:
    return " / ".join(Metric(metrics[key].value).to_text() for key in keys)


def _froc_rows(metrics: Mapping[str, Metric]) -> Rows:
    rows = [
        ("FROC: false positives per image", " ".join(f"{point_text(point):>5}" for point in FALSE_POSITIVES_PER_IMAGE))
    ]
    for criterion in CRITERIA:
        keys = [f"froc/{criterion}/{point_text(point)}" for point in FALSE_POSITIVES_PER_IMAGE]
        values = " ".join(f"{Metric(metrics[key].value).to_text():>5}" for key in keys)
        rows.append((f"  sensitivity, {CRITERION_TEXT[criterion]}", values))
    return rows


def _threshold_rows(metrics: Mapping[str, Metric], threshold: float) -> Rows:
    rows = [(f"at threshold {threshold:.3g}", "sensitivity, precision, false positives per image")]
    for criterion in CRITERIA:
        found = metrics[f"box_sensitivity/{criterion}"]
        text = (
            f"{found.to_text()} {found.part} of {found.count}, "
            f"{Metric(metrics[f'precision/{criterion}'].value).to_text()}, "
            f"{Metric(metrics[f'false_positives_per_image/{criterion}'].value).to_text(2)}"
        )
        rows.append((f"  {CRITERION_TEXT[criterion]}", text))
    rows.append(("  false positives per normal image", metrics["false_positives_per_normal_image"].to_text(2)))
    return rows


def _level_rows(metrics: Mapping[str, Metric]) -> Rows:
    rows = []
    for level in LEVELS:
        if f"{level}_auc" not in metrics:
            continue
        rows.append((f"{level} AUC", metrics[f"{level}_auc"].to_text()))
        rows += [
            (f"{level} {name}", f"{metrics[f'{level}_{name}'].to_text()} at the threshold")
            for name in ("sensitivity", "specificity")
        ]
        rows.append((f"{level} PPV / NPV", _values(metrics, (f"{level}_ppv", f"{level}_npv"))))
    return rows


def _calibration_rows(metrics: Mapping[str, Metric], calibrated: bool) -> Rows:
    what = "probabilities" if calibrated else "raw scores"
    keys = ("image_ece", "image_brier", "detection_ece", "detection_brier")
    return [(f"ECE / Brier of {what}", f"images {_values(metrics, keys[:2])}, detections {_values(metrics, keys[2:])}")]
