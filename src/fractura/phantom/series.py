"""Folders of phantom images: drawing in parallel, images, annotations, and a manifest to go on from."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from operator import index as whole
from pathlib import Path
from typing import Any

from PIL import Image

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.core.errors import UsageError
from fractura.core.files import write_atomically
from fractura.core.json_text import parse_json
from fractura.core.leftovers import holds_nothing
from fractura.core.output_folder import NOTE_FILE, unfinished
from fractura.formats import write_voc
from fractura.phantom.draw import make_phantom

CLASS_NAME = "Fractura"

MANIFEST = "phantoms.json"
"""Next to images/ and annotations/: settings of the run, and per image its size, boxes and kinds of fracture."""

SPLITS = {"train": 0, "val": 1}
"""Folder name and stream of each half of a phantom data set."""

JPEG_QUALITY = 93
SMALLEST_SIDE = 192
LARGEST_SEED = 2**32 - 1


def make_phantoms(
    folder: Path | str,
    *,
    images: int = 200,
    seed: int = 0,
    stream: int = 0,
    size: tuple[int, int] = (384, 464),
    workers: int = 1,
) -> Dataset:
    """Write synthetic radiographs with known fractures: ``images/*.jpg``, ``annotations/*.xml`` and ``phantoms.json``.

    Image ``i`` depends on ``seed``, ``stream``, ``size`` and ``i`` only: a longer run begins with the same images, and
    more workers change nothing but the time. Images that an earlier run with the same settings left in the folder are
    kept as they are, so a run can be repeated, resumed or extended.

    Args:
        folder: New, empty, or written by an earlier run with the same settings and no more images.
        images: How many.
        seed: Names the series, 0 to 2**32 - 1.
        stream: Series of the same seed that share no image.
        size: Short and long side in pixels, about; at least 192.
        workers: Processes that draw; 1 draws in this one.

    Returns:
        The images, in order, as a data set of the class ``Fractura``.

    Raises:
        UsageError: A number is out of range, or the folder holds other files, other phantoms or more of them.
    """
    folder = Path(folder)
    _check_numbers(images, seed, size, workers)
    settings = {"seed": seed, "stream": stream, "size": list(size)}
    known = _resume(folder, settings, images)
    # Written before the first image: a run that is cut off leaves a folder that the next run recognises.
    if not known:
        _write_manifest(folder, settings, [])
    missing = [index for index in range(images) if not _is_complete(folder, index, known)]
    draw = partial(_write_image, folder=folder, seed=seed, stream=stream, size=size)
    with unfinished(folder, "phantom"):
        drawn = dict(zip(missing, _map(draw, missing, workers), strict=True))
        entries = [drawn[index] if index in drawn else known[index] for index in range(images)]
        records = tuple(_record(folder, entry) for entry in entries)
        if drawn:
            write_voc(Dataset((CLASS_NAME,), tuple(records[index] for index in missing), folder), folder)
            _write_manifest(folder, settings, entries)
    return Dataset((CLASS_NAME,), records, folder)


def make_phantom_splits(
    folder: Path | str,
    *,
    images: int = 200,
    val_images: int = 50,
    seed: int = 0,
    size: tuple[int, int] = (384, 464),
    workers: int = 0,
) -> dict[str, Dataset]:
    """Write ``folder/train`` and ``folder/val``, which share no image; see ``make_phantoms``.

    Args:
        folder: New, empty, or written by an earlier run with the same settings and no more images.
        images: How many to train on.
        val_images: How many to validate on; 0 leaves ``val`` out.
        seed: Names the series, 0 to 2**32 - 1.
        size: Short and long side in pixels, about; at least 192.
        workers: Processes that draw; 0 is one for each processor.

    Returns:
        Data sets by split name.

    Raises:
        UsageError: As ``make_phantoms``, and nothing has been written then.
    """
    folder, workers = Path(folder), workers or os.cpu_count() or 1
    counts = {split: count for split, count in (("train", images), ("val", val_images)) if split == "train" or count}
    ours = any((folder / split / MANIFEST).is_file() for split in SPLITS)
    if not ours:
        _refuse_foreign(folder)
    for split, count in counts.items():
        _check_numbers(count, seed, size, workers)
        _resume(folder / split, {"seed": seed, "stream": SPLITS[split], "size": list(size)}, count)
    with unfinished(folder, "phantom"):
        return {
            split: make_phantoms(
                folder / split, images=count, seed=seed, stream=SPLITS[split], size=size, workers=workers
            )
            for split, count in counts.items()
        }


def _check_numbers(images: int, seed: int, size: tuple[int, int], workers: int) -> None:
    if images < 1 or workers < 1:
        raise UsageError(f"images={images} and workers={workers} start at 1")
    if not 0 <= seed <= LARGEST_SEED:
        raise UsageError(f"seed={seed} is not between 0 and {LARGEST_SEED}")
    if min(size) < SMALLEST_SIDE:
        raise UsageError(f"images of {size[0]} x {size[1]} pixels are too small", hint=f"use {SMALLEST_SIDE} or more")


def _refuse_foreign(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or not holds_nothing(folder, besides=[NOTE_FILE])):
        raise UsageError("there is something else here, which is left alone", file=folder, hint="give a new folder")


def _resume(folder: Path, settings: dict[str, Any], images: int) -> list[dict[str, Any]]:
    """What an earlier run with the same settings has made of this folder, image by image."""
    path = folder / MANIFEST
    if not path.is_file():
        _refuse_foreign(folder)
        return []
    try:
        manifest = parse_json(path.read_text(encoding="utf-8"))
        known, before = manifest["images"], {key: manifest[key] for key in settings}
        if [_record(folder, entry).image for entry in known] != [
            _paths(folder, _name(i))[0] for i in range(len(known))
        ]:
            raise ValueError("images of other names")
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"not a manifest of phantoms ({error!r})", file=path, hint="give a new folder") from error
    if before != settings:
        raise UsageError(f"phantoms made with {before}, not with {settings}", file=folder, hint="give a new folder")
    if len(known) > images:
        raise UsageError(f"{len(known)} phantoms here, more than {images}", file=folder, hint="give a new folder")
    return list(known)


def _is_complete(folder: Path, index: int, known: Sequence[dict[str, Any]]) -> bool:
    image, annotation = _paths(folder, _name(index))
    return index < len(known) and image.is_file() and annotation.is_file()


def _name(index: int) -> str:
    return f"phantom_{index:05d}.jpg"


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    return folder / "images" / name, folder / "annotations" / Path(name).with_suffix(".xml")


def _map(draw: Any, indices: Sequence[int], workers: int) -> Iterator[dict[str, Any]]:
    if workers == 1 or len(indices) < 2:
        yield from map(draw, indices)
        return
    # Fresh processes everywhere: a fork of a process that runs threads (PyTorch does) can hang.
    with ProcessPoolExecutor(min(workers, len(indices)), mp_context=get_context("spawn")) as pool:
        yield from pool.map(draw, indices, chunksize=4)


def _write_image(index: int, *, folder: Path, seed: int, stream: int, size: tuple[int, int]) -> dict[str, Any]:
    """Draw one image and write its files; returns its entry in the manifest."""
    phantom = make_phantom(seed, index, stream=stream, size=size)
    buffer = io.BytesIO()
    Image.fromarray(phantom.pixels).save(buffer, "JPEG", quality=JPEG_QUALITY)
    image, _ = _paths(folder, _name(index))
    write_atomically(image, buffer.getvalue())
    height, width = phantom.pixels.shape
    boxes = [[int(corner) for corner in box] for box in phantom.boxes.xyxy]
    return {"name": _name(index), "width": width, "height": height, "boxes": boxes, "kinds": list(phantom.kinds)}


def _record(folder: Path, entry: dict[str, Any]) -> Record:
    image, annotation = _paths(folder, entry["name"])
    boxes = Boxes(entry["boxes"], [0] * len(entry["boxes"]))
    return Record(image, whole(entry["width"]), whole(entry["height"]), boxes, annotation=annotation)


def _write_manifest(folder: Path, settings: dict[str, Any], entries: Sequence[dict[str, Any]]) -> None:
    write_atomically(folder / MANIFEST, json.dumps({**settings, "images": list(entries)}, indent=1) + "\n")
