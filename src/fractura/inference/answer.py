"""What a result says of an image as a whole, and how scores and probabilities are put into words.

A score is not a probability: only a model whose card holds a calibration for the views in use gives those. Everything
that is shown says which of the two it is.
"""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict  # pydantic refuses that of ``typing`` before Python 3.12

from fractura.core.model_card import ModelCard
from fractura.inference.settings import DetectionSettings

Answer = Literal["likely", "possible", "unlikely", "suspected", "not detected"]
"""Of a fracture on an image. The first three rest on a probability, the last two on nothing but the threshold."""

_EVEN = 0.5


class Sensitivity(TypedDict):
    """The share of the fractured images with a detection at the threshold, as measured on the validation images.

    Attributes:
        value: 0..1.
        low: Lower end of its 95 % interval; None where none was computed.
        high: Upper end.
        images: Number of fractured images that it was measured on.
    """

    value: float
    low: float | None
    high: float | None
    images: int


def image_answer(image_score: float, probability: float | None, threshold: float) -> Answer:
    """What to say of an image.

    With a probability, a fracture is *likely* or *unlikely* where the threshold and the even chance agree, and
    *possible* where they do not. Without one, it is *suspected* from the threshold up.

    Args:
        image_score: Of the image's best candidate.
        probability: That the image shows a fracture; None without a calibration.
        threshold: Lowest score of a detection.

    Examples:
        >>> image_answer(0.6, 0.62, 0.4), image_answer(0.45, 0.3, 0.4), image_answer(0.1, 0.02, 0.4)
        ('likely', 'possible', 'unlikely')
        >>> image_answer(0.6, None, 0.4), image_answer(0.1, None, 0.4)
        ('suspected', 'not detected')
    """
    detected = image_score >= threshold
    if probability is None:
        return "suspected" if detected else "not detected"
    if detected != (probability >= _EVEN):
        return "possible"
    return "likely" if detected else "unlikely"


def answer_text(answer: Answer, image_score: float, probability: float | None) -> str:
    """The answer for people.

    Examples:
        >>> answer_text("likely", 0.9, 0.62), answer_text("not detected", 0.1, None)
        ('fracture likely: probability 0.62', 'fracture not detected: score 0.10, not calibrated')
    """
    note = ", not calibrated" if probability is None else ""
    return f"fracture {answer}: {certainty_text(image_score, probability)}{note}"


def certainty_text(score: float, probability: float | None) -> str:
    """A probability where there is one, else the score; it says which.

    Examples:
        >>> certainty_text(0.9, 0.62), certainty_text(0.9, None)
        ('probability 0.62', 'score 0.90')
    """
    return f"score {score:.2f}" if probability is None else f"probability {probability:.2f}"


def threshold_text(threshold: float, sensitivity: Sensitivity | None) -> str:
    """The threshold with what was measured there.

    Examples:
        >>> threshold_text(0.4, {"value": 0.711, "low": 0.57, "high": 0.84, "images": 45})
        'threshold 0.40, sensitivity 71 % (57–84 %) on 45 fractured images'
        >>> threshold_text(0.4, None)
        'threshold 0.40, sensitivity not measured'
    """
    if sensitivity is None:
        return f"threshold {threshold:.2f}, sensitivity not measured"
    low, high = sensitivity["low"], sensitivity["high"]
    interval = "" if low is None or high is None else f" ({low * 100:.0f}–{high * 100:.0f} %)"
    measured = f"{sensitivity['value'] * 100:.0f} %{interval} on {sensitivity['images']} fractured images"
    return f"threshold {threshold:.2f}, sensitivity {measured}"


def measured_sensitivity(card: ModelCard, settings: DetectionSettings) -> Sensitivity | None:
    """What the card knows of the sensitivity for whole images at this threshold, with these views.

    Returns:
        None where it was measured at another threshold, with other views, or not at all.
    """
    validation = card.metrics.get("validation")
    if not isinstance(validation, dict) or validation.get("threshold") != settings.threshold:
        return None
    metrics = validation.get("metrics")
    measured = metrics.get("image_sensitivity") if isinstance(metrics, dict) else None
    value = _number(measured.get("value")) if isinstance(measured, dict) else None
    if settings.views != card.views or not isinstance(measured, dict) or value is None:
        return None
    return {
        "value": value,
        "low": _number(measured.get("low")),
        "high": _number(measured.get("high")),
        "images": int(_number(measured.get("count")) or 0),
    }


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:  # a whole number of hundreds of digits
        return None
