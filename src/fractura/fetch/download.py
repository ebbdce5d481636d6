"""Resumable downloads over http(s); a file appears under its name only when it is complete."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fractura.core.errors import DataError, MissingDependencyError, UsageError

_CHUNK = 1 << 18
_TIMEOUT = 30.0
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})

Progress = Callable[[int, int | None], None]
"""Called with the bytes received so far and the total (None if unknown)."""


@dataclass(frozen=True)
class Downloaded:
    """A complete file.

    Attributes:
        path: Where it is.
        size: Bytes.
        sha256: Hexadecimal.
    """

    path: Path
    size: int
    sha256: str


class _BrokenError(Exception):
    """The connection broke or was refused; worth another attempt."""


class _ChangedError(Exception):
    """The part already downloaded is useless: start over."""


def download(
    url: str,
    target: Path,
    *,
    sha256: str | None = None,
    progress: Progress | None = None,
    attempts: int = 5,
    pause: float = 2.0,
) -> Downloaded:
    """Fetch ``url`` into ``target``.

    What was received before the connection broke is kept in ``target`` + ``.part`` and not fetched again, in this call
    or the next, as long as the server says that its file is unchanged.

    Args:
        url: http or https.
        target: File to write; an existing one is kept (if its checksum is right).
        sha256: Checksum of the file; None only checks that it is complete.
        progress: Called as bytes arrive.
        attempts: Attempts in a row that may fail without progress.
        pause: Seconds before the second attempt; doubled for each further one.

    Raises:
        UsageError: The address is invalid.
        MissingDependencyError: There is no network, or the server does not answer.
        DataError: The server has no such file, its checksum is wrong, or the disk is full.
    """
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise UsageError(f"'{url}' is not an http or https address")
    try:
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            _fetch(url, target, progress, attempts, pause, sha256)
        return _checked(target, sha256, url)
    except OSError as error:
        raise DataError(
            f"cannot be written: {error.strerror or error}",
            file=target,
            hint="make room or choose another folder",
        ) from error


def _fetch(url: str, target: Path, progress: Progress | None, attempts: int, pause: float, sha256: str | None) -> None:
    part, validator = _part(target), _validator(target)
    tries = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _continue(url, part, validator, progress)
            break
        except _ChangedError:
            part.unlink(missing_ok=True)
            validator.unlink(missing_ok=True)
            tries += 1
            reason = "the file on the server keeps changing"
        except _BrokenError as broken:
            came = part.exists() and part.stat().st_size > before
            tries = 1 if came else tries + 1
            reason = str(broken)
        if tries >= attempts:
            raise MissingDependencyError(
                f"cannot be fetched: {reason}",
                file=url,
                hint=f"check the network connection and run the command again, which resumes the download; "
                f"or download the file elsewhere and save it as {target}",
            )
        time.sleep(pause * 2 ** (tries - 1))
    if sha256 is not None and (found := _sha256(part)) != sha256:
        part.unlink()
        validator.unlink(missing_ok=True)
        raise _wrong(found, sha256, url)
    with part.open("rb+") as stream:
        os.fsync(stream.fileno())
    os.replace(part, target)
    validator.unlink(missing_ok=True)


def _part(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def _validator(target: Path) -> Path:
    """Contains the ETag or date of the file that ``.part`` is the beginning of."""
    return target.with_name(target.name + ".part.etag")


def _continue(url: str, part: Path, validator: Path, progress: Progress | None) -> None:
    """Complete ``part`` over one connection."""
    known = validator.read_text(encoding="utf-8") if validator.exists() else ""
    start = part.stat().st_size if part.exists() and known else 0
    headers = {"User-Agent": "fractura", "Accept-Encoding": "identity"}
    if start:
        headers |= {"Range": f"bytes={start}-", "If-Range": known}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT) as response:
            resumed = response.status == 206
            if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                raise _ChangedError
            total = _total(response, start if resumed else 0)
            validator.write_text(_same_file(response.headers), encoding="utf-8")
            _receive(response, part, start if resumed else 0, total, progress)
    except urllib.error.HTTPError as error:
        _refused(error, url, start)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise _BrokenError(f"{type(error).__name__}: {reason}" if not isinstance(reason, str) else reason) from error


def _same_file(headers: Any) -> str:
    """Identifies this version of the file; empty if the server sends nothing reliable."""
    etag = str(headers.get("ETag", ""))
    return etag if etag and not etag.startswith("W/") else str(headers.get("Last-Modified", ""))


def _total(response: Any, start: int) -> int | None:
    length = response.headers.get("Content-Length", "")
    return start + int(length) if length.isascii() and length.isdigit() else None


def _receive(response: Any, part: Path, start: int, total: int | None, progress: Progress | None) -> None:
    done = start
    with part.open("ab" if start else "wb") as stream:
        while True:
            try:
                chunk = response.read(_CHUNK)
            except http.client.IncompleteRead as error:
                chunk = error.partial
                stream.write(chunk)
                raise _BrokenError("the connection broke") from error
            if not chunk:
                break
            stream.write(chunk)
            done += len(chunk)
            if progress is not None:
                progress(done, total)
    if total is not None and done < total:
        raise _BrokenError(f"the connection broke after {done} of {total} bytes")


def _refused(error: urllib.error.HTTPError, url: str, start: int) -> None:
    if error.code == 416:
        length = error.headers.get("Content-Range", "").rpartition("/")[2]
        if start and length == str(start):
            return  # it is complete
        raise _ChangedError from error
    if error.code in _TRY_AGAIN:
        raise _BrokenError(f"the server answers {error.code} {error.reason}") from error
    raise DataError(
        f"the server answers {error.code} {error.reason}", file=url, hint="give its present address with --url"
    ) from error


def _checked(path: Path, sha256: str | None, url: str) -> Downloaded:
    found = _sha256(path)
    if sha256 is not None and found != sha256:
        raise _wrong(found, sha256, url, path)
    return Downloaded(path, path.stat().st_size, found)


def _wrong(found: str, wanted: str, url: str, path: Path | None = None) -> DataError:
    return DataError(
        f"is not the expected file: its SHA-256 is {found}, not {wanted}",
        file=path if path is not None else url,
        hint="fetch it again" if path is None else "delete it and fetch it again",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
