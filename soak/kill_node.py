"""The DICOM node, killed with signal 9 again and again while modalities send to it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from soak.campaign import Attempt, Campaign

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # senders and archives are those of the tests
from support.dicom_network import (
    OUT_OF_RESOURCES,
    SUCCESS,
    Archive,
    free_port,
    phantom_radiograph,
    send,
)

_IMAGES, _QUEUE, _SENDERS = 8, 4, 2
_RESULTS_PER_IMAGE = 2
_SECONDS = 400


class _Node:
    """``fractura node`` as a process of its own, with a small queue."""

    def __init__(self, folder: Path, port: int, archive: Archive) -> None:
        target = archive.destination()["dicom"]
        destination = f"{{ae_title: ARCHIVE, host: 127.0.0.1, port: {target['port']}, timeout: 10}}"
        (folder / "node.yaml").write_text(
            f"folder: queue\nport: {port}\ncallers: [MODALITY]\nqueue_instances: {_QUEUE}\nattempts: 30\n"
            f"destinations:\n  - name: archive\n    dicom: {destination}\n"
        )
        self._folder = folder
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        environment = {**os.environ, "FRACTURA_DEVICE_UID": "2.25.4711", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "fractura", "node", "--settings", "node.yaml"]
        with (self._folder / "node.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self._folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            raise AssertionError(f"the node did not start: {(self._folder / 'node.log').read_text()[-2000:]}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()


def _send_until_acknowledged(port: int, images: list[Any], told: dict[str, int], stop: threading.Event) -> None:
    """A modality: keeps what was not acknowledged, and sends it again."""
    left = list(images)
    while left and not stop.is_set():
        try:
            answers = send(port, left[:1])
        except (ConnectionError, OSError):
            answers = [None]
        if answers[0] == SUCCESS:
            left.pop(0)
            told["acknowledged"] += 1
        elif answers[0] == OUT_OF_RESOURCES:
            told["out of resources"] += 1
            time.sleep(0.2)
        else:
            told["no answer"] += 1
            time.sleep(0.1)


def _prepare(folder: Path) -> Attempt:
    def attempt(chance: random.Random) -> None:
        place = folder / f"{chance.randrange(2**32):08x}"
        place.mkdir()
        first, stop = chance.randrange(10**6), threading.Event()
        images = [phantom_radiograph(first + number) for number in range(_IMAGES)]
        told = {"acknowledged": 0, "out of resources": 0, "no answer": 0}
        with Archive() as archive:
            port = free_port()
            node = _Node(place, port, archive)
            node.start()
            senders = [
                threading.Thread(target=_send_until_acknowledged, args=(port, images[number::_SENDERS], told, stop))
                for number in range(_SENDERS)
            ]
            try:
                for sender in senders:
                    sender.start()
                # From the start of receiving to the sending of the last result: about as long as all of them take.
                time.sleep(chance.uniform(0, 12))
                node.kill()
                node.start()
                end, wanted = time.monotonic() + _SECONDS, _IMAGES * _RESULTS_PER_IMAGE
                while len(archive.received) < wanted or any(sender.is_alive() for sender in senders):
                    if time.monotonic() > end:
                        raise AssertionError(f"{len(archive.received)} of {wanted} results came; {told}")
                    time.sleep(0.1)
                time.sleep(1)  # what came too many would come now
            finally:
                stop.set()
                node.kill()
        _judge(archive.received, wanted, told)

    return attempt


def _judge(received: dict[str, list[str]], wanted: int, told: dict[str, int]) -> None:
    """Each result is there, and each time that one came it was the same, so that the archive has it once."""
    if len(received) != wanted:
        raise AssertionError(f"{len(received)} results instead of {wanted}")
    changed = [uid for uid, digests in received.items() if len(set(digests)) > 1]
    if changed:
        raise AssertionError(f"{len(changed)} results came with two contents under one UID")
    if not told["out of resources"]:
        raise AssertionError(f"the queue of {_QUEUE} never said that it was full: {told}")


CAMPAIGNS = (
    Campaign(
        name="kill-node",
        promise=(
            "The DICOM node, killed with signal 9 at a random moment under load: the results of every image that it "
            "acknowledged arrive, each once; a full queue says so"
        ),
        prepare=_prepare,
        tries=20,
    ),
)
