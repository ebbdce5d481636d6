"""YOLO: one text file an image, a line a box: class number, middle and size as fractions of the image's sides.

Fractions with few digits stand for pixels: a box whose corners are whole pixels and are written with these digits is
read as those pixels (LabelImg rounds, too), and any other as what it says. We write as many digits as it takes to read
the same box again, six at least as LabelImg does.

An outline or a turned box (class number, then x and y of each corner; or, as in DOTA, the corners in pixels, then the
class's name) becomes the box around it, which is said.

An image without a text file is a negative image, as Ultralytics has it; how many there are is said. Where not one image
of a split has a text file, the labels lie elsewhere, and that is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fractura.core.dataset import SPLITS, Dataset, Record
from fractura.core.errors import DataError
from fractura.formats.assembly import FoundImage, ReadOptions, WrittenFacts, gather
from fractura.formats.faults import Faults, located, unknown_class
from fractura.formats.flag_words import a_flag
from fractura.formats.format import CLASS_LIST, FACTS, FRACTIONS, Evidence, Format
from fractura.formats.split_file import plan_split_file
from fractura.formats.text_files import read_lines
from fractura.formats.voc.annotation import VocObject
from fractura.formats.writing import PlannedFile
from fractura.formats.yolo.data_yaml import data_yaml, find_data_yaml
from fractura.formats.yolo.layout import (
    YoloImage,
    find_darknet_data,
    find_layout,
    find_names_file,
    is_label_file,
    is_label_text,
    label_folders,
)
from fractura.imaging.reader import radiograph_size

_NUMBER = re.compile(r"[+-]?(\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_SHORTEST_OUTLINE = 7
"""Words of an outline of three points."""
_DIGITS = (6, 9, 12, 15)
_LINE = "a line is: class number, then middle x, middle y, width and height as fractions from 0 to 1"


def read_yolo(path: Path, options: ReadOptions, faults: Faults) -> Dataset:
    """Read a YOLO data set; its layout is described in ``layout``.

    Where no file names the classes, ``options.class_names`` are the names of ids 0, 1, …

    Raises:
        DataError: There is nothing to read; or (where ``faults`` stops) a line is not what it must be, a class number
            has no name, a box lies outside its image; names the file, the line and a hint.
    """
    layout = find_layout(path, options.image_dir)
    for note in layout.notes:
        faults.note(note)
    names = layout.class_names
    if names is None and options.class_names is not None:
        names = dict(enumerate(options.class_names))
    made_up = names is None
    found = []
    without = outlines = 0
    for each in layout.images:
        try:
            size = radiograph_size(each.image)
            there = each.labels.is_file()
            objects, places, around = _objects(each.labels, names, size) if there else ((), (), 0)
        except DataError as fault:
            found.append(FoundImage(each.image, each.root, each.labels, fault=fault))
            continue
        without += not there
        outlines += around
        found.append(_found(each, objects, places, size))
    belonging = {each.labels for each in layout.images}
    for file in layout.label_files:
        if file not in belonging and is_label_text(file):
            stray = DataError(
                "has no image of its name",
                file=file,
                hint="put the image next to it or into images, or take the file out",
            )
            faults.add(stray, boxes=any(line.strip() for line in read_lines(file)))
    if outlines:
        faults.note(
            DataError(
                f"{outlines} lines are outlines or turned boxes, not boxes: the box around each is taken",
                file=path,
                hint="examine the boxes if that is not what you want",
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
    return gather(found, root=path, options=options, faults=faults, known_names=known)


def _in_order(found: Sequence[FoundImage]) -> list[str]:
    used = {box.name for each in found for box in each.objects}
    numbers = {name: name.removeprefix("class ") for name in used}
    return sorted(used, key=lambda name: (int(numbers[name]) if numbers[name].isdigit() else -1, name))


def _found(
    each: YoloImage, objects: tuple[VocObject, ...], places: tuple[str, ...], size: tuple[int, int]
) -> FoundImage:
    facts = WrittenFacts(split=each.split)
    return FoundImage(each.image, each.root, each.labels, None, objects, places, None, facts, size)


def _objects(
    file: Path, names: dict[int, str] | None, size: tuple[int, int]
) -> tuple[tuple[VocObject, ...], tuple[str, ...], int]:
    """The boxes of a file, where each is, and how many of them were taken around an outline."""
    objects, places, outlines = [], [], 0
    for number, line in enumerate(read_lines(file), start=1):
        if line.strip():
            place = f"line {number}"
            words = line.split()
            read = _reader_of(words)
            with located(file, place):
                objects.append(read(words, names, size))
            places.append(place)
            outlines += read is not _object
    return tuple(objects), tuple(places), outlines


def _reader_of(words: Sequence[str]) -> Callable[[list[str], dict[int, str] | None, tuple[int, int]], VocObject]:
    if len(words) in (9, 10) and not _NUMBER.fullmatch(words[8]) and all(map(_NUMBER.fullmatch, words[:8])):
        return _named_outline
    return _outlined if len(words) >= _SHORTEST_OUTLINE and len(words) % 2 == 1 else _object


def _object(words: list[str], names: dict[int, str] | None, size: tuple[int, int]) -> VocObject:
    if len(words) != 5:
        kind = ", as predictions with a score have" if len(words) == 6 else ""
        raise DataError(f"has {len(words)} values{kind}; a box has five", hint=_LINE)
    name = _class_of(words[0], names)
    return VocObject(name, *corners_of(words[1:], _fractions(words[1:]), size))


def _outlined(words: list[str], names: dict[int, str] | None, size: tuple[int, int]) -> VocObject:
    """The box around an outline, or a turned box, of which every other value is an x and a y."""
    name = _class_of(words[0], names)
    values = _fractions(words[1:])
    across, down = values[::2], values[1::2]
    width, height = size
    return VocObject(name, min(across) * width, min(down) * height, max(across) * width, max(down) * height)


def _named_outline(words: list[str], names: dict[int, str] | None, _size: tuple[int, int]) -> VocObject:
    """The box around DOTA's turned box: x and y of four corners in pixels, the class's name, difficulty."""
    name = words[8]
    if names is not None and name not in names.values():
        raise unknown_class(name, list(names.values()))
    values = [float(word) for word in words[:8]]
    difficult = a_flag(words[9], "difficult") if len(words) == 10 else False
    across, down = values[::2], values[1::2]
    return VocObject(name, min(across), min(down), max(across), max(down), difficult=difficult)


def _class_of(word: str, names: dict[int, str] | None) -> str:
    if not (word.isascii() and word.isdigit() and len(word) < 9):
        raise DataError(f"'{word[:40]}' is not a class number", hint=_LINE)
    identity = int(word)
    if names is not None and identity not in names:
        known = ", ".join(f"{number} {name}" for number, name in list(names.items())[:20])
        raise DataError(f"the class number {identity} has no name", hint=f"known are: {known or 'none'}")
    return f"class {identity}" if names is None else names[identity]


def _fractions(words: Sequence[str]) -> list[float]:
    for word in words:
        if not _NUMBER.fullmatch(word) or len(word) > 60:
            raise DataError(f"'{word[:40]}' is not a number", hint=_LINE)
    values = [float(word) for word in words]
    if not all(-0.5 <= value <= 1.5 for value in values):
        raise DataError("the numbers are not fractions of the image's sides", hint=_LINE)
    return values


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


def plan_yolo(dataset: Dataset) -> Iterator[PlannedFile]:
    """``data.yaml``, ``classes.txt``, ``images/`` and ``labels/``; both with a folder a split where splits are known.

    Raises:
        DataError: Some images have a split and others have none, or a class name breaks the line.
    """
    splits = {record.split for record in dataset}
    if None in splits and len(splits) > 1:
        without = sum(record.split is None for record in dataset)
        raise DataError(
            f"{without} of {len(dataset)} images are in no split, and YOLO has folders for splits only",
            file=dataset.root,
            hint="split the images first: fractura split",
        )
    if bad := [name for name in dataset.class_names if name != name.strip() or not name.isprintable()]:
        raise DataError(f"the class name {bad[0]!r} does not fit into a line", hint="rename the class")
    order = [split for split in SPLITS if split in splits]
    yield PlannedFile("data.yaml", data_yaml(dataset.class_names, order).encode())
    yield PlannedFile("classes.txt", "".join(f"{name}\n" for name in dataset.class_names).encode())
    for record in dataset:
        below = f"{record.split}/" if record.split else ""
        yield PlannedFile(f"labels/{below}{PurePosixPath(record.name).stem}.txt", label_text(record).encode())
        yield PlannedFile(f"images/{below}{record.name}", image=record)
    yield from plan_split_file(dataset)


def _find(folder: Path) -> Evidence | None:
    yaml = find_data_yaml(folder)
    if yaml is not None:
        return Evidence(yaml, f"it holds {yaml.name}")
    places = [folder, *label_folders(folder)]
    named = find_names_file(folder)
    if named is not None and find_darknet_data(folder) is not None:
        return Evidence(folder, f"it holds {named.name} and darknet's .data file")
    labels = next((file for place in places for file in sorted(place.iterdir()) if is_label_file(file)), None)
    if labels is None or not (named or is_label_text(labels)):
        return None
    return Evidence(folder, f"it holds {named.name if named else labels.name} and text files")


YOLO = Format(
    name="yolo",
    title="YOLO",
    read=read_yolo,
    plan=plan_yolo,
    holds=FACTS | CLASS_LIST | FRACTIONS,
    reads_folders=True,
    takes_image_dir=True,
    find=_find,
)
