"""From what a file says of its images to a ``Dataset``: the part that all formats but Pascal VOC and TFRecord share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags, Dataset, Record
from fractura.core.errors import DataError, FracturaError, UsageError, nearest_name
from fractura.formats.name_index import unique_names
from fractura.formats.validation import box_fault
from fractura.formats.voc.serializer import VocObject
from fractura.imaging.reader import radiograph_size

SPLITS = ("train", "val", "test")
_SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
_logger = logging.getLogger(__name__)
OnError = Literal["stop", "skip"]


@dataclass(frozen=True)
class ImageFactsWritten:
    """What a file says of an image beside its boxes; see ``Record``."""

    patient: str | None = None
    split: str | None = None
    body_part: str | None = None
    view: str | None = None
    laterality: str | None = None


@dataclass(frozen=True)
class FoundImage:
    """One image as a file describes it.

    Attributes:
        image: Its file.
        root: Folder below which it was found.
        annotation: File that describes it.
        place: Where in that file.
        objects: Its boxes in pixels of the displayed image.
        places: Where each of them is; empty if they are only numbered.
        size: Width and height as the file says; None if it does not, or is allowed not to know.
        facts: Beside the boxes.
        displayed: Width and height of the image where they were read already.
    """

    image: Path
    root: Path
    annotation: Path
    place: str | None = None
    objects: tuple[VocObject, ...] = ()
    places: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    facts: ImageFactsWritten = field(default_factory=ImageFactsWritten)
    displayed: tuple[int, int] | None = None


class Faults:
    """What is wrong, gathered or raised at once.

    Args:
        on_error: ``stop`` raises the first fault; ``skip`` keeps it and goes on.
    """

    def __init__(self, on_error: OnError) -> None:
        self._stop = on_error == "stop"
        self.faults: list[FracturaError] = []
        self.notes: list[FracturaError] = []

    def add(self, fault: DataError) -> None:
        """An image or entry that cannot be used.

        Raises:
            DataError: It, with ``stop``.
        """
        if self._stop:
            raise fault
        self.faults.append(fault)

    def note(self, remark: DataError) -> None:
        """Something people should know though nothing is left out."""
        self.notes.append(remark)

    def report(self, problems: list[FracturaError] | None) -> None:
        """Hand all of it over; without ``problems`` as warnings in the log."""
        if problems is not None:
            problems.extend([*self.faults, *self.notes])
            return
        for each in (*self.faults, *self.notes):
            _logger.warning("%s", each)


def placed(fault: DataError, file: Path, place: str | None) -> DataError:
    """``fault`` with file and place, where it does not name its own."""
    if fault.file is not None and fault.place is not None:
        return fault
    return DataError(fault.problem, file=fault.file or file, place=fault.place or place, hint=fault.hint)


def split_of(text: str) -> str | None:
    """``train``, ``val`` or ``test`` for the words people use for them; None for any other."""
    return _SPLIT_WORDS.get(text.strip().casefold())


def check_class_names(class_names: Sequence[str] | None) -> None:
    """See that no class name is given twice.

    Raises:
        UsageError: One is.
    """
    if class_names is not None and len(set(class_names)) < len(class_names):
        raise UsageError(f"class names must differ: {list(class_names)}", hint="take the repeated name out")


def gather(
    found: Iterable[FoundImage],
    *,
    root: Path,
    class_names: Sequence[str] | None,
    known_names: Sequence[str] | None,
    faults: Faults,
    problems: list[FracturaError] | None,
    empty: str,
) -> Dataset:
    """Check every image and make the data set.

    Args:
        found: The images.
        root: Of the data set.
        class_names: The caller's, which always win.
        known_names: The file's own, in its order; None takes the names found, sorted.
        faults: Collects what cannot be used.
        problems: See ``read_dataset``.
        empty: What to say when there is no image at all.

    Raises:
        DataError: No image can be used; or a fault, where ``faults`` stops.
    """
    allowed = None if class_names is None else set(class_names)
    used: list[tuple[FoundImage, tuple[int, int]]] = []
    owners: dict[Path, FoundImage] = {}
    for each in found:
        try:
            size = each.displayed or radiograph_size(each.image)
            if each.image in owners:
                raise DataError(
                    f"the image {each.image.name} is there twice",
                    hint="keep one entry for an image, with all of its boxes",
                )
            _check(each, size, allowed, class_names)
        except DataError as fault:
            faults.add(placed(fault, each.annotation, each.place))
            continue
        owners[each.image] = each
        used.append((each, size))
    if not used:
        first = faults.faults[0] if faults.faults else None
        if first is None:
            raise DataError(empty, file=root, hint="give the file or folder that describes labelled images")
        raise DataError(
            f"no image can be used; the first fault is: {first.problem}",
            file=first.file,
            place=first.place,
            hint=first.hint,
        )
    faults.report(problems)
    if class_names is not None:
        names = tuple(class_names)
    elif known_names is not None:
        names = tuple(known_names)
    else:
        names = tuple(sorted({box.name for each, _ in used for box in each.objects}))
    labels = {name: label for label, name in enumerate(names)}
    titles = unique_names((each.image, each.root) for each, _ in used)
    return Dataset(names, tuple(_record(each, size, labels, titles[each.image]) for each, size in used), root)


def _check(
    each: FoundImage, size: tuple[int, int], allowed: set[str] | None, class_names: Sequence[str] | None
) -> None:
    if each.size is not None and each.size != size:
        raise _size_fault(each.size, size)
    for number, box in enumerate(each.objects, start=1):
        place = each.places[number - 1] if each.places else _box_place(each.place, number)
        if problem := box_fault(box, *size):
            raise DataError(problem, place=place, hint="correct the box, or take it out")
        if allowed is not None and box.name not in allowed:
            raise unknown_class(box.name, class_names or (), place)


def _box_place(place: str | None, number: int) -> str:
    return f"box {number}" if place is None else f"{place}, box {number}"


def unknown_class(name: str, class_names: Sequence[str], place: str | None = None) -> DataError:
    """The fault of a class name that is none of those given."""
    nearest = nearest_name(name, class_names)
    meant = f"did you mean '{nearest}'? Otherwise add" if nearest else "rename it, or add"
    return DataError(
        f"unknown class '{name}'; known are {', '.join(class_names) or 'none'}",
        place=place,
        hint=f"{meant} '{name}' to the class names",
    )


def _size_fault(written: tuple[int, int], size: tuple[int, int]) -> DataError:
    width, height = size
    if written == (height, width):
        return DataError(
            f"says {height}x{width}, but the image is displayed as {width}x{height}: the boxes were drawn before the "
            "image was turned (EXIF orientation)",
            hint="draw the boxes again on the image as it is displayed",
        )
    return DataError(
        f"says {written[0]}x{written[1]}, but the image is {width}x{height}",
        hint="check that the entry belongs to this image; if the boxes sit right, correct width and height",
    )


def _record(each: FoundImage, size: tuple[int, int], labels: dict[str, int], name: str) -> Record:
    boxes = Boxes([box.corners for box in each.objects], [labels[box.name] for box in each.objects])
    return Record(
        each.image,
        size[0],
        size[1],
        boxes.clip(*size),
        tuple(BoxFlags(box.difficult, box.truncated, box.pose) for box in each.objects),
        name=name,
        annotation=each.annotation,
        patient=each.facts.patient,
        split=each.facts.split,
        body_part=each.facts.body_part,
        view=each.facts.view,
        laterality=each.facts.laterality,
    )


def shortest_text(value: float) -> float:
    """A float32 as the double that is written the shortest way: 10.3, not 10.300000190734863."""
    import numpy as np

    return float(str(np.float32(value)))


def fewest_digits(
    values: Sequence[float], is_right: Callable[[Sequence[float]], bool], digits: Sequence[int]
) -> list[float]:
    """``values`` rounded to the first of ``digits`` places that ``is_right`` accepts; as they are if none does."""
    for places in digits:
        rounded = [round(value, places) for value in values]
        if is_right(rounded):
            return rounded
    return list(values)
