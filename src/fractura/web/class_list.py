"""The list of classes to choose from, kept in a file as LabelImg keeps it: one name a line, ``predefined_classes.txt``.

The page writes it only when somebody adds a class there and wants it kept.
"""

from __future__ import annotations

import threading
from pathlib import Path

from fractura.core.errors import DataError
from fractura.core.files import write_atomically
from fractura.web.api_errors import WebError

CLASS_FILE = "predefined_classes.txt"
_FILES = (CLASS_FILE, "classes.txt")
_MOST_NAMES = 1000


class ClassList:
    """The class names in a file.

    Args:
        folder: The folder being labelled; its ``predefined_classes.txt`` or ``classes.txt`` is read.
        file: The file, if the user named one; those of the folder are then not read.

    Raises:
        DataError: The file that the user named is not there.
    """

    def __init__(self, folder: Path, file: Path | None) -> None:
        if file is not None and not file.is_file():
            raise DataError("there is no such file", file=file, hint="write it with one class a line")
        self._folder, self._given = folder, file
        self._lock = threading.Lock()

    @property
    def file(self) -> Path:
        """Where a new class is kept."""
        return self._given or self._folder / CLASS_FILE

    def names(self) -> list[str]:
        """The names in the order of the file; a file that is not there, or a link out of the folder, has none."""
        files = [self._given] if self._given is not None else [self._folder / name for name in _FILES]
        return list(dict.fromkeys(name for file in files for name in self._read(file)))[:_MOST_NAMES]

    def add(self, name: str) -> None:
        """Write a class at the end of the file; one that is in it already is not written again.

        Args:
            name: The class.

        Raises:
            WebError: The file is not UTF-8, is a link out of the folder, or cannot be written.
        """
        with self._lock:
            if name in self.names():
                return
            if not self._is_ours(self.file):
                raise WebError(409, "classes_outside", f"{self.file.name} is a link that leads out of the folder")
            try:
                before = self.file.read_bytes() if self.file.exists() else b""
                before.decode("utf-8")
                end = b"\r\n" if b"\r\n" in before else b"\n"
                if before and not before.endswith((b"\n", b"\r")):
                    before += end
                write_atomically(self.file, before + name.encode("utf-8") + end)
            except UnicodeDecodeError as error:
                raise WebError(
                    409, "classes_unreadable", f"{self.file.name} is not UTF-8", hint="save it as UTF-8 in an editor"
                ) from error
            except (DataError, OSError) as error:
                raise WebError(507, "classes_unwritable", f"{self.file.name} cannot be written") from error

    def _read(self, file: Path) -> list[str]:
        if not file.is_file() or not self._is_ours(file):
            return []
        try:
            with file.open(encoding="utf-8-sig", errors="replace") as lines:
                return [name for line in lines if (name := line.strip())]
        except OSError:
            return []  # cannot be read: the classes in use are there to choose from

    def _is_ours(self, file: Path) -> bool:
        """The user named the file, or it lies in the folder."""
        return file == self._given or file.resolve().is_relative_to(self._folder)
