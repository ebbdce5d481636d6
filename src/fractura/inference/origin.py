"""``ResultOrigin``: which model made a result, how and when. Every result carries it, whatever its format."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from typing_extensions import TypedDict  # pydantic refuses that of ``typing`` before Python 3.12

from fractura._version import __version__
from fractura.core.calibrator import Calibrator
from fractura.core.errors import ModelError
from fractura.core.model_card import CARD_FILE, WEIGHTS_FILE, ModelCard
from fractura.inference.answer import Sensitivity, measured_sensitivity
from fractura.inference.settings import DetectionSettings

SCHEMA_VERSION = 2
"""Of ``results.json``; a key that is renamed, removed or changes its meaning raises it."""
MADE_BY = "fractura"

_READ_AT_ONCE = 2**20


class OriginDocument(TypedDict):
    """What ``results.json`` and every answer of the REST API say of the run.

    Attributes:
        schema_version: ``SCHEMA_VERSION``.
        made_by: ``fractura``.
        version: Of fractura.
        created: When the run began: ISO 8601, in UTC.
        model: Name on the model's card.
        model_digest: SHA-256 of the model's files.
        class_names: In label order.
        threshold: The model's own or another one that was chosen.
        sensitivity: Of the model at this threshold, for whole images; None where it was not measured.
        views: How each image was examined.
        calibrated: The model gives probabilities; otherwise there are only scores.
    """

    schema_version: int
    made_by: str
    version: str
    created: str
    model: str
    model_digest: str
    class_names: list[str]
    threshold: float
    sensitivity: Sensitivity | None
    views: list[str]
    calibrated: bool


def now() -> str:
    """The time as results carry it: ISO 8601, in UTC, without fractions of a second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, kw_only=True)
class ResultOrigin:
    """Where results come from.

    Attributes:
        card: Of the model.
        digest: SHA-256 of its files; see ``model_digest``.
        settings: Its views and its threshold.
        created: When the run began; see ``now``.
    """

    card: ModelCard
    digest: str
    settings: DetectionSettings
    created: str = field(default_factory=now)

    @cached_property
    def calibrator(self) -> Calibrator | None:
        """From scores to probabilities; None where the card has no calibration for these views.

        Raises:
            ModelError: The card's calibration is not one.
        """
        return Calibrator.from_card(self.card, self.settings.views)

    def to_dict(self) -> OriginDocument:
        """Plain JSON values."""
        return {
            "schema_version": SCHEMA_VERSION,
            "made_by": MADE_BY,
            "version": __version__,
            "created": self.created,
            "model": self.card.name,
            "model_digest": self.digest,
            "class_names": list(self.card.class_names),
            "threshold": self.settings.threshold,
            "sensitivity": measured_sensitivity(self.card, self.settings),
            "views": list(self.settings.views),
            # Not by ``calibrator``: a damaged calibration is reported for each image, not instead of the document.
            "calibrated": self.card.calibration is not None and self.settings.views == self.card.views,
        }

    def to_text(self) -> str:
        """One line, for formats that have room for no more."""
        return (
            f"{MADE_BY} {__version__}; model {self.card.name}, sha256:{self.digest}; threshold "
            f"{self.settings.threshold:g}; views {', '.join(self.settings.views)}; {self.created}"
        )


def model_digest(path: Path) -> str:
    """SHA-256 of the files of a model: of a model folder its card and its weights.

    Args:
        path: A file or a folder.

    Raises:
        ModelError: A file cannot be read.
    """
    if path.is_file():
        files = [path]
    elif (path / WEIGHTS_FILE).is_file():
        files = [path / CARD_FILE, path / WEIGHTS_FILE]
    else:
        files = sorted(each for each in path.rglob("*") if each.is_file())
    digest = hashlib.sha256()
    try:
        for file in files:
            with file.open("rb") as stream:
                while part := stream.read(_READ_AT_ONCE):
                    digest.update(part)
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}", file=path) from error
    return digest.hexdigest()
