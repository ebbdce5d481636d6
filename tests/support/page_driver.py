"""Helpers for tests of the page: a real server process that can be killed, and a watched browser page."""

import multiprocessing
import os
import socket
import sys
import tempfile
import time
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

PATIENCE_SECONDS = 60


class Server:
    """``fractura label`` or ``fractura serve`` as a process of its own, forked from one that has imported them."""

    def __init__(self, *arguments):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.arguments = [str(each) for each in arguments]
        with tempfile.NamedTemporaryFile(delete=False) as said:
            self.said = Path(said.name)
        self.start()

    def start(self):
        words = [*self.arguments, "--no-browser", "--port", str(self.port)]
        self.process = _PROCESSES.Process(target=_serve, args=(words, dict(os.environ), self.said), daemon=True)
        self.process.start()
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(self.url + "healthz", timeout=5):
                    return
            except OSError:
                if not self.process.is_alive():
                    raise AssertionError(self.said.read_text()) from None
                time.sleep(0.02)
        raise AssertionError("the server did not start")

    def kill(self):
        """End it as a power cut would: without a warning, in the middle of anything."""
        self.process.kill()
        self.process.join()

    def stop(self):
        self.process.terminate()
        self.process.join(PATIENCE_SECONDS)
        assert not self.process.is_alive()
        self.said.unlink()


_PROCESSES = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
_PROCESSES.set_forkserver_preload(["fractura.cli.main", "fractura.cli.commands.label", "fractura.web.server"])


def _serve(words, environment, said):
    """The life of a server; a second of it would be imports."""
    output = os.open(said, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(environment)
    from fractura.cli.main import main

    os._exit(main(words))


@contextmanager
def opened(chromium, *arguments, path="", size=(1200, 800), ratio=1, scheme="dark", touch=False, phone=False):
    """A window on a new server; both are closed at the end, and the window must have been quiet.

    On a phone, fingers are the only pointer.
    """
    server = Server(*arguments)
    try:
        with closing(
            chromium.new_context(
                viewport={"width": size[0], "height": size[1]},
                device_scale_factor=ratio,
                color_scheme=scheme,
                has_touch=touch or phone,
                is_mobile=phone,
                locale="en-US",
            )
        ) as context:
            window = WatchedPage(context, server, path=path)
            yield window
        window.check()
    finally:
        server.stop()


class WatchedPage:
    """A window on the page; console errors and requests to other hosts are recorded."""

    def __init__(self, context, server, *, path=""):
        self.page = context.new_page()
        self.server = server
        self.faults = []
        self.expected = ()
        self.page.on("console", lambda said: said.type == "error" and self.faults.append(said.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._seen)
        self.page.goto(server.url + path)

    def _seen(self, request):
        if not request.url.startswith((self.server.url, "blob:" + self.server.url)):
            self.faults.append(f"request to another host: {request.url}")

    def check(self):
        """Nothing went wrong except what the test expects."""
        faults = [fault for fault in self.faults if not any(part in fault for part in self.expected)]
        assert faults == [], faults

    def image(self, name):
        """Wait until this image and its labels are shown."""
        from playwright.sync_api import expect

        expect(self.page.locator("#image-name")).to_have_text(name)
        self.page.locator('#stage[aria-busy="false"]').wait_for()

    def saved(self):
        self.page.locator("#save-state.saved").wait_for()

    def eventually(self, question):
        """Wait until the question is answered with a true value."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not question():
            assert time.monotonic() < end, "this did not happen in time"
            self.page.wait_for_timeout(50)

    def key(self, name):
        self.page.keyboard.press(name)

    def at(self, x, y, size, stage="#stage"):
        """The place in the window of an image pixel, while the whole image is shown with its margin of 12."""
        box = self.page.locator(stage).bounding_box()
        scale = min((box["width"] - 24) / size[0], (box["height"] - 24) / size[1])
        left = box["x"] + (box["width"] - size[0] * scale) / 2
        top = box["y"] + (box["height"] - size[1] * scale) / 2
        return left + x * scale, top + y * scale

    def drag(self, start, end, button="left"):
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down(button=button)
        mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        mouse.move(*end)
        mouse.up(button=button)

    def touch(self, *fingers):
        """Move fingers from place to place: each finger is a list of places, all of the same length."""
        session = self.page.context.new_cdp_session(self.page)
        for number, places in enumerate(zip(*fingers, strict=True)):
            points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(places)]
            kind = "touchMove" if number else "touchStart"
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        session.detach()

    def draw(self, corners, size):
        """W, then a drag from corner to corner, in image pixels."""
        self.key("w")
        self.drag(self.at(*corners[:2], size), self.at(*corners[2:], size))


def write_images(folder: Path, count: int, size=(300, 240), *, classes=("Fractura",)) -> list[str]:
    """Small grey images and LabelImg's list of classes. Returns the images' names."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(7)
    names = [f"image_{number:02}.png" for number in range(count)]
    for name in names:
        grey = np.add.outer(np.arange(size[1]), np.arange(size[0])) % 200 + generator.integers(0, 55)
        Image.fromarray(grey.astype(np.uint8)).save(folder / name)
    if classes:
        (folder / "predefined_classes.txt").write_text("\n".join(classes) + "\n", encoding="utf-8")
    return names
