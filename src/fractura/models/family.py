"""What the registry needs of a detector family: the models it declares and how to build one. Needs no PyTorch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractura.models.detector import Detector

_BYTES_PER_WEIGHT = 4


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """One named model: everything that the catalogue, the registry and the benchmarks know about it.

    The metrics are measured or cited, never estimated: ``parameters`` and ``processor_milliseconds`` come from
    ``python -m benchmarks.catalogue``, ``coco_ap`` from the authors of the weights.

    Attributes:
        name: What users type after ``--model``.
        family: Display name of the detector family.
        parameters: Number of weights, for one class.
        start: What its weights have learned when training starts.
        source: Where those weights come from.
        licence: Licence of those weights.
        hub_id: Their id on the Hugging Face Hub; None if they come from elsewhere.
        processor_milliseconds: Processor time per image, if measured: see ``catalogue.MEASURED_ON``.
        coco_ap: Average precision (IoU 0.5:0.95) on COCO val2017 published for the weights, in percent.
        coco_source: Where ``coco_ap`` is published.
        architecture: Settings of the detector where they differ from its family's defaults, as plain JSON values.
        training: Recommended training settings, named as in ``TrainSettings``.
        further_training: What differs when training starts from a detector that already does this task.
    """

    name: str
    family: str
    parameters: int
    start: str
    source: str
    licence: str
    hub_id: str | None = None
    processor_milliseconds: int | None = None
    coco_ap: float | None = None
    coco_source: str | None = None
    architecture: Mapping[str, Any] = field(repr=False)
    training: Mapping[str, Any] = field(repr=False)
    further_training: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def megabytes(self) -> float:
        """Size of the float32 weights, in millions of bytes."""
        return self.parameters * _BYTES_PER_WEIGHT / 1e6

    def describe(self, num_classes: int) -> dict[str, Any]:
        """The architecture for ``num_classes`` classes, as ``build_from_architecture`` takes it."""
        return {"name": self.name, "num_classes": num_classes, **self.architecture}

    def to_dict(self) -> dict[str, Any]:
        """The published facts (not how the model is built or trained) as plain JSON values."""
        return {
            "name": self.name,
            "family": self.family,
            "parameters": self.parameters,
            "start": self.start,
            "source": self.source,
            "licence": self.licence,
            "hub_id": self.hub_id,
            "processor_milliseconds": self.processor_milliseconds,
            "coco_ap": self.coco_ap,
            "coco_source": self.coco_source,
            "megabytes": self.megabytes,
        }


class Family(ABC):
    """A package of detectors that share their code.

    Attributes:
        entries: Its named models.
        architectures: Values of ``family`` in the architectures that ``rebuild`` accepts.
    """

    entries: tuple[ModelEntry, ...]
    architectures: tuple[str, ...]

    @abstractmethod
    def build(self, entry: ModelEntry, num_classes: int, class_names: Sequence[str] | None = None) -> Detector:
        """A detector ready to train, starting from the best weights available.

        Args:
            entry: One of ``entries``.
            num_classes: Number of classes, not counting the background.
            class_names: Their names; some pretrained models have named classes, too.
        """

    @abstractmethod
    def rebuild(self, architecture: Mapping[str, Any]) -> Detector:
        """The detector that ``Detector.architecture`` described, with random weights; needs no network.

        Raises:
            pydantic.ValidationError: The description does not fit.
        """
