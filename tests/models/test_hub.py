"""``hf:NAME``: what it means, and what happens without a network; no test leaves this machine."""

import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from support.tiny_transformers import save_folder

from fractura.core.errors import MissingDependencyError, ModelError
from fractura.models import build_detector
from fractura.models.detr.hub import find_folder, public_name

FIND = "import sys; from fractura.models.detr.hub import find_folder; print(find_folder(sys.argv[1]))"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(http.server.BaseHTTPRequestHandler):
    """As much of the Hub as fetching ``owner/tiny`` needs; ``owner/old`` has no safetensors."""

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.split("?")[0]
        folder: Path = self.server.folder
        if path in ("/api/models/owner/tiny", "/api/models/owner/old"):
            names = (
                ["config.json", "pytorch_model.bin"]
                if path.endswith("old")
                else sorted(f.name for f in folder.iterdir())
            )
            siblings = [{"rfilename": name} for name in names]
            self.answer(
                json.dumps({"id": path[12:], "modelId": path[12:], "sha": COMMIT, "siblings": siblings}).encode()
            )
        elif path.startswith("/owner/tiny/resolve/main/") and (folder / path.rsplit("/", 1)[1]).is_file():
            name = path.rsplit("/", 1)[1]
            self.answer((folder / name).read_bytes(), {"ETag": f'"{name}"', "X-Repo-Commit": COMMIT})
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.end_headers()

    def answer(self, content, headers=()):
        self.send_response(200)
        for name, value in {"Content-Length": str(len(content)), **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(name="hub")
def hub_fixture(tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.folder = save_folder(tmp_path / "upstream", "rt_detr_v2")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def run_find(name, cache, **environment):
    """Find ``name`` in a process of its own: the Hub's client reads its environment once."""
    environment = {
        "HF_HOME": str(cache),
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "*",
        "PATH": "",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        **environment,
    }
    return subprocess.run([sys.executable, "-c", FIND, name], capture_output=True, text=True, env=environment)


def test_a_model_of_the_hub_is_fetched_once_and_then_found_without_a_network(hub, tmp_path):
    fetched = run_find("owner/tiny", tmp_path / "cache", HF_ENDPOINT=hub)
    assert fetched.returncode == 0, fetched.stderr
    assert fetched.stderr == "", "no bars, no warnings"
    folder = Path(fetched.stdout.strip())
    assert sorted(file.name for file in folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
    ]
    assert build_detector(f"hf:{folder}", 1).settings.image_resizer.height == 64
    again = run_find("owner/tiny", tmp_path / "cache", HF_HUB_OFFLINE="1")
    assert again.stdout == fetched.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("owner/missing", "has no model 'owner/missing'"),
        ("owner/old", "'owner/old' on the Hugging Face Hub lacks model.safetensors"),
    ],
)
def test_what_the_hub_cannot_give_is_said(hub, tmp_path, name, said):
    outcome = run_find(name, tmp_path / "cache", HF_ENDPOINT=hub)
    assert said in outcome.stderr
    assert "ModelError" in outcome.stderr


def test_without_a_network_the_message_names_the_way_out(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for name in ("hf:owner/tiny", "dfine_nano"):
        with pytest.raises(MissingDependencyError) as caught:
            build_detector(name, 1)
        hub_id = "owner/tiny" if name == "hf:owner/tiny" else "ustc-community/dfine-nano-coco"
        assert f"'{hub_id}' is not on this machine" in str(caught.value)
        assert f"hf download {hub_id} --local-dir" in str(caught.value)
        assert "hf:FOLDER" in str(caught.value)


@pytest.mark.slow
def test_a_network_that_is_silent_does_not_hang(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        outcome = run_find("owner/tiny", tmp_path, HF_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert "cannot be reached" in outcome.stderr
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("source", ["./nowhere", "/nowhere/at/all", "dfine-small-coco", "a/b/c", "../secret/x y", ""])
def test_what_is_neither_a_folder_nor_an_id_is_refused(source):
    with pytest.raises(ModelError, match=f"'{source}' is neither a folder here nor the id of a model") as caught:
        find_folder(source)
    assert "hf:OWNER/NAME" in str(caught.value)


def test_a_file_is_not_a_folder(tmp_path):
    file = tmp_path / "model.safetensors"
    file.touch()
    with pytest.raises(ModelError, match="is not a folder"):
        find_folder(str(file))


def test_a_folder_beats_an_id_and_its_path_stays_here(tmp_path, monkeypatch):
    (tmp_path / "owner" / "tiny").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert find_folder("owner/tiny") == Path("owner/tiny")
    assert public_name("owner/tiny") == public_name(str(tmp_path / "owner" / "tiny")) == "hf:tiny"
    assert public_name("ustc-community/dfine-small-coco") == "hf:ustc-community/dfine-small-coco"
