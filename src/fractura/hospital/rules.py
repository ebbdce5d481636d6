"""Rules of a hospital, from one TOML file: which images are examined, and which results are made and sent.

[images]                      # all conditions given must hold; a list holds where one of its words does
modality = ["DX", "CR"]
body_part = ["WRIST", ""]     # "" also takes images that do not say
view_position = ["AP", "PA", "LL"]
station_name = ["ROOM1"]
calling_ae_title = ["ORTHANC"]

[results]
send = "above-threshold"      # or always, never
kinds = ["sr", "sc"]
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from fractura.core.errors import DataError, UsageError, suggest_name
from fractura.core.files import unreadable
from fractura.hospital.object_identity import made_here
from fractura.inference.results import ImageRow

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

ResultKind = Literal["sr", "sc", "gsps", "fhir", "fhir-r5", "hl7"]
"""DICOM structured report, secondary capture and presentation state; FHIR of version R4 or R5; HL7 version 2."""
RESULT_KINDS: tuple[ResultKind, ...] = get_args(ResultKind)
Words = tuple[str, ...]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ImageRules(_Closed):
    """Which images are examined. None asks for nothing; words are compared without regard to case."""

    modality: Words | None = None
    body_part: Words | None = None
    view_position: Words | None = None
    station_name: Words | None = None
    calling_ae_title: Words | None = None


class ResultRules(_Closed):
    """Which results are made and sent.

    Attributes:
        send: ``above-threshold``: only of images with detections.
        kinds: Of results.
    """

    send: Literal["always", "above-threshold", "never"] = "always"
    kinds: tuple[ResultKind, ...] = ("sr",)


@dataclass(frozen=True, kw_only=True)
class ImageDescription:
    """What rules ask of an image.

    Attributes:
        calling_ae_title: Of the node that sent it; None for a file, of which that condition asks nothing.
        is_result: It is a result of fractura, which is never examined.
    """

    modality: str = ""
    body_part: str = ""
    view_position: str = ""
    station_name: str = ""
    calling_ae_title: str | None = None
    is_result: bool = False

    @classmethod
    def of(cls, header: Dataset, *, calling_ae_title: str | None = None) -> ImageDescription:
        """From a DICOM header."""

        def text(keyword: str) -> str:
            return str(header.get(keyword) or "").strip(" \0")

        return cls(
            modality=text("Modality"),
            body_part=text("BodyPartExamined"),
            view_position=text("ViewPosition"),
            station_name=text("StationName"),
            calling_ae_title=calling_ae_title,
            is_result=made_here(header),
        )


class Rules(_Closed):
    """The content of the file.

    Examples:
        >>> rules = Rules(images=ImageRules(modality=("DX", "CR")))
        >>> rules.refusal(ImageDescription(modality="dx")) is None, rules.refusal(ImageDescription(modality="CT"))
        (True, 'modality')
    """

    images: ImageRules = ImageRules()
    results: ResultRules = ResultRules()

    def refusal(self, image: ImageDescription) -> str | None:
        """The condition for which an image is left out; None where it is examined. No value of the header is named."""
        if image.is_result:
            return "result of fractura"
        for name in ImageRules.model_fields:
            wanted, found = getattr(self.images, name), getattr(image, name)
            if wanted is None or found is None:
                continue
            if found.casefold() not in {word.strip().casefold() for word in wanted}:
                return name
        return None

    def kinds_for(self, row: ImageRow) -> tuple[ResultKind, ...]:
        """The results to make and send of an image, given its result."""
        rules = self.results
        wanted = rules.send == "always" or (rules.send == "above-threshold" and bool(row["detections"]))
        return rules.kinds if wanted and row["error"] is None else ()


def with_kinds(rules: Rules, kinds: Sequence[str]) -> Rules:
    """The same rules with other kinds of results.

    Raises:
        UsageError: One is unknown.
    """
    given = [kind.strip() for kind in kinds]
    for kind in given:
        if kind not in RESULT_KINDS:
            raise UsageError(f"there is no result '{kind}' for a hospital", hint=suggest_name(kind, RESULT_KINDS))
    chosen = tuple(kind for kind in RESULT_KINDS if kind in given)
    return rules.model_copy(update={"results": rules.results.model_copy(update={"kinds": chosen})})


def read_rules(file: Path | str) -> Rules:
    """Read a file of rules.

    Raises:
        DataError: It cannot be read, or is not TOML.
        UsageError: It holds an unknown key or an impossible value.
    """
    file = Path(file)
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise unreadable(error, file) from error
    except ValueError as error:  # neither UTF-8 nor TOML
        raise DataError(f"is not TOML: {error}", file=file, hint="write rules as name = value in TOML") from error
    try:
        return Rules.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        *sections, key = (str(part) for part in first["loc"])
        place = ".".join((*sections, key))
        if first["type"] == "extra_forbidden":
            tables: dict[str, type[BaseModel]] = {"": Rules, "images": ImageRules, "results": ResultRules}
            hint = suggest_name(key, tables[".".join(sections)].model_fields)
            raise UsageError("there is no such rule", file=file, place=place, hint=hint) from error
        raise UsageError(f"{first['msg']}", file=file, place=place) from error
