"""Connections that say nothing, or too little, are closed; the server goes on."""

import resource
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from support.web_places import folder

from fractura.web import WebSettings, connections, create_app

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="counts file descriptors")
HEAD = b"POST /api/images HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\nX-Fractura: 1\r\n\r\n"


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A port, and how to run."""
    monkeypatch.setattr(connections, "_OPENING_SECONDS", 0.3)
    monkeypatch.setattr(connections, "REQUEST_SECONDS", 0.6)
    app = create_app(WebSettings(mode="label", folder=folder(tmp_path / "data")))
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    config = uvicorn.Config(app, http=connections.LimitedProtocol, log_config=None, log_level="warning")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
    thread.start()
    yield listening.getsockname()[1]
    running.should_exit = True
    thread.join()


def opened(port, data=b""):
    peer = socket.create_connection(("127.0.0.1", port))
    peer.settimeout(60)
    if data:
        peer.sendall(data)
    return peer


def is_closed(peer):
    """Waits for the end of the connection."""
    try:
        while peer.recv(4096):
            pass
    except ConnectionError:
        return True
    return True


def answer_to(peer):
    """A whole answer, which says how long it is."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += peer.recv(4096)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    while len(body) < length:
        body += peer.recv(4096)
    return head


def is_served(port):
    for _ in range(600):
        try:
            return httpx.get(f"http://127.0.0.1:{port}/api/images", timeout=5).status_code == 200
        except httpx.TransportError:
            time.sleep(0.1)
    return False


@pytest.mark.parametrize("start", [b"", b"GET / HT", HEAD, HEAD + b"a slow body"])
def test_a_request_that_does_not_arrive_is_not_waited_for(server, start):
    assert is_closed(opened(server, start))
    assert is_served(server)


def test_requests_that_arrive_in_parts_and_one_after_the_other_are_answered(server):
    peer = opened(server, b"GET /api/images HTTP/1.1\r\n")
    peer.sendall(b"Host: 127.0.0.1\r\n\r\n")
    assert answer_to(peer).startswith(b"HTTP/1.1 200")
    peer.sendall(b"GET /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert answer_to(peer).startswith(b"HTTP/1.1 200")
    peer.close()


def test_an_open_stream_of_events_is_no_request_that_does_not_arrive(server):
    with httpx.stream("GET", f"http://127.0.0.1:{server}/api/events", timeout=60) as stream:
        assert stream.status_code == 200
        time.sleep(1.5)  # longer than any request may take to arrive
        assert is_served(server)
        assert not stream.is_closed


def test_more_connections_than_the_limit_are_refused_and_the_server_goes_on(server, monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 20)
    peers = [opened(server) for _ in range(60)]
    assert all(is_closed(peer) for peer in peers)
    assert is_served(server)


@contextmanager
def quiet_server(place):
    """The port of a real server with the number of files that systems usually allow; at its end it has said little."""
    resource_limit = (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    command = [sys.executable, "-m", "fractura", "label", str(folder(place / "data")), "--port", "0", "--no-browser"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, resource_limit),
    )
    try:
        port = int(process.stdout.readline().strip().rstrip("/").rsplit(":", 1)[1])
        assert is_served(port)
        yield port
        assert is_served(port)
        assert process.poll() is None
    finally:
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert len(said) < 5000


def test_1100_half_open_connections_do_not_end_the_server(tmp_path):
    """It was gone after a thousand."""
    with quiet_server(tmp_path) as port:
        peers = []
        for _ in range(1100):
            try:
                peers.append(opened(port))
            except OSError:
                break  # our own files are used up
        assert is_served(port)
        for peer in peers:
            peer.close()


def test_what_is_no_request_of_ours_does_not_fill_the_log(tmp_path):
    upgrade = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    with quiet_server(tmp_path) as port:
        for data in (b"\x16\x03\x01 is no HTTP\r\n\r\n", upgrade):
            for _ in range(60):
                peer = opened(port, data)
                assert is_closed(peer)
