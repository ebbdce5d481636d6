"""Architectures whose numbers no network has: refused before anything is built from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fractura.core.errors import ModelError, NotEnoughMemoryError

if TYPE_CHECKING:
    from torch import nn

_MOST, _MOST_LAYERS = 1 << 20, 1000
_REPEATED = ("layers", "blocks", "depths", "stages")
"""In the names of numbers that say how often something is built, one after the other."""


def refuse_absurd_numbers(architecture: Mapping[str, Any]) -> None:
    """Refuse an architecture that would take hours or all memory to build.

    Raises:
        ModelError: A number is larger than any network has it; names its place.

    Examples:
        >>> refuse_absurd_numbers({"num_classes": 1, "config": {"layers": [3, 2000000]}})
        Traceback (most recent call last):
        ...
        fractura.core.errors.ModelError: config.layers.1: 2000000 is more than any network has
          → copy the model again from its source: the architecture on its card is wrong
    """
    for place, number in _numbers(architecture, ()):
        most = _MOST_LAYERS if any(word in part for part in place for word in _REPEATED) else _MOST
        if abs(number) > most:
            raise ModelError(
                f"{number} is more than any network has",
                place=".".join(place),
                hint="copy the model again from its source: the architecture on its card is wrong",
            )


def largest_number(architecture: Mapping[str, Any]) -> float:
    """The largest number in an architecture; 0 if it has none."""
    return max((abs(number) for _, number in _numbers(architecture, ())), default=0)


def refuse_above_memory(build: Callable[[], nn.Module]) -> None:
    """Refuse a network whose weights are larger than the memory that is free: the system might end this process.

    Args:
        build: Builds it; called where tensors have no values.

    Raises:
        NotEnoughMemoryError: They are.
    """
    import psutil
    import torch

    with torch.device("meta"):
        network = build()
    needed = sum(tensor.numel() * tensor.element_size() for tensor in network.state_dict().values())
    free = psutil.virtual_memory().available
    if needed > free:
        raise NotEnoughMemoryError(
            f"this model's weights need {needed / 2**30:.3g} GiB of memory, and {free / 2**30:.3g} GiB are free",
            hint="use a smaller model, or close other programs",
        )


def _numbers(value: object, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _numbers(each, (*place, str(key)))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _numbers(each, (*place, str(index)))
    elif isinstance(value, int | float):
        yield place, value
