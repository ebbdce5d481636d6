"""YOLO: one text file an image, a line a box: class number, middle and size as fractions of the image's sides.

Fractions with few digits stand for pixels: a box whose corners are whole pixels and are written with these digits is
read as those pixels (LabelImg rounds, too), and any other as what it says. We write as many digits as it takes to read
the same box again, six at least as LabelImg does.

An image without a text file is a negative image, as Ultralytics has it; how many there are is said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError, FracturaError
from fractura.formats.assembly import (
    Faults,
    FoundImage,
    ImageFactsWritten,
    OnError,
    check_class_names,
    gather,
    placed,
)
from fractura.formats.text_lines import read_lines
from fractura.formats.voc.serializer import VocObject
from fractura.formats.yolo.layout import YoloImage, find_layout, is_label_text
from fractura.formats.yolo.plain_yaml import yaml_text
from fractura.imaging.reader import radiograph_size

_NUMBER = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DIGITS = (6, 9, 12, 15)
_LINE = "a line is: class number, then middle x, middle y, width and height as fractions from 0 to 1"


def read_yolo(
    path: Path,
    *,
    class_names: Sequence[str] | None = None,
    on_error: OnError = "stop",
    problems: list[FracturaError] | None = None,
) -> Dataset:
    """Read a YOLO data set; its layout is described in ``layout``.

    Args:
        path: The folder or its ``data.yaml``.
        class_names: In label order instead of the file's; where no file names the classes, the names of ids 0, 1, …
        on_error: ``stop`` at the first fault, or ``skip`` that image.
        problems: Collects what was skipped, and remarks.

    Raises:
        DataError: There is nothing to read; or (``stop``) a line is not what it must be, a class number has no name, a
            box lies outside its image; names the file, the line and a hint.
    """
    check_class_names(class_names)
    path = Path(path)
    layout = find_layout(path)
    faults = Faults(on_error)
    names = layout.class_names
    if names is None and class_names is not None:
        names = dict(enumerate(class_names))
    made_up = names is None
    found = []
    without = 0
    for each in layout.images:
        try:
            size = radiograph_size(each.image)
            there = each.labels.is_file()
            objects, places = _objects(each.labels, names, size) if there else ((), ())
        except DataError as fault:
            faults.add(placed(fault, each.labels, None))
            continue
        without += not there
        found.append(_found(each, objects, places, size))
    belonging = {each.labels for each in layout.images}
    for file in layout.label_files:
        if file not in belonging and is_label_text(file):
            faults.add(
                DataError(
                    "has no image of its name",
                    file=file,
                    hint="put the image beside it or into images, or take the file out",
                )
            )
    if without:
        faults.note(
            DataError(
                f"{without} images have no text file, which in YOLO means that nothing is on them",
                file=path,
                hint="label them, if they were never examined",
            )
        )
    if made_up and any(each.objects for each in found):
        faults.note(
            DataError(
                "no file names the classes; they are called 'class 0' and so on",
                file=path,
                hint="write data.yaml or classes.txt, or name the classes",
            )
        )
    known = _in_order(found) if names is None else list(names.values())
    return gather(
        found,
        root=path,
        class_names=class_names,
        known_names=known,
        faults=faults,
        problems=problems,
        empty="holds no images",
    )


def _in_order(found: Sequence[FoundImage]) -> list[str]:
    used = {box.name for each in found for box in each.objects}
    return sorted(used, key=lambda name: int(name.rpartition(" ")[2]))


def _found(
    each: YoloImage, objects: tuple[VocObject, ...], places: tuple[str, ...], size: tuple[int, int]
) -> FoundImage:
    facts = ImageFactsWritten(split=each.split)
    return FoundImage(each.image, each.root, each.labels, None, objects, places, None, facts, size)


def _objects(
    file: Path, names: dict[int, str] | None, size: tuple[int, int]
) -> tuple[tuple[VocObject, ...], tuple[str, ...]]:
    objects, places = [], []
    for number, line in enumerate(read_lines(file), start=1):
        if line.strip():
            place = f"line {number}"
            try:
                objects.append(_object(line.split(), names, size))
            except DataError as fault:
                raise placed(fault, file, place) from fault
            places.append(place)
    return tuple(objects), tuple(places)


def _object(words: list[str], names: dict[int, str] | None, size: tuple[int, int]) -> VocObject:
    if len(words) != 5:
        kinds = {6: "as predictions with a score have"}
        kind = kinds.get(len(words), "as outlines have" if len(words) > 6 and len(words) % 2 else "")
        raise DataError(f"has {len(words)} values{', ' + kind if kind else ''}; a box has five", hint=_LINE)
    if not (words[0].isascii() and words[0].isdigit() and len(words[0]) < 9):
        raise DataError(f"'{words[0][:40]}' is no class number", hint=_LINE)
    identity = int(words[0])
    if names is not None and identity not in names:
        known = ", ".join(f"{number} {name}" for number, name in list(names.items())[:20])
        raise DataError(f"the class number {identity} has no name", hint=f"known are: {known or 'none'}")
    for word in words[1:]:
        if not _NUMBER.fullmatch(word) or len(word) > 60:
            raise DataError(f"'{word[:40]}' is no number", hint=_LINE)
    values = [float(word) for word in words[1:]]
    if not all(-0.5 <= value <= 1.5 for value in values):
        raise DataError("the numbers are not fractions of the image's sides", hint=_LINE)
    name = f"class {identity}" if names is None else names[identity]
    return VocObject(name, *corners_of(words[1:], values, size))


def corners_of(
    words: Sequence[str], values: Sequence[float], size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Left, top, right, bottom in pixels of a box written as ``words``, whose values are ``values``."""
    width, height = size
    middle_x, middle_y, across, down = values
    raw = (
        (middle_x - across / 2) * width,
        (middle_y - down / 2) * height,
        (middle_x + across / 2) * width,
        (middle_y + down / 2) * height,
    )
    whole = tuple(float(round(value)) for value in raw)
    if max(abs(near - exact) for near, exact in zip(whole, raw, strict=True)) < 0.25:
        again = fractions_of(np.array(whole), size)
        if all(
            float(f"{value:.{_places(word)}f}") == read for value, word, read in zip(again, words, values, strict=True)
        ):
            return whole[0], whole[1], whole[2], whole[3]
    return raw


def _places(word: str) -> int:
    """Digits behind the point of a number as written; 17 where it has an exponent."""
    return 17 if "e" in word.casefold() else len(word.partition(".")[2])


def fractions_of(corners: NDArray[np.floating], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Middle x, middle y, width and height as fractions of the image's sides."""
    left, top, right, bottom = (float(value) for value in corners)
    width, height = size
    return (left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width, (bottom - top) / height


def label_text(record: Record) -> str:
    """The text file of an image; empty for a negative image."""
    size = record.width, record.height
    lines = []
    for corners, label in zip(record.boxes.xyxy, record.boxes.labels, strict=True):
        fractions = fractions_of(corners, size)
        for digits in _DIGITS:
            words = [f"{value:.{digits}f}" for value in fractions]
            read = corners_of(words, [float(word) for word in words], size)
            if np.array_equal(np.array(read, dtype=np.float32), corners):
                break
        else:
            words = [repr(value) for value in fractions]
        lines.append(" ".join([str(int(label)), *words]) + "\n")
    return "".join(lines)


def data_yaml(class_names: Sequence[str], splits: Sequence[str]) -> str:
    """The ``data.yaml`` of a folder with ``images`` and ``labels``; each split has a folder of its name in both."""
    # no 'path': Ultralytics then looks beside this file, wherever it is moved to
    lines = ["# written by fractura; the images of a split lie in images/<split>, their boxes in labels/<split>"]
    lines += [f"{split}: images/{split}" for split in splits]
    lines += [f"nc: {len(class_names)}", "names:" if class_names else "names: []"]
    lines += [f"  {number}: {yaml_text(name)}" for number, name in enumerate(class_names)]
    return "\n".join(lines) + "\n"
