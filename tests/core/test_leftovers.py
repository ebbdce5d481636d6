"""What a killed process left is removed by the next one that writes there; what another process works on never is."""

import os
import signal
import subprocess
import sys

import pytest

from fractura.core.files import open_atomically, write_atomically
from fractura.core.leftovers import create_temporary_file, holds_nothing, remove_temporary_files, temporary_folder

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows keeps what is open by itself")

KILLED = """
import os, signal
from pathlib import Path
from fractura.core.files import open_atomically
from fractura.core.leftovers import temporary_folder
with temporary_folder("scratch-", Path.cwd()) as scratch, open_atomically(Path("big.bin")) as stream:
    stream.write(b"half")
    (scratch / "draft").write_bytes(b"half")
    {end}
"""


def left_by(end, folder):
    return subprocess.Popen(
        [sys.executable, "-c", KILLED.format(end=end)], cwd=folder, stdin=subprocess.PIPE, text=True
    )


def test_what_a_killed_process_left_is_gone_after_the_next_write(tmp_path):
    assert left_by("os.kill(os.getpid(), signal.SIGKILL)", tmp_path).wait() == -signal.SIGKILL
    assert len(list(tmp_path.glob(".fractura-*.tmp"))) == len(list(tmp_path.glob("scratch-*/draft"))) == 1
    assert not holds_nothing(tmp_path)  # the draft is a file of another name
    write_atomically(tmp_path / "small.txt", b"new")
    with temporary_folder("scratch-", tmp_path) as scratch:
        assert sorted(path.name for path in tmp_path.iterdir()) == sorted([scratch.name, "small.txt"])
    assert [path.name for path in tmp_path.iterdir()] == ["small.txt"]


def test_what_a_running_process_works_on_stays(tmp_path):
    running = left_by("print(flush=True); input()", tmp_path)
    while len(list(tmp_path.glob("scratch-*/draft"))) == 0:
        assert running.poll() is None
    before = sorted(tmp_path.rglob("*"))
    write_atomically(tmp_path / "small.txt", b"new")
    with temporary_folder("scratch-", tmp_path):
        remove_temporary_files(tmp_path, below=True)
    assert set(before) <= set(tmp_path.rglob("*"))
    running.communicate("\n", timeout=60)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big.bin", "small.txt"]


def test_a_file_of_this_process_stays_too_until_it_has_its_name(tmp_path):
    with open_atomically(tmp_path / "a.bin", before_rename=lambda: remove_temporary_files(tmp_path)) as stream:
        stream.write(b"whole")
        remove_temporary_files(tmp_path)
    assert (tmp_path / "a.bin").read_bytes() == b"whole"


def test_only_files_that_are_called_like_ours_are_taken_for_left(tmp_path):
    for name in (".fractura-mine.tmp", "fractura-00.tmp", ".fractura-00.tmp.txt"):
        (tmp_path / name).write_bytes(b"")
        assert not holds_nothing(tmp_path)
        remove_temporary_files(tmp_path)
        (tmp_path / name).unlink()
    path, descriptor = create_temporary_file(tmp_path)
    os.close(descriptor)
    assert holds_nothing(tmp_path)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "note").write_bytes(b"")
    assert not holds_nothing(tmp_path)
    assert holds_nothing(tmp_path, besides=["note"])
    remove_temporary_files(tmp_path)
    assert not path.exists()
