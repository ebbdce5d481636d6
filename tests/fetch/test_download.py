"""Downloads that break off, servers that misbehave, machines without a network."""

import hashlib
import socket

import pytest
from support.file_server import serving

from fractura.core.errors import DataError, MissingDependencyError, UsageError
from fractura.fetch.download import download

CONTENT = bytes(range(256)) * 4000


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_a_file_in_one_piece(tmp_path):
    seen = []
    with serving(CONTENT) as server:
        found = download(server.address(), tmp_path / "deep" / "file", progress=lambda *numbers: seen.append(numbers))
    assert found.path.read_bytes() == CONTENT
    assert (found.size, found.sha256) == (len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in found.path.parent.iterdir()] == ["file"]


def test_a_broken_connection_goes_on_where_it_was(tmp_path):
    with serving(CONTENT, breaks=[300_000, 1, 0, 200_000]) as server:
        found = download(server.address(), tmp_path / "file", pause=0.01)
        asked = server.requests
    assert found.path.read_bytes() == CONTENT
    assert asked == [None, "bytes=300000-", "bytes=300001-", "bytes=300001-", "bytes=500001-"]


def test_the_next_call_goes_on_too(tmp_path):
    with serving(CONTENT, breaks=[400_000, 0, 0]) as server:
        with pytest.raises(MissingDependencyError, match="the connection broke") as caught:
            download(server.address(), tmp_path / "file", attempts=2, pause=0.01)
        assert "resumes the download" in caught.value.hint
        assert not (tmp_path / "file").exists()
        assert (tmp_path / "file.part").read_bytes() == CONTENT[:400_000]
        server.requests.clear()
        download(server.address(), tmp_path / "file", attempts=2, pause=0.01)
        assert server.requests == ["bytes=400000-", "bytes=400000-"]
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_that_changed_on_the_server_is_fetched_anew(tmp_path):
    other = CONTENT[::-1]
    with serving(CONTENT, breaks=[1000, 0]) as server:
        with pytest.raises(MissingDependencyError):
            download(server.address(), tmp_path / "file", attempts=1, pause=0.01)
        server.content, server.etag, server.breaks = other, '"two"', []
        assert download(server.address(), tmp_path / "file").path.read_bytes() == other


@pytest.mark.parametrize("settings", [{"ranges": False}, {"etag": ""}])
def test_a_server_that_cannot_go_on_starts_over(tmp_path, settings):
    with serving(CONTENT, breaks=[1000], **settings) as server:
        assert download(server.address(), tmp_path / "file", pause=0.01).path.read_bytes() == CONTENT


def test_a_part_that_is_whole_already(tmp_path):
    with serving(CONTENT) as server:
        (tmp_path / "file.part").write_bytes(CONTENT)
        (tmp_path / "file.part.etag").write_text(server.etag, encoding="utf-8")
        assert download(server.address(), tmp_path / "file").path.read_bytes() == CONTENT
        assert len(server.requests) == 1


def test_a_part_that_is_too_long_starts_over(tmp_path):
    with serving(CONTENT) as server:
        (tmp_path / "file.part").write_bytes(CONTENT + b"more")
        (tmp_path / "file.part.etag").write_text(server.etag, encoding="utf-8")
        assert download(server.address(), tmp_path / "file", pause=0.01).path.read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(tmp_path):
    with serving(CONTENT, statuses=[503, 500]) as server:
        assert download(server.address(), tmp_path / "file", pause=0.01).size == len(CONTENT)


def test_a_wrong_checksum_leaves_nothing(tmp_path):
    with serving(CONTENT) as server, pytest.raises(DataError, match="SHA-256"):
        download(server.address(), tmp_path / "file", sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_bytes(b"what lies there")
    with serving(CONTENT) as server, pytest.raises(DataError, match="delete it"):
        download(server.address(), tmp_path / "file", sha256="0" * 64)


def test_no_such_file_is_not_tried_again(tmp_path):
    with serving(CONTENT, statuses=[404]) as server:
        with pytest.raises(DataError, match="404") as caught:
            download(server.address(), tmp_path / "file")
        assert len(server.requests) == 1
    assert "--url" in caught.value.hint


def test_without_a_network(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/file"
        with pytest.raises(MissingDependencyError, match="cannot be fetched") as caught:
            download(address, tmp_path / "file", attempts=2, pause=0.01)
    assert "network" in caught.value.hint
    assert str(tmp_path / "file") in caught.value.hint


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://host/file", "model.tar.gz", "http:///file"])
def test_other_addresses_are_refused(tmp_path, address):
    with pytest.raises(UsageError, match="not an http"):
        download(address, tmp_path / "file")
