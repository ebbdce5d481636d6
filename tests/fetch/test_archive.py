"""Archives: honest ones come out whole, hostile and damaged ones leave nothing."""

import tarfile

import pytest
from support.archives import bomb, header_bomb, member, tar_gz, zoo_archive

from fractura.core.errors import DataError
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
