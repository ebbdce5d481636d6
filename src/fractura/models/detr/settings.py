"""Everything that defines a detection transformer, typed and closed; the network itself as in the library."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from fractura.models.detr.library import FamilyName
from fractura.models.resizer import FixedShapeResizer

Positive = Annotated[float, Field(gt=0)]


class DetectionTransformerSettings(BaseModel):
    """The architecture of one detection transformer.

    Attributes:
        name: What it was built from: a name of the catalogue, or ``hf:`` and the id of a model on the Hugging Face Hub.
        family: ``model_type`` of the library's configuration.
        num_classes: Number of classes, not counting the background.
        image_resizer: Images are resized to this; the aspect ratio is not kept, as in pretraining.
        image_mean: Subtracted from the pixels (0..1), per channel.
        image_std: Divides them afterwards.
        config: The library's configuration as JSON values, without class names.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str
    family: FamilyName
    num_classes: PositiveInt
    image_resizer: FixedShapeResizer
    image_mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    image_std: tuple[Positive, Positive, Positive] = (1.0, 1.0, 1.0)
    config: dict[str, Any]

    @model_validator(mode="after")
    def _canvas_fits_the_network(self) -> DetectionTransformerSettings:
        multiple = canvas_multiple(self.family, self.config)
        sides = self.image_resizer.height, self.image_resizer.width
        if any(side % multiple for side in sides):
            raise ValueError(f"the canvas of {sides[0]} x {sides[1]} must have sides that are multiples of {multiple}")
        return self


def canvas_multiple(family: str, config: dict[str, Any]) -> int:
    """What both sides of the canvas must be multiples of.

    >>> canvas_multiple("d_fine", {"feat_strides": [8, 16, 32]})
    32
    """
    backbone = config.get("backbone_config") or {}
    if family == "rf_detr":
        patch = backbone.get("patch_size", 1)
        patches = patch if isinstance(patch, list | tuple) else [patch]
        return max(int(side) for side in patches) * int(backbone.get("num_windows", 1))
    return max(int(stride) for stride in config.get("feat_strides") or (1,))
