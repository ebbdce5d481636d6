"""From a model's name, or the architecture on a model card, to a detector: one line here for each family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from fractura.core.errors import ModelError, UsageError, suggest_name
from fractura.models.catalogue import DEFAULT_MODEL
from fractura.models.detector import Detector
from fractura.models.detr.family import DetectionTransformerFamily
from fractura.models.family import Family
from fractura.models.faster_rcnn.family import FasterRCNNFamily

__all__ = ["DEFAULT_MODEL", "build_detector", "build_from_architecture", "model_names", "recommended_training"]

FAMILIES: tuple[Family, ...] = (FasterRCNNFamily(), DetectionTransformerFamily())


def model_names() -> tuple[str, ...]:
    """Every name that ``build_detector`` knows; it takes ``hf:OWNER/NAME`` and ``hf:FOLDER`` as well."""
    return tuple(name for family in FAMILIES for name in family.names)


def build_detector(name: str, num_classes: int, class_names: Sequence[str] | None = None) -> Detector:
    """A detector to train, from pretrained weights where there are any (``Detector.origin`` then says which).

    Args:
        name: One of ``model_names()``, or ``hf:`` and a model in the format of ``transformers``: its id on the Hugging
            Face Hub, or a local folder.
        num_classes: Number of classes, background not counted.
        class_names: Their names; a pretrained model for the very same classes then keeps its class heads.

    Raises:
        UsageError: No model has this name.
        ModelError: A pretrained model cannot be used.
        MissingDependencyError: A package, or a network to fetch a model over, is not there.
    """
    return _family(name).build(name, num_classes, class_names)


def build_from_architecture(architecture: Mapping[str, Any]) -> Detector:
    """The detector that ``Detector.architecture`` described, with fresh weights.

    Raises:
        ModelError: The description does not fit this version.
    """
    wanted = architecture.get("family", "faster_rcnn")  # which is older than families
    hint = "use the fractura version named on the model's card"
    family = next((family for family in FAMILIES if wanted in family.architectures), None)
    if family is None:
        raise ModelError(f"the model's architecture is of a family '{wanted}' this version does not know", hint=hint)
    try:
        return family.rebuild(architecture)
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(
            f"the model's architecture is not one this version knows: {first['msg']}",
            place=".".join(str(part) for part in first["loc"]),
            hint=hint,
        ) from error


def recommended_training(name: str, *, trained: bool = False) -> dict[str, Any]:
    """Training settings that suit a model, by their names in ``TrainSettings``.

    Args:
        name: One that ``build_detector`` takes.
        trained: It starts from a detector that was trained for the same work already.

    Raises:
        UsageError: No model has this name.
    """
    return _family(name).recommended_training(name, trained=trained)


def _family(name: str) -> Family:
    for family in FAMILIES:
        if family.knows(name):
            return family
    raise UsageError(f"no model is called '{name}'", hint=suggest_name(name, model_names()))
