"""The computer stops in the middle of a save: a real server is killed with SIGKILL while a window saves and saves."""

import random
import signal
import socket
import subprocess
import sys
import threading
import time
from itertools import count

import httpx
import pytest
from support.web_places import WRITE
from support.web_places import image as make_image

from fractura.formats.voc import read_voc_file

KILLS = 5
SAVES = 4
"""Before each kill; it comes in one of those after."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(data, port):
    process = subprocess.Popen(
        [sys.executable, "-m", "fractura", "label", str(data), "--port", str(port), "--no-browser"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    web = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=WRITE, timeout=10)
    for _ in range(1200):
        try:
            if web.get("/api/images").status_code == 200:
                return process, web
        except httpx.TransportError:
            time.sleep(0.05)
    process.kill()
    raise AssertionError("the server did not start")


def boxes(count):
    return [{"name": "Fractura", "xmin": 1 + n, "ymin": 10, "xmax": 150, "ymax": 90} for n in range(count)]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_kill_9_in_the_middle_of_a_save_never_loses_a_box(tmp_path):
    image = make_image(tmp_path / "image.png")
    xml, port = image.with_suffix(".xml"), free_port()
    chance = random.Random(0)
    acknowledged = 0
    for _ in range(KILLS):
        process, web = start(tmp_path, port)
        image_id = web.get("/api/images").json()["images"][0]["id"]
        now = web.get(f"/api/annotations/{image_id}").json()
        # Whatever was acknowledged before the kill is there; the save that was under way may be, too.
        assert len(now["boxes"]) in (acknowledged, acknowledged + 1)
        acknowledged, etag = len(now["boxes"]), now["etag"]
        killer = threading.Timer(chance.uniform(0, 0.05), process.send_signal, [signal.SIGKILL])
        try:
            for number in count():
                if number == SAVES:
                    killer.start()
                wish = {"boxes": boxes(acknowledged + 1)}
                answer = web.put(f"/api/annotations/{image_id}", headers={"If-Match": etag}, json=wish)
                assert answer.status_code == 200, answer.text
                acknowledged, etag = len(answer.json()["boxes"]), answer.json()["etag"]
        except httpx.TransportError:
            pass
        killer.join()
        process.wait()
        web.close()
        if acknowledged:
            assert len(read_voc_file(xml).objects) in (acknowledged, acknowledged + 1)
            backup = tmp_path / ".fractura" / "backup" / "image.xml"
            assert acknowledged < 2 or len(read_voc_file(backup).objects) in (acknowledged - 1, acknowledged)
    assert acknowledged >= KILLS * SAVES
    assert [each.name for each in tmp_path.glob("*.xml")] == ["image.xml"]
