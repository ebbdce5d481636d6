"""The file ``checkpoint`` next to TensorFlow's checkpoints, which lists them and names the latest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fractura.core.errors import DataError, ModelError
from fractura.core.files import write_atomically
from fractura.formats.protobuf.text_format import Scalar, parse, read_text
from fractura.formats.protobuf.text_format_edit import quoted

FILE_NAME = "checkpoint"


def read_checkpoint_state(folder: Path) -> list[Path]:
    """The prefixes of all listed checkpoints that exist, oldest first; the last is the latest.

    The folder may have been moved: checkpoints whose paths no longer exist are looked up by name next to the file.

    Raises:
        ModelError: The file exists and cannot be read, or the latest checkpoint does not exist.
    """
    file = folder / FILE_NAME
    if not file.is_file():  # a model of the zoo has a folder of this name
        return []
    try:
        document = parse(read_text(file), file)
    except DataError as error:
        raise ModelError(error.problem, file=error.file, place=error.place, hint=error.hint) from error
    texts = {
        name: [f.value.text for f in document.root.named(name) if isinstance(f.value, Scalar)]
        for name in ("all_model_checkpoint_paths", "model_checkpoint_path")
    }
    latest = texts["model_checkpoint_path"][-1:]
    names = [name for name in texts["all_model_checkpoint_paths"] if name not in latest] + latest
    found = []
    for name in names:
        for prefix in (folder / name, folder / _name_of(name)):
            if _is_checkpoint(prefix):
                found.append(prefix)
                break
    if latest and (not found or found[-1].name != _name_of(latest[0])):
        there = ", ".join(prefix.name for prefix in found) or "none of those it lists"
        raise ModelError(
            f"the latest checkpoint is {_name_of(latest[0])}, which does not exist",
            file=file,
            hint=f"there is {there}: copy the missing files, or give another checkpoint by its path",
        )
    return found


def _is_checkpoint(prefix: Path) -> bool:
    try:
        return prefix.with_name(prefix.name + ".index").is_file()
    except (OSError, ValueError):  # a name that no file can have: too long, empty, or with a NUL
        return False


def _name_of(path: str) -> str:
    return Path(path.replace("\\", "/")).name


def latest_checkpoint(folder: Path) -> Path | None:
    """The prefix of the latest checkpoint in ``folder``; without the file ``checkpoint``, the highest ``ckpt-N``.

    Raises:
        ModelError: The file ``checkpoint`` cannot be read, or names a latest one that does not exist.
    """
    named = read_checkpoint_state(folder)
    if named:
        return named[-1]
    numbered = []
    for index in folder.glob("*-*.index"):
        number = index.name.removesuffix(".index").rsplit("-", 1)[-1]
        if number.isascii() and number.isdigit():
            numbered.append((int(number), index.name, index))
    if not numbered:
        return None
    index = max(numbered)[2]
    return index.with_name(index.name.removesuffix(".index"))


def write_checkpoint_state(folder: Path, prefixes: Sequence[Path]) -> None:
    """Write the file ``checkpoint``, with names relative to ``folder``.

    Args:
        folder: Where the checkpoints are.
        prefixes: Oldest first; the last is the latest.

    Raises:
        DataError: The file cannot be written.
        ValueError: ``prefixes`` is empty.
    """
    if not prefixes:
        raise ValueError("there is no checkpoint to list")
    lines = [f"model_checkpoint_path: {quoted(prefixes[-1].name)}"]
    lines += [f"all_model_checkpoint_paths: {quoted(prefix.name)}" for prefix in prefixes]
    write_atomically(folder / FILE_NAME, "\n".join(lines) + "\n")
