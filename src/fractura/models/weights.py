"""Weights: loading as many of another model's as fit, and writing a safetensors file in one rename."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn

from fractura.core.errors import ModelError
from fractura.core.files import unwritable

_LEAST_SHARE = 0.5
"""Share of the wanted weights that a source must provide: less means that it is another network."""
_NAMES_SHOWN = 4


@dataclass(frozen=True, kw_only=True)
class LoadedWeights:
    """What became of the weights of a source.

    Attributes:
        taken: Tensors taken over.
        unused: Tensors of the source that have no place in the module.
        fresh: Names of the module's tensors that the source did not provide.
    """

    taken: int
    unused: int
    fresh: tuple[str, ...]

    def __str__(self) -> str:
        """For people.

        >>> str(LoadedWeights(taken=2, unused=0, fresh=("head.weight", "head.bias")))
        '2 tensors taken, 0 not used, 2 left fresh: head.weight, head.bias'
        """
        more = ", …" if len(self.fresh) > _NAMES_SHOWN else ""
        names = f": {', '.join(self.fresh[:_NAMES_SHOWN])}{more}" if self.fresh else ""
        return f"{self.taken} tensors taken, {self.unused} not used, {len(self.fresh)} left fresh{names}"


def load_matching_weights(
    module: nn.Module, found: Mapping[str, Tensor], *, wanted: Iterable[str] | None = None, file: Path, hint: str
) -> LoadedWeights:
    """Copy into ``module`` every tensor of ``found`` whose name and shape match; the others stay as they are.

    Args:
        module: Receives the weights.
        found: Weights of the source, by name.
        wanted: Names that may be taken; None allows all. Layers that depend on the number of classes can be left out.
        file: Where ``found`` came from, for the error.
        hint: What to do if too little fits, for the error.

    Raises:
        ModelError: ``found`` fills less than half of what is wanted; nothing has been changed then.
    """
    own = module.state_dict()
    names = list(own) if wanted is None else list(wanted)
    taken = {name: found[name] for name in names if name in found and found[name].shape == own[name].shape}
    fresh = tuple(name for name in own if name not in taken)
    share = _size(taken.values()) / max(1, _size(own[name] for name in names))
    if share < _LEAST_SHARE:
        raise ModelError(
            f"it holds only {share:.0%} of the detector's weights; the first missing one is {fresh[0]}",
            file=file,
            hint=hint,
        )
    module.load_state_dict(taken, strict=False)
    return LoadedWeights(taken=len(taken), unused=len(found) - len(taken), fresh=fresh)


def _size(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)


def write_tensors(
    path: Path,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, str] | None = None,
    *,
    before_rename: Callable[[], None] | None = None,
) -> None:
    """Write a safetensors file atomically.

    Args:
        path: The file; its folder is created if it is missing.
        tensors: By name; on any device, of any memory layout.
        metadata: Text to store in the file's header.
        before_rename: Called when all but the rename is done.

    Raises:
        DataError: The disk is full or not writable; a former file is unchanged.
    """
    partial = partial_file(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()
        mode = partial.stat().st_mode & 0o777  # as the user's umask has it; safetensors replaces it by 600
        save_file(_own_memory(tensors), partial, metadata=dict(metadata) if metadata else None)
        partial.chmod(mode)
        with partial.open("rb+") as stream:
            os.fsync(stream.fileno())
        if before_rename is not None:
            before_rename()
        os.replace(partial, path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):  # on a read-only disk it was never there
            partial.unlink()
        raise unwritable(error, path) from error


def partial_file(path: Path) -> Path:
    """What ``write_tensors`` writes before it renames; a killed process leaves it, the next write takes it."""
    return path.with_name(f".{path.name}.partial")


def _own_memory(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous tensors on the CPU, none sharing memory with another, as safetensors requires."""
    seen: set[int] = set()
    own = {}
    for name, tensor in tensors.items():
        value = tensor.detach().cpu().contiguous()
        storage = value.untyped_storage()
        whole = value.numel() * value.element_size() == storage.nbytes()
        if value.numel() and (storage.data_ptr() in seen or not whole):
            value = value.clone()
        seen.add(value.untyped_storage().data_ptr())
        own[name] = value
    return own
