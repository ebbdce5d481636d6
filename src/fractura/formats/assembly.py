"""From what a file says of its images to a ``Dataset``: the part that all formats but TFRecord share.

A reader turns its file into ``FoundImage`` values and ends with ``gather``; faults of single images go to ``Faults``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags, Dataset, Record
from fractura.core.errors import DataError
from fractura.formats.faults import (
    NOT_ANNOTATED,
    ROUNDING,
    Faults,
    UnusedImagesError,
    over_edge,
    placed,
    reading_fault,
    size_fault,
    unknown_class,
)
from fractura.formats.image_index import ImageIndex, unique_names
from fractura.formats.voc.annotation import VocObject
from fractura.imaging.reader import radiograph_frame, radiograph_size

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


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How a data set is to be read.

    Attributes:
        class_names: In label order, whatever the file says; None takes the file's own.
        image_dir: Where the images lie; None takes the format's usual place.
        scores: Read the boxes' scores (predictions), which every box must have then.
    """

    class_names: tuple[str, ...] | None = None
    image_dir: Path | None = None
    scores: bool = False


@dataclass(frozen=True, kw_only=True)
class WrittenFacts:
    """What a file says of an image in addition to its boxes; see ``Record``."""

    patient: str | None = None
    split: str | None = None
    body_part: str | None = None
    view: str | None = None
    laterality: str | None = None
    study: str | None = None
    device: str | None = None


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
        size: Width and height as the file says; None if it does not, or need not.
        facts: What else the file says.
        displayed: Width and height of the image where they were read already.
        name: What the image is called in the data set; None takes its file name, made unique.
        decided_normal: See ``Record``.
        fault: Why the image is left out, whatever else is said of it.
        image_labels: What the file calls the image as a whole, such as a flag or a tag that is set.
    """

    image: Path
    root: Path
    annotation: Path
    place: str | None = None
    objects: tuple[VocObject, ...] = ()
    places: tuple[str, ...] = ()
    size: tuple[int | None, int | None] | None = None
    facts: WrittenFacts = field(default_factory=WrittenFacts)
    displayed: tuple[int, int] | None = None
    name: str | None = None
    decided_normal: bool = False
    fault: DataError | None = None
    image_labels: tuple[str, ...] = ()


def split_of(text: str) -> str | None:
    """``train``, ``val`` or ``test`` for the words people use for them; None for any other.

    Examples:
        >>> split_of("Validation"), split_of("images")
        ('val', None)
    """
    return _SPLIT_WORDS.get(text.strip().casefold())


def images_of(path: Path, options: ReadOptions) -> ImageIndex:
    """The images that a file describes: in the folder named, else below its own.

    That is the folder above if the file's is called ``annotations`` or ``labels``. ``path`` may be a folder of files
    that describe an image each.

    Raises:
        DataError: A folder cannot be listed.
    """
    if options.image_dir is not None:
        return ImageIndex.below([options.image_dir])
    folder = path if path.is_dir() else path.parent
    return ImageIndex.below([folder.parent if folder.name.casefold() in ("annotations", "labels") else folder])


def gather(
    found: Iterable[FoundImage],
    *,
    root: Path,
    options: ReadOptions,
    faults: Faults,
    known_names: Sequence[str] | None = None,
    empty: str = "holds no images",
    index: ImageIndex | None = None,
) -> Dataset:
    """Check every image and make the data set.

    Args:
        found: The images.
        root: Of the data set.
        options: Whose class names always win.
        faults: Collects what cannot be used.
        known_names: The file's own class names, in its order; None takes the names found, sorted.
        empty: What to say when there is no image at all.
        index: The images among which they were found: those that the file does not list are said.

    Raises:
        DataError: No image can be used; a fault, where ``faults`` stops; or too many boxes would be left out.
    """
    used = _usable(found, options, faults)
    if not used:
        raise faults.nothing_left("image", empty, root)
    _refuse_fractions([each for each, _ in used])
    _refuse_image_labels([each for each, _ in used], root, faults)
    faults.refuse_loss(sum(bool(each.objects) for each, _ in used))
    _note_cut_boxes(used, root, faults)
    if index is not None and (unused := index.unused):
        faults.note(
            UnusedImagesError(
                f"{len(unused)} images are not listed and are not used: {some_of([each.name for each in unused])}",
                count=len(unused),
                reason=NOT_ANNOTATED,
                file=root,
                hint="list them, too, if they belong to the data set; an image without boxes is a negative image",
            )
        )
    names = known_names if options.class_names is None else options.class_names
    if names is None:
        names = sorted({box.name for each, _ in used for box in each.objects})
    labels = {name: label for label, name in enumerate(names)}
    titles = unique_names((each.image, each.root) for each, _ in used)
    records = (_record(each, size, labels, titles[each.image], scores=options.scores) for each, size in used)
    return Dataset(tuple(names), tuple(records), root)


def _usable(
    found: Iterable[FoundImage], options: ReadOptions, faults: Faults
) -> list[tuple[FoundImage, tuple[int, int]]]:
    """The images that can be used, with their sizes; of one that is described twice neither description counts."""
    used: dict[Path, tuple[FoundImage, tuple[int, int]]] = {}
    owners: dict[Path, FoundImage] = {}
    for each in found:
        owner = owners.setdefault(each.image, each)
        try:
            if owner is not each:
                if used.pop(each.image, None) is not None and owner.objects:
                    faults.lose(each.image)
                raise _second_entry(each, owner)
            if each.fault is not None:
                raise each.fault
            size = each.displayed or radiograph_size(each.image)
            _check(each, size, options.class_names)
        except DataError as fault:
            boxes = bool(each.objects) or each.fault is not None
            faults.add(placed(fault, each.annotation, each.place), image=each.image, boxes=boxes)
            continue
        used[each.image] = each, size
    return list(used.values())


def _refuse_fractions(used: Sequence[FoundImage]) -> None:
    """See that the boxes are in pixels: if all lie within the first pixel, they are fractions of the sides.

    Raises:
        DataError: They are.
    """
    corners = [box.corners for each in used for box in each.objects]
    if not corners or max(max(right, bottom) for _, _, right, bottom in corners) > 1:
        return
    first = next(each for each in used if each.objects)
    left, top, right, bottom = corners[0]
    raise DataError(
        f"all {len(corners)} boxes lie within the first pixel, such as ({left:g}, {top:g}, {right:g}, {bottom:g}): "
        "they seem to be fractions of the image's sides, not pixels",
        file=first.annotation,
        place=first.places[0] if first.places else first.place,
        hint="export the boxes in pixels, or multiply them by the width and height of their image",
    )


def _refuse_image_labels(used: Sequence[FoundImage], root: Path, faults: Faults) -> None:
    """See that the images are not only classified: without a box they would all be negative.

    Raises:
        DataError: They are.
    """
    labelled = [each for each in used if each.image_labels and not each.objects]
    if not labelled:
        return
    names = some_of(sorted({name for each in labelled for name in each.image_labels}))
    if not any(each.objects for each in used):
        raise DataError(
            f"no image has a box, but {len(labelled)} have labels for the whole image ({names})",
            file=root,
            hint="draw boxes: a label for the whole image does not say where something is",
        )
    faults.note(
        DataError(
            f"{len(labelled)} images have no box, but labels for the whole image ({names}): they are negative images",
            file=root,
            hint="draw boxes on those that are not",
        )
    )


def _note_cut_boxes(used: Sequence[tuple[FoundImage, tuple[int, int]]], root: Path, faults: Faults) -> None:
    over = [
        (reach, each.image.name)
        for each, size in used
        for box in each.objects
        if (reach := over_edge(box.corners, *size)) > ROUNDING
    ]
    if over:
        names = list(dict.fromkeys(name for _, name in over))
        faults.note(
            DataError(
                f"{len(over)} boxes reach up to {max(over)[0]:.3g} pixels over the edge of their image and are cut "
                f"there: {some_of(names)}",
                file=root,
                hint="examine them if that is not what was meant",
            )
        )


def other_image(image: Path, own: Path) -> DataError:
    """The fault of an annotation file that names ``image``, but is itself named after ``own``."""
    return DataError(
        f"names the image {image.name}, but is itself named after {own.name}, which is there, too: its boxes may be "
        "those of either",
        hint="correct the name in it (<filename> in Pascal VOC), or rename the file",
    )


def some_of(names: Sequence[str]) -> str:
    """The first three of some names, in one line."""
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _check(each: FoundImage, size: tuple[int, int], class_names: tuple[str, ...] | None) -> None:
    if each.size is not None and each.size != size:
        fault = size_fault(each.size, size, orientation=radiograph_frame(each.image)[2])
        if fault is not None:
            raise DataError(fault[0], hint=fault[1])
    for number, box in enumerate(each.objects, start=1):
        place = each.places[number - 1] if each.places else _box_place(each.place, number)
        if problem := reading_fault(box.corners, *size):
            raise DataError(problem, place=place, hint="draw the box again in the labelling tool, or take it out")
        if class_names is not None and box.name not in class_names:
            raise unknown_class(box.name, class_names, place)


def _box_place(place: str | None, number: int) -> str:
    return f"box {number}" if place is None else f"{place}, box {number}"


def _second_entry(each: FoundImage, owner: FoundImage) -> DataError:
    if each.annotation == owner.annotation:
        return DataError(
            f"the image {each.image.name} is there twice", hint="keep one entry for an image, with all of its boxes"
        )
    return DataError(
        f"belongs to the image {each.image.name}, and so does {owner.annotation.name}",
        hint="keep one annotation file for an image, and correct the image's name in the other",
    )


def _record(each: FoundImage, size: tuple[int, int], labels: dict[str, int], name: str, *, scores: bool) -> Record:
    certainty = None
    if scores:
        certainty = [box.score for box in each.objects if box.score is not None]
        if len(certainty) != len(each.objects):
            raise DataError(
                f"{len(each.objects) - len(certainty)} of {len(each.objects)} objects have no <score>",
                file=each.annotation,
                place=each.place,
                hint="read labels drawn by people without scores",
            )
    boxes = Boxes([box.corners for box in each.objects], [labels[box.name] for box in each.objects], certainty)
    return Record(
        each.image,
        size[0],
        size[1],
        boxes.clip(*size),
        tuple(BoxFlags(box.difficult, box.truncated, box.pose) for box in each.objects),
        name=each.name or name,
        annotation=each.annotation,
        decided_normal=each.decided_normal,
        **vars(each.facts),
    )
