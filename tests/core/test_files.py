"""write_atomically: the old content or the new one, never half of it."""

import os
import stat
from pathlib import Path

import pytest

from fractura.core.errors import DataError
from fractura.core.files import read_file, write_atomically
from fractura.imaging.reader import radiograph_size, read_radiograph


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x00\xff\r\n", b"\x00\xff\r\n"),
        ("Röntgen 患者\r\nline\n", "Röntgen 患者\r\nline\n".encode()),
        (b"", b""),
        ("", b""),
    ],
)
def test_content_is_exact(tmp_path, data, expected):
    target = tmp_path / "Röntgen 患者" / "deep er" / "file.xml"
    write_atomically(target, data)
    assert target.read_bytes() == expected
    assert [p.name for p in target.parent.iterdir()] == ["file.xml"]


def test_replaces_what_was_there(tmp_path):
    target = tmp_path / "a.txt"
    target.write_bytes(b"much longer old content")
    write_atomically(target, b"new")
    assert target.read_bytes() == b"new"


def test_longest_file_name_works(tmp_path):
    target = tmp_path / ("n" * 251 + ".xml")
    write_atomically(target, b"x")
    assert target.read_bytes() == b"x"


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_failure_keeps_the_old_file_and_leaves_nothing(tmp_path, monkeypatch, failing):
    target = tmp_path / "a.txt"
    target.write_bytes(b"old")

    def fail(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(DataError) as caught:
        write_atomically(target, b"new")
    assert str(target) in str(caught.value)
    assert "No space left" in str(caught.value)
    assert caught.value.hint
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a.txt", b"new")
    assert list(tmp_path.iterdir()) == []


def test_target_that_is_a_folder(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        write_atomically(tmp_path / "a", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_parent_that_is_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"file")
    with pytest.raises(DataError, match="cannot be written"):
        write_atomically(tmp_path / "a" / "b.txt", b"new")


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_permissions_are_kept_and_new_files_follow_the_umask(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(b"")
    old.chmod(0o640)
    previous = os.umask(0o022)
    try:
        write_atomically(old, b"x")
        write_atomically(new, b"x")
    finally:
        os.umask(previous)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert stat.S_IMODE(new.stat().st_mode) == 0o644


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_link_is_written_through(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


@pytest.mark.skipif(os.name != "posix", reason="needs pipes and devices")
def test_pipes_and_devices_are_refused_before_they_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path("/dev/zero")):
        for read in (read_file, read_radiograph, radiograph_size):
            with pytest.raises(DataError, match="is a pipe or a device, not a file"):
                read(path)
