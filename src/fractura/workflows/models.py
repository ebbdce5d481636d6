"""``list_models``: the model that comes with fractura, and those that can be trained by name."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from fractura.core.errors import ModelError
from fractura.evaluation import Metric
from fractura.inference import BUILT_IN, load_model
from fractura.inference.built_in import built_in_model
from fractura.models.catalogue import CATALOGUE, DEFAULT_MODEL, MEASURED_ON
from fractura.models.family import ModelEntry

VALIDATION_METRICS = ("AP50", "froc/iou10/0.5", "image_auc")
"""Of the built-in model, as its card has them: average precision, fractures found at half a false positive an image,
AUC."""


@dataclass(frozen=True, kw_only=True)
class BuiltInModel:
    """The model that comes with fractura.

    Attributes:
        name: What ``load_model`` calls it.
        model: What its card calls it.
        architecture: Name of the detector.
        class_names: In label order.
        megabytes: Size of its file.
        licence: Terms of its weights.
        threshold: Score from which a detection counts.
        validation: Some of the metrics on its validation images, by key.
        limits: What it is known to do badly, a sentence each.
    """

    name: str
    model: str
    architecture: str
    class_names: tuple[str, ...]
    megabytes: float
    licence: str | None
    threshold: float
    validation: dict[str, Metric]
    limits: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AvailableModels:
    """All models that fractura knows by name.

    Attributes:
        built_in: Ready to use; None where this copy of fractura comes without it.
        problem: Why there is none.
        default: What ``train`` builds where no model is named.
        measured_on: What the times in ``models`` are times of.
        models: Those that can be trained by name.
    """

    built_in: BuiltInModel | None
    problem: ModelError | None
    default: str
    measured_on: str
    models: tuple[ModelEntry, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "built_in": None if self.built_in is None else asdict(self.built_in),
            "default": self.default,
            "measured_on": self.measured_on,
            "models": [entry.to_dict() for entry in self.models],
        }


def list_models() -> AvailableModels:
    """List the models: the one that comes with fractura, and those that can be trained by name.

    Any other model of a transformer family can be trained from its folder or its id on the Hugging Face Hub.

    Examples:
        >>> list_models().default
        'faster_rcnn_efficientnet_lite0_448x448'
    """
    built_in, problem = None, None
    try:
        built_in = _built_in()
    except ModelError as error:
        problem = error
    return AvailableModels(
        built_in=built_in, problem=problem, default=DEFAULT_MODEL, measured_on=MEASURED_ON, models=CATALOGUE
    )


def _built_in() -> BuiltInModel:
    file = built_in_model()
    card = load_model(file).card
    metrics = card.metrics.get("validation", {}).get("metrics", {})
    return BuiltInModel(
        name=BUILT_IN,
        model=card.name,
        architecture=card.architecture["name"],
        class_names=card.class_names,
        megabytes=file.stat().st_size / 1e6,
        licence=card.licence,
        threshold=card.threshold,
        validation={key: Metric(**metrics[key]) for key in VALIDATION_METRICS if key in metrics},
        limits=card.limits,
    )
