"""From a model's name, or the architecture on a model card, to a detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from fractura.core.errors import ModelError, first_line
from fractura.core.memory import is_out_of_memory, not_enough_memory
from fractura.models.architecture_limits import largest_number, refuse_above_memory, refuse_absurd_numbers
from fractura.models.catalogue import FAMILIES, find_model
from fractura.models.detector import Detector
from fractura.models.detr.family import TRAINING as TRANSFORMER_TRAINING
from fractura.models.detr.hub import PREFIX, find_folder, public_name
from fractura.models.family import Family

_USUAL = 4096
"""No number of a usual architecture is larger; one that is may ask for more memory than there is."""
_HINT = "use the fractura version named on the model's card"


def build_detector(name: str, num_classes: int, class_names: Sequence[str] | None = None) -> Detector:
    """A detector to train, with pretrained weights if there are any (``Detector.origin`` then says which).

    Args:
        name: One of ``model_names()``, or ``hf:`` followed by a model in the format of ``transformers``: its id on the
            Hugging Face Hub, or a local folder.
        num_classes: Number of classes, not counting the background.
        class_names: Their names; a pretrained model for exactly these classes then keeps its class heads.

    Raises:
        UsageError: No model has this name.
        ModelError: A pretrained model cannot be used.
        MissingDependencyError: A package, or a network to download a model, is missing.
    """
    if name.startswith(PREFIX):
        from fractura.models.detr.pretrained import load_pretrained

        source = name.removeprefix(PREFIX)
        return load_pretrained(find_folder(source), public_name(source), num_classes, class_names)
    entry = find_model(name)
    return _family_of(entry.architecture).build(entry, num_classes, class_names)


def build_untrained(name: str, num_classes: int = 1) -> Detector:
    """The detector ``name`` of the catalogue with random weights; needs no network.

    Raises:
        UsageError: No model has this name.
        MissingDependencyError: A package is missing.
    """
    return build_from_architecture(find_model(name).describe(num_classes))


def build_from_architecture(architecture: Mapping[str, Any]) -> Detector:
    """The detector that ``Detector.architecture`` described, with random weights.

    Raises:
        ModelError: The description does not fit this version, or has numbers that no network has.
        NotEnoughMemoryError: The network is larger than memory.
    """
    family = _family_of(architecture)
    refuse_absurd_numbers(architecture)
    try:
        if largest_number(architecture) > _USUAL:
            refuse_above_memory(lambda: family.rebuild(architecture))
        return family.rebuild(architecture)
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(
            f"the model's architecture is not supported by this version: {first['msg']}",
            place=".".join(str(part) for part in first["loc"]),
            hint=_HINT,
        ) from error
    except (RuntimeError, MemoryError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        # The libraries have no common class for numbers that fit no network.
        if is_out_of_memory(error):
            raise not_enough_memory("this model", error, hint="use a smaller model, or close other programs") from error
        raise ModelError(
            f"the model's architecture does not make a network ({first_line(error)})", hint=_HINT
        ) from error


def recommended_training(name: str, *, trained: bool = False) -> dict[str, Any]:
    """Training settings that suit a model, named as in ``TrainSettings``.

    Args:
        name: Any name that ``build_detector`` takes.
        trained: Training starts from a detector that already does this task.

    Raises:
        UsageError: No model has this name.
    """
    if name.startswith(PREFIX):
        return dict(TRANSFORMER_TRAINING)
    entry = find_model(name)
    return {**entry.training, **(entry.further_training if trained else {})}


def _family_of(architecture: Mapping[str, Any]) -> Family:
    wanted = architecture.get("family", "faster_rcnn")  # Faster R-CNN's cards do not name a family
    for family in FAMILIES:
        if wanted in family.architectures:
            return family
    raise ModelError(f"the model's family '{wanted}' is not supported by this version", hint=_HINT)
