"""The identity of an installation: drawn once, kept, never replaced."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from fractura.core.errors import DataError, UsageError
from fractura.hospital.device import DEVICE_FILE, DEVICE_VARIABLE, installed_device
from fractura.hospital.unique_ids import is_uid


@pytest.fixture(autouse=True)
def no_setting(monkeypatch):
    monkeypatch.delenv(DEVICE_VARIABLE, raising=False)


def test_it_is_drawn_once_and_then_stays(tmp_path):
    first = installed_device(folder=tmp_path / "new")
    assert is_uid(first.uid)
    assert installed_device(folder=tmp_path / "new") == first
    assert installed_device(folder=tmp_path / "other") != first
    assert [file.name for file in (tmp_path / "new").iterdir()] == [DEVICE_FILE]


def test_processes_that_draw_at_once_agree(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: installed_device(folder=tmp_path), range(64)))
    assert len(set(found)) == 1
    assert [file.name for file in tmp_path.iterdir()] == [DEVICE_FILE]


def test_the_users_configuration_folder_is_the_usual_place(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    found = installed_device()
    assert (tmp_path / "fractura" / DEVICE_FILE).read_text() == found.uid + "\n"


def test_a_setting_goes_first(tmp_path, monkeypatch):
    stored = installed_device(folder=tmp_path)
    monkeypatch.setenv(DEVICE_VARIABLE, "2.25.8")
    assert installed_device(folder=tmp_path).uid == "2.25.8"
    assert installed_device("2.25.9", folder=tmp_path).uid == "2.25.9"
    monkeypatch.setenv(DEVICE_VARIABLE, "")
    assert installed_device(folder=tmp_path) == stored


def test_where_nothing_can_be_written_it_is_derived_and_said(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING):
        first, second = (installed_device(folder=tmp_path / "file" / "below") for _ in range(2))
    assert first == second
    assert is_uid(first.uid)
    assert "derived from the names of machine and user" in caplog.text


@pytest.mark.parametrize("content", ["", "room 1", "2.25.007", "1." * 40 + "1"])
def test_a_damaged_file_is_an_error_and_stays(content, tmp_path):
    (tmp_path / DEVICE_FILE).write_text(content)
    with pytest.raises(DataError, match="does not hold the UID"):
        installed_device(folder=tmp_path)
    assert (tmp_path / DEVICE_FILE).read_text() == content


@pytest.mark.parametrize("uid", ["", "room 1", "1..2", "2.25." + "1" * 60, "1.2\n"])
def test_what_is_not_a_uid_is_refused(uid, tmp_path):
    with pytest.raises(UsageError, match="not a DICOM UID"):
        installed_device(uid, folder=tmp_path)
