"""The images of a run: cut-off images and unusable boxes found before the first step, overlap refused, and which image
is shown when.
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError
from fractura.formats.validation import box_fault
from fractura.imaging.headers import image_kind
from fractura.imaging.reader import read_radiograph

_ORDER, _NEGATIVES = 1, 2
"""Second seed number of each independent random sequence."""
_END_MARKERS = {"jpeg": b"\xff\xd9", "png": b"IEND"}
_TAIL = 64
"""Last bytes of an image in which its end marker is looked for; some programs write a little behind it."""


@dataclass(frozen=True)
class ImageStream:
    """An endless order of images: place ``p`` of the stream always holds the same image, whoever asks and when.

    Each epoch shows every image with boxes once, and ``negatives_per_positive`` as many images without. The images
    without boxes are walked through from one epoch to the next, so that all of them have their turn.

    Attributes:
        positives: Positions of the images with boxes in the data set.
        negatives: Positions of the images without.
        negatives_per_epoch: How many of them one epoch shows.
        seed: Of the order.
    """

    positives: tuple[int, ...]
    negatives: tuple[int, ...]
    negatives_per_epoch: int
    seed: int

    @classmethod
    def of(cls, data: Dataset, negatives_per_positive: float | None, seed: int) -> ImageStream:
        """The stream over ``data``; see ``TrainSettings`` for the other two."""
        negatives = tuple(i for i, record in enumerate(data) if record.is_negative)
        positives = tuple(i for i, record in enumerate(data) if not record.is_negative)
        wanted = len(negatives)
        if negatives_per_positive is not None:
            wanted = min(wanted, round(negatives_per_positive * len(positives)))
        return cls(positives, negatives, wanted, seed)

    @property
    def epoch_length(self) -> int:
        """Images shown in one epoch."""
        return len(self.positives) + self.negatives_per_epoch

    def image(self, place: int) -> int:
        """Position in the data set of the image at ``place`` of the stream."""
        epoch, offset = divmod(place, self.epoch_length)
        return int(_epoch_order(self, epoch)[offset])


@lru_cache(maxsize=4)
def _epoch_order(stream: ImageStream, epoch: int) -> NDArray[np.int64]:
    shown = [np.array(stream.positives, dtype=np.int64)]
    if stream.negatives_per_epoch:
        count, total = stream.negatives_per_epoch, len(stream.negatives)
        places = np.arange(epoch * count, (epoch + 1) * count)
        rounds = {int(r): _shuffled(stream.negatives, stream.seed, _NEGATIVES, int(r)) for r in set(places // total)}
        shown.append(np.array([rounds[p // total][p % total] for p in places.tolist()], dtype=np.int64))
    images = np.concatenate(shown)
    return _generator(stream.seed, _ORDER, epoch).permutation(images)


def _shuffled(images: tuple[int, ...], seed: int, sequence: int, number: int) -> NDArray[np.int64]:
    return _generator(seed, sequence, number).permutation(np.array(images, dtype=np.int64))


def _generator(*seed: int) -> np.random.Generator:
    return np.random.default_rng(list(seed))


@dataclass(frozen=True)
class StepSampler:
    """The places of the stream that one process takes at each step: a DataLoader's batch sampler.

    Attributes:
        batch_size: Images per step over all processes; a multiple of ``processes``.
        first_step: Where to begin; a resumed run begins where it stopped, without replaying what came before.
        last_step: Where to end (exclusive).
        process: Number of this process.
        processes: How many there are.
    """

    batch_size: int
    first_step: int
    last_step: int
    process: int = 0
    processes: int = 1

    def __len__(self) -> int:
        return max(0, self.last_step - self.first_step)

    def __iter__(self) -> Iterator[list[int]]:
        share = self.batch_size // self.processes
        for step in range(self.first_step, self.last_step):
            first = step * self.batch_size + self.process * share
            yield list(range(first, first + share))


@dataclass(frozen=True)
class CleanData:
    """A data set whose boxes can all be trained on, and what was left out for it.

    Attributes:
        data: Boxes cut to their images.
        skipped: One line per box left out.
    """

    data: Dataset
    skipped: tuple[str, ...]


def clean_boxes(data: Dataset, on_error: Literal["stop", "skip"]) -> CleanData:
    """Cut boxes to their images and find those that nothing can be learnt from, before they become NaN.

    Args:
        data: As read.
        on_error: ``stop`` raises at the first unusable box; ``skip`` leaves it out and reports it, with its image if
            no box is left: that image is not a normal one.

    Raises:
        DataError: A box is not finite, turned inside out, thinner than a pixel or outside its image; names image and
            box.
    """
    records, skipped = [], []
    for record in data:
        good = []
        for number, (box, label) in enumerate(zip(record.boxes.xyxy, record.boxes.labels, strict=True), start=1):
            problem = _box_problem(box, int(label), record, len(data.class_names))
            if problem is None:
                good.append(number - 1)
            elif on_error == "stop":
                raise DataError(
                    problem,
                    file=record.annotation or record.image,
                    place=f"object {number}",
                    hint="correct or delete the box, or leave such boxes out with --on-error skip",
                )
            else:
                skipped.append(f"{record.name}, object {number}: {problem}")
        if len(record.boxes) and not good:
            continue
        boxes = Boxes(record.boxes.xyxy[good], record.boxes.labels[good]).clip(record.width, record.height)
        records.append(replace(record, boxes=boxes, flags=tuple(record.flags[i] for i in good)))
    return CleanData(replace(data, records=tuple(records)), tuple(skipped))


def _box_problem(box: NDArray[np.float32], label: int, record: Record, classes: int) -> str | None:
    if not 0 <= label < classes:
        return f"the box has class number {label}, but there are {classes} classes"
    return box_fault(box.tolist(), record.width, record.height, margin=math.inf, smallest=1)


def refuse_overlap(train: Dataset, val: Dataset) -> None:
    """See that no image to train on is measured on too, by the bytes of the files.

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
            continue  # no file to train on is as long: it cannot be the same one, and need not be read
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
            hint="take them out of one of the two; metrics measured on images already seen say nothing",
        )


def refuse_cut_off(data: Dataset) -> None:
    """See that no JPEG or PNG ends too early, before hours are spent on the others.

    Of each image only the first and last bytes are read; one without its end marker is decoded, to be sure.

    Raises:
        DataError: Some images are cut off; names up to five.
    """
    cut = [record for record in data if not _has_end_marker(record) and not _is_readable(record)]
    if cut:
        more = f" and {len(cut) - 5} more" if len(cut) > 5 else ""
        raise DataError(
            f"cut off and cannot be read: {', '.join(record.name for record in cut[:5])}{more}",
            file=data.root,
            hint="copy them again from their source, take them out (`fractura check DATA --fix CLEAN` does), or leave "
            "them out with --on-error skip",
        )


def _has_end_marker(record: Record) -> bool:
    """True too for kinds of image that have none."""
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
