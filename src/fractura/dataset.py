"""``Dataset``: class names and records, the one value type that every format reads into and writes from."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fractura.boxes import Boxes


@dataclass(frozen=True)
class BoxFlags:
    """What Pascal VOC says of one box beside its corners.

    Attributes:
        difficult: Hard to see; evaluation neither rewards nor punishes finding it.
        truncated: The object goes on outside the film.
        pose: Free text; LabelImg always writes ``Unspecified``.
    """

    difficult: bool = False
    truncated: bool = False
    pose: str = "Unspecified"


@dataclass(frozen=True)
class Record:
    """One film and what is marked on it.

    Attributes:
        image: File that holds the film's encoded bytes.
        width: Pixels, as displayed (EXIF orientation applied).
        height: Pixels, as displayed.
        boxes: Marked boxes without scores; none on a negative film.
        flags: One ``BoxFlags`` per box.
        name: File name of the film; its identity inside the data set.
        span: Offset and length in bytes where ``image`` is a container (TFRecord); None for a plain image file.
        annotation: File the boxes came from, if any.
        patient: Patient id (hashed where it came from DICOM), if known.
        split: ``train``, ``val`` or ``test``, if known.
        body_part: DICOM's term for it, such as ``WRIST``, if known.
        view: DICOM's term for it, such as ``AP``, if known.
        laterality: ``L``, ``R`` or ``B`` (both), if known.
        study: Which films were taken together (hashed where it came from DICOM), if known.
        device: Which machine took the film (hashed where it came from DICOM), if known.
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

    def __post_init__(self) -> None:
        if not self.flags:
            object.__setattr__(self, "flags", (BoxFlags(),) * len(self.boxes))
        if len(self.flags) != len(self.boxes):
            raise ValueError(f"{self.image}: {len(self.boxes)} boxes but {len(self.flags)} flags")
        if not self.name:
            object.__setattr__(self, "name", self.image.name)

    @property
    def is_negative(self) -> bool:
        """True if nothing is marked on the film."""
        return len(self.boxes) == 0

    @property
    def difficult(self) -> np.ndarray:
        """bool ``(n,)``: which boxes are flagged difficult."""
        return np.array([flag.difficult for flag in self.flags], dtype=bool)

    def read_bytes(self) -> bytes:
        """The film's encoded bytes, exactly as stored."""
        if self.span is None:
            return self.image.read_bytes()
        offset, length = self.span
        with self.image.open("rb") as container:
            container.seek(offset)
            return container.read(length)


@dataclass(frozen=True)
class Dataset:
    """Class names and records.

    Attributes:
        class_names: In label order; label 0 is ``class_names[0]``. Names live here and in the model card only.
        records: One per film.
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
        """Number of films without any box."""
        return sum(record.is_negative for record in self.records)

    @property
    def boxes_by_class(self) -> dict[str, int]:
        """Number of boxes of each class, classes without boxes included."""
        counts = Counter(int(label) for record in self.records for label in record.boxes.labels)
        return {name: counts[index] for index, name in enumerate(self.class_names)}

    def fingerprint(self) -> str:
        """SHA-256 over names, sizes, boxes and flags, in record-name order: changes when any annotation does."""
        digest = hashlib.sha256("\0".join(self.class_names).encode())
        for record in sorted(self.records, key=lambda r: r.name):
            digest.update(f"\n{record.name}\0{record.width}x{record.height}\0".encode())
            digest.update(record.boxes.xyxy.tobytes() + record.boxes.labels.tobytes())
            digest.update(repr(record.flags).encode())
        return digest.hexdigest()

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
