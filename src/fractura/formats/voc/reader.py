"""Pascal VOC folders as LabelImg makes them: read into a ``Dataset``, written from one."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags, Dataset, Record
from fractura.core.errors import DataError, FracturaError, UsageError, nearest_name
from fractura.formats.image_index import find_voc_folder
from fractura.formats.validation import box_fault, size_fault
from fractura.formats.voc.parser import read_voc_file
from fractura.formats.voc.serializer import VocAnnotation
from fractura.imaging.reader import radiograph_facts, radiograph_size

_logger = logging.getLogger(__name__)


def read_voc(
    folder: Path,
    *,
    class_names: Sequence[str] | None = None,
    on_error: Literal["stop", "skip"] = "stop",
    problems: list[FracturaError] | None = None,
    scores: bool = False,
) -> Dataset:
    """Read a folder of images and Pascal VOC files. Nothing in it is changed.

    The layout is ``images/`` + ``annotations/``, ``JPEGImages/`` + ``Annotations/``, or everything in one folder. An
    annotation without objects is a negative image; an image without annotation is not used.

    Args:
        folder: The folder.
        class_names: In label order; by default the names found, sorted.
        on_error: ``stop`` at the first fault, or ``skip`` that image.
        problems: Collects what was skipped and which images are not used; without it they are logged as warnings.
        scores: Read ``<score>`` (predictions) into ``Boxes.scores``; needs one at every object.

    Raises:
        DataError: Nothing to read; or (``stop``) a file that is malformed, has no image, belongs to an image that has
            one already, disagrees with the image's size, holds a box without area or outside the image or an unknown
            class name. File, object and hint are named.
        UsageError: ``class_names`` holds a name twice.
    """
    if class_names is not None and len(set(class_names)) < len(class_names):
        raise UsageError(f"class names must differ: {list(class_names)}", hint="take the repeated name out")
    files = find_voc_folder(folder)
    matcher = files.matcher()
    found: list[tuple[Path, VocAnnotation, tuple[int, int], Path]] = []
    faults: list[FracturaError] = []
    owner: dict[Path, Path] = {}
    claimed: set[Path] = set()
    for path in files.annotations:
        try:
            annotation = read_voc_file(path)
            image = _image(matcher.find(path, annotation.filename), path, annotation, files.image_dir)
            claimed.add(image)
            if image in owner:
                raise DataError(
                    f"belongs to the image {image.name}, and so does {owner[image].name}",
                    file=path,
                    hint="keep one annotation file for an image, and correct its <filename>",
                )
            size = radiograph_size(image)
            _check(path, annotation, size, class_names)
        except DataError as fault:
            if on_error == "stop":
                raise
            faults.append(fault)
            continue
        owner[image] = path
        found.append((path, annotation, size, image))
    if not found:
        raise DataError(
            f"none of {len(files.annotations)} annotations can be used; the first fault is: {faults[0].problem}",
            file=faults[0].file,
            place=faults[0].place,
            hint=faults[0].hint,
        )
    if unused := [image for image in files.images if image not in claimed]:
        faults.append(_unused(files.image_dir, unused))
    _report(faults, problems)
    names = tuple(class_names) if class_names is not None else _names(a for _, a, _, _ in found)
    labels = {name: label for label, name in enumerate(names)}
    records = tuple(
        _record(image, path, annotation, size, labels, scores=scores) for path, annotation, size, image in found
    )
    return Dataset(names, records, Path(folder))


def _image(image: Path | None, path: Path, annotation: VocAnnotation, image_dir: Path) -> Path:
    if image is None:
        raise DataError(
            f"its image '{annotation.filename or path.stem}' is not in {image_dir}",
            file=path,
            hint="put the image there under that name, or take the annotation out",
        )
    return image


def _check(path: Path, annotation: VocAnnotation, size: tuple[int, int], class_names: Sequence[str] | None) -> None:
    if fault := size_fault(annotation, size):
        raise DataError(fault[0], file=path, hint=fault[1])
    for number, each in enumerate(annotation.objects, start=1):
        if problem := box_fault(each, *size):
            raise DataError(
                problem, file=path, place=f"object {number}", hint="draw the box again in the labelling tool"
            )
        if class_names is not None and each.name not in class_names:
            nearest = nearest_name(each.name, class_names)
            meant = f"did you mean '{nearest}'? Otherwise add" if nearest else "rename it, or add"
            raise DataError(
                f"unknown class '{each.name}'; known are {', '.join(class_names) or 'none'}",
                file=path,
                place=f"object {number}",
                hint=f"{meant} '{each.name}' to the class names",
            )


def _unused(image_dir: Path, unused: list[Path]) -> DataError:
    some = ", ".join(image.name for image in unused[:3]) + (", …" if len(unused) > 3 else "")
    return DataError(
        f"{len(unused)} images have no annotation and are not used: {some}",
        file=image_dir,
        hint="label them; an image on which nothing is broken needs an XML file without objects",
    )


def _report(faults: list[FracturaError], problems: list[FracturaError] | None) -> None:
    if problems is not None:
        problems.extend(faults)
        return
    for fault in faults:
        _logger.warning("not used: %s", fault)


def _names(annotations: Iterable[VocAnnotation]) -> tuple[str, ...]:
    return tuple(sorted({each.name for annotation in annotations for each in annotation.objects}))


def _record(
    image: Path,
    path: Path,
    annotation: VocAnnotation,
    size: tuple[int, int],
    labels: dict[str, int],
    *,
    scores: bool,
) -> Record:
    objects = annotation.objects
    certainty = [each.score for each in objects if each.score is not None] if scores else None
    if certainty is not None and len(certainty) != len(objects):
        raise DataError(
            f"{len(objects) - len(certainty)} of {len(objects)} objects have no <score>",
            file=path,
            hint="read labels drawn by people without scores",
        )
    boxes = Boxes([each.corners for each in objects], [labels[each.name] for each in objects], certainty)
    flags = tuple(BoxFlags(each.difficult, each.truncated, each.pose) for each in objects)
    facts = radiograph_facts(image)
    return Record(
        image,
        size[0],
        size[1],
        boxes.clip(*size),
        flags,
        annotation=path,
        patient=facts.patient,
        body_part=facts.body_part,
        view=facts.view,
        laterality=facts.laterality,
        study=facts.study,
        device=facts.device,
    )
