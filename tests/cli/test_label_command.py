"""``fractura label`` and ``fractura serve``: what stops them before they listen, and the port they take."""

import os
import signal
import socket
import subprocess
import sys

import pytest
from support.tiny_models import write_tiny_onnx

from fractura.cli.main import main
from fractura.core.errors import UsageError
from fractura.web import server


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["label", "no-such-folder"], 3, "there is no such folder"),
        (["label", "."], 0, ""),
        (["label", ".", "--model", "no-such-model"], 4, "there is no such model"),
        (["serve", "--model", "no-such-model"], 4, "there is no such model"),
        (["serve", "--model", "tiny.onnx"], 0, ""),
        (["serve", "--model", "tiny.onnx", "--host", "0.0.0.0"], 2, "only with a token"),
        (["serve", "--model", "tiny.onnx", "--host", "0.0.0.0", "--token", "short"], 2, "16"),
    ],
)
def test_starts_or_says_why_not(tmp_path, monkeypatch, capsys, words, code, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(server.TOKEN_VARIABLE, raising=False)
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: [each.close() for each in sockets])
    write_tiny_onnx(tmp_path / "tiny.onnx")
    assert main([*words, "--port", "0", "--no-browser"]) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out.startswith("http://127.0.0.1:") == (code == 0)


def test_the_token_is_never_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(server.TOKEN_VARIABLE, "a-long-and-secret-token")
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: [each.close() for each in sockets])
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: opened.append(address) or True)
    assert main(["label", str(tmp_path), "--port", "0"]) == 0
    assert "secret" not in "".join(capsys.readouterr())
    assert opened[0].endswith("/?token=a-long-and-secret-token")


def test_a_taken_port_is_an_error_and_no_other_is_used(tmp_path, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["label", str(tmp_path), "--port", str(port), "--no-browser"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"port {port} of 127.0.0.1 is taken" in captured.err
    assert "--port 0" in captured.err


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal for one program's Ctrl-C")
def test_ctrl_c_is_the_normal_end_of_a_server(tmp_path):
    words = [sys.executable, "-m", "fractura", "label", str(tmp_path), "--port", "0", "--no-browser"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        address = running.stdout.readline().strip()
        with socket.create_connection(
            ("127.0.0.1", int(address.rstrip("/").rpartition(":")[2])), timeout=60
        ) as reached:
            reached.sendall(b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")  # it serves: the signal is not for the start
            assert reached.recv(8) == b"HTTP/1.1"
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=60)
    assert running.returncode == 0
    assert "error" not in err
    assert "Traceback" not in err


def test_no_port_at_all(monkeypatch):
    def taken(self, address):
        raise OSError("taken")

    monkeypatch.setattr(socket.socket, "bind", taken)
    with pytest.raises(UsageError, match="--port"):
        server._listen("127.0.0.1", 8000)
