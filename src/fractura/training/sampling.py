"""Which image is shown when: an order that depends on the seed alone, and each process's share of every step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fractura.core.dataset import Dataset

_ORDER, _NEGATIVES = 1, 2
"""Second seed number of each independent random sequence."""


@dataclass(frozen=True)
class ImageStream:
    """An endless order of images: each place of the stream always holds the same image, in every process.

    Each epoch shows every image with boxes once, and ``negatives_per_positive`` times as many without. Epochs continue
    through the images without boxes where the previous one stopped, so that all of them are shown.

    >>> stream = ImageStream(positives=(0, 1), negatives=(2, 3, 4), negatives_per_epoch=1, seed=0)
    >>> {0, 1} < {stream.image(place) for place in range(stream.epoch_length)}
    True

    Attributes:
        positives: Positions in the data set of the images with boxes.
        negatives: Positions of the images without boxes.
        negatives_per_epoch: Number of those that one epoch shows.
        seed: Seed of the order.
    """

    positives: tuple[int, ...]
    negatives: tuple[int, ...]
    negatives_per_epoch: int
    seed: int

    @classmethod
    def of(cls, data: Dataset, negatives_per_positive: float | None, seed: int) -> ImageStream:
        """The stream over ``data``; ``TrainSettings`` explains the other arguments."""
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
    """The places of the stream that one process takes at each step: a batch sampler for DataLoader.

    >>> list(StepSampler(batch_size=4, first_step=1, last_step=3, process=1, processes=2))
    [[6, 7], [10, 11]]

    Attributes:
        batch_size: Images per step over all processes; a multiple of ``processes``.
        first_step: First step; a resumed run begins where it stopped, without replaying earlier steps.
        last_step: Last step (exclusive).
        process: Number of this process.
        processes: Number of processes.
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
