"""``Format``: what has to be known of a format to recognise, read and write it, and what it has no place for.

A format is one module that ends with a ``Format``; ``registry`` lists them. For what a reader does, see ``assembly``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fractura.core.dataset import Dataset
from fractura.formats.assembly import ReadOptions
from fractura.formats.faults import Faults
from fractura.formats.writing import PlannedFile

_HEAD = 4096
"""Bytes of an XML file in which its root element begins."""

FLAGS = frozenset({"difficult", "truncated", "pose"})
FACTS = frozenset({"split", "patient", "body_part", "view", "laterality"})
CLASS_LIST, FRACTIONS, WEIGHTS = frozenset({"class list"}), frozenset({"fractions"}), frozenset({"weight"})
"""What a format may have a place for, in addition to images, boxes and the names of boxes; see ``losses``."""


@dataclass(frozen=True)
class Evidence:
    """Why a folder is thought to hold a format.

    Attributes:
        path: What to read: the file that describes the images, or the folder.
        why: In a few words.
    """

    path: Path
    why: str


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format.

    Attributes:
        name: As typed.
        title: For people.
        read: Reads a path.
        plan: Lists the files of a data set; None for what is only read, and for TFRecord, which is not a folder.
        holds: What it has a place for: ``FLAGS``, ``FACTS``, ``CLASS_LIST``, ``FRACTIONS``, ``WEIGHTS`` and single
            aspects.
        describes: What to read it from again, below the folder it was written to; empty for the folder.
        reads_folders: It is read from a folder and not from one file in it.
        takes_image_dir: Its images may lie in a folder that the user names.
        file_an_image: Several of its files in a folder are one data set, an image each.
        find: Recognises a folder.
        why_json: Says why a JSON document is of this format; None if it is not. Documents are parsed once for all.
        why_table: The same for the column names of a CSV.
    """

    name: str
    title: str
    read: Callable[[Path, ReadOptions, Faults], Dataset]
    plan: Callable[[Dataset], Iterable[PlannedFile]] | None
    holds: frozenset[str]
    describes: str = ""
    reads_folders: bool = False
    takes_image_dir: bool = False
    file_an_image: bool = False
    find: Callable[[Path], Evidence | None] | None = None
    why_json: Callable[[Any], str | None] | None = None
    why_table: Callable[[Sequence[str]], str | None] | None = None


def losses(dataset: Dataset, target: Format, *, class_list_kept: bool = False) -> tuple[str, ...]:
    """One line for each kind of thing in ``dataset`` that ``target`` cannot hold.

    Args:
        dataset: What is to be written.
        target: The format.
        class_list_kept: The class list is kept elsewhere (a label map).
    """
    flags = [flag for record in dataset for flag in record.flags]
    lacking = {
        "difficult": _boxes(sum(flag.difficult for flag in flags), "flagged difficult"),
        "truncated": _boxes(sum(flag.truncated for flag in flags), "flagged truncated"),
        "pose": _boxes(sum(flag.pose != "Unspecified" for flag in flags), "with a pose"),
        "weight": _boxes(sum(flag.weight != 1 for flag in flags), "with a weight in training"),
        "fractions": _boxes(
            _off_grid(dataset), "with fractions of a pixel finer than 1/64: they may move by a thousandth"
        ),
        "class list": "" if class_list_kept else _class_list(dataset),
        "review": _images(_verified(dataset), "annotated as verified by a reviewer"),
        "split": _images(sum(record.split is not None for record in dataset), "with a split"),
        "patient": _images(sum(record.patient is not None for record in dataset), "with a patient id"),
        "body_part": _images(sum(record.body_part is not None for record in dataset), "with a body part"),
        "view": _images(sum(record.view is not None for record in dataset), "with a view"),
        "laterality": _images(sum(record.laterality is not None for record in dataset), "with a side"),
        "study": _images(sum(record.study is not None for record in dataset), "whose study is known"),
        "device": _images(sum(record.device is not None for record in dataset), "whose device is known"),
    }
    return tuple(line for aspect, line in lacking.items() if line and aspect not in target.holds)


def _boxes(count: int, which: str) -> str:
    return f"{count} boxes {which}" if count else ""


def _images(count: int, which: str) -> str:
    return f"{count} images {which}" if count else ""


def _off_grid(dataset: Dataset) -> int:
    count = 0
    for record in dataset:
        scaled = record.boxes.xyxy.astype(np.float64) * 64
        count += int((scaled != np.rint(scaled)).any(axis=1).sum())
    return count


def _class_list(dataset: Dataset) -> str:
    used = [name for name, count in dataset.boxes_by_class.items() if count]
    if unused := [name for name in dataset.class_names if name not in used]:
        return f"{len(unused)} classes without a box: {', '.join(unused[:5])}" + (", …" if len(unused) > 5 else "")
    if list(dataset.class_names) != sorted(used):
        return f"the order of the classes ({', '.join(dataset.class_names)}): it is read back in alphabetical order"
    return ""


def _verified(dataset: Dataset) -> int:
    return sum(record.annotation is not None and _is_verified(record.annotation) for record in dataset)


def _is_verified(path: Path) -> bool:
    if path.suffix.lower() != ".xml":
        return False
    try:
        with path.open("rb") as stream:
            return b'verified="yes"' in stream.read(_HEAD)
    except OSError:
        return False
