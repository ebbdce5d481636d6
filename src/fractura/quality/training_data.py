"""Checks of the data of a training run: truncated images, unusable boxes, images in both sets."""

from __future__ import annotations

import math
import os
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError
from fractura.formats.faults import Faults, OnError, box_fault
from fractura.imaging.headers import image_kind
from fractura.imaging.reader import read_radiograph

_END_MARKERS = {"jpeg": b"\xff\xd9", "png": b"IEND"}
_TAIL = 64
"""Last bytes of an image that are searched for its end marker; some programs write a little after it."""


@dataclass(frozen=True)
class CleanData:
    """A data set whose boxes can all be trained on, and what was removed from it.

    Attributes:
        data: With boxes clipped to their images.
        skipped: One line per unusable box, whose image is not among ``data``.
    """

    data: Dataset
    skipped: tuple[str, ...]


def clean_boxes(data: Dataset, on_error: OnError) -> CleanData:
    """Clip boxes to their images and find the unusable ones, before they cause a NaN.

    Args:
        data: As read.
        on_error: ``stop`` raises at the first unusable box; ``skip`` reports it and leaves its image out, which would
            have a box too few; see ``read_dataset``.

    Raises:
        DataError: A box is not finite, inverted, thinner than a pixel or outside its image; names image and box. Or too
            many images with boxes would be left out.
    """
    records, skipped = [], []
    faults = Faults(on_error)
    for record in data:
        usable = True
        for number, (box, label) in enumerate(zip(record.boxes.xyxy, record.boxes.labels, strict=True), start=1):
            problem = _box_problem(box, int(label), record, len(data.class_names))
            if problem is not None:
                fault = DataError(
                    problem,
                    file=record.annotation or record.image,
                    place=f"object {number}",
                    hint="correct or delete the box, or skip such images with --on-error skip",
                )
                faults.add(fault, image=record.name)
                skipped.append(f"{record.name}, object {number}: {problem}")
                usable = False
        if usable:
            records.append(replace(record, boxes=record.boxes.clip(record.width, record.height)))
    faults.refuse_loss(sum(not record.is_negative for record in records))
    return CleanData(replace(data, records=tuple(records)), tuple(skipped))


def _box_problem(box: NDArray[np.float32], label: int, record: Record, classes: int) -> str | None:
    if not 0 <= label < classes:
        return f"the box has class number {label}, but there are {classes} classes"
    return box_fault(box.tolist(), record.width, record.height, margin=math.inf, smallest=1)


def refuse_overlap(train: Dataset, val: Dataset) -> None:
    """Check that no image is in both sets, by the bytes of the files.

    Raises:
        DataError: Some images are in both; names up to five pairs.
    """
    by_size: dict[int, list[Record]] = defaultdict(list)
    for record in train:
        by_size[_stored_length(record)].append(record)
    digests: dict[str, Record] = {}
    hashed: set[int] = set()
    shared = []
    for record in val:
        length = _stored_length(record)
        if length not in by_size:
            continue  # no file to train on has this length, so it need not be read
        if length not in hashed:
            hashed.add(length)
            digests.update({candidate.digest: candidate for candidate in by_size[length]})
        twin = digests.get(record.digest)
        if twin is not None:
            shared.append(f"{record.name} = {twin.name}")
    if shared:
        more = f" and {len(shared) - 5} more" if len(shared) > 5 else ""
        raise DataError(
            f"{len(shared)} images to validate on are also images to train on ({'; '.join(shared[:5])}{more})",
            hint="remove them from one of the two; metrics on images seen in training are meaningless",
        )


def refuse_cut_off(data: Dataset) -> None:
    """Check that no JPEG or PNG is truncated, before hours are spent on the others.

    Only the first and last bytes of each image are read; an image without its end marker is decoded, to be sure.

    Raises:
        DataError: Some images are truncated; names up to five.
    """
    cut = [record for record in data if not _has_end_marker(record) and not _is_readable(record)]
    if cut:
        more = f" and {len(cut) - 5} more" if len(cut) > 5 else ""
        raise DataError(
            f"cut off and cannot be read: {', '.join(record.name for record in cut[:5])}{more}",
            file=data.root,
            hint="copy them again from their source, remove them (`fractura check DATA --fix CLEAN` does that), or "
            "skip them with --on-error skip",
        )


def _has_end_marker(record: Record) -> bool:
    """True also for file types that have none."""
    try:
        with record.image.open("rb") as stream:
            offset, length = record.span or (0, stream.seek(0, os.SEEK_END))
            stream.seek(offset)
            detection = _END_MARKERS.get(image_kind(stream.read(16)))
            stream.seek(offset + max(0, length - _TAIL))
            return detection is None or detection in stream.read(min(length, _TAIL))
    except OSError as error:
        raise DataError(f"cannot be opened: {error.strerror or error}", file=record.image) from error


def _is_readable(record: Record) -> bool:
    try:
        read_radiograph(record.read_bytes(), name=record.title)
    except DataError:
        return False
    return True


def _stored_length(record: Record) -> int:
    try:
        return record.span[1] if record.span is not None else record.image.stat().st_size
    except OSError as error:
        raise DataError(f"cannot be opened: {error.strerror or error}", file=record.image) from error
