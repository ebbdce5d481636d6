"""Lines of a text file from another program."""

from __future__ import annotations

from pathlib import Path

from fractura.core.errors import DataError


def read_text(path: Path) -> str:
    """A file as text: UTF-8, with or without a byte-order detection.

    Raises:
        DataError: It cannot be read or is not UTF-8; names the line.
    """
    try:
        data = path.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", file=path, hint="check the path") from error
    except UnicodeDecodeError as error:
        raise DataError(
            "is not UTF-8 text",
            file=path,
            place=f"line {data.count(10, 0, error.start) + 1}",
            hint="save it as UTF-8",
        ) from error


def read_lines(path: Path) -> list[str]:
    """The lines of a file, without their ends.

    Raises:
        DataError: As for ``read_text``.
    """
    return read_text(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")
