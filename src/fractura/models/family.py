"""What the registry asks of a family of detectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from fractura.models.detector import Detector


class Family(ABC):
    """One folder of detectors, as the registry sees it.

    Attributes:
        names: Every name that ``build`` knows and that is worth listing.
        architectures: Values of ``family`` in the architectures that ``rebuild`` takes.
    """

    names: tuple[str, ...]
    architectures: tuple[str, ...]

    def knows(self, name: str) -> bool:
        """True if ``build`` takes this name."""
        return name in self.names

    @abstractmethod
    def build(self, name: str, num_classes: int, class_names: Sequence[str] | None = None) -> Detector:
        """A detector to train, with the best weights there are to start from.

        Args:
            name: One that the family knows.
            num_classes: Number of classes, background not counted.
            class_names: Their names, for families whose pretrained models have names, too.
        """

    @abstractmethod
    def rebuild(self, architecture: Mapping[str, Any]) -> Detector:
        """The detector that ``Detector.architecture`` described, with fresh weights; needs no network.

        Raises:
            pydantic.ValidationError: The description does not fit.
        """

    @abstractmethod
    def recommended_training(self, name: str, *, trained: bool) -> dict[str, Any]:
        """Training settings that suit a model, by their names in ``TrainSettings``; see the registry's."""
