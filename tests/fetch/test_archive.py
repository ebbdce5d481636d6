"""Archives: honest ones come out whole, hostile and damaged ones leave nothing."""

import gzip
import io
import tarfile
import zipfile

import pytest
from support.archives import bomb, header_bomb, member, tar_gz, zoo_archive

from fractura.core.errors import DataError, NotEnoughMemoryError
from fractura.fetch.archive import unpack_archive


def unpack(folder, content, **limits):
    (folder / "archive.tar.gz").write_bytes(content)
    return unpack_archive(folder / "archive.tar.gz", folder / "out", **limits)


def test_an_honest_archive(tmp_path):
    files = unpack(tmp_path, zoo_archive())
    assert [path.relative_to(tmp_path / "out").as_posix() for path in files] == [
        "model/checkpoint/ckpt-0.data-00000-of-00001",
        "model/checkpoint/ckpt-0.index",
        "model/pipeline.config",
    ]
    assert files[0].read_bytes() == bytes(range(256)) * 400
    assert not files[0].stat().st_mode & 0o111


HOSTILE = {
    "absolute": (tar_gz(member("/tmp/evil", b"x")), "leads outside"),
    "parent": (tar_gz(member("a/../../evil", b"x")), "leads outside"),
    "drive": (tar_gz(member("C:/evil", b"x")), "leads outside"),
    "backslash": (tar_gz(member("..\\evil", b"x")), "leads outside"),
    "device name": (tar_gz(member("a/NUL.txt", b"x")), "Windows"),
    "link": (tar_gz(member("a", kind=tarfile.SYMTYPE, link="/etc")), "a link or a device"),
    "hard link": (tar_gz(member("a", kind=tarfile.LNKTYPE, link="/etc/passwd")), "a link or a device"),
    "link then file": (
        tar_gz(member("a", kind=tarfile.SYMTYPE, link="/tmp"), member("a/evil", b"x")),
        "a link or a device",
    ),
    "device": (tar_gz(member("a", kind=tarfile.CHRTYPE)), "a link or a device"),
    "pipe": (tar_gz(member("a", kind=tarfile.FIFOTYPE)), "a link or a device"),
    "twice": (tar_gz(member("a", b"x"), member("a", b"y")), "twice"),
    "twice where case does not matter": (tar_gz(member("a/É.png", b"x"), member("a/é.PNG", b"y")), "twice"),
    "file as folder": (tar_gz(member("a", b"x"), member("a/b", b"y")), ""),
    "empty": (tar_gz(), "empty"),
    "no archive": (b"<html>not found</html>", "damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_leave_nothing(tmp_path, name):
    content, said = HOSTILE[name]
    with pytest.raises(DataError) as caught:
        unpack(tmp_path, content)
    assert said in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["archive.tar.gz"]
    assert not (tmp_path.parent / "evil").exists()


def test_bombs_do_not_go_off(tmp_path):
    with pytest.raises(DataError, match="more than 1 MiB"):
        unpack(tmp_path, bomb(50 << 20), maximum_size=1 << 20)
    with pytest.raises(DataError, match="more than"):
        unpack(tmp_path, header_bomb(1 << 40))
    with pytest.raises(DataError, match="or 5 files"):
        unpack(tmp_path, tar_gz(*(member(f"f{n}") for n in range(9))), maximum_files=5)
    assert [path.name for path in tmp_path.iterdir()] == ["archive.tar.gz"]


def test_every_cut_and_a_flipped_bit_are_noticed(tmp_path):
    whole = zoo_archive()
    for cut in (0, 1, 15, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        with pytest.raises(DataError):
            unpack(tmp_path, whole[:cut])
    for place in (20, len(whole) // 2, len(whole) - 6):
        flipped = bytearray(whole)
        flipped[place] ^= 4
        with pytest.raises(DataError):
            unpack(tmp_path, bytes(flipped))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_left_alone(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("x", encoding="utf-8")
    with pytest.raises(DataError):
        unpack(tmp_path, zoo_archive())
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def zipped(name, kind=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        archive.writestr(name, bytes(range(256)) * 8)
    return stream.getvalue()


def without_a_name():
    """The one entry's name taken out of the directory, and everything moved up."""
    whole = zipped("a")
    place, end = whole.index(b"PK\1\2"), whole.index(b"PK\5\6")
    directory = bytearray(whole[place:end])
    directory[28:30] = b"\0\0"
    del directory[46]
    tail = bytearray(whole[end:])
    tail[12:16] = len(directory).to_bytes(4, "little")
    return whole[:place] + bytes(directory) + bytes(tail)


DAMAGED_ZIPS = {
    "without a name": (without_a_name(), "an entry without a name"),
    "lzma": (zipped("a", zipfile.ZIP_LZMA)[:60] + bytes(20) + zipped("a", zipfile.ZIP_LZMA)[80:], "is damaged"),
    "lzma options": (zipped("a", zipfile.ZIP_LZMA).replace(b"\t\x04\x05\0", b"\t\x04\x05\0\xff", 1), "is damaged"),
    "bzip2": (zipped("a", zipfile.ZIP_BZIP2).replace(b"1AY&SY", b"1AY&SZ"), "is damaged"),
}


@pytest.mark.parametrize("name", DAMAGED_ZIPS)
def test_damaged_zips(tmp_path, name):
    content, said = DAMAGED_ZIPS[name]
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(DataError) as caught:
        unpack_archive(tmp_path / "a.zip", tmp_path / "out")
    assert said in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_an_entry_that_asks_for_more_memory_than_there_is(tmp_path, monkeypatch):
    """As Python's LZMA does whose header claims a dictionary of gigabytes."""

    def refuse(self, size):
        raise MemoryError

    (tmp_path / "a.zip").write_bytes(zipped("a", zipfile.ZIP_LZMA))
    monkeypatch.setattr(zipfile.ZipExtFile, "read", refuse)
    with pytest.raises(NotEnoughMemoryError, match="for what it contains") as caught:
        unpack_archive(tmp_path / "a.zip", tmp_path / "out")
    assert caught.value.file == str(tmp_path / "a.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_thousand_headers_before_one_file(tmp_path):
    """Python's tarfile reads each of them by calling itself."""
    info = tarfile.TarInfo("header")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1
    header = info.tobuf(tarfile.GNU_FORMAT) + b"x".ljust(512, b"\0")
    with pytest.raises(DataError, match="is damaged"):
        unpack(tmp_path, gzip.compress(header * 2000))
