"""How many of the images that a model is measured on had a part in making it, and the sentences that warn of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fractura.core.dataset import Dataset
from fractura.core.model_card import ModelCard

if TYPE_CHECKING:
    from fractura.evaluation.report.words import Words


@dataclass(frozen=True)
class Overlap:
    """Of the images measured on, how many had a part in making the model; None where its card cannot tell.

    Attributes:
        images: All that were measured on.
        trained: Those that it was trained on.
        validated: Those by which training chose the model's final state.
        threshold: Those by which its threshold was chosen, and its calibration, if it has one.
    """

    images: int
    trained: int | None
    validated: int | None
    threshold: int | None

    @classmethod
    def of(cls, card: ModelCard, dataset: Dataset) -> Overlap:
        """Count them. Reads every image once if the card lists digests of images and has another fingerprint."""
        trained = dataset.shared_with(card.trained_on) if card.trained_on is not None else None
        validated = _validated(card, dataset)
        threshold = validated if card.threshold_data is None else dataset.shared_with(threshold_images(card))
        return cls(len(dataset), trained, validated, threshold)

    def warnings(self, say: Words, *, own_threshold: bool, calibrated: bool) -> list[str]:
        """Sentences that must stand before the metrics.

        Args:
            say: The reader's words.
            own_threshold: The metrics hold at the model's own threshold, not at one given for them.
            calibrated: The metrics are of the model's probabilities.
        """
        found = []
        if self.trained is None and self.validated is None:
            found.append(
                say(
                    "Whether any of these images was trained on or chose the model's final state is not known: its "
                    "card "
                    "lists no digests of images."
                )
            )
        if self.trained:
            found.append(
                say(
                    "{shared} of {images} images were trained on: metrics on images that the model has not seen will "
                    "be "
                    "lower.",
                    shared=self.trained,
                    images=self.images,
                )
            )
        chosen = {say("the threshold"): self.threshold} if own_threshold else {}
        chosen |= {say("the calibration"): self.threshold} if calibrated else {}
        chosen |= {say("the model's final state"): self.validated}
        for shared in sorted({count for count in chosen.values() if count}, reverse=True):
            found.append(
                say(
                    "{shared} of {images} images chose {what}: metrics on other images will be lower. Publish metrics "
                    "of "
                    "images that had no part in training or in any choice.",
                    shared=shared,
                    images=self.images,
                    what=say(" and ").join(name for name, count in chosen.items() if count == shared),
                )
            )
        return found


def fingerprint_of(card: ModelCard, part: str) -> str | None:
    """Of the ``train`` or ``val`` images that the card names, if it does."""
    described = card.data.get(part)
    found = described.get("fingerprint") if isinstance(described, dict) else None
    return found if isinstance(found, str) else None


def threshold_images(card: ModelCard) -> Mapping[str, Any]:
    """What the card tells of the images that the threshold was chosen on; of some it has the fingerprint alone."""
    for described in card.data.values():
        if isinstance(described, dict) and described.get("fingerprint") == card.threshold_data:
            return described
    return {"fingerprint": card.threshold_data}


def _validated(card: ModelCard, dataset: Dataset) -> int | None:
    described = card.data.get("val")
    if isinstance(described, dict):
        return dataset.shared_with(described)
    return 0 if "val" in card.data else None  # a card that says None: there were no such images
