"""Two sets of detections on the same images: differences between their metrics, with intervals and p-values.

Paired bootstrap: in each resample both are measured on the same drawn images, so that what makes an image hard for both
cancels out. The p-value is twice the smaller share of resamples on either side of no difference. Source: Efron and
Tibshirani, An Introduction to the Bootstrap, 1993, chapters 13 and 15.

Whole images have the usual tests besides, McNemar's and DeLong's, for clusters where patients or studies are known.
Holm's correction is made within each family of questions, over all models that are compared with the first one; see
``corrected``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.evaluation.bootstrap import ROUNDS, draws, interval, keys_of, values_of
from fractura.evaluation.curves import curves_of
from fractura.evaluation.evaluate import refuse_wrong_detections
from fractura.evaluation.measures import Floats
from fractura.evaluation.metric_names import CRITERIA, FALSE_POSITIVES_PER_IMAGE, point_text
from fractura.evaluation.metric_set import brief_measures
from fractura.evaluation.paired_tests import DeLong, McNemar, delong, holm, mcnemar
from fractura.evaluation.result import Curves
from fractura.evaluation.table import Table, build_table

COMPARED = (
    *("AP50", "AP30", "AP10"),
    *(f"froc/{criterion}/{point_text(point)}" for criterion in CRITERIA for point in FALSE_POSITIVES_PER_IMAGE),
    *("image_auc", "image_sensitivity", "image_specificity", "false_positives_per_normal_image"),
)
MAIN = {
    "AP50": "AP, IoU 0.5",
    "AP30": "AP, IoU 0.3",
    "froc/iou30/0.25": "found at 0.25 false",
    "froc/iou30/0.5": "found at 0.5 false",
    "froc/iou30/1": "found at 1 false",
    "froc/iou30/2": "found at 2 false",
    "image_auc": "image AUC",
    "image_sensitivity": "image sensitivity",
    "image_specificity": "image specificity",
    "false_positives_per_normal_image": "false on normal images",
}
"""Of ``COMPARED``, what the terminal shows by default, in words so short that a row fits 80 columns; see
``MAIN_TEXT``."""
MAIN_TEXT = (
    "found at 1 false: share of fractures found (IoU 0.3) at one false positive per image; false on normal images: "
    "detections per normal image"
)


@dataclass(frozen=True)
class Difference:
    """One metric of both, and the second less the first.

    Attributes:
        first: None where it is not defined.
        second: None where it is not defined.
        difference: ``second - first``.
        low: Lower end of its 95% interval.
        high: Upper end.
        p: Two-sided p-value of no difference.
        p_holm: ``p`` after Holm's correction; None until ``corrected``.
    """

    first: float | None
    second: float | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two sets of detections on the same images.

    Attributes:
        images: Number of images.
        unit: What was resampled: ``patient``, ``study`` or ``image``.
        clusters: Number of these.
        rounds: Resamples.
        seed: Of the resamples.
        thresholds: Of the first and of the second.
        differences: By metric, see ``metric_text``.
        flagged: Images with a detection at the threshold: ``both``, ``first``, ``second`` only, ``neither``.
        kappa: Cohen's kappa of the two on what is flagged; None where it is not defined.
        mcnemar: McNemar's tests of ``image_sensitivity`` and ``image_specificity``, where there are such images.
        delong: DeLong's test of the AUCs of images; None with fewer than two fractured or two normal ones.
        curves: Of the first and of the second; they are not part of ``to_dict``.
    """

    images: int
    unit: str
    clusters: int
    rounds: int
    seed: int
    thresholds: tuple[float, float]
    differences: dict[str, Difference]
    flagged: dict[str, int]
    kappa: float | None
    mcnemar: dict[str, McNemar]
    delong: DeLong | None
    curves: tuple[Curves, Curves]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        document = asdict(self)
        del document["curves"]
        return document


def compare(
    first: tuple[Dataset, Sequence[Boxes]],
    second: tuple[Dataset, Sequence[Boxes]],
    *,
    thresholds: tuple[float, float],
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Comparison:
    """Compare two sets of detections.

    Args:
        first: Images and one scored ``Boxes`` per image, labels as in that data set.
        second: The same images in the same order; its classes may be in another order.
        thresholds: Scores from which a detection counts, of the first and of the second.
        rounds: Resamples.
        seed: Of the resamples.

    Raises:
        ValueError: The images are not the same, or detections are not as ``evaluate`` wants them.
    """
    if [record.name for record in first[0]] != [record.name for record in second[0]]:
        raise ValueError("both sets of detections must be of the same images, in the same order")
    for dataset, predictions in (first, second):
        refuse_wrong_detections(dataset, predictions)
    tables = [build_table(*each) for each in (first, second)]
    measures = [brief_measures(table, threshold) for table, threshold in zip(tables, thresholds, strict=True)]
    clusters = tables[0].clusters
    samples = np.array([[values_of(each, weights) for each in measures] for weights in draws(clusters, rounds, seed)])
    values = [values_of(each, np.ones(len(clusters))) for each in measures]
    keys = keys_of(measures[0])
    flags = [table.scores >= np.float32(threshold) for table, threshold in zip(tables, thresholds, strict=True)]
    both, only_first, only_second = (
        int(np.count_nonzero(each)) for each in (flags[0] & flags[1], flags[0] & ~flags[1], ~flags[0] & flags[1])
    )
    return Comparison(
        images=len(first[0]),
        unit=tables[0].unit,
        clusters=len(np.unique(clusters)),
        rounds=rounds,
        seed=seed,
        thresholds=thresholds,
        differences={
            key: _difference(values[0][place], values[1][place], samples[:, 1, place] - samples[:, 0, place])
            for key in COMPARED
            for place in [keys.index(key)]
        },
        flagged={
            "both": both,
            "first": only_first,
            "second": only_second,
            "neither": len(first[0]) - both - only_first - only_second,
        },
        kappa=_defined(cohen_kappa(flags[0], flags[1], np.ones(len(clusters)))),
        mcnemar=_mcnemar_tests(tables[0], flags),
        delong=_delong_test(tables),
        curves=(curves_of(tables[0], None), curves_of(tables[1], None)),
    )


def _mcnemar_tests(table: Table, flags: Sequence[NDArray[np.bool_]]) -> dict[str, McNemar]:
    """Fractured images are right if flagged, normal ones if not; difficult boxes alone make an image neither."""
    right = {"image_sensitivity": (table.positive, flags), "image_specificity": (table.negative, [~f for f in flags])}
    return {
        key: mcnemar(of[0][among], of[1][among], table.clusters[among])
        for key, (among, of) in right.items()
        if among.any()
    }


def _delong_test(tables: Sequence[Table]) -> DeLong | None:
    counted = tables[0].positive | tables[0].negative
    first, second = (table.scores[counted].astype(np.float64) for table in tables)
    return delong(first, second, tables[0].positive[counted], tables[0].clusters[counted])


def corrected(comparisons: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The comparisons with Holm's correction of their p-values.

    A family is one kind of question asked of all models: average precision at its overlaps, the operating points of one
    FROC curve, the metrics of whole images, and for these the exact tests (DeLong, McNemar) as a family of their own.

    Args:
        comparisons: Of each other model with the same first one.
    """
    families: dict[str, list[tuple[int, str]]] = {}
    for number, each in enumerate(comparisons):
        for key in each.differences:
            families.setdefault(family_of(key), []).append((number, key))
    adjusted = [dict(each.differences) for each in comparisons]
    for members in families.values():
        for (number, key), p in zip(members, holm([adjusted[n][k].p for n, k in members]), strict=True):
            adjusted[number][key] = replace(adjusted[number][key], p_holm=p)
    exact = holm([p for each in comparisons for p in _exact_p_values(each)])
    found = []
    for each, differences in zip(comparisons, adjusted, strict=True):
        auc = each.delong
        if auc is not None:
            auc = replace(auc, p_holm=exact.pop(0))
        shares = {key: replace(test, p_holm=exact.pop(0)) for key, test in each.mcnemar.items()}
        found.append(replace(each, differences=differences, delong=auc, mcnemar=shares))
    return tuple(found)


def _exact_p_values(comparison: Comparison) -> list[float | None]:
    auc = [] if comparison.delong is None else [comparison.delong.p]
    return [*auc, *(test.p for test in comparison.mcnemar.values())]


def family_of(key: str) -> str:
    """The family of questions that a compared metric belongs to.

    Examples:
        >>> [family_of(key) for key in ("AP50", "froc/iou30/0.5", "image_auc", "false_positives_per_normal_image")]
        ['AP', 'froc/iou30', 'image', 'false_positives_per_normal_image']
    """
    if key.startswith("AP"):
        return "AP"
    if key.startswith("froc/"):
        return key.rpartition("/")[0]
    return "image" if key.startswith("image_") else key


def _difference(first: float, second: float, samples: Floats) -> Difference:
    if np.isnan(first) or np.isnan(second):
        return Difference(_defined(first), _defined(second))
    low, high = interval(samples) or (None, None)
    return Difference(float(first), float(second), float(second - first), low, high, p_value(samples))


def p_value(samples: Floats) -> float | None:
    """Two-sided p-value from differences ``(rounds,)``; never below what the number of rounds can resolve.

    Examples:
        >>> p_value(np.full(999, 0.1))  # the second was better in every resample
        0.002
    """
    defined = samples[~np.isnan(samples)]
    if not len(defined):
        return None
    fewer = min(np.count_nonzero(defined <= 0), np.count_nonzero(defined >= 0))
    return float(min(1.0, 2 * (fewer + 1) / (len(defined) + 1)))


def cohen_kappa(first: NDArray[np.bool_], second: NDArray[np.bool_], weights: Floats) -> float:
    """Cohen's kappa of two yes-or-no readings ``(images,)`` at image weights; NaN if both say the same of every image.

    Source: Cohen, Educ. Psychol. Meas. 1960;20:37-46.

    Examples:
        >>> first, second = np.array([True, True, False, False]), np.array([True, False, False, False])
        >>> cohen_kappa(first, second, np.ones(4))
        0.5
    """
    total = weights.sum()
    if not total:
        return float("nan")
    agreed = weights[first == second].sum() / total
    yes = [weights[each].sum() / total for each in (first, second)]
    by_chance = yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1])
    return float((agreed - by_chance) / (1 - by_chance)) if by_chance < 1 else float("nan")


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
