"""``Evaluation``: everything measured of a set of detections, in one value that goes to JSON and onto one screen."""

from __future__ import annotations

from dataclasses import dataclass, field

from fractura.core.boxes import Boxes
from fractura.core.dataset import Record
from fractura.evaluation.documents import (
    Curve,
    EvaluationDocument,
    IntervalsDocument,
    MeasuredDocument,
    OutcomeDocument,
    SubgroupDocument,
    SummaryDocument,
)
from fractura.evaluation.messages import Message
from fractura.evaluation.metric_names import MAIN_CRITERION, Metric
from fractura.evaluation.rows import evaluation_rows, subgroup_row


@dataclass(frozen=True, kw_only=True)
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

    def to_dict(self) -> IntervalsDocument:
        """Plain values, ready for JSON."""
        return {
            "rounds": self.rounds,
            "seed": self.seed,
            "level": self.level,
            "unit": self.unit,
            "clusters": self.clusters,
            "method": self.method,
        }


@dataclass(frozen=True, kw_only=True)
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

    def to_dict(self) -> SubgroupDocument:
        """Plain values, ready for JSON."""
        return {
            "by": self.by,
            "name": self.name,
            "images": self.images,
            "positive": self.positive,
            "negative": self.negative,
            "boxes": self.boxes,
            "metrics": {key: metric.to_dict() for key, metric in self.metrics.items()},
        }


@dataclass(frozen=True, eq=False, kw_only=True)
class Outcome:
    """What became of one image at the threshold, by ``MAIN_CRITERION``.

    Attributes:
        record: The image and what people drew on it.
        detections: Detections from the threshold up, best first.
        image_score: The image's score, 0..1.
        positive: There is a box to be found; None where all boxes are difficult.
        missed: Positions in ``record.boxes`` that no detection found.
        false: Positions in ``detections`` that find nothing.
        missed_scores: For each of ``missed`` the best score of a detection of any score that finds it; 0 without one.
    """

    record: Record
    detections: Boxes
    image_score: float
    positive: bool | None
    missed: tuple[int, ...]
    false: tuple[int, ...]
    missed_scores: tuple[float, ...]

    def to_dict(self) -> OutcomeDocument:
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


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Curves as lists of numbers, ready to be drawn.

    Attributes:
        froc: For each criterion ``false_positives_per_image``, ``sensitivity``, ``threshold``: a staircase,
            the corners where it rises and its end.
        precision_recall: For each overlap ``recall`` (101 steps) and ``precision``, COCO's, mean over classes.
        roc: For each level (``image``, …) ``false_positive_rate``, ``sensitivity`` and ``threshold``, the score from
            which images count there; at the first point, where none does, it is 1.
        roc_band: For each level the 95% interval of the sensitivity, ``low`` and ``high``, at each
            ``false_positive_rate``; empty without intervals.
        net_benefit: For ``image`` the net benefit at each ``threshold`` probability: ``model``, with ``low`` and
            ``high`` where there are intervals, and ``all`` if one acts on every image.
        reliability: For ``image`` and ``detection`` mean ``score``, ``observed`` share with Wilson's 95% ``low`` and
            ``high``, and ``count`` of each bin; bins hold equally many.
    """

    froc: dict[str, Curve] = field(default_factory=dict)
    precision_recall: dict[str, Curve] = field(default_factory=dict)
    roc: dict[str, Curve] = field(default_factory=dict)
    roc_band: dict[str, Curve] = field(default_factory=dict)
    net_benefit: dict[str, Curve] = field(default_factory=dict)
    reliability: dict[str, Curve] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """All that was measured. Every share is in 0..1.

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
        prevalence: The one that predictive values and the decision curve were asked for; None for that of these images.
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
    prevalence: float | None = None

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

    def to_dict(self) -> EvaluationDocument:
        """Plain dicts, lists, numbers and None, ready for JSON."""
        curves = self.curves
        return {
            **self._measured(),
            "prevalence": self.prevalence,
            "curves": {
                "froc": curves.froc,
                "precision_recall": curves.precision_recall,
                "roc": curves.roc,
                "roc_band": curves.roc_band,
                "net_benefit": curves.net_benefit,
                "reliability": curves.reliability,
            },
            "notes": [str(note) for note in self.notes],
            "subgroups": [group.to_dict() for group in self.subgroups],
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
        }

    def summary(self) -> SummaryDocument:
        """What model cards keep: all metrics of all images, and the FROC of the main criterion; ready for JSON."""
        froc = {name: curve for name, curve in self.curves.froc.items() if name == MAIN_CRITERION}
        return {**self._measured(), "curves": {"froc": froc}, "notes": [str(note) for note in self.notes]}

    def _measured(self) -> MeasuredDocument:
        return {
            "images": self.images,
            "positive": self.positive,
            "negative": self.negative,
            "boxes": self.boxes,
            "difficult": self.difficult,
            "detections": self.detections,
            "patients": self.patients,
            "studies": self.studies,
            "class_names": list(self.class_names),
            "threshold": self.threshold,
            "calibrated": self.calibrated,
            "intervals": None if self.intervals is None else self.intervals.to_dict(),
            "metrics": {key: metric.to_dict() for key, metric in self.metrics.items()},
        }

    def rows(self) -> list[tuple[str, str]]:
        """One screen: pairs of a metric's name and its value as text."""
        return evaluation_rows(self)

    def subgroup_rows(self) -> list[list[str]]:
        """A row for each subgroup: its name, images, boxes and the metrics of ``SUBGROUP_COLUMNS``."""
        return [subgroup_row(group) for group in self.subgroups]
