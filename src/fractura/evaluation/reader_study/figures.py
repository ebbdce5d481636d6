"""Figures of merit of one reader with one modality, with what they are when each image is left out in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fractura.evaluation.measures import Floats, Integers
from fractura.evaluation.messages import gettext_noop
from fractura.evaluation.reader_study.ratings import ReaderStudy

FIGURES = {
    "auc": gettext_noop("AUC of images"),
    "wafroc": gettext_noop("wAFROC figure of merit"),
    "jafroc": gettext_noop("JAFROC figure of merit"),
    "sensitivity": gettext_noop("Sensitivity by image"),
    "specificity": gettext_noop("Specificity by image"),
}
"""``auc``: chance that a fractured image is rated above a normal one (Wilcoxon). ``jafroc``: chance that a lesion is
rated above every place on a normal image; ``wafroc``: the same with lesions that weigh one together on each image.
``sensitivity`` and ``specificity`` need a rating from which an image counts as fractured."""


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure of merit of every reader with every modality.

    Attributes:
        name: One of ``FIGURES``.
        values: float64 ``(modalities, readers)``.
        without: float64 ``(modalities, readers, cases)``: the figure without each case; cases are the images that it is
            measured on.
    """

    name: str
    values: Floats
    without: Floats

    @property
    def cases(self) -> int:
        """Number of images that it is measured on."""
        return int(self.without.shape[2])


def figures_of(study: ReaderStudy, *, positive_from: float | None = None) -> list[Figure]:
    """The figures that a study allows.

    Args:
        study: The ratings.
        positive_from: Rating from which an image counts as called fractured; without it there is neither sensitivity
            nor specificity.

    Source: Chakraborty and Berbaum, Med Phys 2004;31:2313-2330; Chakraborty, Observer Performance Methods for
    Diagnostic Imaging, 2017, chapters 5 and 14.
    """
    up, down = study.ratings[..., study.fractured], study.ratings[..., ~study.fractured]
    figures = [_two_sample("auc", up, down, np.arange(up.shape[2]), np.ones(up.shape[2]), up.shape[2])]
    places = study.localisations
    if places is not None:
        number = np.cumsum(study.fractured) - 1
        image, false = number[places.image], places.false[..., ~study.fractured]
        images = int(np.count_nonzero(study.fractured))
        weights = 1 / np.bincount(image, minlength=images)[image]
        figures.append(_two_sample("wafroc", places.lesions, false, image, weights, images))
        figures.append(_two_sample("jafroc", places.lesions, false, image, np.ones(len(image)), images))
    if positive_from is not None:
        figures.append(_share("sensitivity", up >= positive_from))
        figures.append(_share("specificity", down < positive_from))
    return figures


def _two_sample(name: str, up: Floats, down: Floats, image: Integers, weights: Floats, images: int) -> Figure:
    """The weighted mean over pairs of a lesion and a normal image of: above 1, equal 1/2, below 0.

    Args:
        name: One of ``FIGURES``.
        up: ``(modalities, readers, lesions)``.
        down: ``(modalities, readers, normal images)``.
        image: ``(lesions,)``: number of the lesion's image among the fractured ones.
        weights: ``(lesions,)``.
        images: Number of fractured images.
    """
    own = np.bincount(image, weights, images)
    values = np.empty(up.shape[:2])
    without = np.empty((*up.shape[:2], images + down.shape[2]))
    for place in np.ndindex(*values.shape):
        lesions, normal = up[place][:, None], down[place][None, :]
        above = weights[:, None] * ((lesions > normal) + 0.5 * (lesions == normal))
        total, of_normal = above.sum(), above.sum(axis=0)
        of_image = np.bincount(image, above.sum(axis=1), images)
        count, weight = down.shape[2], own.sum()
        values[place] = total / (count * weight)
        without[place] = np.concatenate(
            [(total - of_image) / (count * (weight - own)), (total - of_normal) / ((count - 1) * weight)]
        )
    return Figure(name, values, without)


def _share(name: str, right: NDArray[np.bool_]) -> Figure:
    total, count = right.sum(axis=2), right.shape[2]
    return Figure(name, total / count, (total[..., None] - right) / (count - 1))
