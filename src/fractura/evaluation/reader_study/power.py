"""How many readers and images a study of two modalities needs, from the variance components of an earlier one.

Source: Hillis, Obuchowski and Berbaum, Acad Radiol 2011;18:129-142; Hillis and Schartz, J Med Imaging 2018;5:045503.
"""

from __future__ import annotations

from fractura.evaluation.reader_study.analysis import FIXED_CASES, FIXED_READERS, MANY, RANDOM
from fractura.evaluation.reader_study.components import Components

ALPHA = 0.05
_MOST_CASES = 100_000
GENERALISATIONS = (RANDOM, FIXED_READERS, FIXED_CASES)


def power_of(
    components: Components, *, readers: int, cases: int, effect: float, alpha: float = ALPHA, to: str = RANDOM
) -> float:
    """The chance that a study finds a difference that is there.

    Args:
        components: From a pilot study, with the number of its images.
        readers: Of the study to come.
        cases: Images of the study to come, fractured and normal ones in the pilot's proportion.
        effect: The difference of the two modalities' figures of merit that is to be found.
        alpha: Two-sided level of the test.
        to: To whom the result is to apply, one of ``GENERALISATIONS``.

    Raises:
        ValueError: The components have no modality-by-reader variance, which takes two readers.

    Examples:
        >>> pilot = Components(cases=114, reader=0.00153, modality_reader=0.00020040, error=0.00080229,
        ...                    cov1=0.00034661, cov2=0.00034407, cov3=0.00023903)
        >>> round(power_of(pilot, readers=10, cases=165, effect=0.0438), 2)
        0.81
    """
    from scipy.stats import chi2, f, ncf, ncx2

    if components.modality_reader is None:
        raise ValueError("a pilot study of one reader does not say how much readers differ")
    interaction = max(components.modality_reader, 0.0)
    shared = max(components.cov2 - components.cov3, 0.0)
    scale = components.cases / cases
    own = components.error - components.cov1
    if to == FIXED_READERS:
        noise = scale * (own + (readers - 1) * shared)
        return float(ncx2.sf(chi2.ppf(1 - alpha, 1), 1, effect**2 * readers / 2 / noise)) if noise > 0 else 1.0
    part = interaction + scale * (own - shared)
    noise = part + (scale * readers * shared if to == RANDOM else 0.0)
    if part <= 0 or readers < 2:
        return float("nan") if readers < 2 else 1.0
    if effect == 0:  # SciPy's noncentral F is not defined there
        return alpha
    df = (noise / part) ** 2 * (readers - 1)
    if df > MANY:
        return float(ncx2.sf(chi2.ppf(1 - alpha, 1), 1, effect**2 * readers / 2 / noise))
    return float(ncf.sf(f.ppf(1 - alpha, 1, df), 1, df, effect**2 * readers / 2 / noise))


def smallest_study(
    components: Components,
    *,
    readers: int,
    effect: float,
    power: float = 0.8,
    alpha: float = ALPHA,
    to: str = RANDOM,
) -> int | None:
    """The fewest images with which so many readers reach the power; None if 100,000 are not enough.

    Args:
        components: See ``power_of``.
        readers: Of the study to come.
        effect: The difference to be found.
        power: The chance to find it, 0..1.
        alpha: Two-sided level of the test.
        to: See ``power_of``.
    """

    def enough(cases: int) -> bool:
        return power_of(components, readers=readers, cases=cases, effect=effect, alpha=alpha, to=to) >= power

    low, high = 1, 2
    while not enough(high):
        if high >= _MOST_CASES:
            return None
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
