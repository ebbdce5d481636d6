"""Leakage: how many of the images that a model is measured on had a part in making it.

Scores on such images are too good. ``Leakage`` counts them and says what readers must be warned of;
``refuse_trained_images`` keeps them out of what chooses a threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.core.model_card import ModelCard
from fractura.evaluation.documents import LeakageDocument
from fractura.evaluation.messages import Message


@dataclass(frozen=True, kw_only=True)
class Leakage:
    """Of the images measured on, how many had a part in making the model; None where its card cannot tell.

    Attributes:
        images: All that were measured on.
        trained: Those that it was trained on.
        validated: Those by which training chose the model's final state.
        threshold: Those by which its threshold was chosen, and its calibration, if it has one.

    Examples:
        >>> leakage = Leakage(images=50, trained=0, validated=0, threshold=50)
        >>> [str(warning).split(":")[0] for warning in leakage.warnings(own_threshold=True, calibrated=False)]
        ['50 of 50 images chose the threshold']
    """

    images: int
    trained: int | None
    validated: int | None
    threshold: int | None

    @classmethod
    def of(cls, card: ModelCard, dataset: Dataset) -> Leakage:
        """Count them. Reads every image once if the card lists digests of images and has another fingerprint."""
        validated = _validated(card, dataset)
        return cls(
            images=len(dataset),
            trained=None if card.trained_on is None else dataset.shared_with(card.trained_on),
            validated=validated,
            threshold=validated if card.threshold_data is None else dataset.shared_with(_threshold_images(card)),
        )

    def to_dict(self) -> LeakageDocument:
        """Plain values, ready for JSON."""
        return {
            "images": self.images,
            "trained": self.trained,
            "validated": self.validated,
            "threshold": self.threshold,
        }

    def warnings(self, *, own_threshold: bool, calibrated: bool) -> list[Message]:
        """What readers must know before they read the metrics.

        Args:
            own_threshold: The metrics hold at the model's own threshold, not at one given for them.
            calibrated: The metrics are of the model's probabilities.
        """
        found = []
        if self.trained is None and self.validated is None:
            found.append(
                Message(
                    "Whether any of these images was trained on or chose the model's final state is not known: its "
                    "card lists no digests of images."
                )
            )
        if self.trained:
            found.append(
                Message(
                    "{shared} of {images} images were trained on: metrics on images that the model has not seen will "
                    "be worse.",
                    {"shared": self.trained, "images": self.images},
                )
            )
        chosen = []
        if own_threshold:
            chosen.append((Message("the threshold"), self.threshold))
        if calibrated:
            chosen.append((Message("the calibration"), self.threshold))
        chosen.append((Message("the model's final state"), self.validated))
        for shared in sorted({count for _, count in chosen if count}, reverse=True):
            what = reduce(_both, (choice for choice, count in chosen if count == shared))
            found.append(
                Message(
                    "{shared} of {images} images chose {what}: metrics on other images will be worse. Publish metrics "
                    "of images that had no part in training or in any choice.",
                    {"shared": shared, "images": self.images, "what": what},
                )
            )
        return found


def _both(first: Message, second: Message) -> Message:
    return Message("{first} and {second}", {"first": first, "second": second})


def refuse_trained_images(card: ModelCard, dataset: Dataset, file: Path) -> None:
    """See that the model was not trained on any of the images that are to choose its threshold.

    Args:
        card: The model's.
        dataset: The images.
        file: Where they are, for the error.

    Raises:
        DataError: It was trained on some of them.
    """
    if card.trained_on is not None and (seen := dataset.shared_with(card.trained_on)):
        raise DataError(
            f"the model was trained on {seen} of these {len(dataset)} images: on others its scores are lower",
            file=file,
            hint="calibrate on images that it has not seen: fractura split sets some apart",
        )


def fingerprint_of(card: ModelCard, part: str) -> str | None:
    """The fingerprint of the ``train`` or ``val`` images that the card names; None if it names none."""
    described = card.data.get(part)
    found = described.get("fingerprint") if isinstance(described, dict) else None
    return found if isinstance(found, str) else None


def _threshold_images(card: ModelCard) -> Mapping[str, Any]:
    """What the card says of the images that the threshold was chosen on; of some it has the fingerprint alone."""
    for described in card.data.values():
        if isinstance(described, dict) and described.get("fingerprint") == card.threshold_data:
            return described
    return {"fingerprint": card.threshold_data}


def _validated(card: ModelCard, dataset: Dataset) -> int | None:
    described = card.data.get("val")
    if isinstance(described, dict):
        return dataset.shared_with(described)
    return 0 if "val" in card.data else None  # a card that says None: there were no such images
