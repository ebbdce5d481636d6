"""A ``Dataset`` as a Pascal VOC folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError
from fractura.core.files import write_atomically
from fractura.formats.image_index import ImageIndex
from fractura.formats.numbers import shortest_decimal
from fractura.formats.split_file import plan_split_file
from fractura.formats.voc.annotation import VocAnnotation, VocObject
from fractura.formats.voc.decisions import decision_of
from fractura.formats.voc.parser import read_voc_file
from fractura.formats.voc.serializer import voc_bytes
from fractura.formats.writing import PlannedFile
from fractura.imaging.reader import radiograph_channels


def write_voc(
    dataset: Dataset, folder: Path, *, scores: bool = False, copy_images: bool = True, overwrite: bool = False
) -> None:
    """Write ``folder/annotations/*.xml`` and ``folder/images/*``.

    A record that came from a Pascal VOC file keeps that file's bytes wherever nothing changed.

    Args:
        dataset: What to write.
        folder: Created if it is missing.
        scores: Write ``<score>`` where boxes have scores.
        copy_images: Copy the images too, byte for byte.
        overwrite: Replace files that exist with other content; otherwise they are an error and nothing is written.

    Raises:
        DataError: Two records would get the same file, a file exists with other content, an image cannot be read, or
            a file cannot be written.
    """
    folder = Path(folder)
    annotations = folder / "annotations"
    targets: dict[str, Record] = {}
    for record in dataset:
        other = targets.setdefault(Path(record.name).stem.casefold(), record)
        if other is not record:
            raise DataError(
                f"images '{other.name}' and '{record.name}' would share one annotation file",
                file=annotations / f"{Path(record.name).stem}.xml",
                hint="rename one of the images",
            )
    for writing in (False, True):  # examine everything before writing: a refusal leaves the folder untouched
        for path, data, record in _files(dataset, scores=scores):
            if data is not None:
                _put(folder / path, data, writing=writing, overwrite=overwrite)
            elif copy_images:
                _put(folder / path, record.read_bytes(), writing=writing, overwrite=overwrite)


def plan_voc(dataset: Dataset) -> Iterator[PlannedFile]:
    """``annotations/*.xml`` and ``images/*``."""
    for path, data, record in _files(dataset, scores=False):
        yield PlannedFile(path, data) if data is not None else PlannedFile(path, image=record)
    yield from plan_split_file(dataset)


def _files(dataset: Dataset, *, scores: bool) -> Iterator[tuple[str, bytes | None, Record]]:
    """Path and content of each annotation and of each decision, and path of each image."""
    index = ImageIndex(Path("images", record.name) for record in dataset)
    for record in dataset:
        path = f"annotations/{PurePosixPath(record.name).stem}.xml"
        data = voc_bytes(annotation_for(record, Path(path), index, dataset.class_names, scores=scores))
        yield path, data, record
        if record.is_negative and record.decided_normal:
            place, content = decision_of(record.name, data)
            yield place, content.encode(), record
        yield f"images/{record.name}", None, record


def annotation_for(
    record: Record, target: Path, images: ImageIndex, class_names: Sequence[str], *, scores: bool
) -> VocAnnotation:
    """The record's own file where it came from one, with what differs changed; else a new one.

    Args:
        record: The image and its boxes.
        target: Where the file goes.
        images: The images as they will lie next to it: the source's ``<filename>`` stays if it finds the right one.
        class_names: In label order.
        scores: Write ``<score>`` where boxes have scores.

    Raises:
        DataError: The image or its source file cannot be read.
    """
    objects = _objects_of(record, class_names, scores=scores)
    if record.annotation is not None and record.annotation.suffix.lower() == ".xml" and record.annotation.is_file():
        source = read_voc_file(record.annotation)
        kept = _kept(source, record, objects)
        found = images.match(target, source.filename)
        filename = source.filename if found is not None and found.name == record.name else record.name
        return replace(source, objects=kept, width=record.width, height=record.height, filename=filename)
    return VocAnnotation(
        filename=record.name,
        width=record.width,
        height=record.height,
        depth=radiograph_channels(record.read_bytes(), name=record.title),
        objects=objects,
        folder="images",
    )


def _kept(source: VocAnnotation, record: Record, objects: tuple[VocObject, ...]) -> tuple[VocObject, ...]:
    """``objects``, each as the source writes it where they agree to float32 and after the reader's clipping."""
    limits = np.array([record.width, record.height] * 2, dtype=np.float32)
    written: dict[tuple[object, ...], VocObject] = {}
    for each in source.objects:
        corners = np.clip(np.array(each.corners, dtype=np.float32), 0, limits)
        written[_key(each, corners)] = each
    kept = []
    for each in objects:
        match = written.get(_key(each, np.array(each.corners, dtype=np.float32)))
        kept.append(each if match is None else replace(match, score=match.score if each.score is None else each.score))
    return tuple(kept)


def _key(each: VocObject, corners: np.ndarray) -> tuple[object, ...]:
    return (each.name, each.difficult, each.truncated, each.pose, *corners.tolist())


def _objects_of(record: Record, class_names: Sequence[str], *, scores: bool) -> tuple[VocObject, ...]:
    boxes = record.boxes
    objects = []
    for i, flag in enumerate(record.flags):
        left, top, right, bottom = (shortest_decimal(value) for value in boxes.xyxy[i])
        score = shortest_decimal(boxes.scores[i]) if scores and boxes.scores is not None else None
        name = class_names[int(boxes.labels[i])]
        objects.append(VocObject(name, left, top, right, bottom, flag.difficult, flag.truncated, flag.pose, score))
    return tuple(objects)


def _put(target: Path, data: bytes, *, writing: bool, overwrite: bool) -> None:
    exists = target.is_file()
    if exists and target.read_bytes() == data:
        return
    if exists and not overwrite:
        raise DataError(
            "exists already, with other content",
            file=target,
            hint="choose an empty folder, or allow overwriting",
        )
    if writing:
        write_atomically(target, data)
