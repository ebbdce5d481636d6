"""Is an image of the kind that a model was trained on? By the body part that its header names, and by its appearance.

The appearance of an image is described by statistics of a small copy of it: tones, edges, detail at four sizes, and
where in the image they lie; contrast is stretched first, and left and right count alike. The distance of an image is
that of Mahalanobis from the training images' mean (Lee et al. 2018, arXiv 1807.03888, apply it to a network's features;
those told hospitals apart rather than body parts here). A model card without a ``domain`` warns of nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fractura.core.errors import ModelError
from fractura.core.model_card import ModelCard

Floats = NDArray[np.float64]
_SIDE, _SHORTEST = 128, 16
_TONES = np.linspace(0.05, 0.95, 7)
_EDGES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
_DIRECTIONS, _SIZES = 5, 4
_TONE_GRID, _EDGE_GRID = 5, 4
_SMALLEST_SPAN = 0.05
_TINT = 0.1
"""Colour up to this difference between the channels is that of a screen or of paper."""
_STEADY, _RIDGE = 0.01, 0.01
"""A statistic that varies less than this among the training images may do so elsewhere."""
_FAINTEST = 3e-3
"""Added before a logarithm is taken: weaker edges are noise of the grey levels."""


@dataclass(frozen=True, eq=False)
class Domain:
    """What a model was trained on.

    Attributes:
        body_parts: DICOM's terms for what its training images show, such as ``WRIST``.
        mean: Of the statistics of the training images, ``(d,)``.
        whitening: ``(d, d)``: times a difference from the mean, its length is the distance.
        threshold: Distance above which an image is outside.
    """

    body_parts: frozenset[str]
    mean: Floats
    whitening: Floats
    threshold: float

    @classmethod
    def from_card(cls, card: ModelCard) -> Domain | None:
        """What the model of this card was trained on; None where the card does not say.

        Raises:
            ModelError: What the card says cannot be read.
        """
        document = card.domain
        if document is None:
            return None
        try:
            domain = cls(
                frozenset(str(part) for part in document["body_parts"]),
                np.asarray(document["mean"], np.float64),
                _square(document["whitening"]),
                float(document["threshold"]),
            )
            if domain.mean.shape != image_statistics(np.zeros((1, 1, 3), np.uint8)).shape:
                raise ValueError("the wrong number of statistics")
            if not np.isfinite([*domain.mean, *(domain.whitening @ domain.mean), domain.threshold]).all():
                raise ValueError("numbers that are not finite")
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(
                f"the domain on the model card cannot be read ({type(error).__name__}: {error})",
                place="domain",
                hint="copy the model again from its source",
            ) from error
        return domain

    @classmethod
    def fit(cls, statistics: Floats, body_parts: frozenset[str], *, usual: Floats, share: float) -> Domain:
        """The domain of some images.

        Args:
            statistics: Of the images that the model saw, ``(n, d)``; see ``image_statistics``.
            body_parts: What they show.
            usual: Of images as people have them, unchanged, ``(m, d)``: the threshold is chosen on these.
            share: Of them beyond the threshold, 0..1.
        """
        deviation = np.maximum(statistics.std(axis=0), _STEADY)
        covariance = np.cov(((statistics - statistics.mean(axis=0)) / deviation).T)
        # The ridge keeps what hardly varies among the training images from deciding alone.
        inverse = np.linalg.inv(covariance + _RIDGE * np.eye(len(covariance)))
        whitening = np.linalg.cholesky(inverse).T / deviation
        domain = cls(body_parts, statistics.mean(axis=0), whitening, np.inf)
        distances = np.linalg.norm((usual - domain.mean) @ whitening.T, axis=1)
        return cls(body_parts, domain.mean, whitening, float(np.quantile(distances, 1 - share)))

    def to_dict(self) -> dict[str, Any]:
        """What ``ModelCard.domain`` holds; of the whitening only what is not zero."""
        return {
            "body_parts": sorted(self.body_parts),
            "threshold": round(self.threshold, 4),
            "mean": [_short(value) for value in self.mean.tolist()],
            "whitening": [[_short(v) for v in row[start:]] for start, row in enumerate(self.whitening.tolist())],
        }

    def distance(self, image: NDArray[np.uint8]) -> float:
        """How far an image, uint8 ``(h, w, 3)``, is from the training images; they lie about 6 away from their mean."""
        return float(np.linalg.norm(self.whitening @ (image_statistics(image) - self.mean)))

    def warning(self, image: NDArray[np.uint8], body_part: str | None = None) -> str | None:
        """What to say of an image that is outside, in one sentence; None for one that is not.

        Args:
            image: uint8 ``(h, w, 3)``.
            body_part: DICOM's term for it, as its header says, if known.
        """
        if body_part is not None and body_part not in self.body_parts:
            return f"outside what this model was trained on: its header says {body_part}"
        if self.distance(image) > self.threshold:
            return "outside what this model was trained on: it does not resemble the training images"
        return None


def image_statistics(image: NDArray[np.uint8]) -> Floats:
    """An image, uint8 ``(h, w, 3)``, as numbers that its size and contrast hardly change: float64 ``(49,)``.

    Examples:
        >>> image = np.random.default_rng(0).integers(0, 256, (80, 60, 3)).astype(np.uint8)
        >>> bool(np.allclose(image_statistics(image), image_statistics(image[:, ::-1]), atol=0.01))
        True
    """
    height, width = image.shape[:2]
    scale = _SIDE / max(height, width)
    size = max(_SHORTEST, round(width * scale)), max(_SHORTEST, round(height * scale))
    small = Image.fromarray(image).resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.BILINEAR)
    channels = np.asarray(small, np.float64) / 255
    colour, grey = np.maximum(np.ptp(channels, axis=2) - _TINT, 0), channels.mean(axis=2)
    low, high = np.quantile(grey, (0.02, 0.98))
    grey = np.clip((grey - low) / max(high - low, _SMALLEST_SPAN), -0.2, 1.2)
    down, across = np.gradient(grey)
    edges = np.hypot(down, across)
    return np.concatenate(
        [
            [colour.mean()],
            [*np.quantile(grey, _TONES), grey.std()],
            np.log(_FAINTEST + np.array([*np.quantile(edges, _EDGES), edges.mean()])),
            _directions(down, across, edges),
            np.log(_FAINTEST + _detail(grey)),
            _halved(_blocks(np.clip(grey, 0, 1), _TONE_GRID)),
            np.log(10 * _FAINTEST + _halved(_blocks(np.minimum(4 * edges, 1), _EDGE_GRID))),
            [np.log(width / height)],
        ]
    )


def _directions(down: Floats, across: Floats, edges: Floats) -> Floats:
    """The share of edges at each angle to the horizontal: ``(5,)``."""
    angles = np.arctan2(np.abs(down), np.abs(across))
    counts, _ = np.histogram(angles, _DIRECTIONS, (0, np.pi / 2), weights=edges)
    return np.asarray(counts / (counts.sum() + 1e-3), np.float64)


def _detail(grey: Floats) -> Floats:
    """How much is lost when the image is halved, and halved again: ``(4,)``."""
    lost = []
    for _ in range(_SIZES):
        rows, columns = grey.shape[0] // 2 * 2, grey.shape[1] // 2 * 2
        even = grey[:rows, :columns]
        half = even.reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3))
        lost.append((even - np.kron(half, np.ones((2, 2)))).std())
        grey = half
    return np.array(lost)


def _blocks(values: Floats, count: int) -> Floats:
    """The means of ``count`` by ``count`` parts of an image."""
    rows = np.array_split(values, count, axis=0)
    return np.array([[part.mean() for part in np.array_split(row, count, axis=1)] for row in rows])


def _halved(grid: Floats) -> Floats:
    """The left half of a grid, averaged with the right one in the mirror, as one row."""
    mean = (grid + grid[:, ::-1]) / 2
    return np.asarray(mean[:, : (grid.shape[1] + 1) // 2].ravel(), np.float64)


def _square(rows: list[list[float]]) -> Floats:
    """The upper triangular matrix whose rows these are, from the diagonal on."""
    matrix = np.zeros((len(rows), len(rows)))
    for start, row in enumerate(rows):
        matrix[start, start:] = row
    return matrix


def _short(value: float) -> float:
    return float(f"{value:.6g}")
