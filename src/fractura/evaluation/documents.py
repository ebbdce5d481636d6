"""The shapes of ``evaluation.json`` and of what model cards keep of an evaluation, as typed dictionaries."""

from __future__ import annotations

from typing import TypedDict


class MetricDocument(TypedDict):
    """See ``Metric``."""

    value: float | None
    low: float | None
    high: float | None
    count: int | None
    part: int | None


class IntervalsDocument(TypedDict):
    """See ``Intervals``."""

    rounds: int
    seed: int
    level: float
    unit: str
    clusters: int
    method: str


class SubgroupDocument(TypedDict):
    """See ``Subgroup``."""

    by: str
    name: str
    images: int
    positive: int
    negative: int
    boxes: int
    metrics: dict[str, MetricDocument]


class OutcomeDocument(TypedDict):
    """See ``Outcome``: the image by its name, boxes as corners, detections as corners and score."""

    image: str
    positive: bool | None
    score: float
    boxes: list[list[float]]
    detections: list[list[float]]
    missed: list[int]
    missed_scores: list[float]
    false: list[int]


Curve = dict[str, list[float]]
"""Lists of equal length by name, such as ``recall`` and ``precision``."""


class FrocDocument(TypedDict):
    """What model cards keep of ``Curves``: the FROC of the main criterion."""

    froc: dict[str, Curve]


class CurvesDocument(FrocDocument):
    """See ``Curves``."""

    precision_recall: dict[str, Curve]
    roc: dict[str, Curve]
    roc_band: dict[str, Curve]
    net_benefit: dict[str, Curve]
    reliability: dict[str, Curve]


class MeasuredDocument(TypedDict):
    """What all of them have. See ``Evaluation``."""

    images: int
    positive: int
    negative: int
    boxes: int
    difficult: int
    detections: int
    patients: int | None
    studies: int | None
    class_names: list[str]
    threshold: float
    calibrated: bool
    intervals: IntervalsDocument | None
    metrics: dict[str, MetricDocument]


class SummaryDocument(MeasuredDocument):
    """What model cards keep: the metrics of all images, without subgroups and outcomes. See ``Evaluation``."""

    curves: FrocDocument
    notes: list[str]


class EvaluationDocument(MeasuredDocument):
    """See ``Evaluation``."""

    prevalence: float | None
    curves: CurvesDocument
    notes: list[str]
    subgroups: list[SubgroupDocument]
    outcomes: list[OutcomeDocument]


class LeakageDocument(TypedDict):
    """See ``Leakage``."""

    images: int
    trained: int | None
    validated: int | None
    threshold: int | None


class ModelDocument(TypedDict):
    """Which model was measured."""

    name: str
    path: str


class DataDocument(TypedDict):
    """Which images it was measured on, and how many of them had a part in making it."""

    path: str
    fingerprint: str
    overlap: LeakageDocument


class EvaluationFileDocument(EvaluationDocument):
    """``evaluation.json``: an evaluation with what it is of, and what must be read before its metrics."""

    model: ModelDocument
    data: DataDocument
    warnings: list[str]
