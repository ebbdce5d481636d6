"""How well scores agree with what is observed, and the fit of the ``Calibrator`` that corrects them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fractura.core.calibrator import Calibrator, log_odds
from fractura.core.errors import DataError
from fractura.evaluation.froc import IGNORED, TRUE_POSITIVE
from fractura.evaluation.metric_names import MAIN_CRITERION
from fractura.evaluation.table import Table
from fractura.evaluation.threshold import LOWEST_THRESHOLD

Floats = NDArray[np.float64]
METHODS = ("temperature", "isotonic")
BINS = 10


def fit_calibrator(table: Table, method: str) -> Calibrator:
    """Fit on validation images.

    Args:
        table: Images and detections.
        method: One of ``METHODS``.

    Raises:
        DataError: There are not both right and wrong detections, or not both fractured and normal images.
    """
    detection_scores, right, _ = calibration_detections(table, lowest=0.0)
    image_scores, positive, _ = calibration_images(table)
    for observed, what in ((right, "right and wrong detections"), (positive, "images with and without fractures")):
        if not 0 < observed.sum() < len(observed):
            raise DataError(f"a calibration needs both {what}", hint="give more images, or --method none")
    fit = _fit_temperature if method == "temperature" else _fit_isotonic
    return Calibrator(method, fit(detection_scores, right), fit(image_scores, positive))


def cross_fitted_errors(table: Table, method: str, *, folds: int = 5, seed: int = 0) -> dict[str, tuple[float, float]]:
    """What a calibration is worth on images it was not fitted on: the expected calibration error without and with it.

    The images are divided into folds, all of a patient into one; each fold gets its probabilities from a calibration
    that was fitted on the others.

    Args:
        table: Images and detections.
        method: One of ``METHODS``.
        folds: Number of folds.
        seed: Of the division.

    Returns:
        For ``image`` and ``detection`` the error of the scores and that of the probabilities.

    Raises:
        DataError: Too few images: some folds leave only one kind of image or detection to fit on.
    """
    clusters = table.clusters
    part = np.random.default_rng(seed).permutation(clusters.max(initial=-1) + 1)[clusters] % folds
    stated: dict[str, list[Floats]] = {"image": [], "detection": []}
    scores: dict[str, list[Floats]] = {"image": [], "detection": []}
    rights: dict[str, list[Floats]] = {"image": [], "detection": []}
    for fold in np.unique(part):
        calibrator = fit_calibrator(table.select(part != fold), method)
        held_out = table.select(part == fold)
        for what, (own, right, _) in (
            ("image", calibration_images(held_out)),
            ("detection", calibration_detections(held_out)),
        ):
            stated[what].append(calibrator.images(own) if what == "image" else calibrator.detections(own))
            scores[what].append(own)
            rights[what].append(right)
    return {
        what: (
            calibration_error(np.concatenate(scores[what]), np.concatenate(rights[what])),
            calibration_error(np.concatenate(stated[what]), np.concatenate(rights[what])),
        )
        for what in stated
    }


def calibration_error(stated: Floats, right: Floats) -> float:
    """Expected calibration error over ``bins_of``: mean distance of stated from observed shares; 0 of nothing.

    Examples:
        >>> calibration_error(np.array([0.9, 0.9, 0.9]), np.array([1.0, 1.0, 0.0]))  # 90% stated, 67% observed
        0.2333...
    """
    return float(np.abs(np.bincount(bins_of(stated), stated - right)).sum() / max(len(stated), 1))


def calibration_detections(
    table: Table, *, lowest: float = LOWEST_THRESHOLD
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Scores of the detections from ``lowest`` up, whether each is right (0 or 1), and its image.

    Ignored ones are not among them.
    """
    matching = table.matchings[MAIN_CRITERION]
    counted = (matching.outcome != IGNORED) & (matching.scores >= np.float32(lowest))
    right = (matching.outcome[counted] == TRUE_POSITIVE).astype(np.float64)
    return matching.scores[counted].astype(np.float64), right, matching.images[counted]


def calibration_images(table: Table) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Scores of the images that are positive or negative, which of the two (1 or 0), and their positions."""
    images = np.flatnonzero(table.positive | table.negative)
    return table.scores[images].astype(np.float64), table.positive[images].astype(np.float64), images


def bins_of(stated: Floats) -> NDArray[np.int64]:
    """The bin of each value, from 0: ``BINS`` of about equal count; equal values share a bin.

    Examples:
        >>> bins_of(np.array([0.1, 0.9, 0.1]))
        array([0, 1, 0])
    """
    if not len(stated):
        return np.zeros(0, dtype=np.int64)
    inner = np.quantile(stated, np.linspace(0, 1, BINS + 1)[1:-1])
    return np.unique(np.searchsorted(inner, stated, side="right"), return_inverse=True)[1].astype(np.int64)


def reliability(stated: Floats, right: Floats) -> dict[str, list[float]]:
    """The reliability curve: mean stated value and observed share of each bin, with Wilson's 95% interval."""
    bins = bins_of(stated)
    count = np.bincount(bins).astype(np.float64)
    observed = np.bincount(bins, right) / count
    low, high = wilson(observed, count)
    curve = {"score": np.bincount(bins, stated) / count, "observed": observed, "low": low, "high": high, "count": count}
    return {name: values.tolist() for name, values in curve.items()}


def wilson(share: Floats, count: Floats) -> tuple[Floats, Floats]:
    """Wilson's 95% interval of a share.

    Source: Wilson, J. Am. Stat. Assoc. 1927;22:209-212.

    Examples:
        >>> low, high = wilson(np.array([0.5]), np.array([10.0]))
        >>> low.round(3), high.round(3)
        (array([0.237]), array([0.763]))
    """
    z2 = 1.959963984540054**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = np.sqrt(z2 * (share * (1 - share) / count + z2 / (4 * count**2))) / (1 + z2 / count)
    return np.maximum(middle - half, 0), np.minimum(middle + half, 1)


def _fit_temperature(scores: Floats, right: Floats) -> dict[str, Any]:
    """The temperature of the least log loss. Source: Guo et al., ICML 2017."""
    from scipy.optimize import minimize_scalar

    odds = log_odds(scores)

    def loss(log_temperature: float) -> float:
        scaled = odds / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0, scaled) - right * scaled))

    return {"temperature": float(np.exp(minimize_scalar(loss, bounds=(-5, 5), method="bounded").x))}


def _fit_isotonic(scores: Floats, right: Floats) -> dict[str, Any]:
    """Pool adjacent violators; never quite 0 or 1, which no number of images proves."""
    from scipy.optimize import isotonic_regression

    edge = 1 / (len(right) + 2)
    x, place, count = np.unique(scores, return_inverse=True, return_counts=True)
    pooled = isotonic_regression(np.bincount(place, right) / count, weights=count).x
    y = np.clip(pooled, edge, 1 - edge)
    kept = np.ones(len(y), dtype=np.bool_)
    kept[1:-1] = (y[1:-1] != y[:-2]) | (y[1:-1] != y[2:])  # of each step its two ends
    return {"x": x[kept].tolist(), "y": y[kept].tolist()}
