"""Agreement of any number of readers on what they say of whole images, corrected for chance.

Readers may have left out images. All four coefficients are computed from how many readers put each image into each
category, so that a bootstrap draws images by weighing these counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from fractura.core.dataset import Dataset
from fractura.evaluation.bootstrap import metrics_of
from fractura.evaluation.measures import Floats, Integers
from fractura.evaluation.metric_names import Metric
from fractura.evaluation.paired_tests import McNemar, holm, mcnemar

COEFFICIENTS = ("percent_agreement", "fleiss_kappa", "krippendorff_alpha", "gwet_ac1")
NOT_READ = -1


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Several readers as a whole.

    Attributes:
        readers: Their names.
        images: Number of images that two or more of them have read.
        metrics: By each of ``COEFFICIENTS``: do they see a fracture on the same images.
        yes: How many images so many of the readers put a box on, from none to all; images that all have read.
    """

    readers: tuple[str, ...]
    images: int
    metrics: dict[str, Metric]
    yes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ReaderTest:
    """McNemar's test of two readers against a reference: is one right on more images than the other.

    Attributes:
        first: One.
        second: The other.
        metric: ``image_sensitivity`` or ``image_specificity``.
        test: Right is who puts a box where the reference has one, and none where it has none.
    """

    first: str
    second: str
    metric: str
    test: McNemar


class Coefficients:
    """``COEFFICIENTS`` as functions of image weights; see ``Measure``.

    Args:
        counts: ``(images, categories)``: how many readers put the image into the category.

    Sources: Fleiss, Psychol Bull 1971;76:378-382; Krippendorff, Content Analysis, 2004, chapter 11; Gwet, Br J Math
    Stat Psychol 2008;61:29-48, and for images that not all have read Handbook of Inter-Rater Reliability, 2014.

    Examples:
        >>> three_readers = np.array([[3, 0], [0, 3], [2, 1], [3, 0]])
        >>> [round(float(value), 3) for value in Coefficients(three_readers).of(np.ones(4))]
        [0.833, 0.625, 0.656, 0.7]
    """

    keys = COEFFICIENTS

    def __init__(self, counts: Integers) -> None:
        self.support: dict[str, Floats] = {}
        self._counts = counts.astype(np.float64)
        self._readers = self._counts.sum(axis=1)
        self._paired = self._readers > 1

    def of(self, weights: Floats) -> Floats:
        """Their values; NaN where all readers say the same of all images."""
        paired = self._paired
        counts, readers, own = self._counts[paired], self._readers[paired], weights[paired]
        total = own.sum()
        if not total:
            return np.full(len(COEFFICIENTS), np.nan)
        together = (counts * (counts - 1)).sum(axis=1)
        agreed = (own @ (together / (readers * (readers - 1)))) / total
        read = self._readers > 0
        shares = weights[read] @ (self._counts[read] / self._readers[read, None]) / weights[read].sum()
        by_chance = float((shares**2).sum())
        by_chance_gwet = float((shares * (1 - shares)).sum()) / (self._counts.shape[1] - 1)
        values, ratings = own @ counts, float(own @ readers)
        seen = (own @ (together / (readers - 1))) / ratings
        expected = float((values * (values - 1)).sum()) / (ratings * (ratings - 1))
        return np.array(
            [
                agreed,
                _above_chance(agreed, by_chance),
                _above_chance(seen, expected),
                _above_chance(agreed, by_chance_gwet),
            ]
        )


def _above_chance(agreed: float, by_chance: float) -> float:
    return (agreed - by_chance) / (1 - by_chance) if by_chance < 1 else float("nan")


def count_categories(ratings: NDArray[np.int64], categories: int) -> Integers:
    """How many readers put each image into each category: int64 ``(images, categories)``.

    Args:
        ratings: ``(readers, images)``: the category, from 0, or ``NOT_READ``.
        categories: Their number.

    Examples:
        >>> count_categories(np.array([[1, 0, -1], [1, 1, 0]]), 2).tolist()
        [[0, 2], [1, 1], [1, 0]]
    """
    return np.stack([(ratings == category).sum(axis=0) for category in range(categories)], axis=1)


def panel_of(readers: dict[str, Dataset], *, rounds: int, seed: int) -> Panel:
    """How far readers agree on which images have a fracture.

    Args:
        readers: By name, two or more.
        rounds: Resamples of the images for the intervals; 0 gives none.
        seed: Of the resamples.
    """
    names = list(dict.fromkeys(record.name for read in readers.values() for record in read))
    ratings = readings(list(readers.values()), names)
    patients = {record.name: record.patient for read in readers.values() for record in read if record.patient}
    counts = count_categories(ratings, 2)
    images = int(np.count_nonzero(counts.sum(axis=1) > 1))
    clusters = _clusters([patients.get(name) for name in names])
    by_all = ratings[:, (ratings != NOT_READ).all(axis=0)]
    return Panel(
        readers=tuple(readers),
        images=images,
        metrics=metrics_of([Coefficients(counts)], clusters, rounds, seed, dict.fromkeys(COEFFICIENTS, images)),
        yes=tuple(np.bincount(by_all.sum(axis=0), minlength=len(readers) + 1).tolist()),
    )


def _clusters(patients: Sequence[str | None]) -> Integers:
    """Number of the patient of each image; an image whose patient is not known is one of its own."""
    numbers: dict[str | int, int] = {}
    keys = (place if patient is None else patient for place, patient in enumerate(patients))
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def readings(readers: Sequence[Dataset], names: Sequence[str]) -> NDArray[np.int64]:
    """``(readers, images)``: 1 where the reader drew a box on the image of this name, 0 where none, else
    ``NOT_READ``."""
    drawn = [{record.name: int(len(record.boxes) > 0) for record in read} for read in readers]
    return np.array([[each.get(name, NOT_READ) for name in names] for each in drawn], dtype=np.int64)


def reader_tests(readers: dict[str, Dataset], reference: Dataset) -> tuple[ReaderTest, ...]:
    """Each pair of readers against a reference, on the images that all three have read, with Holm's correction over all
    pairs and both metrics."""
    names = [record.name for record in reference]
    wanted = readings([reference], names)[0]
    rated = dict(zip(readers, readings(list(readers.values()), names), strict=True))
    clusters = _clusters([record.patient for record in reference])
    found = []
    for first, second in combinations(rated, 2):
        read = (rated[first] != NOT_READ) & (rated[second] != NOT_READ)
        for metric, kind in (("image_sensitivity", 1), ("image_specificity", 0)):
            among = read & (wanted == kind)
            if among.any():
                test = mcnemar(rated[first][among] == kind, rated[second][among] == kind, clusters[among])
                found.append(ReaderTest(first=first, second=second, metric=metric, test=test))
    corrected = holm([each.test.p for each in found])
    return tuple(replace(each, test=replace(each.test, p_holm=p)) for each, p in zip(found, corrected, strict=True))
