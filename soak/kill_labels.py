"""The label server, killed while windows save and save."""

from __future__ import annotations

import http.client
import json
import random
import re
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from soak.campaign import Attempt, Campaign
from soak.killing import Child, Moment, files_in, fork, refuse_differences

_IMAGES, _WINDOWS, _SAVES, _TOUCHES_A_SAVE = 8, 2, 200, 8
_LEFT = re.compile(r"\.tmp$|\.replaced$|\.fractura-lock$|\.xml\.\d")
"""What no server may leave: temporary files, what it replaced, its lock, versions of another program."""

Boxes = tuple[tuple[int, ...], ...]


class _Folder:
    """A folder of images, and what its servers have acknowledged."""

    def __init__(self, place: Path) -> None:
        from support.web_places import image as make_image

        from fractura.cli.main import main

        self.main, self.data, self.scratch = main, place / "data", place / "scratch"
        for number in range(_IMAGES):
            make_image(self.data / f"image{number}.png", grey=20 * number)
        self.images = files_in(self.data)
        self.saved: dict[str, Boxes] = dict.fromkeys(self.images, ())
        self.sent: dict[str, Boxes] = {}
        """Under way when the server was killed: they may be there or not."""
        self.faults: list[str] = []
        child = self._started(None)
        child.kill(signal.SIGINT)
        ended = child.wait()
        ended.import_all()
        self.touches = ended.touches

    def _started(self, moment: Moment | None) -> Child:
        child = fork(self.main, ["label", self.data, "--port", "0", "--no-browser"], self.scratch, moment)
        for _ in range(6000):
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/", child.said()):
                self.port = int(found[1])
                with suppress(OSError):  # it listens before it answers
                    self._ask("GET", "/api/images?limit=1")
                    return child
            time.sleep(0.01)
        child.kill()
        raise AssertionError(f"the server did not start: {child.said()[-600:]}")

    def _ask(self, method: str, path: str, body: object = None, etag: str | None = None) -> tuple[int, Any, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            headers = {"X-Fractura": "1", "Content-Type": "application/json"}
            headers |= {} if etag is None else {"If-Match": etag}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content), answer.headers.get("ETag", "")
        finally:
            connection.close()

    def attempt(self, chance: random.Random) -> None:
        """A server that is killed, and one that ends; then what is on the disk."""
        by_touch = chance.random() < 0.6
        touch = self.touches + chance.randrange(_SAVES * _TOUCHES_A_SAVE // 2) if by_touch else None
        kept = chance.random() if chance.random() < 0.5 else 1.0
        child = self._started(Moment(touch=touch, kept=kept))
        killer = threading.Timer(chance.uniform(0, 3), child.kill)
        windows = [
            threading.Thread(target=self._save_and_save, args=(number, random.Random(chance.random())))
            for number in range(_WINDOWS)
        ]
        if not by_touch:
            killer.start()
        for window in windows:
            window.start()
        for window in windows:
            window.join()
        killer.cancel()
        child.kill()
        child.wait()
        if self.faults:
            raise AssertionError(self.faults.pop())
        self._examine()
        child = self._started(None)
        child.kill(signal.SIGINT)
        ended = child.wait()
        if ended.code != 0:
            raise AssertionError(f"the next server ends with {ended.code}: {ended.said[-600:]}")
        self._examine()
        found = files_in(self.data)
        if litter := [name for name in found if _LEFT.search(name)]:
            raise AssertionError(f"left after the next start: {litter}")
        refuse_differences({name: found[name] for name in self.images}, self.images, "the images")

    def _save_and_save(self, window: int, chance: random.Random) -> None:
        """One window: every save starts from what the server shows, and is kept in mind once it is acknowledged."""
        with suppress(OSError, http.client.HTTPException, json.JSONDecodeError):  # the server is gone
            _, found, _ = self._ask("GET", "/api/images?limit=100")
            ours = [each for each in found["images"] if int(each["name"][5]) % _WINDOWS == window]
            for _ in range(_SAVES // _WINDOWS):
                image = chance.choice(ours)
                name, place = image["name"], f"/api/annotations/{image['id']}"
                _, now, _ = self._ask("GET", place)
                left = 1 + chance.randrange(40)
                boxes = tuple((left + n, 10, 150 + n, 40 + chance.randrange(50)) for n in range(chance.randrange(4)))
                self.sent[name] = boxes
                wish = [dict(zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True), name="Fractura") for box in boxes]
                if boxes:
                    code, said, _ = self._ask("PUT", place, {"boxes": wish}, now["etag"])
                else:
                    code, said, _ = self._ask("DELETE", place, None, now["etag"])
                if code != 200:
                    self.faults.append(f"a save was answered with {code}: {said}")
                    return
                self.saved[name] = boxes
                del self.sent[name]

    def _examine(self) -> None:
        """Every annotation and backup is complete, and holds what was acknowledged last, or was under way."""
        from fractura.formats.voc import read_voc_file

        for name in self.images:
            xml = (self.data / name).with_suffix(".xml")
            there = () if not xml.exists() else tuple(tuple(map(int, o.corners)) for o in read_voc_file(xml).objects)
            if there not in (self.saved[name], self.sent.get(name)):
                raise AssertionError(f"{name} holds {there}, not {self.saved[name]} nor {self.sent.get(name)}")
            self.saved[name] = there
        self.sent.clear()
        for backup in (self.data / ".fractura" / "backup").glob("*.xml"):
            read_voc_file(backup)


def _prepare(folder: Path) -> Attempt:
    return _Folder(folder).attempt


CAMPAIGNS = (
    Campaign(
        "kill-label",
        "`kill -9` of the label server under 200 rapid saves of two windows: every acknowledged save is there, every "
        "annotation and backup complete, and nothing left over after the next start",
        _prepare,
        50,
        "by reading the code: the link to what a save had replaced was left in the backup for good: "
        "`test_what_a_killed_server_had_replaced_is_told_from_another_programs`",
    ),
)
