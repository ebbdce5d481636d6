"""Does a model say when an image is not of the kind that it was trained on? False warnings, and what is noticed.

    python -m benchmarks.unfamiliar DATA [--model built-in] [--images 100] [--others FOLDER]

DATA holds labelled images of the kind that the model knows: a warning about one of them is false. They are measured as
they are and under the ten changes of `benchmarks.robustness`, which stand for other hospitals. The other kinds are made
here, the same in every run: chests (drawn: lungs, ribs, heart), photographs (parts of those that scikit-learn and
matplotlib bring, in colour and in grey), pages of text, noise, and blank images. `--others` adds images of your own.
Headers play no part: what they say of the body part comes on top.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from benchmarks.robustness import CHANGES, changed
from fractura.formats import read_dataset
from fractura.imaging.reader import read_radiograph, read_record
from fractura.inference import load_model
from fractura.inference.discovery import find_images
from fractura.inference.domain import Domain

Pixels = NDArray[np.uint8]
Draw = Callable[[np.random.Generator], Pixels]
_WORDS = "patient shows no sign of any acute disease in the left lower limb and was sent home after a short visit"


def chest(rng: np.random.Generator) -> Pixels:
    """A frontal chest: two dark lungs crossed by ribs, spine, heart, diaphragm, collar bones, arms at the border."""
    height, width = (int(rng.integers(400, 900)) for _ in range(2))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height, x / width - 0.5 + np.float32(rng.normal(0, 0.02))
    half = rng.uniform(0.40, 0.5)
    body = 1 / (1 + np.exp((np.abs(x) - half * (0.8 + 0.3 * y)) / 0.01))
    grey = body * rng.uniform(0.6, 0.75)
    for side in (-1, 1):
        middle, across = side * rng.uniform(0.19, 0.22), rng.uniform(0.13, 0.16)
        lung = ((x - middle) / across) ** 2 + ((y - 0.42) / rng.uniform(0.30, 0.36)) ** 2
        grey -= body * rng.uniform(0.35, 0.5) * _inside(lung, 0.08)
        for rib in range(int(rng.integers(7, 10))):
            reach = 0.08 + 0.085 * rib + 0.5 * (np.abs(x) - 0.1) ** 2 * (1 + 2 * rib / 9) + 0.18 * (np.abs(x) - 0.2)
            band = np.exp(-(((y - reach) / 0.010) ** 2)) * (side * x > 0.04) * (np.abs(x) < half * 0.9)
            grey += rng.uniform(0.07, 0.13) * band * body
        collar = np.exp(-(((y - 0.1 + 0.25 * np.abs(x)) / 0.014) ** 2)) * (side * x > 0.03)
        grey += 0.15 * collar * body
    grey += 0.3 * np.exp(-((x / 0.045) ** 2)) * body
    heart = ((x - 0.06) / rng.uniform(0.12, 0.17)) ** 2 + ((y - 0.62) / 0.17) ** 2
    grey += 0.3 * _inside(heart, 0.1) * body
    dome = 0.78 + 0.6 * (np.abs(x) - 0.2) ** 2
    grey += 0.35 / (1 + np.exp((dome - y) / 0.012)) * body
    grey = np.clip(grey, 0, 1) ** rng.uniform(0.8, 1.3) + rng.normal(0, 0.012, grey.shape)
    return _grey(grey * 255)


def photograph(rng: np.random.Generator) -> Pixels:
    """A part of a photograph, in colour."""
    source = _photographs()[int(rng.integers(len(_photographs())))]
    height, width = source.shape[:2]
    side = int(rng.integers(200, min(height, width)))
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    part = source[top : top + side, left : left + side]
    return np.ascontiguousarray(part[:, :: 1 if rng.random() < 0.5 else -1])


def grey_photograph(rng: np.random.Generator) -> Pixels:
    """The same without its colours."""
    return _grey(np.asarray(Image.fromarray(photograph(rng)).convert("L"), np.float32))


def text_page(rng: np.random.Generator) -> Pixels:
    """A printed page."""
    page = Image.new("RGB", (int(rng.integers(500, 900)), int(rng.integers(600, 1200))), "white")
    draw, size = ImageDraw.Draw(page), int(rng.integers(12, 22))
    font = ImageFont.load_default(size)
    for line in range(2, page.height // (2 * size) - 2):
        if rng.random() < 0.9:
            words = " ".join(rng.choice(_WORDS.split(), int(rng.integers(4, page.width // (size * 3)))))
            draw.text((3 * size, line * 2 * size), words, fill=(20, 20, 20), font=font)
    return np.asarray(page)


def noise(rng: np.random.Generator) -> Pixels:
    """Uniform or normal noise, fine or coarse."""
    shape = (int(rng.integers(200, 700)), int(rng.integers(200, 700)))
    values = rng.uniform(0, 255, shape) if rng.random() < 0.5 else rng.normal(128, rng.uniform(10, 60), shape)
    image = Image.fromarray(_grey(values)[:, :, 0])
    if rng.random() < 0.5:
        image = image.filter(ImageFilter.GaussianBlur(float(rng.uniform(1, 8))))
        values = np.asarray(image, np.float32)
        image = Image.fromarray(_grey((values - values.min()) / max(np.ptp(values), 1) * 255)[:, :, 0])
    return _grey(np.asarray(image, np.float32))


def blank(rng: np.random.Generator) -> Pixels:
    """One grey level, black and white among them, or a smooth change between two."""
    shape = (int(rng.integers(200, 700)), int(rng.integers(200, 700)))
    first, last = (float(rng.choice([0, 255, rng.uniform(0, 255)])) for _ in range(2))
    ramp = np.linspace(first, first if rng.random() < 0.7 else last, shape[1])
    return _grey(np.broadcast_to(ramp, shape))


KINDS: tuple[Draw, ...] = (chest, photograph, grey_photograph, text_page, noise, blank)


def _inside(radius: NDArray[np.floating], softness: float) -> NDArray[np.floating]:
    """1 well within a radius of 1, 0 well beyond it."""
    return 1 / (1 + np.exp(np.minimum((radius - 1) / softness, 50)))


def _grey(values: NDArray[np.floating]) -> Pixels:
    grey = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _photographs() -> list[Pixels]:
    from matplotlib.cbook import get_sample_data
    from sklearn.datasets import load_sample_images

    with get_sample_data("grace_hopper.jpg") as file, Image.open(file) as image:
        return [*load_sample_images().images, np.asarray(image.convert("RGB"))]


def drawn(kind: Draw, count: int) -> Iterator[Pixels]:
    """So many images of a kind, the same in every run."""
    for index in range(count):
        yield kind(np.random.default_rng(index))


def measure(
    domain: Domain, data: Path, count: int, others: Path | None = None
) -> Iterator[tuple[str, tuple[int, int]]]:
    """The name of each kind, with the number of images and of those that are warned about.

    Args:
        domain: Of the model.
        data: Labelled images of the kind that it knows.
        count: Of images of each kind that is made here.
        others: Images of another kind.
    """

    def counted(images: Iterable[Pixels]) -> tuple[int, int]:
        warned = [domain.warning(each) is not None for each in images]
        return len(warned), sum(warned)

    dataset = read_dataset(data)
    yield "as they are", counted(read_record(record).pixels for record in dataset)
    for change in CHANGES:
        yield change.__name__.replace("_", " "), counted(changed(dataset, change)[1])
    for kind in KINDS:
        yield kind.__name__.replace("_", " "), counted(drawn(kind, count))
    if others is not None:
        yield others.name, counted(read_radiograph(image.path).pixels for image in find_images([others]).images)


def main() -> None:
    """Print the share of images that are warned about, kind by kind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="labelled images of the kind that the model knows")
    parser.add_argument("--model", type=Path, default=Path("built-in"), help="model folder, .onnx file, or built-in")
    parser.add_argument("--images", type=int, default=100, help="of each kind that is made here")
    parser.add_argument("--others", type=Path, help="a folder of images of another kind")
    arguments = parser.parse_args()
    domain = Domain.from_card(load_model(arguments.model).card)
    if domain is None:
        parser.error("the card of this model does not say what it was trained on")
    print(f"{'images':<18}{'number':>6}{'warned':>8}{'share':>8}")
    for name, (number, warned) in measure(domain, arguments.data, arguments.images, arguments.others):
        print(f"{name:<18}{number:>6}{warned:>8}{warned / number:>8.1%}", flush=True)


if __name__ == "__main__":
    main()
