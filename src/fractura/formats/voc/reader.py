"""Pascal VOC folders as LabelImg makes them, read into a ``Dataset``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError, FracturaError
from fractura.formats.assembly import FoundImage, ReadOptions, WrittenFacts, gather, other_image, some_of
from fractura.formats.cvat import is_cvat
from fractura.formats.faults import NOT_ANNOTATED, Faults, OnError, UnusedImagesError, refuse_repeated_names
from fractura.formats.format import FACTS, FLAGS, FRACTIONS, Evidence, Format
from fractura.formats.image_index import ImageIndex
from fractura.formats.voc.decisions import is_decided
from fractura.formats.voc.layout import VocFolder, find_voc_folder
from fractura.formats.voc.parser import read_voc_file
from fractura.formats.voc.writer import plan_voc
from fractura.imaging.reader import radiograph_size_and_facts


def read_voc(
    folder: Path,
    *,
    class_names: Sequence[str] | None = None,
    on_error: OnError = "stop",
    problems: list[FracturaError] | None = None,
    scores: bool = False,
    image_dir: Path | None = None,
) -> Dataset:
    """Read a folder of images and Pascal VOC files. Nothing in it is changed.

    The layout is ``images/`` + ``annotations/``, ``JPEGImages/`` + ``Annotations/``, or everything in one folder; in
    sub-folders of the images, annotations lie beside them. An annotation without objects is a negative image; an image
    without annotation is not used.

    Args:
        folder: The folder.
        class_names: In label order; by default the names found, sorted.
        on_error: ``stop`` at the first fault, or ``skip`` that image; see ``read_dataset``.
        problems: Collects what was skipped and which images are not used; without it they are logged as warnings.
        scores: Read ``<score>`` (predictions) into ``Boxes.scores``; needs one at every object.
        image_dir: Where the images lie, sub-folders included, if not there.

    Raises:
        DataError: Nothing to read; or (``stop``) a file that is malformed, has no image, names another image than the
            one it is named after, belongs to an image that has one already, disagrees with the image's size, holds a
            box without area or outside the image or an unknown class name. File, object and hint are named.
        UsageError: ``class_names`` holds a name twice.
    """
    refuse_repeated_names(class_names)
    faults = Faults(on_error)
    names = None if class_names is None else tuple(class_names)
    options = ReadOptions(class_names=names, image_dir=image_dir, scores=scores)
    dataset = read_voc_folder(Path(folder), options, faults)
    faults.report(problems)
    return dataset


def read_voc_folder(folder: Path, options: ReadOptions, faults: Faults) -> Dataset:
    """Read a folder; see ``read_voc``."""
    files = find_voc_folder(folder, options.image_dir)
    return gather(_images(folder, files, faults), root=folder, options=options, faults=faults)


def _images(folder: Path, files: VocFolder, faults: Faults) -> Iterator[FoundImage]:
    unused: list[Path] = []
    for part in (files, *files.subfolders):
        index = part.index()
        yield from _images_of(part, index, folder, files.image_dir, faults)
        unused += index.unused
    if unused:
        names = some_of([image.name for image in unused])
        faults.note(
            UnusedImagesError(
                f"{len(unused)} images have no annotation and are not used: {names}",
                count=len(unused),
                reason=NOT_ANNOTATED,
                file=files.image_dir,
                hint="label them; an image on which nothing is broken needs an XML file without objects",
            )
        )


def _images_of(
    files: VocFolder, index: ImageIndex, root: Path, image_dir: Path, faults: Faults
) -> Iterator[FoundImage]:
    """The images of the folder itself or of one of its sub-folders; ``image_dir`` is the whole's."""
    for path in files.annotations:
        own, annotation = index.own(path), None
        try:
            annotation = read_voc_file(path)
            image = index.match(path, annotation.filename)
            if image is None:
                raise DataError(
                    f"its image '{annotation.filename or path.stem}' is not in {files.image_dir}",
                    file=path,
                    hint="put the image there under that name, name the images' folder, or take the annotation out",
                )
        except DataError as fault:
            if own is None:
                faults.add(fault, boxes=annotation is None or bool(annotation.objects))
            else:  # no other file may speak for its image instead
                index.found.add(own)
                yield FoundImage(own, image_dir, path, fault=fault)
            continue
        if own is not None and own != image:
            yield FoundImage(image, image_dir, path, objects=annotation.objects, fault=other_image(image, own))
            continue
        try:
            displayed, facts = radiograph_size_and_facts(image)
        except DataError as fault:
            yield FoundImage(image, image_dir, path, objects=annotation.objects, fault=fault)
            continue
        yield FoundImage(
            image,
            image_dir,
            path,
            objects=annotation.objects,
            places=tuple(f"object {number}" for number in range(1, len(annotation.objects) + 1)),
            size=annotation.size,
            facts=WrittenFacts(
                patient=facts.patient,
                body_part=facts.body_part,
                view=facts.view,
                laterality=facts.laterality,
                study=facts.study,
                device=facts.device,
            ),
            displayed=displayed,
            name=image.name if files.image_dir == image_dir else None,
            decided_normal=not annotation.objects and is_decided(root, image.relative_to(image_dir).as_posix(), path),
        )


def _find(folder: Path) -> Evidence | None:
    try:
        files = find_voc_folder(folder)
    except DataError:
        return None
    if all(is_cvat(file) for file in files.annotations[:3]):
        return None
    count = sum(len(part.annotations) for part in (files, *files.subfolders))
    return Evidence(folder, f"it holds {count} .xml files")


VOC = Format(
    name="voc",
    title="Pascal VOC",
    read=read_voc_folder,
    plan=plan_voc,
    holds=FLAGS | FACTS | FRACTIONS | {"review", "study", "device"},  # the last two are in its images' DICOM headers
    reads_folders=True,
    takes_image_dir=True,
    find=_find,
)
