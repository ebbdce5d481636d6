"""How fast is the image list of `fractura label` in a large folder, asked by many windows at once?

    python -m benchmarks.web_list [--images 20000] [--rate 50] [--seconds 20]

Makes a folder of that many images (links to one small picture), half of them labelled, starts the server on it, and
asks for parts of the list at a fixed rate, whether or not earlier answers have come: plain parts, filters, search,
jumps, and the order by uncertainty, while another client saves an image every half second (so that nothing can be
answered from a list that never changes). Printed: when the list and when all states were there, and the time of an
answer from the moment it was due: median, p95, worst; and beside it the same for ``/healthz``, which does nothing: what
HTTP in Python takes on this machine at this moment.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from benchmarks.contest import keep

AIM_SECONDS = 0.1
_CONNECTIONS = 16
_ANNOTATION = """<annotation>
\t<folder>images</folder>
\t<filename>{name}.png</filename>
\t<source>
\t\t<database>Unknown</database>
\t</source>
\t<size>
\t\t<width>64</width>
\t\t<height>48</height>
\t\t<depth>1</depth>
\t</size>
\t<segmented>0</segmented>
\t<object>
\t\t<name>Fractura</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>0</truncated>
\t\t<difficult>0</difficult>
\t\t<bndbox>
\t\t\t<xmin>5</xmin>
\t\t\t<ymin>5</ymin>
\t\t\t<xmax>30</xmax>
\t\t\t<ymax>30</ymax>
\t\t</bndbox>
\t</object>
</annotation>
"""


@dataclass(frozen=True)
class Measured:
    """What came out; all times in seconds.

    Attributes:
        listed: From the server's start to its first list.
        read: To the list with the states of all images.
        answers: From the moment each question was due to its answer, sorted.
        idle: The same for questions that need no work.
        failed: Questions that were not answered with 200.
    """

    listed: float
    read: float
    answers: tuple[float, ...]
    idle: tuple[float, ...]
    failed: int


def quantile(times: tuple[float, ...], share: float) -> float:
    """The time within which this share of the questions was answered."""
    return times[min(len(times) - 1, int(share * len(times)))]


def make_folder(folder: Path, images: int) -> None:
    """Images that are links to one picture; every second one is labelled."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = folder / "image_000000.png"
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(picture)
    for number in range(images):
        name = f"image_{number:06d}"
        if number:
            os.link(picture, folder / f"{name}.png")
        if number % 2:
            (folder / f"{name}.xml").write_text(_ANNOTATION.format(name=name), encoding="utf-8")


class Server:
    """``fractura label`` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fractura", "label", str(folder), "--port", "0", "--no-browser"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().rstrip("/\n").rsplit(":", 1)[1])

    def ask(self, path: str, *, connection: http.client.HTTPConnection | None = None) -> tuple[int, bytes]:
        """Status and body of a GET."""
        used = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        used.request("GET", path)
        answer = used.getresponse()
        return answer.status, answer.read()

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()


def measure(folder: Path, images: int, rate: float, seconds: float, seed: int = 0) -> Measured:
    """Start a server on ``folder`` and ask it."""
    started = time.monotonic()
    server = Server(folder)
    try:
        while json.loads(server.ask("/api/images?limit=1")[1])["total"] != images:
            time.sleep(0.01)
        listed = time.monotonic() - started
        while json.loads(server.ask("/api/images?limit=1")[1])["reading"]:
            time.sleep(0.02)
        read = time.monotonic() - started
        ids = [image["id"] for image in json.loads(server.ask("/api/images?limit=1000")[1])["images"]]
        idle, _ = _load(server, ["/healthz"], rate, seconds / 2)
        stopped = threading.Event()
        saver = threading.Thread(target=_save_now_and_then, args=(server, ids[0], stopped))
        saver.start()
        try:
            answers, failed = _load(server, _questions(images, ids, seed), rate, seconds)
        finally:
            stopped.set()
            saver.join()
    finally:
        server.stop()
    return Measured(listed, read, tuple(sorted(answers)), tuple(sorted(idle)), failed)


def _questions(images: int, ids: list[str], seed: int) -> list[str]:
    chance = random.Random(seed)
    kinds = (
        lambda: f"offset={chance.randrange(images)}&limit=200",
        lambda: f"state=unlabelled&offset={chance.randrange(images // 2)}&limit=200",
        lambda: f"query={chance.randrange(1000):03d}&limit=200",
        lambda: f"around={chance.choice(ids)}&limit=200",
        lambda: f"state=unlabelled&around={chance.choice(ids)}&limit=1",
        lambda: f"order=uncertainty&offset={chance.randrange(images)}&limit=200",
    )
    return [f"/api/images?{chance.choice(kinds)()}" for _ in range(10_000)]


def _load(server: Server, questions: list[str], rate: float, seconds: float) -> tuple[list[float], int]:
    """Ask at a fixed rate; a late answer makes no later question wait to be due."""
    local = threading.local()
    begin = time.monotonic() + 0.1

    def ask(number: int) -> tuple[float, bool]:
        due = begin + number / rate
        time.sleep(max(0.0, due - time.monotonic()))
        if not hasattr(local, "connection"):
            local.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        status, _ = server.ask(questions[number % len(questions)], connection=local.connection)
        return time.monotonic() - due, status == 200

    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        found = list(pool.map(ask, range(int(rate * seconds))))
    return [time_taken for time_taken, _ in found], sum(not good for _, good in found)


def _save_now_and_then(server: Server, image: str, stopped: threading.Event) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    number = 0
    while not stopped.wait(0.5):
        number += 1
        etag = json.loads(server.ask(f"/api/annotations/{image}", connection=connection)[1])["etag"]
        box = {"name": "Fractura", "xmin": 1 + number % 20, "ymin": 2, "xmax": 40, "ymax": 40}
        headers = {"X-Fractura": "1", "If-Match": etag, "Content-Type": "application/json"}
        connection.request("PUT", f"/api/annotations/{image}", json.dumps({"boxes": [box]}), headers)
        connection.getresponse().read()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=20)
    chosen = parser.parse_args()
    with TemporaryDirectory() as place:
        folder = Path(place) / "images"
        make_folder(folder, chosen.images)
        found = measure(folder, chosen.images, chosen.rate, chosen.seconds)
    p95 = quantile(found.answers, 0.95)
    print(f"{chosen.images} images: listed after {found.listed:.1f} s, all states after {found.read:.1f} s")
    for what, times in (("list", found.answers), ("/healthz", found.idle)):
        print(
            f"{what}: {len(times)} questions at {chosen.rate:g} a second: median {1000 * quantile(times, 0.5):.1f} ms, "
            f"p95 {1000 * quantile(times, 0.95):.1f} ms, worst {1000 * times[-1]:.0f} ms"
        )
    keep(
        "web-list",
        f"image list of {chosen.images:,} images, {chosen.rate:g} questions a second: 95th percentile of an answer",
        ("list", [1000 * p95]),
        ("`/healthz` of the same server", [1000 * quantile(found.idle, 0.95)]),
        unit="ms",
        at_most=1000 * AIM_SECONDS,
    )
    return 1 if found.failed else 0


if __name__ == "__main__":
    sys.exit(main())
