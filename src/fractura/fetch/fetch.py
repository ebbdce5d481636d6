"""Fetch a model by name: download, verify and unpack it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from fractura.core.errors import DataError, UsageError, suggest_name
from fractura.fetch.addresses import ADDRESSES, Address
from fractura.fetch.archive import unpack_archive
from fractura.fetch.download import Progress, download

_ENDING = ".tar.gz"
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Fetched:
    """The result of ``fetch``.

    Attributes:
        folder: The unpacked archive.
        url: Where it came from.
        sha256: Of the archive; None if the folder already existed.
        checked: Whether it was compared with the address table; False if the table has none.
    """

    folder: Path
    url: str
    sha256: str | None
    checked: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"folder": str(self.folder), "url": self.url, "sha256": self.sha256, "checked": self.checked}


def fetch(
    name: str, output: Path, *, url: str | None = None, keep_archive: bool = False, progress: Progress | None = None
) -> Fetched:
    """Download and unpack what ``ADDRESSES`` calls ``name``.

    Args:
        name: Such as ``zoo:faster_rcnn_inception_resnet_v2_640x640``.
        output: Folder in which the archive's own folder is created; an existing one is left as it is.
        url: Another address for the same thing.
        keep_archive: Keep the archive next to the folder.
        progress: See ``download``.

    Raises:
        UsageError: There is no model of this name.
        MissingDependencyError: There is no network.
        DataError: The server has no such file, or it cannot be unpacked.
    """
    if name not in ADDRESSES:
        raise UsageError(f"there is nothing to fetch called '{name}'", hint=suggest_name(name, ADDRESSES))
    known = ADDRESSES[name]
    address = known if url is None else Address(url, known.about)
    file_name = unquote(urlsplit(address.url).path).rpartition("/")[2]
    plain = file_name.isprintable() and not set('\\:*?"<>|') & set(file_name) and len(file_name) <= _LONGEST_NAME
    if not file_name.endswith(_ENDING) or file_name.strip(".") == _ENDING.strip(".") or not plain:
        raise UsageError(f"'{address.url}' does not end in the name of a {_ENDING} file")
    archive = output / file_name
    folder = output / file_name.removesuffix(_ENDING)
    if folder.is_dir():
        return Fetched(folder, address.url, None, False)
    if folder.exists():
        raise DataError("is in the way of the archive's folder", file=folder, hint="choose another --output")
    found = download(address.url, archive, sha256=address.sha256, progress=progress)
    unpack_archive(archive, folder, unwrap=True)
    if not keep_archive:
        archive.unlink()
    return Fetched(folder, address.url, found.sha256, address.sha256 is not None)
