"""``Device``: which installation of fractura made an object. Its UID is drawn once and then stays."""

from __future__ import annotations

import logging
import os
import platform
import sys
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

from fractura.core.errors import DataError, UsageError
from fractura.hospital.unique_ids import is_uid, stable_uid

DEVICE_VARIABLE = "FRACTURA_DEVICE_UID"
"""Environment variable that gives the UID, for containers whose files do not stay."""
DEVICE_FILE = "device-uid.txt"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Device:
    """This installation, as results name it.

    Attributes:
        uid: DICOM unique identifier.
    """

    uid: str


def installed_device(uid: str | None = None, folder: Path | None = None) -> Device:
    """The identity of this installation.

    In this order: ``uid``, the environment variable ``FRACTURA_DEVICE_UID``, the file ``device-uid.txt`` in the
    folder. Where there is no file yet, it is written with a new random UID. Where it cannot be written, the UID is
    derived from the names of machine and user, which is as stable as these; the log says so.

    Args:
        uid: The UID, from a setting.
        folder: Where the file lies; by default ``fractura`` in the user's configuration folder.

    Raises:
        UsageError: The given UID is not one.
        DataError: The file cannot be read, or holds something else: it is never replaced.

    Examples:
        >>> installed_device("1.2.826.0.1.3680043.10.1").uid
        '1.2.826.0.1.3680043.10.1'
    """
    given = uid if uid is not None else os.environ.get(DEVICE_VARIABLE) or None
    if given is not None:
        if not is_uid(given):
            raise UsageError(
                f"'{given}' is not a DICOM UID",
                hint="numbers with dots between them, 64 characters at most, such as 2.25.31415926",
            )
        return Device(given)
    file = (_configuration_folder() if folder is None else folder) / DEVICE_FILE
    stored = _stored(file)
    return Device(_drawn(file) if stored is None else stored)


def _stored(file: Path) -> str | None:
    try:
        text = file.read_text(encoding="ascii", errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise DataError(
            f"the identity of this installation cannot be read: {error.strerror or error}",
            file=file,
            hint=f"see to its permissions, or give the UID in {DEVICE_VARIABLE}",
        ) from error
    if not is_uid(text):
        raise DataError(
            "does not hold the UID of this installation",
            file=file,
            hint=f"restore it from a backup, delete it for a new identity, or give the UID in {DEVICE_VARIABLE}",
        )
    return text


def _drawn(file: Path) -> str:
    """A new UID, stored; that of another process which was faster; or one derived from names."""
    drawn = f"2.25.{uuid.uuid4().int}"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Not by a rename, which would replace what another process has written meanwhile: a link refuses to.
        descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=DEVICE_FILE)
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as stream:
                stream.write(drawn + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            os.link(temporary, file)
        finally:
            os.unlink(temporary)
    except FileExistsError:
        return _stored(file) or _derived(file)
    except OSError:
        return _derived(file)
    return drawn


def _derived(file: Path) -> str:
    names = (platform.node(), os.environ.get("USER") or os.environ.get("USERNAME") or "")
    _logger.warning(
        "%s cannot be written: the identity of this installation is derived from the names of machine and user; "
        "give one in %s to keep it through changes of these",
        file,
        DEVICE_VARIABLE,
    )
    return stable_uid("device", *names)


def _configuration_folder() -> Path:
    """Where this user's programs keep their settings, by the habits of the system."""
    try:
        home = Path.home()
    except RuntimeError:  # an account without a home
        home = Path(os.sep)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming") / "fractura"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "fractura"
    return Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "fractura"
