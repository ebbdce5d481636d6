"""Data sets from figshare: a server on this machine answers as figshare's API and its file server do."""

import hashlib
import http.server
import io
import json
import threading
import zipfile
from contextlib import contextmanager

import pytest

from fractura.cli.main import main
from fractura.core.errors import DataError, UsageError
from fractura.fetch import fetch_data, unpack_archive


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def zipped(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


CONTENT = {
    "FracAtlas.zip": zipped({"FracAtlas/images/IMG1.jpg": b"image" * 5000, "__MACOSX/x": b"", "FracAtlas/a.csv": b"a"}),
    "dataset.csv": b"filestem,patient_id\n1,2\n",
}


class Figshare(http.server.ThreadingHTTPServer):
    """``/v2/articles/N`` describes the files; ``/files/N`` sends the reader on to where they are, as figshare does."""

    daemon_threads = True

    def __init__(self, *, breaks=(), changes=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = dict(CONTENT)
        self.breaks, self.requests = list(breaks), []
        base = f"http://127.0.0.1:{self.server_port}"
        self.article = {
            "id": 22363012,
            "title": "FracAtlas: A Dataset",
            "doi": "10.6084/m9.figshare.22363012.v6",
            "citation": "Abedeen, Iftekharul; Rahman, Md. Ashiqur (2023): FracAtlas. figshare. Dataset.",
            "license": {"value": 1, "name": "CC BY 4.0", "url": "https://creativecommons.org/licenses/by/4.0/"},
            "files": [
                {
                    "id": number,
                    "name": name,
                    "size": len(content),
                    "is_link_only": False,
                    "download_url": f"{base}/files/{number}",
                    "supplied_md5": hashlib.md5(content).hexdigest(),
                    "computed_md5": hashlib.md5(content).hexdigest(),
                }
                for number, (name, content) in enumerate(CONTENT.items())
            ],
        }
        (changes or (lambda article: None))(self.article)
        self.url = f"{base}/v2/articles/22363012"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.requests.append((self.path, self.headers.get("Range")))
        if self.path.startswith("/v2/"):
            self.answer(json.dumps(server.article).encode(), 200)
        elif self.path.startswith("/files/"):
            self.send_response(302)
            self.send_header("Location", f"/storage/{list(CONTENT)[int(self.path.rpartition('/')[2])]}?signature=x")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            content = server.content[self.path.removeprefix("/storage/").partition("?")[0]]
            asked = self.headers.get("Range")
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
            cut = server.breaks.pop(0) if server.breaks else None
            self.answer(content[start:], 206 if asked else 200, start, len(content), cut)

    def answer(self, body, status, start=0, total=0, cut=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"one"')
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.end_headers()
        self.wfile.write(body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True

    def log_message(self, format, *arguments):
        pass


@contextmanager
def figshare(**settings):
    server = Figshare(**settings)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def test_the_command_fetches_checks_unpacks_and_shows_licence_and_citation(tmp_path, capsys):
    with figshare(breaks=[100]) as server:
        words = ["fetch", "fracatlas", "--output", str(tmp_path), "--url", server.url, "--json"]
        assert main(words) == 0
        shown = capsys.readouterr()
        assert main(words) == 0  # all is there: only the article is asked for again
    document = json.loads(shown.out)
    folder = tmp_path / "fracatlas"
    assert (folder / "FracAtlas" / "FracAtlas" / "images" / "IMG1.jpg").read_bytes() == b"image" * 5000
    assert (folder / "dataset.csv").read_bytes() == CONTENT["dataset.csv"]
    assert not (folder / "FracAtlas.zip").exists()
    assert not (folder / "FracAtlas" / "__MACOSX").exists()
    assert "CC BY 4.0" in shown.err
    assert "Abedeen" in shown.err
    assert document["licence"] == "CC BY 4.0"
    assert document["fetched"] == ["FracAtlas.zip", "dataset.csv"]
    assert json.loads((folder / "source.json").read_text())["citation"].startswith("Abedeen")
    resumed = [asked for path, asked in server.requests if path.startswith("/storage/FracAtlas") and asked]
    assert resumed == ["bytes=100-"]
    assert sum(path.startswith("/storage") for path, _ in server.requests) == 3
    assert json.loads(capsys.readouterr().out)["fetched"] == []


def test_a_fetch_that_was_stopped_goes_on_in_the_next_call(tmp_path):
    with figshare(breaks=[100] + [0] * 4) as server:
        with pytest.raises(Exception, match="cannot be fetched"):
            fetch_data("fracatlas", tmp_path, url=server.url)
        assert (tmp_path / "fracatlas" / "FracAtlas.zip.part").stat().st_size == 100
        fetch_data("fracatlas", tmp_path, url=server.url)
    assert (tmp_path / "fracatlas" / "FracAtlas").is_dir()


def test_another_content_than_its_md5_says_is_refused_and_not_left_there(tmp_path):
    with figshare() as server:
        server.content["FracAtlas.zip"] = zipped({"evil": b"x"})
        with pytest.raises(DataError, match="its MD5 is"):
            fetch_data("fracatlas", tmp_path, url=server.url)
    assert sorted(path.name for path in (tmp_path / "fracatlas").iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.pop("files"),
        lambda a: a.update(files=[]),
        lambda a: a.update(license=None),
        lambda a: a["files"][0].update(name="../x.zip"),
        lambda a: a["files"][0].update(name="source.json"),
        lambda a: a["files"][0].update(computed_md5="", supplied_md5=None),
        lambda a: a["files"][0].update(size="1"),
        lambda a: a["files"][1].update(name="fracatlas.ZIP"),
    ],
)
def test_an_answer_that_is_not_figshares_is_an_error_of_ours(change, tmp_path):
    with figshare(changes=change) as server, pytest.raises(DataError):
        fetch_data("fracatlas", tmp_path, url=server.url)
    assert not list(tmp_path.rglob("*.zip"))


def test_unknown_names_have_a_suggestion(capsys):
    with pytest.raises(UsageError, match="fracatlas"):
        fetch_data("fracatlass", None)
    assert main(["fetch", "frac-atlas"]) == 2
    assert "did you mean 'fracatlas'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "C:x", "con", "a\\..\\x"])
def test_a_zip_that_leads_outside_is_refused(name, tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped({"fine": b"1", name: b"2"}))
    with pytest.raises(DataError):
        unpack_archive(tmp_path / "a.zip", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_zip_that_is_cut_off_damaged_or_a_bomb_is_refused(tmp_path):
    whole = zipped({"a": b"x" * 4000, "b": b"y"})
    damaged = bytearray(whole)
    damaged[60] ^= 1
    for content in (whole[:-30], bytes(damaged), b"", whole[:100]):
        (tmp_path / "a.zip").write_bytes(content)
        with pytest.raises(DataError):
            unpack_archive(tmp_path / "a.zip", tmp_path / "out")
    (tmp_path / "a.zip").write_bytes(whole)
    with pytest.raises(DataError, match="unpacks to more"):
        unpack_archive(tmp_path / "a.zip", tmp_path / "out", maximum_size=1000)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_a_zip_contains_twice_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", b"first")
        archive.writestr("a", b"second")
    with pytest.raises(DataError, match="'a' twice"):
        unpack_archive(tmp_path / "a.zip", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_link_in_a_zip_is_refused(tmp_path):
    entry = zipfile.ZipInfo("link")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(DataError, match="link"):
        unpack_archive(tmp_path / "a.zip", tmp_path / "out")
