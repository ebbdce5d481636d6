"""The JSON of ``/api/training`` as pydantic models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic refuses that of ``typing`` before Python 3.12

from fractura.web.schemas import RequestBody


class TrainingRequest(RequestBody):
    """How to train on the folder."""

    num_steps: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    val_share: Annotated[float, Field(ge=0, le=0.9, allow_inf_nan=False)] = 0.2
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0


class TrainingStep(TypedDict):
    """One logged step."""

    step: int
    loss: float


class TrainingValidation(TypedDict):
    """One validation; AP50 is null where the images do not define it."""

    step: int
    AP50: float | None


class MeasuredValue(TypedDict):
    """A value with its 95 % interval; the ends are null where none was computed."""

    value: float
    low: float | None
    high: float | None


class TrainingResult(BaseModel):
    """The model that was kept, measured on the images kept for validation, and the model in use on the same ones.

    Attributes:
        images: Number of these images.
        negatives: How many of them have no box.
        boxes: Number of their boxes.
        AP50: Of the new model.
        in_use_ap50: Of the model in use; null where there is none, or the images do not define it.
        difference: The new model's AP50 less that of the model in use, on the same images.
        seen: How many of these images the model in use was trained on; null where that is not known.
    """

    model_config = ConfigDict(frozen=True)

    images: int
    negatives: int
    boxes: int
    AP50: MeasuredValue | None
    in_use_ap50: float | None = None
    difference: MeasuredValue | None = None
    seen: int | None = None


class TrainingDecision(RequestBody):
    """Whether the new model makes the suggestions from now on."""

    use: bool


class TrainingStatus(BaseModel):
    """The current training, or the last one.

    Attributes:
        model: Id of the model that was kept.
        kept_step: The step that it is from.
        result: What was measured of it; null without images for validation.
        in_use: Id of the model that it was compared with.
        asks: The new model waits for somebody to decide whether it takes over.
    """

    model_config = ConfigDict(frozen=True)

    state: Literal["idle", "preparing", "running", "measuring", "done", "failed", "stopped"] = "idle"
    step: int = 0
    num_steps: int = 0
    loss: float | None = None
    seconds_left: float | None = None
    message: str | None = None
    lines: list[str] = []
    history: list[TrainingStep] = []
    validations: list[TrainingValidation] = []
    model: str | None = None
    kept_step: int | None = None
    result: TrainingResult | None = None
    in_use: str | None = None
    asks: bool = False
