"""From images on disk to batches: reading, augmentation, collation."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError
from fractura.imaging.reader import Radiograph, read_record
from fractura.models.detector import Target
from fractura.training.augmentation import augment
from fractura.training.sampling import ImageStream
from fractura.training.transform import AugmentationOption, LabelledImage

ReadImage = Callable[[Record], Radiograph]
"""Reads the image of a record. Other processes use it, too: a function of a module, not a nested one."""

_AUGMENTATION, _SUBSTITUTE = 3, 4
_SUBSTITUTES = 20
"""Number of other images tried in place of one that cannot be read."""


@dataclass(frozen=True)
class Problem:
    """An image that could not be used, as plain text that worker processes can send."""

    image: str
    text: str
    hint: str | None


@dataclass(frozen=True)
class Sample:
    """One image ready for the detector.

    Attributes:
        image: uint8 ``(height, width, 3)``, or float32 of 0..255.
        target: Its ground truth.
        name: Name of the image.
        place: Its place in the stream, or its position in the data set.
        dropped: Number of boxes lost in augmentation.
        problems: Images that were tried for this place and could not be used; ``image`` is empty if all failed.
    """

    image: Tensor
    target: Target
    name: str
    place: int
    dropped: int = 0
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, sample: LabelledImage, name: str, place: int, problems: Sequence[Problem] = ()) -> Sample:
        """A sample from arrays."""
        # Pillow's arrays are read-only, which torch does not support.
        image = torch.from_numpy(np.require(sample.image, requirements=["C", "W"]))
        return cls(image, target_of(sample), name, place, sample.dropped, tuple(problems))

    @classmethod
    def missing(cls, place: int, problems: Sequence[Problem]) -> Sample:
        """An empty sample, for a place where no image could be used."""
        nothing = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))
        return cls(torch.zeros(0, 0, 3, dtype=torch.uint8), nothing, "", place, 0, tuple(problems))


@dataclass(frozen=True)
class Batch:
    """The images of one process in one step.

    Attributes:
        images: uint8 (or float32 of 0..255) ``(height, width, 3)`` each, of any sizes.
        targets: One per image.
        names: Names of the images.
        places: Their places in the stream, or positions in the data set.
        dropped: Number of boxes lost in augmentation.
        problems: Images that could not be used.
    """

    images: list[Tensor]
    targets: list[Target]
    names: list[str]
    places: list[int]
    dropped: int
    problems: list[Problem]

    def __len__(self) -> int:
        return len(self.images)

    def pin_memory(self) -> Batch:
        """The same batch in page-locked memory, from which a GPU copies faster (DataLoader calls this)."""
        images = [image.pin_memory() for image in self.images]
        return replace(self, images=images)

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        images = [image.to(device, non_blocking=True) for image in self.images]
        return replace(self, images=images, targets=[target.to(device) for target in self.targets])

    def part(self, first: int, last: int) -> Batch:
        """Images ``first`` to ``last`` (exclusive), without the problems and dropped boxes of the whole."""
        chosen = slice(first, last)
        return Batch(self.images[chosen], self.targets[chosen], self.names[chosen], self.places[chosen], 0, [])


class ImageDataset(torch.utils.data.Dataset[Sample]):
    """Augmented samples by place in the stream: image, augmentation and substitute depend on seed and place alone."""

    def __init__(
        self,
        data: Dataset,
        stream: ImageStream,
        options: Sequence[AugmentationOption],
        max_number_of_boxes: int | None = None,
        read_image: ReadImage = read_record,
    ) -> None:
        self.records = data.records
        self.stream = stream
        self.options = tuple(options)
        self.max_number_of_boxes = max_number_of_boxes
        self.read_image = read_image

    def __getitem__(self, place: int) -> Sample:
        """The image at ``place``; an image that cannot be read is replaced by another, and reported."""
        seed = self.stream.seed
        problems: list[Problem] = []
        choices = np.random.default_rng([seed, _SUBSTITUTE, place])
        index = self.stream.image(place)
        for _ in range(_SUBSTITUTES):
            record = self.records[index]
            try:
                image = read_labelled_image(record, self.read_image)
            except DataError as error:
                problems.append(Problem(error.file or record.name, error.problem, error.hint))
                index = self.stream.image(int(choices.integers(self.stream.epoch_length)))
                continue
            image = augment(image, self.options, [seed, _AUGMENTATION, place])
            return Sample.of(image.keep(slice(self.max_number_of_boxes)), record.name, place, problems)
        return Sample.missing(place, problems)


class PlainImages(torch.utils.data.Dataset[Sample]):
    """Unaugmented samples by position in the data set."""

    def __init__(self, data: Dataset) -> None:
        self.records = data.records

    def __getitem__(self, place: int) -> Sample:
        """The image at ``place``."""
        record = self.records[place]
        try:
            return Sample.of(read_labelled_image(record), record.name, place)
        except DataError as error:
            return Sample.missing(place, [Problem(error.file or record.name, error.problem, error.hint)])


def read_labelled_image(record: Record, read_image: ReadImage = read_record) -> LabelledImage:
    """Read the pixels and boxes of a record.

    Args:
        record: What to read.
        read_image: Reads its image.

    Raises:
        DataError: The image cannot be read, or its size is not the one that it was annotated in.
    """
    image = read_image(record)
    weights = record.weights
    return LabelledImage(
        image.pixels,
        record.boxes.xyxy.copy(),
        record.boxes.labels.copy(),
        weights=weights if (weights != 1).any() else None,
    )


def target_of(sample: LabelledImage) -> Target:
    """The ground truth of an image as tensors."""
    weights = None if sample.weights is None else torch.from_numpy(sample.weights.copy())
    return Target(torch.from_numpy(sample.boxes.copy()), torch.from_numpy(sample.labels.copy()), weights)


def collate(samples: Sequence[Sample]) -> Batch:
    """Collect samples into a batch; images keep their sizes."""
    usable = [sample for sample in samples if sample.image.numel()]
    return Batch(
        [sample.image for sample in usable],
        [sample.target for sample in usable],
        [sample.name for sample in usable],
        [sample.place for sample in usable],
        sum(sample.dropped for sample in usable),
        [problem for sample in samples for problem in sample.problems],
    )


def build_loader(
    dataset: ImageDataset | PlainImages,
    places: Iterable[list[int]],
    *,
    workers: int,
    pin_memory: bool,
    start_method: str | None = None,
) -> DataLoader[Sample]:
    """A loader that yields ``Batch``.

    Args:
        dataset: Samples by place.
        places: The places of each batch (``StepSampler`` in training).
        workers: Number of processes that prepare images; 0 prepares them in this one.
        pin_memory: Use page-locked memory, for copying to a GPU.
        start_method: How processes start (``fork``, ``spawn``, ``forkserver``); None is the system's default.
    """
    extra: dict[str, Any] = {"multiprocessing_context": start_method, "prefetch_factor": 3} if workers else {}
    return DataLoader(
        dataset,
        batch_sampler=places,
        num_workers=workers,
        collate_fn=collate,
        pin_memory=pin_memory,
        worker_init_fn=leave_interrupts_to_parent,
        **extra,
    )


def leave_interrupts_to_parent(worker: int) -> None:
    """Ignore Ctrl-C, which reaches every process of a terminal: the parent needs its workers to finish its step."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def batches(loader: DataLoader[Sample]) -> Iterator[tuple[Batch, float]]:
    """The batches of ``loader``, each with the seconds spent waiting for it."""
    started = time.perf_counter()
    for batch in loader:
        yield batch, time.perf_counter() - started
        started = time.perf_counter()
