"""What a format has no place for: counted, so that a conversion says what it leaves behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from fractura.core.dataset import Dataset
from fractura.formats.registry import Format

_HEAD = 4096


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
