"""One writer in a folder at a time, and a lock that ends with its process."""

import os
import signal
import subprocess
import sys

import pytest

from fractura.core.errors import UsageError
from fractura.core.folder_lock import LOCK_FILE, hold_folder

HOLD = """
import sys, time
from pathlib import Path
from fractura.core.folder_lock import hold_folder
with hold_folder(Path(sys.argv[1]), "a label server"):
    print("held", flush=True)
    if len(sys.argv) > 2:
        sys.exit(0)
    time.sleep(600)
"""


def holder(folder, *arguments):
    process = subprocess.Popen([sys.executable, "-c", HOLD, folder, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_process_is_told_who_is_there_and_gets_in_after_a_kill(tmp_path):
    process = holder(tmp_path)
    told = rf"is in use by a label server \(process {process.pid} on .*, since 20"
    with pytest.raises(UsageError, match=told), hold_folder(tmp_path, "a training"):
        pass
    os.kill(process.pid, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    process.wait()
    assert (tmp_path / LOCK_FILE).exists()
    with hold_folder(tmp_path, "a training"):
        pass
    assert not (tmp_path / LOCK_FILE).exists()


def test_a_holder_that_ends_leaves_nothing(tmp_path):
    assert holder(tmp_path / "new", "and end").wait() == 0
    assert not (tmp_path / "new").exists()  # made for the lock, and nothing was written into it


def test_the_same_process_does_not_hold_twice(tmp_path):
    with hold_folder(tmp_path, "a training"):
        with (
            pytest.raises(UsageError, match=rf"a training \(process {os.getpid()}"),
            hold_folder(tmp_path, "a training"),
        ):
            pass
        with hold_folder(tmp_path / "other", "a training"):
            pass
    with hold_folder(tmp_path, "a training"):
        pass


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_may_not_be_written_is_not_locked(tmp_path):
    tmp_path.chmod(0o500)
    with hold_folder(tmp_path, "a training"):
        assert not (tmp_path / LOCK_FILE).exists()
    tmp_path.chmod(0o700)
