"""Several at once: runs into one folder, servers and other programs on one folder, connections of every bad kind."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from soak.bombs import voc
from soak.campaign import Attempt, Campaign
from soak.confined import BrokenPromiseError
from soak.hostile_pictures import put
from soak.names_shown import noise

_SIDE = 64


def _words(*words: object) -> list[str]:
    return [sys.executable, "-m", "fractura", *map(str, words)]


def _environment(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", **more}


def _ended(process: subprocess.Popen[str]) -> str:
    """What a process said, if it ended with an answer of ours.

    Raises:
        BrokenPromiseError: It did not.
    """
    out, err = process.communicate(timeout=400)
    if process.returncode not in (0, 2, 3, 4, 5) or "this is a bug" in err or "Traceback" in err:
        raise BrokenPromiseError(f"exit code {process.returncode}: {err.strip()[-500:]}")
    return out + err


def _data(folder: Path, prefix: str, count: int) -> Path:
    for number in range(count):
        put(folder / "images" / f"{prefix}{number}.png", noise(sum(prefix.encode()) + number))
        put(folder / "annotations" / f"{prefix}{number}.xml", voc(f"{prefix}{number}.png", size=_SIDE))
    return folder


# Two runs into one folder


def prepare_runs(folder: Path) -> Attempt:
    """Two runs of one command, on other data, begin at nearly one moment and write into one folder."""
    from support.tiny_models import CARD, write_tiny_onnx

    first, second = _data(folder / "first", "a", 12), _data(folder / "second", "b", 9)
    model = write_tiny_onnx(folder / "tiny.onnx", card=CARD.model_copy(update={"class_names": ("Fractura", "b")}))
    numbers, kinds = itertools.count(), itertools.cycle([*_RUNS, "train"])
    starter = folder / "starter.py"
    starter.write_text(_STARTER, encoding="utf-8")

    def attempt(chance: random.Random) -> None:
        kind, place = next(kinds), folder / str(next(numbers))
        place.mkdir()
        overwrite = chance.random() < 0.3 and kind not in ("fix", "train")
        try:
            if kind == "train":
                _two_trainings(place, chance)
                return
            words = [
                [each.format(data=data, model=model, out=place / "out") for each in _RUNS[kind]]
                + (["--overwrite"] if overwrite else [])
                for data in (first, second)
            ]
            said = _race([[sys.executable, str(starter), str(place), *each] for each in words], place, chance)
            _one_of_them(place / "out", kind, said)
        except Exception as error:
            raise type(error)(f"{kind}{' --overwrite' * overwrite}: {error}") from error
        finally:
            shutil.rmtree(place, ignore_errors=True)

    return attempt


_RUNS = {
    "convert": ["convert", "{data}", "{out}", "--to", "voc"],
    "yolo": ["convert", "{data}", "{out}", "--to", "yolo"],
    "tfrecord": ["convert", "{data}", "{out}/a.tfrecord", "--to", "tfrecord", "--shards", "3"],
    "split": ["split", "{data}", "{out}", "--val", "0.3", "--test", "0"],
    "detect": ["detect", "{data}", "--model", "{model}", "--output", "{out}"],
    "evaluate": ["evaluate", "{model}", "{data}", "--output", "{out}", "--no-intervals"],
    "fix": ["check", "{data}", "--fix", "{out}"],
}
_STARTER = """
import sys, time
from pathlib import Path
from fractura.cli.main import load_command, main
load_command(sys.argv[2])
import fractura.formats.convert, fractura.inference.result_folder, fractura.workflows.evaluate
Path(sys.argv[1], f"ready-{time.time_ns()}").touch()
while not Path(sys.argv[1], "go").exists():
    time.sleep(0.001)
time.sleep(float(Path(sys.argv[1], "go").read_text() or 0) * (sys.argv[3] != sys.argv[3].replace("second", "")))
sys.exit(main(sys.argv[2:]))
"""
"""Imports everything, waits for a file, and runs a command: two of them then meet within the writing."""


def _race(commands: Sequence[Sequence[str]], place: Path, chance: random.Random) -> list[str]:
    processes = [
        subprocess.Popen(
            each, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", env=_environment()
        )
        for each in commands
    ]
    while len(list(place.glob("ready-*"))) < len(commands) and all(each.poll() is None for each in processes):
        time.sleep(0.01)
    waiting = place / "going"
    waiting.write_text(f"{chance.choice([0, 0, 0.01, 0.05, 0.2])}", encoding="utf-8")
    waiting.rename(place / "go")
    return [_ended(each) for each in processes]


def _one_of_them(out: Path, kind: str, said: Sequence[str]) -> None:
    """What lies there is of one run, or is said to be unfinished."""
    from fractura.core.errors import FracturaError
    from fractura.formats import open_dataset

    if not any("in use by" in each or "another run" in each for each in said) and kind == "fix":
        pass  # one after the other
    letters: set[str] = set()
    if kind == "detect":
        rows = json.loads((out / "results.json").read_text("utf-8"))
        names = {Path(row["image"]).name for row in rows["images"]}
        files = {path.name.split("__")[0] for path in (out / "pictures").iterdir()}
        letters = {name[0] for name in (*names, *files)}
        if not rows["complete"] or len(files) != len(names):
            raise BrokenPromiseError(f"{len(files)} pictures of {len(names)} images")
    elif kind == "evaluate":
        rows = (out / "images.csv").read_text("utf-8").splitlines()[1:] if (out / "images.csv").exists() else []
        letters = {row[0] for row in rows}
        document = json.loads((out / "evaluation.json").read_text("utf-8"))
        if rows and str(len(rows)) not in json.dumps(document):
            raise BrokenPromiseError("the tables are of another run than evaluation.json")
    else:
        try:
            reading = open_dataset(out / "a.tfrecord" if kind == "tfrecord" else out, problems=[])
        except FracturaError as error:
            raise BrokenPromiseError(f"cannot be read afterwards: {error}") from error
        letters = {record.name[0] for record in reading.dataset}
        if len(reading.dataset) not in (9, 12):
            raise BrokenPromiseError(f"holds {len(reading.dataset)} images")
        letters |= {path.name[0] for path in out.rglob("*.png")}
    if len(letters) != 1:
        raise BrokenPromiseError(f"two runs lie in one folder: {letters}")
    if left := [path.name for path in out.rglob(".fractura*")]:
        raise BrokenPromiseError(f"left {left}")


def _two_trainings(place: Path, chance: random.Random) -> None:
    script = Path(__file__).parents[1] / "tests" / "support" / "run_training.py"
    processes = []
    for _ in range(2):
        processes.append(
            subprocess.Popen(
                [sys.executable, str(script), str(place), "6"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment(),
            )
        )  # fmt: skip
        time.sleep(chance.choice([0, 0.5, 3]))
    said = [each.communicate(timeout=500)[1] for each in processes]
    codes = [each.returncode for each in processes]
    refused = [text for code, text in zip(codes, said, strict=True) if code]
    told = ("in use by a training", "holds", "is not empty")  # the last where the first has ended already
    if 0 not in codes or not all(any(words in text for words in told) for text in refused):
        raise BrokenPromiseError(f"exit codes {codes}: {said[0][-300:]} | {said[1][-300:]}")
    steps = [line.split(",")[0] for line in (place / "model" / "log.csv").read_text("utf-8").splitlines()[1:]]
    if steps != sorted(set(steps), key=int):
        raise BrokenPromiseError(f"the log has the steps {steps}")


# A folder that several programs write


def prepare_writers(folder: Path) -> Attempt:
    """A server, a second one on the same folder, and a program that writes XML files as LabelImg does."""
    numbers = itertools.count()

    def attempt(chance: random.Random) -> None:
        place = folder / str(next(numbers))
        _data(place, "a", 4)
        with served(place) as address:
            second = subprocess.run(
                _words("label", place, "--port", 0, "--no-browser"), capture_output=True, text=True, timeout=400
            )
            if second.returncode != 2 or "in use by a label server" not in second.stderr:
                raise BrokenPromiseError(f"a second server: {second.returncode} {second.stderr[-300:]}")
            _save_while_another_writes(place, address, chance)
        shutil.rmtree(place, ignore_errors=True)

    return attempt


def _save_while_another_writes(place: Path, address: str, chance: random.Random) -> None:
    """Every save that was acknowledged, and all that the other wrote, is in the file or in a backup."""
    import httpx

    xml, written, stop = place / "annotations" / "a0.xml", [], threading.Event()

    def other() -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            text = voc("a0.png", f"theirs{number}", size=_SIDE)
            xml.write_text(text, encoding="utf-8")  # as LabelImg: truncated and written, without a lock
            written.append(text)
            time.sleep(chance.choice([0.001, 0.01, 0.05]))

    acknowledged, refused = [], 0
    with httpx.Client(base_url=address, headers={"X-Fractura": "1"}, timeout=120) as web:
        image = next(each["id"] for each in web.get("/api/images").json()["images"] if each["name"] == "a0.png")
        writer = threading.Thread(target=other)
        writer.start()
        try:
            for number in range(40):
                now = web.get(f"/api/annotations/{image}")
                box = {"name": f"ours{number}", "xmin": 1, "ymin": 1, "xmax": 30, "ymax": 30}
                headers = {"If-Match": now.json().get("etag", '"unreadable"')}
                answer = web.put(f"/api/annotations/{image}", json={"boxes": [box]}, headers=headers)
                if answer.status_code == 200:
                    acknowledged.append((f"ours{number}", len(written)))
                elif answer.status_code in (409, 412, 422, 423):
                    refused += 1
                elif answer.status_code >= 500:
                    raise BrokenPromiseError(f"{answer.status_code}: {answer.text[:300]}")
        finally:
            stop.set()
            writer.join()
        box = {"name": "last", "xmin": 1, "ymin": 1, "xmax": 30, "ymax": 30}
        etag = web.get(f"/api/annotations/{image}").json()["etag"]
        if web.put(f"/api/annotations/{image}", json={"boxes": [box]}, headers={"If-Match": etag}).status_code != 200:
            raise BrokenPromiseError("when the other was silent, a save was refused")
    if "<name>last</name>" not in xml.read_text("utf-8"):
        raise BrokenPromiseError("the last acknowledged save is not in the file")
    if list(place.rglob(".fractura-*.tmp")):
        raise BrokenPromiseError("a temporary file was left")


@contextmanager
def served(place: Path, *words: object) -> Iterator[str]:
    """The address of a label server in a process of its own."""
    process = subprocess.Popen(
        _words("label", place, "--port", 0, "--no-browser", *words),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment(),
    )  # fmt: skip
    try:
        address = process.stdout.readline().strip().rstrip("/")
        if not address:
            raise BrokenPromiseError(f"no server: {process.stderr.read()[-500:]}")
        yield address
        if process.poll() is not None:
            raise BrokenPromiseError(f"the server is gone: {process.stderr.read()[-500:]}")
    finally:
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise BrokenPromiseError("the server does not end") from None
    if "Traceback" in said or len(said) > 5000:
        raise BrokenPromiseError(f"the server said: {said[:500]}")


# Connections


def prepare_connections(folder: Path) -> Attempt:
    """300 peers at once, most of them bad; meanwhile a good one is answered."""
    place = _data(folder / "data", "a", 6)

    def attempt(chance: random.Random) -> None:
        with served(place) as address:
            port = int(address.rsplit(":", 1)[1])
            peers = [_bad_peer(port, chance) for _ in range(300)]
            stop = threading.Event()
            dripping = threading.Thread(target=_drip, args=(peers, stop, chance))
            dripping.start()
            try:
                _is_answered(address, place, chance)
            finally:
                stop.set()
                dripping.join()
                for peer in peers:
                    if peer is not None:
                        peer.close()
            _is_answered(address, place, chance)

    return attempt


_HOST = b"Host: 127.0.0.1\r\n"
_BAD = (
    b"",
    b"G",
    b"GET /api/images HTTP/1.1\r\n" + _HOST,
    b"GET /api/events HTTP/1.1\r\n" + _HOST + b"\r\n",  # endless, and never read
    b"GET /api/images?limit=1000 HTTP/1.1\r\n" + _HOST + b"\r\n" * 1,
    b"PUT /api/annotations/x HTTP/1.1\r\n" + _HOST + b"X-Fractura: 1\r\nContent-Length: 100000\r\n\r\n{",
    b"PUT /api/annotations/x HTTP/1.1\r\n" + _HOST + b"X-Fractura: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
    b"POST /api/detect HTTP/1.1\r\n" + _HOST + b"X-Fractura: 1\r\nContent-Length: 99999999999\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 60_000,
    b"GET / HTTP/1.1\r\n" + _HOST + b"A: b\r\n" * 3000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # TLS
    b"\0" * 5000,
    b"GET / HTTP/9.9\r\n\r\n",
    (b"GET /api/session HTTP/1.1\r\n" + _HOST + b"\r\n") * 200,  # 200 requests at once, no answer read
    b"POST /api/suggestions HTTP/1.1\r\n" + _HOST + b"Expect: 100-continue\r\nContent-Length: 10\r\n\r\n",
    b"GET /api/events HTTP/1.1\r\n" + _HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
)


def _bad_peer(port: int, chance: random.Random) -> socket.socket | None:
    try:
        peer = socket.create_connection(("127.0.0.1", port), timeout=60)
        peer.setblocking(False)
        with suppress(OSError):
            peer.send(chance.choice(_BAD))
        return peer
    except OSError:
        return None


def _drip(peers: Sequence[socket.socket | None], stop: threading.Event, chance: random.Random) -> None:
    """A byte now and then."""
    while not stop.wait(0.05):
        for peer in chance.sample(list(peers), 30):
            if peer is not None:
                with suppress(OSError):
                    peer.send(b"a")


def _is_answered(address: str, place: Path, chance: random.Random) -> None:
    import httpx

    longest = 0.0
    with httpx.Client(base_url=address, headers={"X-Fractura": "1"}, timeout=60) as web:
        for number in range(12):
            start = time.monotonic()
            images = web.get("/api/images").json()["images"]
            image = chance.choice(images)["id"]
            if web.get(f"/api/images/{image}/picture").status_code != 200:
                raise BrokenPromiseError("no picture")
            etag = web.get(f"/api/annotations/{image}").json()["etag"]
            box = {"name": f"b{number}", "xmin": 1, "ymin": 1, "xmax": 30, "ymax": 30}
            saved = web.put(f"/api/annotations/{image}", json={"boxes": [box]}, headers={"If-Match": etag})
            if saved.status_code != 200:
                raise BrokenPromiseError(f"a save was refused: {saved.text[:200]}")
            longest = max(longest, time.monotonic() - start)
    if longest > 20:
        raise BrokenPromiseError(f"four answers took {longest:.0f} s")


RUNS = Campaign(
    name="two-runs",
    promise="Of two runs into one folder at once, the second is told or comes after: no folder holds a mixture of both",
    prepare=prepare_runs,
    tries=80,
    found="Two runs of convert, split, detect, evaluate, `check --fix` wrote into one folder at once (seen in the "
    "code; `test_of_two_runs_at_once_the_second_is_told`)",
    seconds_per_try=900,
)
WRITERS = Campaign(
    name="two-writers",
    promise="A second server on a folder is refused; where another program writes the same files, the last "
    "acknowledged save is on the disk and nothing fails",
    prepare=prepare_writers,
    tries=10,
    seconds_per_try=900,
)
CONNECTIONS = Campaign(
    name="connections",
    promise="300 connections at once (half-open, dripping, never reading, not HTTP, endless events): others are "
    "answered",
    prepare=prepare_connections,
    tries=10,
    found="each line that was not HTTP became one of the log, 7 of 7: "
    "`test_what_is_no_request_of_ours_does_not_fill_the_log`",
    seconds_per_try=900,
)
