"""Archives whose members have hostile names, or are no files."""

from __future__ import annotations

import io
import itertools
import random
import shutil
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

from soak.campaign import Attempt, Campaign
from soak.confined import BrokenPromiseError, confined, untouched
from soak.hostile_names import all_names
from soak.hostile_pictures import put


def prepare_archives(folder: Path) -> Attempt:
    """Members of every kind under hostile names."""
    numbers = itertools.count()

    def attempt(chance: random.Random) -> None:
        place = folder / str(next(numbers))
        put(place / "outside" / "secret.png", b"mine")
        name = chance.choice(all_names(place))
        form = chance.choice(["zip", "tar.gz"])
        try:
            file = place / f"a.{form}"
            file.write_bytes((_hostile_zip if form == "zip" else _hostile_tar)(name, place, chance))
            with untouched(place, "out"):
                outcome = confined(lambda: _unpack(file, place / "out"), place)
            outcome.holds()
            if outcome.code == 0:
                _check_unpacked(place / "out")
        except Exception as error:
            raise type(error)(f"{name[:80]!r} in {form}: {error}") from error
        finally:
            shutil.rmtree(place, ignore_errors=True)

    return attempt


def _unpack(file: Path, folder: Path) -> int:
    from fractura.cli import output
    from fractura.core.errors import FracturaError
    from fractura.fetch.archive import unpack_archive

    try:
        unpack_archive(file, folder)
    except FracturaError as error:
        output.complain_of(error)
        if folder.exists():
            raise BrokenPromiseError("half of it was unpacked") from error
        return error.exit_code
    return 0


def _check_unpacked(folder: Path) -> None:
    names = set()
    for path in folder.rglob("*"):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise BrokenPromiseError(f"unpacked {path.name!r}, which is neither a file nor a folder")
        if path.is_file() and path.stat().st_mode & 0o7111:
            raise BrokenPromiseError(f"unpacked {path.name!r} to be run")
        key = str(path.relative_to(folder)).casefold()
        if key in names:
            raise BrokenPromiseError(f"unpacked {key!r} twice, for a disk that knows no letter case")
        names.add(key)


def _hostile_zip(name: str, place: Path, chance: random.Random) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.png", b"good")
        info = zipfile.ZipInfo("b.png")
        info.filename = name.encode("utf-8", "replace").decode() or "x"
        mode = chance.choice([0o100644, 0o120777, 0o104755, 0o060600, 0o020600, 0o010600, 0o040755])
        info.external_attr = mode << 16
        archive.writestr(info, chance.choice([str(place / "outside"), "..", "x"]))
        if chance.random() < 0.4:
            archive.writestr(
                chance.choice(["A.PNG", "a.png/x", name.swapcase().encode("utf-8", "replace").decode() or "y"]),
                b"again",
            )
    return stream.getvalue()


def _hostile_tar(name: str, place: Path, chance: random.Random) -> bytes:
    stream = io.BytesIO()
    kinds = [
        tarfile.REGTYPE,
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.FIFOTYPE,
        tarfile.DIRTYPE,
        b"S",
    ]
    with tarfile.open(
        fileobj=stream, mode="w:gz", format=chance.choice([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
    ) as archive:
        for number in range(2):
            info = tarfile.TarInfo(name if number else "a.png")
            info.type = chance.choice(kinds) if number else tarfile.REGTYPE
            info.linkname = chance.choice([str(place / "outside"), "..", "a.png", "../outside/secret.png"])
            info.mode, info.size = chance.choice([0o644, 0o4755, 0o777]), 4 if info.type == tarfile.REGTYPE else 0
            with suppress(ValueError, UnicodeError):
                archive.addfile(info, io.BytesIO(b"data"))
        if chance.random() < 0.4:
            info = tarfile.TarInfo(chance.choice(["A.PNG", "a.png", "a.png/x", f"{name}/x"]))
            with suppress(ValueError, UnicodeError):
                archive.addfile(info, io.BytesIO(b""))
    return stream.getvalue()


ARCHIVES = Campaign(
    name="archives",
    promise="An archive unpacks to plain files inside its folder, or to nothing",
    prepare=prepare_archives,
    tries=2000,
    seconds_per_try=600,
)
