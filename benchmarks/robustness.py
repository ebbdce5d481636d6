"""Does a model still find fractures if images have another style? Labelled images under ten fixed, strong changes.

    python -m benchmarks.robustness MODEL DATA [--images 100] [--views whole,flipped]

Radiographs of other hospitals are not available, so each change stands for another style: negatives, other windows,
smoothing, an image that somebody put on a slide. The changes are the same in every run. For each: AP at IoU 0.3 and
0.5, sensitivity at half a false positive per image (IoU 0.1) and the AUC of images; at the end the mean over the ten,
also as a share of the AP on unchanged images.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.evaluation import align_classes, evaluate
from fractura.formats import read_dataset
from fractura.imaging.reader import read_radiograph
from fractura.inference import Model, load_model
from fractura.inference.views import WHOLE, detect_in_views, known_views

Grey = NDArray[np.float32]
METRICS = ("AP30", "AP50", "froc/iou10/0.5", "image_auc")
COLUMNS = ("AP30", "AP50", "S@0.5", "AUC")
"""What they are called in the table."""
_CLIP, _TILES = 4.0, 8


@dataclass(frozen=True, eq=False)
class Picture:
    """A grey image with its boxes.

    Attributes:
        grey: float32 ``(h, w)`` of 0..1.
        boxes: float32 ``(n, 4)`` xyxy in pixels.
    """

    grey: Grey
    boxes: NDArray[np.float32]


def inverted(picture: Picture) -> Picture:
    """A negative: black and white exchanged."""
    return replace(picture, grey=1 - picture.grey)


def dark(picture: Picture) -> Picture:
    """Gamma 2.2: soft tissue is lost in black."""
    return replace(picture, grey=picture.grey**2.2)


def bright(picture: Picture) -> Picture:
    """Gamma 0.45: bone is lost in white."""
    return replace(picture, grey=picture.grey**0.45)


def hard(picture: Picture) -> Picture:
    """A narrow window: contrast 2.5 about mid-grey."""
    return replace(picture, grey=np.clip((picture.grey - 0.5) * 2.5 + 0.5, 0, 1))


def flat(picture: Picture) -> Picture:
    """A third of the contrast, on light grey."""
    return replace(picture, grey=picture.grey * 0.35 + 0.5)


def equalised(picture: Picture) -> Picture:
    """Contrast-limited adaptive histogram equalisation, eight by eight tiles, as image viewers offer it."""
    return replace(picture, grey=_equalise(picture.grey))


def coarse(picture: Picture) -> Picture:
    """Shrunk to 45 percent and enlarged again."""
    small = _resized(picture.grey, 0.45, 0.45)
    height, width = picture.grey.shape
    return replace(picture, grey=_resized(small, width / small.shape[1], height / small.shape[0])[:height, :width])


def grainy(picture: Picture) -> Picture:
    """Normal noise of 16 grey levels, then JPEG of quality 20."""
    noise = np.random.default_rng(picture.grey.shape[0] * 10007 + picture.grey.shape[1]).standard_normal(
        picture.grey.shape, dtype=np.float32
    )
    stream = io.BytesIO()
    _image(picture.grey + noise * np.float32(16 / 255)).save(stream, "JPEG", quality=20)
    return replace(picture, grey=_grey(Image.open(stream)))


def stretched(picture: Picture) -> Picture:
    """A quarter of the height pressed out, and turned by 12 degrees on black."""
    grey = _resized(picture.grey, 1.0, 0.75)
    scale = np.array([grey.shape[1] / picture.grey.shape[1], grey.shape[0] / picture.grey.shape[0]] * 2, np.float32)
    turned = _image(grey).rotate(12, Image.Resampling.BICUBIC, expand=True)
    angle = np.radians(-12)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = (picture.boxes * scale).reshape(-1, 2, 2)
    middle = (corners.mean(axis=1) - [grey.shape[1] / 2, grey.shape[0] / 2]) @ matrix.T
    middle += [turned.width / 2, turned.height / 2]
    reach = np.sqrt(((corners[:, 1] - corners[:, 0]) / 2) ** 2 @ (matrix**2).T)  # of the ellipse in the box
    return Picture(_grey(turned), np.concatenate([middle - reach, middle + reach], axis=1).astype(np.float32))


def on_a_slide(picture: Picture) -> Picture:
    """Two thirds of a grey page, with letters, an arrow on the image and a white frame."""
    height, width = picture.grey.shape
    page = Image.new("L", (round(width * 1.4), round(height * 1.3)), 205)
    left, top = round(width * 0.3), round(height * 0.2)
    draw = ImageDraw.Draw(page)
    draw.rectangle((left - 6, top - 6, left + width + 5, top + height + 5), fill=255)
    page.paste(_image(picture.grey), (left, top))
    size = max(height, width) / 16
    draw.text((left, top - 2 * size), "Case 3: lateral view", fill=20, font=ImageFont.load_default(size))
    draw.text((left + size, top + size), "R", fill=255, font=ImageFont.load_default(1.5 * size))
    x, y = left + 0.12 * width, top + 0.55 * height
    draw.line((x, y, x + 2 * size, y - size), fill=255, width=max(round(size / 6), 2))
    draw.polygon([(x, y), (x + size * 0.7, y), (x + size * 0.35, y - size * 0.6)], fill=255)
    return Picture(_grey(page), picture.boxes + np.array([left, top, left, top], np.float32))


CHANGES: tuple[Callable[[Picture], Picture], ...] = (
    inverted,
    dark,
    bright,
    hard,
    flat,
    equalised,
    coarse,
    grainy,
    stretched,
    on_a_slide,
)


def _grey(image: Image.Image) -> Grey:
    return np.asarray(image.convert("L"), np.float32) / np.float32(255)


def _image(grey: Grey) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(grey, 0, 1) * 255).astype(np.uint8))


def _resized(grey: Grey, across: float, down: float) -> Grey:
    size = (max(round(grey.shape[1] * across), 1), max(round(grey.shape[0] * down), 1))
    return _grey(_image(grey).resize(size, Image.Resampling.BICUBIC))


def _equalise(grey: Grey) -> Grey:
    """CLAHE (Zuiderveld 1994): each tile's clipped histogram as a tone curve, blended between tiles."""
    height, width = grey.shape
    levels = np.rint(grey * 255).astype(np.int64)
    curves = np.zeros((_TILES, _TILES, 256))
    for row, band in enumerate(np.array_split(levels, _TILES, axis=0)):
        for column, tile in enumerate(np.array_split(band, _TILES, axis=1)):
            histogram = np.bincount(tile.ravel(), minlength=256).astype(float)
            limit = _CLIP * tile.size / 256
            over = np.maximum(histogram - limit, 0).sum()
            curves[row, column] = np.cumsum(np.minimum(histogram, limit) + over / 256) / max(tile.size, 1)
    y = np.clip((np.arange(height) + 0.5) / height * _TILES - 0.5, 0, _TILES - 1)
    x = np.clip((np.arange(width) + 0.5) / width * _TILES - 0.5, 0, _TILES - 1)
    top, left = (np.minimum(each.astype(int), _TILES - 2) for each in (y, x))
    down, across = (y - top)[:, None], (x - left)[None, :]

    def seen(row: int, column: int) -> NDArray[np.float64]:
        values: NDArray[np.float64] = curves[(top + row)[:, None], (left + column)[None, :], levels]
        return values

    upper = seen(0, 0) * (1 - across) + seen(0, 1) * across
    lower = seen(1, 0) * (1 - across) + seen(1, 1) * across
    blended: NDArray[np.float64] = upper * (1 - down) + lower * down
    return np.clip(blended, 0, 1).astype(np.float32)


def changed(dataset: Dataset, change: Callable[[Picture], Picture] | None) -> tuple[Dataset, list[NDArray[np.uint8]]]:
    """The data set with the boxes as the change moves them, and its images: uint8 ``(h, w, 3)``."""
    records, images = [], []
    for record in dataset:
        pixels = read_radiograph(record.image).pixels
        if change is None:
            records.append(record)
            images.append(pixels)
            continue
        picture = change(Picture(_grey(Image.fromarray(pixels)), record.boxes.xyxy))
        pixels = np.repeat(np.asarray(_image(picture.grey))[:, :, None], 3, axis=2)
        images.append(pixels)
        boxes = Boxes(picture.boxes, record.boxes.labels)
        records.append(replace(record, boxes=boxes, width=pixels.shape[1], height=pixels.shape[0]))
    return replace(dataset, records=tuple(records)), images


def measure(model: Model, dataset: Dataset, views: Sequence[str]) -> Iterator[tuple[str, list[float]]]:
    """The name of each change, ``as they are`` first, with the values of ``METRICS`` under it."""
    for change in (None, *CHANGES):
        measured, images = changed(dataset, change)
        metrics = evaluate(measured, [detect_in_views(model, each, views) for each in images], details=False).metrics
        name = "as they are" if change is None else change.__name__.replace("_", " ")
        yield name, [float(metrics[key].value or 0.0) for key in METRICS]


def print_table(model: Model, dataset: Dataset, views: Sequence[str]) -> dict[str, list[float]]:
    """Print a line for each change and the mean of them; return the values by the name of the change."""
    print(f"{len(dataset)} images, views: {', '.join(views)}")
    print(f"{'change':<14}" + "".join(f"{name:>8}" for name in COLUMNS) + f"{'AP30 share':>12}")
    rows: dict[str, list[float]] = {}
    for name, row in measure(model, dataset, views):
        rows[name] = row
        _print_row(name, row, rows["as they are"])
    mean = np.mean(list(rows.values())[1:], axis=0).tolist()
    _print_row("mean of ten", mean, rows["as they are"])
    return {**rows, "mean of ten": mean}


def _print_row(name: str, row: Sequence[float], plain: Sequence[float]) -> None:
    share = row[0] / plain[0] if plain[0] else float("nan")
    print(f"{name:<14}" + "".join(f"{value:>8.3f}" for value in row) + f"{share:>12.2f}", flush=True)


def main() -> None:
    """Measure the images as they are and under each change."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="model folder, .onnx file, or built-in")
    parser.add_argument("data", type=Path, help="labelled images")
    parser.add_argument("--images", type=int, help="measure on about this many, evenly chosen; on all without it")
    parser.add_argument("--views", default=",".join(WHOLE), help="how to view each image; see `fractura detect --help`")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    dataset = align_classes(read_dataset(arguments.data), model.card.class_names)
    step = max(len(dataset) // arguments.images, 1) if arguments.images else 1
    dataset = replace(dataset, records=dataset.records[::step])
    print_table(model, dataset, known_views(arguments.views.split(",")))


if __name__ == "__main__":
    main()
