"""The model of Obuchowski and Rockette: what makes a figure of merit vary from reader to reader and case to case."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fractura.evaluation.measures import Floats


@dataclass(frozen=True, kw_only=True)
class Components:
    """Variance components of a figure of merit; estimates may be negative.

    Attributes:
        cases: Number of images that they were estimated on.
        reader: Variance of readers; None with one reader.
        modality_reader: Variance of modality by reader, what is left of ``MS(TR)``; None with one reader.
        error: Error variance of a figure of one reader with one modality.
        cov1: Covariance of one reader's figures with two modalities.
        cov2: Covariance of two readers' figures with one modality; 0 with one reader.
        cov3: Covariance of two readers' figures with two modalities; 0 with one reader.
    """

    cases: int
    reader: float | None
    modality_reader: float | None
    error: float
    cov1: float
    cov2: float
    cov3: float


@dataclass(frozen=True, kw_only=True)
class MeanSquares:
    """Two-way analysis of variance of figures ``(modalities, readers)``.

    Attributes:
        modality: Mean square of modalities.
        reader: Of readers; None with one reader.
        interaction: Of modality by reader; None with one reader.
    """

    modality: float
    reader: float | None
    interaction: float | None


def jackknife_covariance(without: Floats) -> Floats:
    """The covariance of figures from what they are without each case.

    Args:
        without: ``(modalities, readers, cases)``.

    Returns:
        float64 ``(modalities, readers, modalities, readers)``.

    Examples:
        >>> mean_without_each = np.array([[[5 / 2, 4 / 2, 3 / 2]]])  # of 1, 2 and 3
        >>> float(jackknife_covariance(mean_without_each)[0, 0, 0, 0])  # the squared error of their mean, 1/3
        0.333...
    """
    modalities, readers, cases = without.shape
    centred = (without - without.mean(axis=2, keepdims=True)).reshape(modalities * readers, cases)
    covariance = (cases - 1) / cases * (centred @ centred.T)
    return np.asarray(covariance.reshape(modalities, readers, modalities, readers))


def covariance_components(covariance: Floats) -> tuple[float, float, float, float]:
    """Error variance, Cov1, Cov2 and Cov3: means of the entries of a covariance that share modality and reader, the
    reader alone, the modality alone, and neither.

    Args:
        covariance: See ``jackknife_covariance``.
    """
    modalities, readers = covariance.shape[:2]
    same_modality = np.eye(modalities, dtype=bool)[:, None, :, None]
    same_reader = np.eye(readers, dtype=bool)[None, :, None, :]
    kinds = (
        same_modality & same_reader,
        ~same_modality & same_reader,
        same_modality & ~same_reader,
        ~same_modality & ~same_reader,
    )
    wide = [np.broadcast_to(kind, covariance.shape) for kind in kinds]
    error, cov1, cov2, cov3 = (float(covariance[kind].mean()) if kind.any() else 0.0 for kind in wide)
    return error, cov1, cov2, cov3


def mean_squares(values: Floats) -> MeanSquares:
    """The mean squares of figures ``(modalities, readers)``."""
    modalities, readers = values.shape
    grand, by_modality, by_reader = values.mean(), values.mean(axis=1), values.mean(axis=0)
    modality = readers * ((by_modality - grand) ** 2).sum() / (modalities - 1)
    if readers == 1:
        return MeanSquares(modality=float(modality), reader=None, interaction=None)
    rest = values - by_modality[:, None] - by_reader[None, :] + grand
    return MeanSquares(
        modality=float(modality),
        reader=float(modalities * ((by_reader - grand) ** 2).sum() / (readers - 1)),
        interaction=float((rest**2).sum() / ((modalities - 1) * (readers - 1))),
    )


def components_of(squares: MeanSquares, covariance: Floats, cases: int) -> Components:
    """The variance components that mean squares and covariances give (Hillis, Stat Med 2014;33:330-360)."""
    error, cov1, cov2, cov3 = covariance_components(covariance)
    modalities = covariance.shape[0]
    reader = interaction = None
    if squares.reader is not None and squares.interaction is not None:
        reader = (squares.reader - squares.interaction) / modalities - cov1 + cov3
        interaction = squares.interaction - error + cov1 + cov2 - cov3
    return Components(
        cases=cases, reader=reader, modality_reader=interaction, error=error, cov1=cov1, cov2=cov2, cov3=cov3
    )
