"""``Dataset``: class names and records, the one value type that every format reads into and writes from."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from fractura.core.boxes import Boxes
from fractura.core.errors import DataError
from fractura.core.files import read_file, unreadable
from fractura.core.printable import name_bytes

SPLITS = ("train", "val", "test")
"""The parts of a data set, in this order everywhere."""
Progress = Callable[[int, int], None]
"""Called with the number of images done and the number of images in all."""

_DIGITS = 12
"""Hexadecimal digits kept of an image's digest: among a million images, no two are likely to agree."""


@dataclass(frozen=True)
class BoxFlags:
    """What is recorded of one box in addition to its corners, by Pascal VOC and (its weight) by TFRecord.

    Attributes:
        difficult: Hard to see; evaluation neither rewards nor punishes finding it.
        truncated: The object goes on outside the image.
        pose: Free text; LabelImg always writes ``Unspecified``.
        weight: How much its losses count in training, 0 or more; at 0 what lies there is neither an object nor
            background.
    """

    difficult: bool = False
    truncated: bool = False
    pose: str = "Unspecified"
    weight: float = field(default=1.0, repr=False)  # not in the fingerprints of data without weights


@dataclass(frozen=True)
class Record:
    """One image and what is annotated on it.

    Attributes:
        image: File that holds the image's encoded bytes.
        width: Pixels, as displayed (EXIF orientation applied).
        height: Pixels, as displayed.
        boxes: Annotated boxes without scores; none on a negative image.
        flags: One ``BoxFlags`` per box.
        name: File name of the image; its identity inside the data set.
        span: Offset and length in bytes where ``image`` is a container (TFRecord); None for a plain image file.
        annotation: File the boxes came from, if any.
        patient: Patient id (hashed where it came from DICOM), if known.
        split: ``train``, ``val`` or ``test``, if known.
        body_part: DICOM's term for it, such as ``WRIST``, if known.
        view: DICOM's term for it, such as ``AP``, if known.
        laterality: ``L``, ``R`` or ``B`` (both), if known.
        study: Which images were taken together (hashed where it came from DICOM), if known.
        device: Which machine took the image (hashed where it came from DICOM), if known.
        decided_normal: Somebody decided on the page that nothing is to be found on it.
    """

    image: Path
    width: int
    height: int
    boxes: Boxes
    flags: tuple[BoxFlags, ...] = ()
    name: str = ""
    span: tuple[int, int] | None = None
    annotation: Path | None = None
    patient: str | None = None
    split: str | None = None
    body_part: str | None = None
    view: str | None = None
    laterality: str | None = None
    study: str | None = None
    device: str | None = None
    decided_normal: bool = False

    def __post_init__(self) -> None:
        if not self.flags:
            object.__setattr__(self, "flags", (BoxFlags(),) * len(self.boxes))
        if len(self.flags) != len(self.boxes):
            raise ValueError(f"{self.image}: {len(self.boxes)} boxes but {len(self.flags)} flags")
        if not self.name:
            object.__setattr__(self, "name", self.image.name)

    @property
    def is_negative(self) -> bool:
        """True if nothing is annotated on the image."""
        return len(self.boxes) == 0

    @property
    def is_positive(self) -> bool:
        """True if a box counts; an image with difficult boxes only is neither positive nor negative."""
        return bool((~self.difficult).any())

    @property
    def difficult(self) -> np.ndarray:
        """bool ``(n,)``: which boxes are flagged difficult."""
        return np.array([flag.difficult for flag in self.flags], dtype=bool)

    @property
    def weights(self) -> np.ndarray:
        """float32 ``(n,)``: how much the losses of each box count in training."""
        return np.array([flag.weight for flag in self.flags], dtype=np.float32)

    @property
    def title(self) -> str:
        """What error messages call the image: its file, and its name where the file holds many."""
        return str(self.image) if self.span is None else f"{self.image}, {self.name}"

    def read_bytes(self) -> bytes:
        """The image's encoded bytes, exactly as stored.

        Raises:
            DataError: The file is missing or cannot be read.
        """
        if self.span is None:
            return read_file(self.image)
        offset, length = self.span
        try:
            with self.image.open("rb") as container:
                container.seek(offset)
                return container.read(length)
        except OSError as error:
            raise unreadable(error, self.title) from error

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the image's encoded bytes, in hexadecimal digits; they are read once.

        Raises:
            DataError: The image cannot be read.
        """
        return hashlib.sha256(self.read_bytes()).hexdigest()


@dataclass(frozen=True)
class Dataset:
    """Class names and records.

    Attributes:
        class_names: In label order; label 0 is ``class_names[0]``. Names live here and in the model card only.
        records: One per image.
        root: The folder or file it was read from, if any.
    """

    class_names: tuple[str, ...]
    records: tuple[Record, ...] = field(repr=False)
    root: Path | None = None

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    @property
    def negatives(self) -> int:
        """Number of images without any box."""
        return sum(record.is_negative for record in self.records)

    @property
    def decided_negatives(self) -> int:
        """How many of these somebody saved as normal on the page; the others came from elsewhere."""
        return sum(record.is_negative and record.decided_normal for record in self.records)

    @property
    def boxes_by_class(self) -> dict[str, int]:
        """Number of boxes of each class, classes without boxes included."""
        counts = Counter(int(label) for record in self.records for label in record.boxes.labels)
        return {name: counts[index] for index, name in enumerate(self.class_names)}

    def fingerprint(self) -> str:
        """SHA-256 over names, sizes, boxes, flags and weights, in record-name order: changes when any of them does."""
        digest = hashlib.sha256(name_bytes("\0".join(self.class_names)))
        for record in sorted(self.records, key=lambda r: r.name):
            digest.update(name_bytes(f"\n{record.name}\0{record.width}x{record.height}\0"))
            digest.update(record.boxes.xyxy.tobytes() + record.boxes.labels.tobytes())
            digest.update(repr(record.flags).encode())
            if (record.weights != 1).any():
                digest.update(record.weights.tobytes())
        return digest.hexdigest()

    def describe(self) -> dict[str, Any]:
        """What a model card keeps of images: fingerprint, counts, and twelve digits of each image's digest in one line.

        An image that cannot be read has no digest: no model can have seen it either.
        """
        digests = set()
        for record in self:
            try:
                digests.add(record.digest[:_DIGITS])
            except DataError:
                continue
        return {
            "fingerprint": self.fingerprint(),
            "images": len(self),
            "negatives": self.negatives,
            "boxes": self.boxes_by_class,
            "image_digests": " ".join(sorted(digests)),
        }

    def shared_with(self, described: Mapping[str, Any]) -> int | None:
        """How many of these images are in another data set that ``describe`` summarised, by the bytes of their files.

        Args:
            described: What ``describe`` gave; from older cards without ``image_digests``.

        Returns:
            None where that is unknown: there are no digests, and the fingerprint differs.

        Raises:
            DataError: An image cannot be read.
        """
        if described.get("fingerprint") == self.fingerprint():
            return len(self)
        digests = described.get("image_digests")
        if not isinstance(digests, str):
            return None
        known = set(digests.split())
        return sum(record.digest[:_DIGITS] in known for record in self)

    def with_class_names(self, class_names: tuple[str, ...]) -> Dataset:
        """The same data with its labels renumbered to the order of ``class_names``.

        Raises:
            ValueError: A class of this data set that has boxes is not among ``class_names``.
        """
        if class_names == self.class_names:
            return self
        used = {name for name, count in self.boxes_by_class.items() if count}
        missing = sorted(used - set(class_names))
        if missing:
            raise ValueError(f"classes {missing} are not among {list(class_names)}")
        position = np.array([class_names.index(n) if n in class_names else -1 for n in self.class_names] or [-1])
        records = tuple(
            replace(r, boxes=Boxes(r.boxes.xyxy, position[r.boxes.labels], r.boxes.scores)) for r in self.records
        )
        return replace(self, class_names=class_names, records=records)
