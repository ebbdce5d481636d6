"""Label Studio's JSON export, read: a list of tasks, shapes in percent of the image's sides; also JSON-MIN.

Format: https://labelstud.io/guide/export. A task that somebody submitted without a shape is a negative image; a task
that nobody submitted is not used, which is said. Outlines, ellipses and turned boxes become the box around them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.formats.assembly import FoundImage, ReadOptions, gather, images_of
from fractura.formats.faults import Faults, located, placed
from fractura.formats.format import FRACTIONS, Format
from fractura.formats.image_index import ImageIndex
from fractura.formats.outlines import Corners, box_around, box_around_ellipse, note_outlines, turned_corners
from fractura.formats.text_files import a_dict, a_list, a_number, a_text, a_whole_number, read_json
from fractura.formats.voc.annotation import VocObject
from fractura.imaging.reader import IMAGE_EXTENSIONS, radiograph_size

_UPLOADED = re.compile(r"^[0-9a-f]{8}-")
"""What Label Studio puts before the name of a file that is uploaded."""
_WORK = ("annotations", "completions")
_MIN = ("annotator", "annotation_id", "lead_time")
_KINDS = ("rectangle", "polygon", "ellipse")
_NO_BOXES = ("brush", "bitmask", "keypoint", "magicwand", "vector")


def read_label_studio(path: Path, options: ReadOptions, faults: Faults) -> Dataset:
    """Read Label Studio's file.

    Raises:
        DataError: The file is not Label Studio's, or (where ``faults`` stops) a shape is not a box or has no class, a
            task was labelled twice, an image is missing or of another size, or a class is unknown; names the file, the
            task and a hint.
    """
    document = read_json(path)
    if _why(document) is None:
        raise DataError("is not Label Studio's", file=path, hint="export the project as JSON")
    index = images_of(path, options)
    found: list[FoundImage] = []
    unlabelled: list[str] = []
    outlines = 0
    for number, entry in enumerate(document):
        place = f"[{number}]"
        try:
            task = a_dict(entry, "a task")
            image = _find_image(task, index)
            results = _results(task)
            if results is None:
                unlabelled.append(image.name)
                continue
            each, around = _image(image, results, index, path, place)
        except DataError as fault:
            faults.add(placed(fault, path, place))
            continue
        found.append(each)
        outlines += around
    if unlabelled:
        faults.note(
            DataError(
                f"{len(unlabelled)} tasks were not submitted by anybody and are not used, such as {unlabelled[0]}",
                file=path,
                hint="label them; submit an image on which nothing is broken without a box",
            )
        )
    note_outlines(outlines, path, faults)
    return gather(found, root=path, options=options, faults=faults, index=index)


def _why(document: Any) -> str | None:
    if not isinstance(document, list) or not document or not isinstance(document[0], dict):
        return None
    first = document[0]
    is_full = isinstance(first.get("data"), dict) and any(key in first for key in _WORK)
    is_min = "image" in first and any(key in first for key in _MIN)
    return "it has Label Studio's tasks" if is_full or is_min else None


def _find_image(task: dict[str, Any], index: ImageIndex) -> Path:
    data = task["data"] if isinstance(task.get("data"), dict) else task
    texts = [value for value in data.values() if isinstance(value, str)]
    written = next((text for text in texts if Path(_name_in(text)).suffix.lower() in IMAGE_EXTENSIONS), None)
    if written is None:
        written = a_text(data.get("image"), "its image")
    names = [_name_in(written), task.get("file_upload")]
    candidates = [name for name in names if isinstance(name, str) and name]
    if not candidates:
        raise DataError(f"'{written[:80]}' names no image")
    candidates += [_UPLOADED.sub("", name.rpartition("/")[2]) for name in candidates]
    fault: DataError | None = None
    for name in dict.fromkeys(candidates):
        try:
            return index.find(name)
        except DataError as error:
            fault = fault or error
    assert fault is not None  # there is a name
    raise fault


def _name_in(address: str) -> str:
    """The path in an address: of a local file what ``?d=`` says."""
    try:
        parts = urlsplit(address.replace("\\", "/"))
    except ValueError:  # not an address, so a path
        return address.replace("\\", "/")
    local = parse_qs(parts.query).get("d")
    return local[0].replace("\\", "/") if local else unquote(parts.path)


def _results(task: dict[str, Any]) -> list[Any] | None:
    """What was drawn; None if nobody submitted the task.

    Raises:
        DataError: Several people did, or what they drew is not a list.
    """
    if not any(key in task for key in _WORK):  # JSON-MIN: each control has its own key
        lists = [
            value for key, value in task.items() if isinstance(value, list) and key not in ("image", "predictions")
        ]
        return [{"value": value, **value} for each in lists for value in each if isinstance(value, dict)]
    work = next(a_list(task[key], f"its {key}") for key in _WORK if key in task)
    done = [each for each in work if isinstance(each, dict) and not each.get("was_cancelled")]
    agreed = [each for each in done if each.get("ground_truth")]
    chosen = agreed if len(agreed) == 1 else done
    if not chosen:
        return None
    drawn = [a_list(each.get("result"), "its result") for each in chosen]
    if any(each != drawn[0] for each in drawn[1:]):
        raise DataError(
            f"was labelled {len(drawn)} times, and differently",
            hint="choose one of them as the ground truth, or delete the rest",
        )
    return drawn[0]


def _image(image: Path, results: list[Any], index: ImageIndex, path: Path, place: str) -> tuple[FoundImage, int]:
    shown = radiograph_size(image)
    size: tuple[int, int] | None = None
    objects, places, outlines = [], [], 0
    for number, (result, name) in enumerate(_shapes(results), start=1):
        where = f"{place} ({image.name}), shape {number}"
        with located(path, where):
            if result.get("original_width") is not None:
                size = (
                    a_whole_number(result["original_width"], "its original_width"),
                    a_whole_number(result.get("original_height"), "its original_height"),
                )
            value = a_dict(result.get("value"), "its value")
            if name is None:
                raise DataError("has no class", hint="choose a label for it")
            objects.append(VocObject(name, *_corners(value, size or shown)))
            is_plain = "points" not in value and "radiusX" not in value and not value.get("rotation")
        places.append(where)
        outlines += not is_plain
    where = f"{place} ({image.name})"
    about = (image, index.folders[0], path, where, tuple(objects), tuple(places), size)
    return FoundImage(*about, displayed=shown, image_labels=_choices(results)), outlines


def _choices(results: list[Any]) -> tuple[str, ...]:
    """What was chosen for the image as a whole."""
    values = [each["value"] for each in results if isinstance(each, dict) and isinstance(each.get("value"), dict)]
    lists = [value["choices"] for value in values if isinstance(value.get("choices"), list)]
    return tuple(choice for each in lists for choice in each if isinstance(choice, str))


def _shapes(results: list[Any]) -> Iterator[tuple[dict[str, Any], str | None]]:
    """Each shape once, with its class: in itself, or in a result of the same id that only names it.

    Raises:
        DataError: One is of a kind that is not a box.
    """
    dicts = [each for each in results if isinstance(each, dict)]
    for each in dicts:
        if not isinstance(each.get("id"), str | int | float | None):
            raise DataError("the id of a result is neither text nor a number", hint="export the project again")
    names = {each["id"]: name for each in dicts if each.get("id") is not None and (name := _name_of(each)) is not None}
    drawn: set[Any] = set()
    for result in dicts:
        value = result.get("value")
        kind = str(result.get("type", ""))
        if any(kind.startswith(each) for each in _NO_BOXES):
            raise DataError(f"a {kind} is not a box", hint="draw a box around it, or take it out")
        if not isinstance(value, dict) or not ("points" in value or "x" in value) or result.get("id") in drawn:
            continue  # a choice for the whole image, or a second word on the same shape
        if kind and not any(kind.startswith(each) for each in (*_KINDS, "labels")):
            continue  # a choice or text on a shape
        if result.get("id") is not None:
            drawn.add(result["id"])
        yield result, _name_of(result) or names.get(result.get("id"))


def _name_of(result: dict[str, Any]) -> str | None:
    value = result.get("value")
    for key, labels in value.items() if isinstance(value, dict) else ():
        if key.endswith("labels") and isinstance(labels, list) and len(labels) == 1 and isinstance(labels[0], str):
            return labels[0].strip() or None
    return None


def _corners(value: dict[str, Any], size: tuple[int, int]) -> Corners:
    width, height = size

    def numbers(*keys: str) -> list[float]:
        return [a_number(value.get(key), f"its {key}") for key in keys]

    degrees = a_number(value.get("rotation", 0) or 0, "its rotation")
    if "points" in value:
        pairs = [a_list(point, "a point") for point in a_list(value["points"], "its points")]
        return box_around(
            [
                (a_number(x, "an x") / 100 * width, a_number(y, "a y") / 100 * height)
                for x, y in (pair[:2] for pair in pairs if len(pair) >= 2)
            ]
        )
    if "radiusX" in value:
        x, y, across, down = numbers("x", "y", "radiusX", "radiusY")
        return box_around_ellipse(x / 100 * width, y / 100 * height, across / 100 * width, down / 100 * height, degrees)
    left, top, wide, high = numbers("x", "y", "width", "height")
    corners = (left / 100 * width, top / 100 * height, (left + wide) / 100 * width, (top + high) / 100 * height)
    return box_around(turned_corners(corners, degrees, corners[:2])) if degrees else corners


LABEL_STUDIO = Format(
    name="label-studio",
    title="Label Studio",
    read=read_label_studio,
    plan=None,
    holds=FRACTIONS,
    takes_image_dir=True,
    why_json=_why,
)
