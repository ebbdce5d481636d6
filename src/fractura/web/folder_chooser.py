"""The folders that the page may open: those below a few roots, listed one by one.

No path is ever taken from a request: a folder has an id, which it gets when it is listed, and which differs with every
start of the server.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
from collections.abc import Iterable
from pathlib import Path

from fractura.core.printable import printable
from fractura.imaging.reader import IMAGE_EXTENSIONS
from fractura.web.api_errors import WebError
from fractura.web.schemas import FolderListing, ListedFolder

_MOST_KNOWN = 100_000


class FolderChooser:
    """Lists folders and finds them again by their ids.

    Args:
        roots: Nothing outside them is listed or opened.
    """

    def __init__(self, roots: Iterable[Path]) -> None:
        self._roots = tuple(dict.fromkeys(Path(root).resolve() for root in roots))
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._known: dict[str, Path] = {}

    def roots(self, current: Path) -> FolderListing:
        """The roots, as if they were the sub-folders of one folder.

        Args:
            current: The folder that is open.
        """
        outermost = [root for root in self._roots if not any(each in root.parents for each in self._roots)]
        nearest = next((each for each in (current.parent, current) if self._is_allowed(each)), None)
        return FolderListing(
            id=None,
            name="",
            images=0,
            trail=[],
            folders=[self._item(root) for root in outermost if root.is_dir()],
            start=None if nearest is None else self._id(nearest),
        )

    def listing(self, folder: str) -> FolderListing:
        """The sub-folders of a folder; hidden ones and links are left aside.

        Args:
            folder: Its id.

        Raises:
            WebError: See ``path``; or it cannot be listed.
        """
        path = self.path(folder)
        names, images = [], 0
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        names.append(entry.name)
                    elif os.path.splitext(entry.name)[1].lower() in IMAGE_EXTENSIONS:
                        images += 1
        except OSError as error:
            raise WebError(409, "folder_closed", "this folder cannot be listed", hint="choose another one") from error
        return FolderListing(
            id=folder,
            name=printable(path.name or str(path)),
            images=images,
            trail=[self._item(each) for each in (*reversed(path.parents), path) if self._is_allowed(each)],
            folders=[self._item(path / name) for name in sorted(names, key=str.casefold)],
            start=None,
        )

    def path(self, folder: str) -> Path:
        """The folder with this id.

        Raises:
            WebError: It was never listed, is gone, or is no longer below a root.
        """
        with self._lock:
            path = self._known.get(folder)
        if path is None or not path.is_dir() or not self._is_allowed(path.resolve()):
            raise WebError(404, "folder_gone", "there is no folder with this id", hint="request /api/folders again")
        return path

    def _item(self, path: Path) -> ListedFolder:
        return ListedFolder(id=self._id(path), name=printable(path.name or str(path)))

    def _id(self, path: Path) -> str:
        found = hashlib.blake2b(os.fsencode(path), key=self._key, digest_size=8).hexdigest()
        with self._lock:
            self._known.pop(found, None)
            self._known[found] = path
            while len(self._known) > _MOST_KNOWN:
                del self._known[next(iter(self._known))]
        return found

    def _is_allowed(self, path: Path) -> bool:
        return any(path.is_relative_to(root) for root in self._roots)
