"""COCO detection JSON, read and written.

https://cocodataset.org/#format-data. A box is ``[left, top, width, height]`` in pixels. Images without annotations are
negative images. In addition to COCO's own keys we write and read what Pascal VOC and splits need, under names of their
own that other readers ignore: ``difficult``, ``truncated`` and ``pose`` of an annotation; ``patient``, ``split``,
``body_part``, ``view`` and ``laterality`` of an image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fractura.core.dataset import BoxFlags, Dataset
from fractura.core.errors import DataError
from fractura.formats.assembly import FoundImage, ReadOptions, WrittenFacts, gather, images_of, split_of
from fractura.formats.faults import Faults, located, placed
from fractura.formats.flag_words import a_flag
from fractura.formats.format import CLASS_LIST, FACTS, FLAGS, FRACTIONS, Format
from fractura.formats.image_index import ImageIndex
from fractura.formats.numbers import fewest_digits, shortest_decimal, whole_or_float
from fractura.formats.outlines import corners_of
from fractura.formats.text_files import a_dict, a_list, a_number, a_text, a_whole_number, json_bytes, read_json
from fractura.formats.voc.annotation import VocObject
from fractura.formats.writing import PlannedFile, plan_images

_BACKGROUND = frozenset({"background", "__background__", "_background_"})
_FACTS = ("patient", "body_part", "view", "laterality")
Id = int | str
_NOT_COCO = "a COCO file holds 'images', 'annotations' and 'categories'"


def read_coco(path: Path, options: ReadOptions, faults: Faults) -> Dataset:
    """Read a COCO file.

    Ids may be numbers or text. Classes are in the order of their ids if these are numbers, which may start anywhere and
    have gaps, else in that of the file. A category called background, and the group of classes that Roboflow writes at
    id 0, are left out if they have no box.

    Raises:
        DataError: The file is not COCO, or (where ``faults`` stops) an entry is not what it must be, an image is
            missing or of another size, a box is impossible or a class unknown; names the file, the entry and a hint.
    """
    document = read_json(path)
    with located(path, None):
        if _why(document) is None:
            raise DataError("is not COCO: a list is missing", hint=_NOT_COCO)
        images = a_list(document["images"], "'images'")
        if "annotations" not in document:
            raise DataError(
                f"has no list 'annotations', only {', '.join(map(repr, document))}: it names images, but not what they "
                "show",
                hint="give the file with the boxes; COCO calls it instances_….json and this one image_info_….json",
            )
        annotations = a_list(document["annotations"], "'annotations'")
        categories = _categories(a_list(document.get("categories", []), "'categories'"), annotations, path, faults)
    boxes, bad, crowds = _annotations(annotations, categories, path, faults)
    index = images_of(path, options)
    found = _images(images, boxes, bad, index, path, faults)
    if crowds:
        faults.note(
            DataError(
                f"{crowds} boxes are annotated iscrowd; they are taken as difficult, which evaluation passes over",
                file=path,
                hint="take them out if that is not what you want",
            )
        )
    names = _class_names(categories, {box.name for each in boxes.values() for _, box in each}, path, faults)
    return gather(found, root=path, options=options, faults=faults, known_names=names, index=index)


def _why(document: Any) -> str | None:
    if isinstance(document, dict) and "images" in document and ("annotations" in document or "categories" in document):
        return "it has COCO's lists of images and categories"
    return None


def an_id(value: Any, what: str) -> Id:
    """An id of any kind: a whole number, or text; text that is a number is that number.

    Raises:
        DataError: It is neither.
    """
    if isinstance(value, str) and value.strip():
        text = value.strip()
        return int(text) if text.isascii() and text.isdigit() and str(int(text[:18])) == text else text
    return a_whole_number(value, what)


def _categories(entries: list[Any], annotations: list[Any], path: Path, faults: Faults) -> dict[Id, tuple[str, str]]:
    """Name and supercategory of each id, in the order of the ids; without the group that Roboflow puts before them."""
    found: dict[Id, tuple[str, str]] = {}
    for number, entry in enumerate(entries):
        try:
            category = a_dict(entry, "a category")
            identity = an_id(category.get("id"), "its id")
            name = a_text(category.get("name"), "its name")
            above = category.get("supercategory")
            if identity in found:
                raise DataError(f"the id {identity} belongs to '{found[identity][0]}' already")
        except DataError as fault:
            raise DataError(
                fault.problem, place=f"categories[{number}]", hint="give each class one id and one name"
            ) from fault
        found[identity] = (name, above if isinstance(above, str) else "")
    if 0 in found and any(above == found[0][0] for each, (_, above) in found.items() if each != 0):
        used = {entry.get("category_id") for entry in annotations if isinstance(entry, dict) and _is_plain(entry)}
        if not used & {0, "0"}:
            name, _ = found.pop(0)
            faults.note(
                DataError(
                    f"the category '{name}' of id 0 has no box and is the group of the others, not a class",
                    file=path,
                    hint="give it another supercategory if it is a class",
                )
            )
    _refuse_one_name(found, entries)
    return dict(sorted(found.items())) if all(isinstance(each, int) for each in found) else found


def _is_plain(annotation: dict[str, Any]) -> bool:
    return isinstance(annotation.get("category_id"), int | str)


def _refuse_one_name(categories: dict[Id, tuple[str, str]], entries: list[Any]) -> None:
    owners: dict[str, Id] = {}
    for identity, (name, _) in categories.items():
        if name in owners:
            number = next(i for i, entry in enumerate(entries) if an_id(entry["id"], "its id") == identity)
            raise DataError(
                f"the name '{name}' has the id {owners[name]} already",
                place=f"categories[{number}]",
                hint="give each class one id and one name",
            )
        owners[name] = identity


def _class_names(categories: dict[Id, tuple[str, str]], used: set[str], path: Path, faults: Faults) -> tuple[str, ...]:
    left_out = [name for name, _ in categories.values() if name not in used and name.casefold() in _BACKGROUND]
    if left_out:
        faults.note(
            DataError(
                f"the category '{left_out[0]}' has no box and is taken for the background, not for a class",
                file=path,
                hint="name the classes if it is one",
            )
        )
    return tuple(name for name, _ in categories.values() if name not in left_out)


def _annotations(
    entries: list[Any], categories: dict[Id, tuple[str, str]], path: Path, faults: Faults
) -> tuple[dict[Id, list[tuple[str, VocObject]]], set[Id], int]:
    """Boxes of each image id with their places; the image ids with a bad box; how many are crowds.

    Raises:
        DataError: It cannot be known which image a box belongs to: any may lack one.
    """
    boxes: dict[Id, list[tuple[str, VocObject]]] = {}
    bad: set[Id] = set()
    crowds = 0
    for number, entry in enumerate(entries):
        place = f"annotations[{number}]"
        with located(path, place):
            annotation = a_dict(entry, "an annotation")
            image = an_id(annotation.get("image_id"), "its image_id")
        try:
            crowd = a_flag(annotation.get("iscrowd", 0), "iscrowd")
            box = _box(annotation, categories, crowd)
            boxes.setdefault(image, []).append((place, box))
            crowds += crowd
        except DataError as fault:
            bad.add(image)
            faults.add(placed(fault, path, place), image=image)
    return boxes, bad, crowds


def _box(annotation: dict[str, Any], categories: dict[Id, tuple[str, str]], crowd: bool) -> VocObject:
    identity = an_id(annotation.get("category_id"), "its category_id")
    if identity not in categories:
        known = ", ".join(f"{number} {name}" for number, (name, _) in list(categories.items())[:20])
        raise DataError(f"the category {identity} is not in 'categories'", hint=f"known are: {known or 'none'}")
    numbers = a_list(annotation.get("bbox"), "its bbox")
    if len(numbers) != 4:
        raise DataError(f"its bbox has {len(numbers)} numbers", hint="write [left, top, width, height] in pixels")
    left, top, width, height = (a_number(value, "a number of its bbox") for value in numbers)
    pose = annotation.get("pose", "Unspecified")
    return VocObject(
        categories[identity][0],
        *corners_of(left, top, width, height),
        difficult=a_flag(annotation.get("difficult", 0), "difficult") or crowd,
        truncated=a_flag(annotation.get("truncated", 0), "truncated"),
        pose=pose if pose == "" else a_text(pose, "its pose"),
    )


def _images(
    entries: list[Any],
    boxes: dict[Id, list[tuple[str, VocObject]]],
    bad: set[Id],
    index: ImageIndex,
    path: Path,
    faults: Faults,
) -> list[FoundImage]:
    found: list[FoundImage] = []
    seen: set[Id] = set()
    for number, entry in enumerate(entries):
        place, identity = f"images[{number}]", None
        try:
            row = a_dict(entry, "an image")
            identity = an_id(row.get("id"), "its id")
            if identity in seen:
                raise DataError(
                    f"the id {identity} belongs to another image already", hint="give each image its own id"
                )
            seen.add(identity)
            image = index.find(a_text(row.get("file_name"), "its file_name"))
            if identity in bad:
                continue  # one of its boxes cannot be used, and an image with a box too few would be wrong
            places, objects = zip(*boxes[identity], strict=True) if identity in boxes else ((), ())
            found.append(
                FoundImage(
                    image, index.folders[0], path, f"{place} ({image.name})", objects, places, _size(row), _facts(row)
                )
            )
        except DataError as fault:
            faults.add(placed(fault, path, place), image=identity, boxes=identity is None or identity in {*boxes, *bad})
    if orphans := [each for each in boxes if each not in seen]:
        place, _ = boxes[orphans[0]][0]
        faults.add(
            DataError(
                f"{sum(len(boxes[each]) for each in orphans)} boxes belong to images that are not in 'images', the "
                f"first to image_id {orphans[0]}",
                file=path,
                place=place,
                hint="add the images, or take the boxes out",
            ),
            image=orphans[0],
        )
        for each in orphans:
            faults.lose(each)
    return found


def _size(image: dict[str, Any]) -> tuple[int, int] | None:
    if image.get("width") is None and image.get("height") is None:
        return None
    return a_whole_number(image.get("width"), "its width"), a_whole_number(image.get("height"), "its height")


def _facts(image: dict[str, Any]) -> WrittenFacts:
    facts = {key: a_text(image[key], f"its {key}") for key in _FACTS if image.get(key) is not None}
    split = image.get("split")
    if split is None:
        return WrittenFacts(**facts)
    meant = split_of(a_text(split, "its split"))
    if meant is None:
        raise DataError(f"its split '{split}' is not train, val or test")
    return WrittenFacts(split=meant, **facts)


def plan_coco(dataset: Dataset) -> Iterator[PlannedFile]:
    """``annotations.json`` and ``images/*``."""
    yield PlannedFile("annotations.json", coco_bytes(dataset))
    yield from plan_images(dataset, "images/")


def coco_bytes(dataset: Dataset) -> bytes:
    """A data set as one COCO file: images in the order of the records, ids from 1."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, record in enumerate(dataset, start=1):
        image = {"id": number, "file_name": record.name, "width": record.width, "height": record.height}
        facts = {key: getattr(record, key) for key in (*_FACTS, "split") if getattr(record, key) is not None}
        images.append({**image, **facts})
        for corners, label, flags in zip(record.boxes.xyxy, record.boxes.labels, record.flags, strict=True):
            annotations.append(_annotation(len(annotations) + 1, number, int(label), corners, flags))
    categories = [
        {"id": label, "name": name, "supercategory": "none"} for label, name in enumerate(dataset.class_names, start=1)
    ]
    info = {"description": "written by fractura"}
    return json_bytes({"info": info, "images": images, "annotations": annotations, "categories": categories})


def _annotation(identity: int, image: int, label: int, corners: np.ndarray, flags: BoxFlags) -> dict[str, Any]:
    left, top, right, bottom = (shortest_decimal(value) for value in corners)
    given = tuple(float(value) for value in corners)

    def is_right(sides: Sequence[float]) -> bool:
        return tuple(float(np.float32(value)) for value in corners_of(left, top, *sides)) == given

    width, height = fewest_digits([right - left, bottom - top], is_right, (0, 3, 6, 9))
    if not is_right((width, height)):  # the shortest decimals of the corners do not add up: take the corners themselves
        left, top, right, bottom = given
        width, height = right - left, bottom - top
    box = [whole_or_float(value) for value in (left, top, width, height)]
    written: dict[str, Any] = {
        "id": identity,
        "image_id": image,
        "category_id": label + 1,
        "bbox": box,
        "area": whole_or_float(round(width * height, 6)),
        "iscrowd": 0,
    }
    if flags.difficult:
        written["difficult"] = 1
    if flags.truncated:
        written["truncated"] = 1
    if flags.pose != "Unspecified":
        written["pose"] = flags.pose
    return written


COCO = Format(
    name="coco",
    title="COCO",
    read=read_coco,
    plan=plan_coco,
    holds=FLAGS | FACTS | CLASS_LIST | FRACTIONS,
    describes="annotations.json",
    takes_image_dir=True,
    why_json=_why,
)
