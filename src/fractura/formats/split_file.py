"""``split.json``: which images are for training, validation and test, and what else is known of them.

It lies in the folder of a data set whose format has no place for this (Pascal VOC, YOLO, CreateML), and in the folder
that holds ``train``, ``val`` and ``test``. An image is known by its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fractura.core.dataset import SPLITS, Dataset, Record
from fractura.core.errors import DataError
from fractura.formats.assembly import split_of
from fractura.formats.text_files import a_dict, a_text, json_bytes, read_json
from fractura.formats.writing import PlannedFile

SPLIT_FILE = "split.json"
FACTS = ("split", "patient", "body_part", "view", "laterality")
_VERSION = 1
_HINT = "write it again with: fractura split; or take it away if it does not belong to these images"


@dataclass(frozen=True)
class SplitFile:
    """What the file says.

    Attributes:
        images: For each image's name what is known, by the names of ``FACTS``.
        made: How the split was made: seed, shares, by what; empty if it was not made by ``fractura split``.
    """

    images: Mapping[str, Mapping[str, str]]
    made: Mapping[str, Any] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """As JSON."""
        images = {name: dict(facts) for name, facts in self.images.items()}
        return json_bytes(
            {"fractura_split": _VERSION, **({"made": dict(self.made)} if self.made else {}), "images": images}
        )


def split_file_of(dataset: Dataset, made: Mapping[str, Any] | None = None) -> SplitFile | None:
    """The file for a data set; None if nothing is known that would go into it."""
    images = {record.name: facts for record in dataset if (facts := facts_of(record))}
    return SplitFile(images, made or {}) if images else None


def plan_split_file(dataset: Dataset) -> Iterator[PlannedFile]:
    """``split.json`` where something is known that goes into it: for formats that have no place for it."""
    known = split_file_of(dataset)
    if known is not None:
        yield PlannedFile(SPLIT_FILE, known.to_bytes())


def facts_of(record: Record) -> dict[str, str]:
    """What is known of an image, by the names of ``FACTS``."""
    return {key: value for key in FACTS if (value := getattr(record, key)) is not None}


def read_split_file(path: Path) -> SplitFile:
    """Read the file.

    Raises:
        DataError: It cannot be read or is not what it must be.
    """
    document = read_json(path)
    try:
        if a_dict(document, "the document").get("fractura_split") != _VERSION:
            raise DataError("is not a split.json of this version")
        images = {}
        for name, facts in a_dict(document.get("images"), "'images'").items():
            known = {
                key: a_text(value, key)
                for key, value in a_dict(facts, f"the entry of '{name}'").items()
                if key in FACTS and value is not None
            }
            if "split" in known and known["split"] not in SPLITS:
                raise DataError(f"the split '{known['split']}' of '{name}' is not train, val or test")
            images[name] = known
        return SplitFile(images, a_dict(document.get("made", {}), "'made'"))
    except DataError as fault:
        raise DataError(fault.problem, file=path, hint=_HINT) from fault


def with_split_file(dataset: Dataset, root: Path) -> Dataset:
    """``dataset`` with what the ``split.json`` of its folder says; unchanged if there is none.

    A folder called ``train``, ``val`` or ``test`` is looked up in the ``split.json`` above it, too: an image that was
    moved from one to the other is still known.

    Raises:
        DataError: The file cannot be used.
    """
    folder = root if root.is_dir() else root.parent
    sources = [folder / SPLIT_FILE]
    if split_of(folder.name) is not None:
        sources.append(folder.parent / SPLIT_FILE)
    known: dict[str, Mapping[str, str]] = {}
    for source in sources:
        if source.is_file():
            for name, facts in read_split_file(source).images.items():
                known.setdefault(name, facts)
    if not known:
        return dataset
    records = []
    for record in dataset:
        facts = {key: value for key, value in known.get(record.name, {}).items() if getattr(record, key) is None}
        records.append(replace(record, **facts) if facts else record)  # type: ignore[arg-type]
    return replace(dataset, records=tuple(records))
