"""Films from disk to the detector: read by the one reader, augmented, put together to batches of one step."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError
from fractura.imaging.reader import read_radiograph
from fractura.models.detector import Target
from fractura.quality.training_data import FilmStream
from fractura.training.augmentation import AugmentationOption, MarkedFilm, augment

_AUGMENTATION, _SUBSTITUTE = 3, 4
_SUBSTITUTES = 20
"""Other films tried in the place of one that cannot be read."""


@dataclass(frozen=True)
class Problem:
    """A film that could not be used; plain words, so that it crosses from a worker process unharmed."""

    film: str
    text: str
    hint: str | None


@dataclass(frozen=True)
class Sample:
    """One film ready for the detector.

    Attributes:
        image: uint8 ``(height, width, 3)``, or float32 of 0..255.
        target: What is marked on it.
        name: Of the film.
        place: Place in the stream, or position in the data set.
        dropped: Boxes lost in augmentation.
        problems: Films that stood in this place and could not be used; without pixels if none was found at all.
    """

    image: Tensor
    target: Target
    name: str
    place: int
    dropped: int = 0
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, film: MarkedFilm, name: str, place: int, problems: Sequence[Problem] = ()) -> Sample:
        """A sample from arrays."""
        # What Pillow gives is read-only, which torch does not know of.
        image = torch.from_numpy(np.require(film.image, requirements=["C", "W"]))
        target = Target(torch.from_numpy(film.boxes.copy()), torch.from_numpy(film.labels.copy()))
        return cls(image, target, name, place, film.dropped, tuple(problems))

    @classmethod
    def missing(cls, place: int, problems: Sequence[Problem]) -> Sample:
        """Stands where no film could be used."""
        nothing = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))
        return cls(torch.zeros(0, 0, 3, dtype=torch.uint8), nothing, "", place, 0, tuple(problems))


@dataclass(frozen=True)
class Batch:
    """The films of one process at one step.

    Attributes:
        images: uint8 (or float32 of 0..255) ``(height, width, 3)`` each, of any sizes.
        targets: One per film.
        names: Of the films.
        places: Of the films, in the stream or the data set.
        dropped: Boxes lost in augmentation.
        problems: Films that could not be used.
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
        """In page-locked memory, from where a GPU copies faster (DataLoader calls this)."""
        images = [image.pin_memory() for image in self.images]
        return replace(self, images=images)

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        images = [image.to(device, non_blocking=True) for image in self.images]
        return replace(self, images=images, targets=[target.to(device) for target in self.targets])

    def part(self, first: int, last: int) -> Batch:
        """Films ``first`` to ``last`` (exclusive); problems and dropped boxes stay with the whole."""
        chosen = slice(first, last)
        return Batch(self.images[chosen], self.targets[chosen], self.names[chosen], self.places[chosen], 0, [])


class FilmDataset(torch.utils.data.Dataset[Sample]):
    """Samples by their place in the stream: film, augmentation and substitute depend on seed and place alone."""

    def __init__(
        self,
        data: Dataset,
        stream: FilmStream,
        options: Sequence[AugmentationOption],
        max_number_of_boxes: int | None = None,
    ) -> None:
        self.records = data.records
        self.stream = stream
        self.options = tuple(options)
        self.max_number_of_boxes = max_number_of_boxes

    def __getitem__(self, place: int) -> Sample:
        """The film at ``place``; a film that cannot be read is replaced by another, and reported."""
        seed = self.stream.seed
        problems: list[Problem] = []
        choices = np.random.default_rng([seed, _SUBSTITUTE, place])
        index = self.stream.film(place)
        for _ in range(_SUBSTITUTES):
            record = self.records[index]
            try:
                film = read_marked_film(record)
            except DataError as error:
                problems.append(Problem(error.file or record.name, error.problem, error.hint))
                index = self.stream.film(int(choices.integers(self.stream.epoch_length)))
                continue
            film = augment(film, self.options, [seed, _AUGMENTATION, place])
            count = self.max_number_of_boxes
            film = replace(film, boxes=film.boxes[:count], labels=film.labels[:count])
            return Sample.of(film, record.name, place, problems)
        return Sample.missing(place, problems)


class PlainFilms(torch.utils.data.Dataset[Sample]):
    """Samples by their position in the data set, as they are."""

    def __init__(self, data: Dataset) -> None:
        self.records = data.records

    def __getitem__(self, place: int) -> Sample:
        """The film at ``place``."""
        record = self.records[place]
        try:
            return Sample.of(read_marked_film(record), record.name, place)
        except DataError as error:
            return Sample.missing(place, [Problem(error.file or record.name, error.problem, error.hint)])


def read_marked_film(record: Record) -> MarkedFilm:
    """A record's pixels and boxes.

    Raises:
        DataError: The film cannot be read, or is not of the size that its boxes were drawn on.
    """
    try:
        encoded = record.read_bytes()
    except OSError as error:
        raise DataError(f"cannot be opened: {error.strerror or error}", file=record.image) from error
    film = read_radiograph(encoded, name=str(record.image) if record.span is None else record.name)
    if (film.width, film.height) != (record.width, record.height):
        raise DataError(
            f"has {film.width} x {film.height} pixels, but its annotation is for {record.width} x {record.height}",
            file=record.image,
            hint="run `fractura check` on the folder; the film was changed after it was labelled",
        )
    return MarkedFilm(film.pixels, record.boxes.xyxy.copy(), record.boxes.labels.copy())


def collate(samples: Sequence[Sample]) -> Batch:
    """Put samples together; films keep their sizes."""
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
    dataset: FilmDataset | PlainFilms,
    places: Iterable[list[int]],
    *,
    workers: int,
    pin_memory: bool,
    start_method: str | None = None,
) -> DataLoader[Sample]:
    """A loader of ``Batch``.

    Args:
        dataset: Films by place.
        places: The places of each batch (``StepSampler`` for training).
        workers: Processes that prepare films; 0 prepares them in this one.
        pin_memory: For copying to a GPU.
        start_method: How processes start (``fork``, ``spawn``, ``forkserver``); None is the system's own.
    """
    extra: dict[str, Any] = {"multiprocessing_context": start_method, "prefetch_factor": 3} if workers else {}
    return DataLoader(
        dataset,
        batch_sampler=places,  # type: ignore[arg-type]  # any iterable of lists will do
        num_workers=workers,
        collate_fn=collate,
        pin_memory=pin_memory,
        worker_init_fn=leave_interrupts_to_parent,
        **extra,
    )


def leave_interrupts_to_parent(worker: int) -> None:
    """Ctrl-C reaches every process of a terminal; the parent finishes its step and needs its workers until then."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def batches(loader: DataLoader[Sample]) -> Iterator[tuple[Batch, float]]:
    """Go through ``loader``; with each batch the seconds it was waited for: do films or network hold up training?"""
    started = time.perf_counter()
    for batch in loader:
        yield batch, time.perf_counter() - started
        started = time.perf_counter()
