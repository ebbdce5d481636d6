"""Choose the score from which a detection counts, on validation images, for a stated aim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.core.errors import UsageError
from fractura.evaluation.froc import FALSE_POSITIVE, IGNORED, TRUE_POSITIVE, Matching, image_scores, match_detections
from fractura.evaluation.metric_names import CRITERION_TEXT, MAIN_CRITERION

LOWEST_THRESHOLD = 0.05
"""A model that finds something only below this score has not learnt yet; its best F1 would be noise."""
WHERE_NOTHING_IS_FOUND = 0.5
AIMS = ("f1", "sensitivity=0.9", "fp_per_image=0.5", "image_sensitivity=0.95", "image_specificity=0.9")
"""An example of each aim."""


@dataclass(frozen=True)
class Aim:
    """What a threshold is chosen for.

    Attributes:
        name: ``f1``: sensitivity and precision are best together; ``sensitivity``: at least such a share of the
            fractures is found, with as few false positives as that takes; ``fp_per_image``: at most so many false
            positives per image on average, with as many fractures found as that allows. A detection finds a box by
            ``MAIN_CRITERION``. ``image_sensitivity``: at least such a share of the fractured images has a detection,
            wherever on the image it is, with as few detected normal images as that takes; ``image_specificity``: at
            least such a share of the normal images has none, with as many detected fractured images as that allows.
        value: The share or rate; None for ``f1``.
    """

    name: str = "f1"
    value: float | None = None

    @classmethod
    def parse(cls, text: str) -> Aim:
        """Read one of the kinds of ``AIMS``.

        Raises:
            UsageError: It is none of these, or the value is impossible.

        Examples:
            >>> Aim.parse("sensitivity=0.9")
            Aim(name='sensitivity', value=0.9)
        """
        name, equals, number = text.strip().partition("=")
        if name == "f1" and not equals:
            return cls()
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        shares = ("sensitivity", "image_sensitivity", "image_specificity")
        possible = 0 < value <= 1 if name in shares else name == "fp_per_image" and 0 < value < float("inf")
        if not possible:
            raise UsageError(f"'{text}' is not an aim", hint=f"such as {', '.join(AIMS)}")
        return cls(name, value)

    @property
    def of_images(self) -> bool:
        """It is about images as a whole, not about single fractures."""
        return self.name.startswith("image_")

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}={self.value:g}"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A threshold and what it gives on the images it was chosen on.

    Attributes:
        threshold: The score, 0..1.
        reached: The aim is met.
        found: Boxes found; for an aim of images, fractured images with a detection.
        boxes: Boxes to be found; fractured images.
        false_positives: False positives on all images; normal images with a detection.
        images: Number of images; normal images.
        of_images: The aim is one of images.
    """

    threshold: float
    reached: bool
    found: int
    boxes: int
    false_positives: int
    images: int
    of_images: bool = False

    def __str__(self) -> str:
        start = f"threshold {self.threshold:.4g}"
        if not self.boxes:
            return f"{start}: there is no fracture to find"
        share = f"{self.found / self.boxes:.3f}"
        if self.of_images:
            clear = self.images - self.false_positives
            rest = "there is no normal image"
            if self.images:
                rest = f"leaves {clear / self.images:.3f} ({clear} of {self.images} normal images) without a detection"
            return f"{start} flags {share} ({self.found} of {self.boxes} fractured images), {rest}"
        rate = f", {self.false_positives / self.images:.2f} false positives per image" if self.images else ""
        where = CRITERION_TEXT[MAIN_CRITERION]
        return f"{start} finds {share} ({self.found} of {self.boxes} boxes, {where}){rate}"


def choose_threshold(dataset: Dataset, predictions: Sequence[Boxes], aim: Aim) -> Choice:
    """The score that serves an aim best on these images; where none meets it, the one that comes nearest.

    Args:
        dataset: Images with their boxes.
        predictions: One scored ``Boxes`` per record, not cut at any threshold.
        aim: What to choose for.

    Examples:
        >>> from pathlib import Path
        >>> from fractura.core.dataset import Record
        >>> wrist = Record(image=Path("wrist.png"), width=100, height=100, boxes=Boxes([[10, 10, 50, 50]], [0]))
        >>> found = Boxes([[12, 10, 50, 50], [70, 70, 90, 90]], [0, 0], [0.75, 0.5])
        >>> print(choose_threshold(Dataset(class_names=("fracture",), records=(wrist,)), [found], Aim()))
        threshold 0.75 finds 1.000 (1 of 1 boxes, IoU 0.3), 0.00 false positives per image
    """
    lowest = LOWEST_THRESHOLD if aim.name == "f1" else 0.0
    if aim.of_images:
        matching, units = _match_images(dataset, predictions)
    else:
        matching = match_detections(dataset, [detections.above(lowest) for detections in predictions], MAIN_CRITERION)
        units = len(dataset)
    scores, found, false = matching.curve()
    if not len(scores) or not matching.ground_truths or not found[-1]:
        false_positives = matching.at(WHERE_NOTHING_IS_FOUND)[1]
        return Choice(
            threshold=WHERE_NOTHING_IS_FOUND,
            reached=False,
            found=0,
            boxes=matching.ground_truths,
            false_positives=false_positives,
            images=units,
            of_images=aim.of_images,
        )
    if aim.value is None:
        place, reached = int(np.argmax(2 * found / (found + false + matching.ground_truths))), True
    elif aim.name in ("sensitivity", "image_sensitivity"):
        wanted = np.ceil(aim.value * matching.ground_truths - 1e-9)
        reached = bool(found[-1] >= wanted)
        place = int(np.searchsorted(found, min(wanted, found[-1])))
    else:
        allowed = aim.value * units if aim.name == "fp_per_image" else (1 - aim.value) * units + 1e-9
        last = int(np.searchsorted(false, allowed, side="right")) - 1
        reached = last >= 0 and units > 0
        # Going further down than the last one found would only add false positives.
        place = int(np.searchsorted(found, found[last])) if reached else 0
    return Choice(
        threshold=float(scores[place]),
        reached=reached,
        found=int(found[place]),
        boxes=matching.ground_truths,
        false_positives=int(false[place]),
        images=units,
        of_images=aim.of_images,
    )


def _match_images(dataset: Dataset, predictions: Sequence[Boxes]) -> tuple[Matching, int]:
    """Images that have a detection as if each were one detection of the image's score, and the number of normal images.

    A fractured image is found, a normal one false; one with difficult boxes only is neither.
    """
    detected = np.flatnonzero([len(detections) > 0 for detections in predictions])
    positive = np.array([record.is_positive for record in dataset], dtype=bool)
    negative = np.array([record.is_negative for record in dataset], dtype=bool)
    outcome = np.select([positive, negative], [TRUE_POSITIVE, FALSE_POSITIVE], IGNORED)[detected]
    none = np.full(len(detected), -1)
    matching = Matching(
        image_scores(predictions)[detected], outcome, none, detected, none, int(positive.sum()), len(dataset)
    )
    return matching, int(negative.sum())
