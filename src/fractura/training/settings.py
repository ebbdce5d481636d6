"""``TrainSettings``: every choice of a training run, typed and closed.

Names are those of the TF Object Detection API's ``pipeline.config`` where it has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from fractura.core.errors import UsageError, nearest_name, suggest_name
from fractura.evaluation.threshold import Aim
from fractura.formats.faults import OnError
from fractura.training.augmentation import PRESETS, NamedOption
from fractura.training.schedules import ExponentialDecay, ManualStep

MAY_CHANGE_ON_RESUME = frozenset(
    {
        "data",
        "val",
        "source_format",
        "image_dir",
        "output",
        "num_steps",
        "workers",
        "device",
        "micro_batch_size",
        "eval_every",
        "patience",
        "aim",
        "checkpoint_every_n",
        "log_every",
        "max_minutes",
        "on_error",
        "not_finite_steps",
        "fine_tune_checkpoint",
        "learning_rate_base",
        "mixed_precision",
    }
)
"""Settings that may differ in a resumed run: they change how long or where it trains, not what it computes.

The learning rate and the precision may, because a loss that is not finite asks for it. ``data`` and ``val`` are paths
and may move; a fingerprint checks that they hold the same data.
"""

_RULES = {
    "greater_than_equal": "must be at least {ge:g}",
    "greater_than": "must be more than {gt:g}",
    "less_than": "must be less than {lt:g}",
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "literal_error": "must be {expected}",
}
"""What a value must be, by pydantic's name for the error."""


class TrainSettings(BaseModel):
    """The settings of ``train``. ``TrainSettings.create`` reports a mistake as a ``UsageError``.

    >>> settings = TrainSettings.create({"data": "images", "output": "model", "model": "dfine_nano", "num_steps": 200})
    >>> settings.schedule_steps, settings.steps_between_validations
    (200, 10)

    Attributes:
        data: Annotated images to learn from, in any format that ``read_dataset`` reads.
        val: Annotated images to validate on, none of which is in ``data``; None trains without validation.
        source_format: Format of ``data`` and ``val``; None guesses it.
        image_dir: Where their images lie, if not where the format has them; sub-folders belong to it.
        output: Folder of the trained model; must be empty or new unless the run is resumed.
        model: Name of the detector, as ``fractura models`` lists them, or ``hf:`` and a model's id or folder.
        class_names: Order of the classes; None takes them from ``data``.
        num_steps: Optimiser steps.
        batch_size: Images per step, over all processes together.
        micro_batch_size: Images that pass through the network at once; fewer need less memory, and gradients are
            accumulated up to ``batch_size``. None is all at once. Halved automatically if memory runs out.
        optimizer: ``momentum``, ``adam`` or ``rms_prop`` as in TensorFlow, or ``adamw``.
        momentum_optimizer_value: Factor on the previous velocity in ``momentum`` and ``rms_prop``.
        epsilon: Of ``adam`` and ``rms_prop``; see ``fractura.training.tensorflow_optimizers``. 0 is 1e-7, as in Keras.
        rms_prop_decay: Of ``rms_prop``: the learning rate is divided by 1 + this times the updates so far.
        weight_decay: For ``adamw``; norms and biases never decay.
        learning_rate_schedule: ``cosine_decay`` (with warm-up), ``constant`` (with warm-up), ``exponential_decay`` or
            ``manual_step``; see ``fractura.training.schedules``.
        learning_rate_base: Highest learning rate.
        warmup_learning_rate: Learning rate of the first step.
        warmup_steps: Steps from there to ``learning_rate_base``; None is a twentieth of ``total_steps``, at most 1000.
        total_steps: Step at which the cosine reaches 0; None follows ``num_steps``.
        hold_base_rate_steps: Steps between warm-up and cosine.
        exponential_decay: What the schedule of that name needs.
        manual_step: What the schedule of that name needs.
        gradient_clipping_by_norm: Largest norm of the gradient; 0 does not clip.
        ema_decay: Decay of the averaged weights that are validated and saved; 0 uses the weights as they are.
        fine_tune_checkpoint: Trained model to start from: ``built-in``, a folder (or its weights file), or the
            ``.onnx`` file of a ``faster_rcnn`` model.
        data_augmentation_options: Augmentation steps in order, or the name of a preset.
        max_number_of_boxes: Most boxes per image that are trained on, after augmentation; None trains on all.
        negatives_per_positive: Images without boxes per image with boxes in each epoch; None shows all of them.
        seed: Seed of everything random.
        eval_every: Steps between validations; None is a twentieth of ``num_steps``, at least 1.
        patience: Validations without a better AP50 after which training stops; None never stops early.
        aim: What the card's threshold is optimised for on ``val``; see ``fractura.evaluation.threshold.Aim``.
        checkpoint_every_n: Steps between saved states; every validation saves one, too.
        log_every: Steps between rows of ``log.csv`` and TensorBoard.
        max_minutes: Stop cleanly after this many minutes; ``resume`` continues.
        mixed_precision: ``auto`` depends on the device.
        device: ``auto`` uses a GPU if there is one.
        workers: Processes that prepare images; None depends on the device and the number of cores.
        on_error: ``stop`` at the first unusable image or box, or ``skip`` it and count; see ``read_dataset``.
        not_finite_steps: Training stops after so many steps in a row whose loss or gradient is not finite. Until then
            such a step is left out, with a warning that names the loss and the images; with several processes the
            first one stops training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    data: Path
    val: Path | None = None
    source_format: str | None = None
    image_dir: Path | None = None
    output: Path
    model: str
    class_names: tuple[str, ...] | None = None

    num_steps: int = Field(1000, ge=1)
    batch_size: int = Field(4, ge=1)
    micro_batch_size: int | None = Field(None, ge=1)

    optimizer: Literal["momentum", "adam", "rms_prop", "adamw"] = "momentum"
    momentum_optimizer_value: float = Field(0.9, ge=0, lt=1)
    epsilon: float = Field(1e-8, ge=0)
    rms_prop_decay: float = Field(0.0, ge=0)
    weight_decay: float = Field(1e-4, ge=0)
    learning_rate_schedule: Literal["cosine_decay", "constant", "exponential_decay", "manual_step"] = "cosine_decay"
    learning_rate_base: float = Field(0.008, gt=0)
    warmup_learning_rate: float = Field(0.0, ge=0)
    warmup_steps: int | None = Field(None, ge=0)
    total_steps: int | None = Field(None, ge=1)
    hold_base_rate_steps: int = Field(0, ge=0)
    exponential_decay: ExponentialDecay | None = None
    manual_step: ManualStep | None = None
    gradient_clipping_by_norm: float = Field(10.0, ge=0)
    ema_decay: float = Field(0.999, ge=0, lt=1)
    fine_tune_checkpoint: Path | None = None

    data_augmentation_options: tuple[NamedOption, ...] = PRESETS["image"]  # type: ignore[assignment]
    max_number_of_boxes: int | None = Field(None, ge=1)
    negatives_per_positive: float | None = Field(None, ge=0)
    seed: int = Field(0, ge=0)

    eval_every: int | None = Field(None, ge=1)
    patience: int | None = Field(None, ge=1)
    aim: str = "f1"
    checkpoint_every_n: int = Field(500, ge=1)
    log_every: int = Field(10, ge=1)
    max_minutes: float | None = Field(None, gt=0)

    mixed_precision: Literal["auto", "no", "bf16", "fp16"] = "auto"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    workers: int | None = Field(None, ge=0)
    on_error: OnError = "stop"
    not_finite_steps: int = Field(5, ge=1)

    @field_validator("data_augmentation_options", mode="before")
    @classmethod
    def _expand_preset(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value not in PRESETS:
            raise ValueError(f"no augmentation is called {value!r}; {suggest_name(value, PRESETS)}")
        return PRESETS[value]

    @field_validator("aim")
    @classmethod
    def _is_an_aim(cls, value: str) -> str:
        return str(Aim.parse(value))

    @property
    def schedule_steps(self) -> int:
        """Step at which the schedule ends."""
        return self.total_steps if self.total_steps is not None else self.num_steps

    @property
    def schedule_warmup_steps(self) -> int:
        """Number of warm-up steps."""
        return self.warmup_steps if self.warmup_steps is not None else min(1000, self.schedule_steps // 20)

    @property
    def steps_between_validations(self) -> int:
        """Steps from one validation to the next."""
        return self.eval_every if self.eval_every is not None else max(1, self.num_steps // 20)

    @classmethod
    def create(cls, values: Mapping[str, Any], *, typed: Mapping[str, str] | None = None) -> Self:
        """Settings from a mapping (a JSON file, a command line).

        Args:
            values: The settings by name.
            typed: What the user typed for some of them (``--learning-rate``), for messages.

        Raises:
            UsageError: A name is unknown (the nearest valid one is suggested) or a value is invalid.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise _in_words(error, list(cls.model_fields), typed or {}) from error

    def recommend(self, values: Mapping[str, Any]) -> Self:
        """These settings with ``values`` (a detector's recommended training) wherever the user chose nothing.

        Raises:
            UsageError: See ``create``.
        """
        chosen = {name: getattr(self, name) for name in self.model_fields_set}
        return self.create({**values, **chosen})

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return self.model_dump(mode="json")


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Why a run with settings ``now`` cannot resume one with settings ``before`` (``to_dict`` of both).

    >>> differences({"seed": 0, "num_steps": 100}, {"seed": 1, "num_steps": 200})
    ['seed was 0, is 1']
    """
    names = [name for name in TrainSettings.model_fields if name not in MAY_CHANGE_ON_RESUME]
    return [
        f"{name} was {before.get(name)!r}, is {now.get(name)!r}" for name in names if before.get(name) != now.get(name)
    ]


def _in_words(error: ValidationError, names: list[str], typed: Mapping[str, str]) -> UsageError:
    problems, hint = [], None
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"])
        if item["type"] == "extra_forbidden":
            ours = len(item["loc"]) == 1  # else one of a step of augmentation
            nearest = nearest_name(place, names) if ours else None
            problems.append(f"there is no setting '{place}'" + (f"; did you mean '{nearest}'?" if nearest else ""))
            if ours and nearest is None:
                hint = f"known are: {', '.join(sorted(names))}"
        elif item["type"] == "missing":
            problems.append(f"the setting '{place}' is missing")
        else:
            rule = _RULES.get(item["type"], "{msg}").format(msg=item["msg"], **item.get("ctx", {}))
            problems.append(f"{typed.get(place, place)} = {item['input']!r}: {rule.removeprefix('Value error, ')}")
    return UsageError("; ".join(problems), hint=hint)
