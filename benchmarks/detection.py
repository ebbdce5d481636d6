"""Time from a file to boxes with the built-in detector: one image, a folder, a server under load.

    python -m benchmarks.detection [--images FOLDER]

Peers: ONNX Runtime alone on pixels that are already decoded, which nothing built on it can beat; for the network of the
default detector, PyTorch; for the server, itself with one client.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import onnxruntime
from PIL import Image
from safetensors.torch import save_file

from benchmarks.contest import in_turn, keep
from fractura.core.model_card import WEIGHTS_FILE, ModelCard, write_card
from fractura.export import export_model
from fractura.imaging.reader import read_radiograph
from fractura.inference import Model, load_model
from fractura.inference.built_in import built_in_model
from fractura.inference.discovery import find_images
from fractura.inference.views import WHOLE, detect_in_views
from fractura.models import DEFAULT_MODEL, build_detector
from fractura.phantom import make_phantoms

ROUNDS = 5


def per_image(model: Model, images: list[Path], views: tuple[str, ...]) -> float:
    """Median milliseconds from file to boxes."""
    times = []
    for image in images:
        started = time.perf_counter()
        detect_in_views(model, read_radiograph(image).pixels, views)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def runtime_alone(session: onnxruntime.InferenceSession, pixels: list) -> float:
    """Median milliseconds of one view."""
    name, times = session.get_inputs()[0].name, []
    for each in pixels:
        started = time.perf_counter()
        session.run(None, {name: each})
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times)


def one_image(images: list[Path]) -> None:
    """The built-in detector, one view and those of its card, against ONNX Runtime alone."""
    model = load_model("built-in", device="cpu")
    session = onnxruntime.InferenceSession(str(built_in_model()))
    pixels = [read_radiograph(image).pixels for image in images]
    for line, what, views, limit in (
        ("detect-fast", "built-in detector, file to boxes, `--fast`", WHOLE, 30),
        ("detect-default", "built-in detector, file to boxes, its two views", model.card.views, 60),
    ):
        per_image(model, images[:2], views)
        ours, peer = in_turn(
            lambda views=views: per_image(model, images, views), lambda: runtime_alone(session, pixels), ROUNDS
        )
        keep(line, what, ("fractura", ours), ("ONNX Runtime alone, one view", peer), unit="ms", at_most=limit)


def against_pytorch(images: list[Path], scratch: Path) -> None:
    """The default detector as it is built: the work is that of a trained one."""
    detector = build_detector(DEFAULT_MODEL, 1)
    folder = scratch / "model"
    folder.mkdir()
    save_file(dict(detector.state_dict()), folder / WEIGHTS_FILE)
    write_card(ModelCard(name="untrained", architecture=detector.architecture(), class_names=("Fractura",)), folder)
    exported = export_model(folder, output=scratch / "model.onnx", images=images[:4]).output
    first, second = load_model(exported, device="cpu"), load_model(folder, device="cpu")
    ours, peer = in_turn(lambda: per_image(first, images, WHOLE), lambda: per_image(second, images, WHOLE), ROUNDS)
    keep(
        "detect-pytorch", f"`{DEFAULT_MODEL}`, file to boxes", ("exported to ONNX", ours), ("PyTorch", peer), unit="ms"
    )


def folder_rate(folder: Path, images: int, scratch: Path) -> float:
    """Images a second of `fractura detect FOLDER`, start and written results included."""
    with TemporaryDirectory(dir=scratch) as place:
        words = ["-m", "fractura", "detect", str(folder), "--fast", "--output", f"{place}/out"]
        started = time.perf_counter()
        subprocess.run([sys.executable, *words], check=True, capture_output=True)
        return images / (time.perf_counter() - started)


def whole_folder(images: list[Path], scratch: Path) -> None:
    """A folder with pictures written, against ONNX Runtime alone."""
    session = onnxruntime.InferenceSession(str(built_in_model()))
    pixels = [read_radiograph(image).pixels for image in images]
    ours, peer = in_turn(
        lambda: folder_rate(images[0].parent, len(images), scratch),
        lambda: 1000 / runtime_alone(session, pixels),
        3,
    )
    keep(
        "detect-folder",
        "`fractura detect FOLDER --fast`, pictures written",
        ("fractura", ours),
        ("ONNX Runtime alone, one view", peer),
        unit="images/s",
        more_is_better=True,
        goal=0.9,
    )


@contextlib.contextmanager
def server() -> Iterator[str]:
    """`fractura serve`; its address."""
    words = ["-m", "fractura", "serve", "--port", "0", "--no-browser"]
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for text in process.stdout or io.StringIO():
            if found := re.search(r"http://[\d.]+:\d+", text):
                yield found.group()
                return
        raise SystemExit("the server did not start")
    finally:
        process.terminate()
        process.wait()


def different_images(image: Path) -> Iterator[bytes]:
    """The image as a PNG, each time with another pixel changed: the server answers from memory what it has seen."""
    pixels = read_radiograph(image).pixels.copy()
    for number in itertools.count():
        pixels[number // pixels.shape[1] % pixels.shape[0], number % pixels.shape[1]] ^= 1
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
        yield stream.getvalue()


def served(address: str, images: Iterator[bytes], clients: int, seconds: float = 8.0) -> float:
    """Images a second that so many clients get."""
    answered: list[float] = []
    drawing, end = threading.Lock(), time.monotonic() + seconds

    def ask() -> None:
        with httpx.Client(headers={"X-Fractura": "1"}, timeout=60) as client:
            while time.monotonic() < end:
                with drawing:
                    files = {"images": ("image.png", next(images))}
                client.post(f"{address}/api/detect", files=files, data={"keep": "false"}).raise_for_status()
                answered.append(time.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(answered) / (max(answered) - started)


def main() -> None:
    """All of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder of images; phantoms without it")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        scratch = Path(name)
        if arguments.images:
            images = [image.path for image in find_images([arguments.images]).images][:40]
        else:
            images = [record.image for record in make_phantoms(scratch / "images", images=40, seed=5)]
        one_image(images)
        against_pytorch(images, scratch)
        whole_folder(images, scratch)
        with server() as address:
            stream = different_images(images[0])
            served(address, stream, 1, 1.0)
            ours, peer = in_turn(lambda: served(address, stream, 8), lambda: served(address, stream, 1), 3)
        keep(
            "serve-8-clients",
            "`fractura serve` under 8 clients",
            ("8 clients", ours),
            ("1 client", peer),
            unit="images/s",
            more_is_better=True,
        )


if __name__ == "__main__":
    main()
