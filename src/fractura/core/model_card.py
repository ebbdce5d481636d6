"""``ModelCard``: all that must be known of a trained model apart from its weights, in one JSON document.

A model folder holds ``card.json`` and ``weights.safetensors``; every exported file carries the same card inside. Class
names, pre-processing and the chosen threshold live here and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from fractura.core.errors import ModelError, suggest_name
from fractura.core.files import write_atomically
from fractura.core.json_text import json_text, parse_json

CARD_FILE = "card.json"
WEIGHTS_FILE = "weights.safetensors"
METADATA_KEY = "fractura_card"
"""Name under which an exported file carries the card."""
FORMAT_VERSION = 1


class ModelCard(BaseModel):
    """What a model is, what it was made from and how it is to be used. Immutable, closed to unknown keys.

    Attributes:
        format_version: Version of this document; a newer one is refused.
        name: What people call the model.
        architecture: ``name`` of the detector and its settings, as ``fractura.models`` builds it from.
        class_names: In label order; label 0 is ``class_names[0]``.
        preprocessing: What the model does to an image's pixels before the network sees them, for readers of the card.
        threshold: Score from which a detection counts, 0..1, chosen on validation images.
        threshold_aim: What it was chosen for; see ``fractura.evaluation.threshold.Aim``.
        threshold_data: Fingerprint of the images it was chosen on.
        fast_threshold: The threshold where only the whole image is examined, once (``detect --fast``).
        views: The views of an image that the model takes by default; see ``inference/views.py``.
        calibration: From scores to probabilities; see ``evaluation/calibration.py``.
        domain: What it was trained on, to warn of other images: body parts and appearance; see ``inference/domain.py``.
        data: The images it was trained on (``train``), those that chose its state (``val``, None without any) and,
            where ``fractura calibrate`` chose anew, its threshold (``threshold``): each as ``Dataset.describe`` has it;
            of the images behind the weights that training started from (``start``), number and digests.
        settings: The training settings.
        metrics: Metrics measured when it was trained.
        limits: What it is known to do badly, a sentence each.
        versions: Releases of the programs that made it.
        licence: Terms under which the weights may be used.
        citation: How to cite the model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format_version: int = FORMAT_VERSION
    name: Annotated[str, Field(min_length=1)]
    architecture: dict[str, Any]
    class_names: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(min_length=1)]
    preprocessing: dict[str, Any] = Field(default_factory=dict)
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.5
    threshold_aim: str | None = None
    threshold_data: str | None = None
    fast_threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    views: Annotated[tuple[str, ...], Field(min_length=1)] = ("whole",)
    calibration: dict[str, Any] | None = None
    domain: dict[str, Any] | None = None
    data: dict[str, Any] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    limits: tuple[str, ...] = ()
    versions: dict[str, Any] = Field(default_factory=dict)
    licence: str | None = None
    citation: str | None = None

    @field_validator("architecture")
    @classmethod
    def _has_a_name(cls, architecture: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(architecture.get("name"), str) or not architecture["name"]:
            raise ValueError("needs the detector's 'name'")
        return architecture

    @field_validator("class_names")
    @classmethod
    def _differ(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"holds {', '.join(doubled)} more than once")
        return names

    @model_validator(mode="after")
    def _is_json(self) -> Self:
        json.dumps(self.model_dump(mode="python"), allow_nan=False)
        return self

    @property
    def trained_on(self) -> dict[str, Any] | None:
        """``data["train"]``, with the digests of the images behind the weights it started from; None if not known."""
        train, start = self.data.get("train"), self.data.get("start")
        if not isinstance(train, dict):
            return None
        before = start.get("image_digests") if isinstance(start, dict) else None
        if before is None or "image_digests" not in train:
            return train
        return {**train, "image_digests": f"{train['image_digests']} {before}"}

    def to_json(self) -> str:
        """The document, in the order of the attributes, two spaces deep."""
        return json_text(self.model_dump(mode="python"))

    @classmethod
    def from_json(cls, text: str | bytes, *, source: Path | str | None = None) -> ModelCard:
        """Read a card.

        Args:
            text: The JSON document.
            source: File it came from, for errors.

        Raises:
            ModelError: It is not a JSON object, has an unknown, missing or impossible value, or is of a newer format.
        """
        try:
            document = parse_json(text)
        except ValueError as error:
            raise ModelError(
                f"the model card is not JSON ({error})", file=source, hint="copy the model again from its source"
            ) from error
        if not isinstance(document, dict):
            raise ModelError("the model card is not a JSON object", file=source, hint="is this a fractura model?")
        version = document.get("format_version")
        if isinstance(version, int) and version > FORMAT_VERSION:
            raise ModelError(
                f"the model card has format {version}; this release reads up to {FORMAT_VERSION}",
                file=source,
                place="format_version",
                hint="update fractura: pip install --upgrade fractura",
            )
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise _as_model_error(error, source) from error


def _as_model_error(error: ValidationError, source: Path | str | None) -> ModelError:
    """The first thing wrong with a card, in our words."""
    first = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = [*ModelCard.model_fields]
        return ModelError(f"unknown key '{place}' in the model card", file=source, hint=suggest_name(place, known))
    if first["type"] == "missing":
        return ModelError(
            f"the model card lacks '{place}'", file=source, hint="train or export the model again with this release"
        )
    message = first["msg"].removeprefix("Value error, ")
    return ModelError(f"the model card has a wrong value: {message}", file=source, place=place or None)


def read_card(source: Path) -> ModelCard:
    """Read the card of a model folder, or a card file itself.

    Raises:
        ModelError: There is none, or it is not valid.
    """
    path = Path(source)
    if path.suffix.lower() == ".onnx" or (str(path) == "built-in" and not path.exists()):
        raise ModelError(
            "is an exported model, and this needs a trained one",
            file=path,
            hint=f"give the model folder, with {CARD_FILE} and {WEIGHTS_FILE}, that `fractura train` wrote",
        )
    file = path / CARD_FILE if path.is_dir() else path
    try:
        content = file.read_bytes()
    except FileNotFoundError as error:
        raise ModelError(
            "there is no model card here", file=file, hint=f"a model is a folder with {CARD_FILE} and {WEIGHTS_FILE}"
        ) from error
    except OSError as error:
        raise ModelError(f"the model card cannot be read: {error.strerror or error}", file=file) from error
    return ModelCard.from_json(content, source=file)


def write_card(card: ModelCard, folder: Path, *, before_rename: Callable[[], None] | None = None) -> Path:
    """Write ``card.json`` into a model folder, atomically; the folder is made if need be. Returns the file.

    Args:
        card: It.
        folder: The model folder.
        before_rename: Called when all but the rename is done.

    Raises:
        DataError: The folder cannot be written.
    """
    file = Path(folder) / CARD_FILE
    write_atomically(file, card.to_json(), before_rename=before_rename)
    return file
