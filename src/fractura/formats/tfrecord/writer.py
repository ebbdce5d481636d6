"""Writing TFRecord files: the images' own bytes, untouched, with all keys that ``TfExampleDecoder`` reads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fractura.core.dataset import BoxFlags, Dataset, Record
from fractura.core.errors import DataError, FracturaError
from fractura.core.files import open_atomically
from fractura.formats.faults import Faults, OnError
from fractura.formats.label_map import LabelMap, label_map_of
from fractura.formats.tfrecord.example import encode_features, example_from
from fractura.formats.tfrecord.frames import shard_paths, write_frame
from fractura.formats.tfrecord.orientation import displayed_to_stored, stored_frame
from fractura.imaging.headers import image_header
from fractura.imaging.reader import read_radiograph, refuse_other_size, shareable_picture

_DECODED_BY_TENSORFLOW = ("jpeg", "png", "bmp")


def write_tfrecord(
    dataset: Dataset,
    path: Path | str,
    *,
    shards: int | None = None,
    label_map: LabelMap | None = None,
    on_error: OnError = "stop",
    problems: list[FracturaError] | None = None,
) -> tuple[Path, ...]:
    """Write a data set as TFRecord, one image after the other.

    An image that is cut off is refused: JPEG and PNG are followed to their end marker, BMP is decoded. (Damage in the
    middle of a JPEG that has its end is invisible to this, as it is to TensorFlow and to Pillow.)

    Args:
        dataset: What to write. Images keep their encoded bytes.
        path: The file; with ``shards`` the beginning of their names.
        shards: Number of files ``path-00000-of-00010``, filled in turn; None writes one file.
        label_map: Ids of the classes; by default 1, 2, … in label order.
        on_error: ``stop`` at the first image that cannot be used (nothing is written then), or ``skip`` it.
        problems: Collects the skipped; without it they are logged as warnings.

    Returns:
        The files written.

    Raises:
        DataError: Nothing to write, a class is not in ``label_map``, a file cannot be written, or (``stop``) an image
            is missing, cut off, not of the size that its record says, or of a kind that TensorFlow does not read.
    """
    target = Path(path)
    label_map = label_map_of(dataset.class_names) if label_map is None else label_map
    used = dataset.boxes_by_class
    ids = np.array([label_map.id_of(name) if used[name] else 0 for name in dataset.class_names], np.int64)
    files = shard_paths(target, shards)
    faults = Faults(on_error)
    written = positive = 0
    with ExitStack() as stack:
        streams = [stack.enter_context(open_atomically(file)) for file in files]
        for record in dataset:
            try:
                payload = example_of(record, dataset.class_names, ids)
            except DataError as fault:
                faults.add(fault, image=record.name, boxes=not record.is_negative)
                continue
            write_frame(streams[written % len(streams)], payload)
            written += 1
            positive += not record.is_negative
        if not written:
            hint = f"the first fault is: {faults.faults[0].problem}" if faults.faults else "the data set is empty"
            raise DataError("there is no image to write", file=target, hint=hint)
        faults.refuse_loss(positive)
        if len(files) > 1:
            # Shards are put in place one after the other: a kill must leave some missing, which readers notice, not
            # some of the earlier data set among those of this one.
            for file in files:
                Path(os.path.realpath(file)).unlink(missing_ok=True)
    faults.report(problems)
    return tuple(files)


def example_of(record: Record, class_names: Sequence[str], ids: NDArray[np.int64]) -> bytes:
    """One record as a serialised ``tf.train.Example``.

    Args:
        record: The image and its boxes.
        class_names: In label order.
        ids: int64 ``(classes,)``: the id of each label.

    Raises:
        DataError: The image cannot be read, is cut off, or is of a kind that TensorFlow does not read.
    """
    image = shareable_picture(record.read_bytes(), record.title)
    kind, width, height, orientation = _frame(image, record)
    about_image = encode_features(
        {
            "image/height": height,
            "image/width": width,
            "image/filename": record.name,
            "image/source_id": record.name,
            "image/key/sha256": hashlib.sha256(image).hexdigest(),
            "image/encoded": image,
            "image/format": kind,
        }
    )
    if record.is_negative:
        return example_from(about_image, _no_boxes())
    xyxy = displayed_to_stored(record.boxes.xyxy, orientation, width, height)
    fractions = (xyxy.astype(np.float64) / (width, height, width, height)).astype(np.float32)
    labels = record.boxes.labels
    texts = [class_names[label] for label in labels]
    return example_from(about_image, _about_boxes(fractions, texts, ids[labels], record.flags))


def _about_boxes(
    fractions: NDArray[np.float32], texts: Sequence[str], ids: NDArray[np.int64], flags: Sequence[BoxFlags]
) -> bytes:
    left, top, right, bottom = fractions.T
    weights = np.array([flag.weight for flag in flags], np.float32)
    weighted = {"image/object/weight": weights} if (weights != 1).any() else {}
    return encode_features(
        {
            "image/object/bbox/xmin": left,
            "image/object/bbox/xmax": right,
            "image/object/bbox/ymin": top,
            "image/object/bbox/ymax": bottom,
            "image/object/class/text": [text.encode() for text in texts],
            "image/object/class/label": ids,
            "image/object/difficult": np.array([flag.difficult for flag in flags], np.int64),
            "image/object/truncated": np.array([flag.truncated for flag in flags], np.int64),
            "image/object/view": [flag.pose.encode() for flag in flags],
            **weighted,
        }
    )


@cache
def _no_boxes() -> bytes:
    return _about_boxes(np.zeros((0, 4), np.float32), (), np.zeros(0, np.int64), ())


def _frame(image: bytes, record: Record) -> tuple[str, int, int, int]:
    """Kind, stored width and height, and EXIF orientation of an image that is complete."""
    header = image_header(image)
    if not header.complete and header.kind in _DECODED_BY_TENSORFLOW:
        read_radiograph(image, name=record.title)  # raises if pixels are missing
        if header.kind != "bmp":  # Pillow sometimes does without the end of an image, TensorFlow does not
            raise DataError("is cut off: the end marker is missing", file=record.title, hint="save the image again")
    if header.kind not in _DECODED_BY_TENSORFLOW:
        name = "of this kind" if header.kind == "unknown" else f"of the kind {header.kind.upper()}"
        raise DataError(
            f"TensorFlow does not read images {name}", file=record.title, hint="save the image as PNG or JPEG"
        )
    width, height, orientation = stored_frame(image, header, record.title)
    shown = (height, width) if orientation >= 5 else (width, height)
    refuse_other_size(record, shown)
    return header.kind, width, height, orientation
