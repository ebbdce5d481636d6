"""Does `fractura check` find what is wrong? Every kind of fault is planted on real images, grossly and subtly.

    python -m benchmarks.check_faults [--images FOLDER] [--rounds 10]

FOLDER holds ``images/`` and ``annotations/`` without faults; without it, phantoms are used. Printed: recall by kind and
level (the share of rounds in which the check of that kind named a planted image), and the errors on the clean folder.
Exits with 1 if a gross fault was missed or a clean image was called an error.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fractura.formats.voc import VocObject, read_voc_file
from fractura.formats.voc.serializer import voc_bytes
from fractura.imaging.reader import read_radiograph
from fractura.phantom import make_phantoms
from fractura.quality import check_dataset

Generator = np.random.Generator


class Sample:
    """A small copy of the data to spoil; images are saved as JPEG of quality 92 when their pixels change."""

    def __init__(self, root: Path, images: list[Path], annotations: Path) -> None:
        self.root = root
        for name in ("images", "annotations"):
            (root / name).mkdir(parents=True)
        for image in images:
            shutil.copy(image, root / "images" / image.name)
            shutil.copy(annotations / f"{image.stem}.xml", root / "annotations" / f"{image.stem}.xml")

    @property
    def images(self) -> list[Path]:
        """All images."""
        return sorted((self.root / "images").iterdir())

    def xml(self, image: Path) -> Path:
        """An image's annotation."""
        return self.root / "annotations" / f"{image.stem}.xml"

    def positives(self) -> list[Path]:
        """Images with a box."""
        return [image for image in self.images if read_voc_file(self.xml(image)).objects]

    def repaint(self, image: Path, change: Callable[[np.ndarray], np.ndarray], quality: int = 92) -> None:
        """Change an image's grey levels."""
        Image.fromarray(change(grey(image))).save(image, quality=quality)

    def relabel(self, image: Path, **changes: object) -> None:
        """Change fields of its annotation."""
        self.xml(image).write_bytes(voc_bytes(replace(read_voc_file(self.xml(image)), **changes)))

    def copy(self, image: Path, name: str, change: Callable[[np.ndarray], np.ndarray], quality: int) -> Path:
        """An image again, under another name."""
        target = image.with_name(f"{name}.jpg")
        values = change(grey(image))
        Image.fromarray(values).save(target, quality=quality)
        source = read_voc_file(self.xml(image))
        height, width = values.shape
        copied = replace(source, filename=target.name, width=width, height=height, objects=())
        self.xml(target).write_bytes(voc_bytes(copied))
        return target


def grey(image: Path) -> np.ndarray:
    """uint8 ``(h, w)``."""
    return np.ascontiguousarray(read_radiograph(image).pixels[:, :, 1])


Plant = Callable[[Sample, Path, Generator], Path]


@dataclass(frozen=True)
class Fault:
    """A kind of fault: the check that must find it, and how it is planted; each returns the spoilt file."""

    check: str
    gross: Plant
    subtle: Plant


def cut(share: float) -> Plant:
    """Cut the file off."""

    def plant(sample: Sample, image: Path, random: Generator) -> Path:
        data = image.read_bytes()
        image.write_bytes(data[: int(share * len(data))])
        return image

    return plant


def size(width: Callable[[int], int], height: Callable[[int], int]) -> Plant:
    """Write a wrong <size>."""

    def plant(sample: Sample, image: Path, random: Generator) -> Path:
        found = read_voc_file(sample.xml(image))
        sample.relabel(image, width=width(found.width or 0), height=height(found.height or 0))
        return sample.xml(image)

    return plant


def box(make: Callable[[float, float], tuple[float, float, float, float]]) -> Plant:
    """Add a box, made from the image's width and height."""

    def plant(sample: Sample, image: Path, random: Generator) -> Path:
        found = read_voc_file(sample.xml(image))
        corners = (round(each) for each in make(float(found.width or 0), float(found.height or 0)))
        sample.relabel(image, objects=(*found.objects, VocObject("Fractura", *corners)))
        return sample.xml(image)

    return plant


def second_box(shift: int) -> Plant:
    """The same box again."""

    def plant(sample: Sample, image: Path, random: Generator) -> Path:
        found = read_voc_file(sample.xml(image))
        first = VocObject("Fractura", 40, 40, 120, 120)
        moved = replace(first, xmin=first.xmin + shift)
        sample.relabel(image, objects=(*found.objects, first, moved))
        return sample.xml(image)

    return plant


def painted(change: Callable[[np.ndarray], np.ndarray], quality: int = 92) -> Plant:
    """Change the pixels."""

    def plant(sample: Sample, image: Path, random: Generator) -> Path:
        sample.repaint(image, change, quality)
        return image

    return plant


def named(name: str) -> Plant:
    """Another class name."""

    def plant(sample: Sample, image: Path, random: Generator) -> Path:
        sample.relabel(image, objects=(VocObject(name, 40, 40, 120, 120),))
        return sample.xml(image)

    return plant


def again(change: Callable[[np.ndarray], np.ndarray], quality: int) -> Plant:
    """The image once more."""
    return lambda sample, image, random: sample.copy(image, "zz-again", change, quality)


def same_bytes(sample: Sample, image: Path, random: Generator) -> Path:
    """The very file again."""
    target = image.with_name(f"zz-again{image.suffix}")
    shutil.copy(image, target)
    found = read_voc_file(sample.xml(image))
    sample.xml(target).write_bytes(voc_bytes(replace(found, filename=target.name)))
    return image


def same_pixels(sample: Sample, image: Path, random: Generator) -> Path:
    """The same picture in another file format."""
    target = image.with_name("zz-again.png")
    Image.fromarray(read_radiograph(image).pixels).save(target)
    found = read_voc_file(sample.xml(image))
    sample.xml(target).write_bytes(voc_bytes(replace(found, filename=target.name)))
    return image


def contradiction(change_pixels: bool) -> Plant:
    """The same picture with the other label."""

    def plant(sample: Sample, image: Path, random: Generator) -> Path:
        (same_pixels if change_pixels else same_bytes)(sample, image, random)
        target = next(each for each in sample.images if each.stem == "zz-again")
        has = read_voc_file(sample.xml(image)).objects
        sample.relabel(target, objects=() if has else (VocObject("Fractura", 40, 40, 120, 120),))
        return image

    return plant


def turned(orientation: int, swap: bool) -> Plant:
    """An EXIF orientation, boxes as before."""

    def plant(sample: Sample, image: Path, random: Generator) -> Path:
        exif = Image.Exif()
        exif[0x0112] = orientation
        Image.fromarray(grey(image)).save(image, quality=92, exif=exif)
        found = read_voc_file(sample.xml(image))
        changes = {"width": found.height, "height": found.width} if swap else {}
        sample.relabel(image, objects=(VocObject("Fractura", 20, 20, 60, 60),), **changes)
        return sample.xml(image)

    return plant


def writing(words: str, height: int, level: int) -> Callable[[np.ndarray], np.ndarray]:
    """Words in a corner, as high as they would be on an image of 512 pixels."""

    def change(values: np.ndarray) -> np.ndarray:
        image = Image.fromarray(values)
        scale = max(1.0, max(values.shape) / 512)
        font = ImageFont.load_default(round(height * scale))
        ImageDraw.Draw(image).text((8 * scale, 8 * scale), words, fill=level, font=font)
        return np.asarray(image)

    return change


def deep(scale: int, bits_used: int) -> Plant:
    """The image as a PNG of 16 bits."""

    def plant(sample: Sample, image: Path, random: Generator) -> Path:
        target = image.with_suffix(".png")
        Image.fromarray((grey(image).astype(np.uint32) * scale).clip(0, (1 << bits_used) - 1).astype(np.uint16)).save(
            target
        )
        sample.relabel(image, filename=target.name)
        image.unlink()
        return target

    return plant


def shortcut(change: Callable[[np.ndarray], np.ndarray], share: float, *, colour: bool = False) -> Plant:
    """Change a share of the images with boxes, and no others."""

    def plant(sample: Sample, image: Path, random: Generator) -> Path:
        annotated = {each for each in sample.positives() if random.random() < share}
        for each in sample.images if colour else annotated:
            values = change(grey(each)) if each in annotated else grey(each)
            in_colour = colour and each in annotated
            Image.fromarray(np.repeat(values[:, :, None], 3, axis=2) if in_colour else values).save(each, quality=92)
        return sample.root

    return plant


def rods(values: np.ndarray) -> np.ndarray:
    """Three bright rods in the middle, as screws and plates are."""
    image = Image.fromarray(values)
    draw = ImageDraw.Draw(image)
    height, width = values.shape
    for place in (0.42, 0.5, 0.58):
        draw.line([(width * place, height * 0.3), (width * place, height * 0.7)], fill=255, width=max(3, width // 60))
    return np.asarray(image)


def framed(thickness: float) -> Callable[[np.ndarray], np.ndarray]:
    """A white frame."""

    def change(values: np.ndarray) -> np.ndarray:
        depth = max(2, round(thickness * min(values.shape)))
        values = values.copy()
        values[:depth], values[-depth:], values[:, :depth], values[:, -depth:] = 255, 255, 255, 255
        return values

    return change


def scaled(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    """Another size."""

    def change(values: np.ndarray) -> np.ndarray:
        size = round(values.shape[1] * factor), round(values.shape[0] * factor)
        return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BICUBIC))

    return change


def trimmed(share: float) -> Callable[[np.ndarray], np.ndarray]:
    """All four sides cut."""

    def change(values: np.ndarray) -> np.ndarray:
        down, across = round(values.shape[0] * share), round(values.shape[1] * share)
        return np.ascontiguousarray(values[down : values.shape[0] - down, across : values.shape[1] - across])

    return change


def squeezed(spread: float) -> Callable[[np.ndarray], np.ndarray]:
    """All grey levels within a few."""
    return lambda values: (values * spread + 180).clip(0, 255).astype(np.uint8)


def missing(sample: Sample, image: Path, random: Generator) -> Path:
    """An annotation without image."""
    image.unlink()
    return sample.xml(image)


def misnamed(sample: Sample, image: Path, random: Generator) -> Path:
    """An image renamed by one letter, its annotation not."""
    image.rename(image.with_name(image.stem + "x" + image.suffix))
    return sample.xml(image)


def unlabelled(sample: Sample, image: Path, random: Generator) -> Path:
    """An image without annotation."""
    sample.xml(image).unlink()
    return image


def emptied(sample: Sample, image: Path, random: Generator) -> Path:
    """An annotation file of no bytes."""
    sample.xml(image).write_bytes(b"")
    return sample.xml(image)


def one_digit(sample: Sample, image: Path, random: Generator) -> Path:
    """A letter in a number."""
    path = sample.xml(image)
    path.write_bytes(path.read_bytes().replace(b"</width>", b"O</width>"))
    return path


def pale(values: np.ndarray) -> np.ndarray:
    """A negative of low contrast."""
    return (60 + (255 - values) * 0.5).astype(np.uint8)


def noisy(values: np.ndarray) -> np.ndarray:
    """A little noise, so that the pixels are no longer the same."""
    noise = np.random.default_rng(0).normal(0, 2, values.shape)
    return np.clip(values + noise, 0, 255).astype(np.uint8)


FAULTS = {
    "truncated image": Fault("images.unreadable", cut(0.5), cut(0.97)),
    "unlabelled image": Fault("images.unlabelled", unlabelled, unlabelled),
    "negative image": Fault("images.inverted", painted(lambda v: 255 - v), painted(pale)),
    "flat image": Fault("images.blank", painted(lambda v: np.full_like(v, 255)), painted(squeezed(0.1))),
    "odd bit depth": Fault("images.bit_depth", deep(257, 16), deep(4, 10)),
    "burnt-in text": Fault(
        "images.burnt_in_text",
        painted(writing("GARCIA LOPEZ 12.03.1970", 20, 255)),
        painted(writing("12.03.70", 10, 170)),
    ),
    "odd size": Fault("images.size", painted(scaled(0.1)), painted(scaled(0.16))),
    "malformed annotation": Fault("annotations.malformed", emptied, one_digit),
    "annotation without image": Fault("annotations.missing_image", missing, misnamed),
    "wrong size": Fault("annotations.size", size(lambda w: 0, lambda h: 0), size(lambda w: w + 1, lambda h: h)),
    "turned, size swapped": Fault("annotations.size", turned(6, False), turned(8, False)),
    "turned, size right": Fault("annotations.rotated_image", turned(3, False), turned(6, True)),
    "box outside": Fault("boxes.invalid", box(lambda w, h: (w - 50, 50, w + 90, 99)),
                         box(lambda w, h: (w - 50, 50, w + 2, 99))),
    "box without area": Fault("boxes.invalid", box(lambda w, h: (90, 50, 40, 99)), box(lambda w, h: (90, 50, 90, 99))),
    "tiny box": Fault("boxes.tiny", box(lambda w, h: (50, 50, 51, 51)), box(lambda w, h: (50, 50, 54, 99))),
    "huge box": Fault("boxes.huge", box(lambda w, h: (0, 0, w, h)), box(lambda w, h: (0, 0, w * 0.8, h * 0.7))),
    "duplicate box": Fault("boxes.duplicate", second_box(0), second_box(4)),
    "misspelt class": Fault("classes.similar_names", named("fractura"), named("Fratura")),
    "identical images": Fault("duplicates.identical", same_bytes, same_pixels),
    "contradictory labels": Fault("duplicates.contradictory", contradiction(False), contradiction(True)),
    "near-identical: saved again": Fault("duplicates.near_identical", again(lambda v: v, 60), again(lambda v: v, 25)),
    "near-identical: scaled": Fault("duplicates.near_identical", again(scaled(0.75), 90), again(scaled(0.4), 70)),
    "near-identical: brighter": Fault(
        "duplicates.near_identical",
        again(lambda v: np.minimum(v * 1.1 + 5, 255).astype(np.uint8), 92),
        again(lambda v: (255 * (v / 255) ** 0.6).astype(np.uint8), 70),
    ),
    "near-identical: mirrored": Fault(
        "duplicates.near_identical", again(lambda v: v[:, ::-1].copy(), 92), again(lambda v: noisy(v[:, ::-1]), 60)
    ),
    "near-identical: trimmed": Fault("duplicates.near_identical", again(trimmed(0.005), 92), again(trimmed(0.03), 92)),
    "shortcut: metal": Fault("shortcuts.metal", shortcut(rods, 1.0), shortcut(rods, 0.35)),
    "shortcut: frame": Fault("shortcuts.frame", shortcut(framed(0.03), 1.0), shortcut(framed(0.006), 0.35)),
    "shortcut: writing": Fault(
        "shortcuts.burnt_in_text",
        shortcut(writing("FRACTURE CLINIC 4711", 16, 255), 1.0),
        shortcut(writing("ID 4711 R", 12, 200), 0.35),
    ),
    "shortcut: source": Fault("shortcuts.source", shortcut(lambda v: v, 1.0, colour=True),
                              shortcut(lambda v: v, 0.5, colour=True)),
    "shortcut: brightness": Fault(
        "shortcuts.brightness",
        shortcut(lambda v: (v // 3 + 90).astype(np.uint8), 1.0),
        shortcut(lambda v: (v * 0.8 + 25).astype(np.uint8), 1.0),
    ),
}  # fmt: skip
SPLITS = {
    "identical in both splits": ("duplicates.across_splits", None, None),
    "near-identical in both splits": ("duplicates.near_across_splits", 60, 25),
}


@cache
def images_of(source: Path) -> tuple[list[Path], list[Path]]:
    """Images with boxes, and those without."""
    every = sorted((source / "images").iterdir())
    has = {image: bool(read_voc_file(source / "annotations" / f"{image.stem}.xml").objects) for image in every}
    return [image for image in every if has[image]], [image for image in every if not has[image]]


def sample_of(source: Path, folder: Path, random: Generator, images: int) -> Sample:
    """Images at random, half with boxes and half without."""
    chosen: list[Path] = []
    for some in images_of(source):
        chosen += [some[i] for i in random.choice(len(some), min(images // 2, len(some)), replace=False)]
    return Sample(folder, sorted(chosen), source / "annotations")


def finds(sample: Sample, check: str, planted: Path, against: Path | None = None) -> bool:
    """True if the check names the planted file."""
    report = check_dataset(sample.root, against, only=[check])
    return any(planted in (finding.file, *finding.others) for finding in report.findings)


def recall(source: Path, fault: Fault, plant: Plant, rounds: int, scratch: Path) -> float:
    """Share of rounds in which the fault is found; each with other images."""
    found = 0
    for seed in range(rounds):
        random = np.random.default_rng(seed)
        folder = scratch / "round"
        sample = sample_of(source, folder, random, 80 if fault.check.startswith("shortcuts") else 14)
        every = sample.images
        planted = plant(sample, every[int(random.integers(len(every)))], random)
        found += finds(sample, fault.check, planted)
        shutil.rmtree(folder)
    return found / rounds


def recall_between_splits(source: Path, check: str, quality: int | None, rounds: int, scratch: Path) -> float:
    """The same for an image that is in the other split, too."""
    found = 0
    for seed in range(rounds):
        random = np.random.default_rng(seed)
        here = sample_of(source, scratch / "here", random, 14)
        there = sample_of(source, scratch / "there", np.random.default_rng(seed + 1000), 14)
        image = here.images[int(random.integers(len(here.images)))]
        target = there.root / "images" / f"zz-{image.name}"
        if quality is None:
            shutil.copy(image, target)
        else:
            Image.fromarray(grey(image)).save(target, quality=quality)
        found += finds(here, check, image, there.root)
        shutil.rmtree(here.root)
        shutil.rmtree(there.root)
    return found / rounds


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="clean folder; phantoms without it")
    parser.add_argument("--rounds", type=int, default=10, help="plantings of each kind and level")
    parser.add_argument("--kind", help="this kind only")
    arguments = parser.parse_args()
    missed = 0
    with TemporaryDirectory() as name:
        scratch = Path(name)
        source = arguments.images or scratch / "phantoms"
        if arguments.images is None:
            make_phantoms(source, images=200)
        print(f"{'kind':32}{'check':32}{'gross':>8}{'subtle':>8}")
        for kind, fault in FAULTS.items():
            if arguments.kind in (None, kind):
                gross, subtle = (
                    recall(source, fault, plant, arguments.rounds, scratch) for plant in (fault.gross, fault.subtle)
                )
                missed += gross < 1
                print(f"{kind:32}{fault.check:32}{gross:8.0%}{subtle:8.0%}", flush=True)
        for kind, (check, *qualities) in SPLITS.items():
            if arguments.kind in (None, kind):
                gross, subtle = (
                    recall_between_splits(source, check, quality, arguments.rounds, scratch) for quality in qualities
                )
                missed += gross < 1
                print(f"{kind:32}{check:32}{gross:8.0%}{subtle:8.0%}", flush=True)
        report = check_dataset(source)
    counts = report.to_dict()
    print(f"\nclean folder: {counts['errors']} errors, {counts['warnings']} warnings in {report.images} images")
    return 1 if missed or counts["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
