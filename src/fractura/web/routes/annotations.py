"""``/api/annotations``: reading and saving the boxes of an image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Response

from fractura.core.errors import DataError
from fractura.formats.validation import box_fault, size_fault
from fractura.imaging.reader import radiograph_size
from fractura.web.annotation_store import ChangedElsewhereError, StoredAnnotation, WantedBox, malformed
from fractura.web.errors import WebError, documented
from fractura.web.folder_index import ImageRow
from fractura.web.routes.suggestions import box_info
from fractura.web.schemas import Annotation, AnnotationIn, ClassName, ClassNames, ImageId, Note
from fractura.web.state import Here, Workplace

_NAME_FILES = ("predefined_classes.txt", "classes.txt")
_MOST_NAMES = 1000

router = APIRouter(tags=["annotations"])
IfMatch = Annotated[str | None, Header(description="The etag of the state that the change starts from.")]
_WRITING = documented(401, 403, 404, 409, 413, 422, 428, 507)


@router.get("/api/annotations/{image}", response_model=Annotation, responses=documented(401, 404, 409, 413, 422))
def read_annotation(image: ImageId, here: Here, response: Response) -> Annotation:
    """The boxes of an image; a malformed file is an error that shows its text."""
    row = here.row(image)
    return _answer(here, row, here.annotation_store().load(row), response)


@router.put("/api/annotations/{image}", response_model=Annotation, responses=_WRITING)
def save_annotation(
    image: ImageId, wanted: AnnotationIn, here: Here, response: Response, if_match: IfMatch = None
) -> Annotation:
    """Save all boxes of an image. What comes back is what is in the file now: new boxes are rounded as LabelImg
    does."""
    boxes = [
        WantedBox(each.name, (each.xmin, each.ymin, each.xmax, each.ymax), each.difficult, each.pose)
        for each in wanted.boxes
    ]

    def save(row: ImageRow, known: str) -> StoredAnnotation:
        return here.annotation_store().save(row, known, boxes, verified=wanted.verified, comment=wanted.comment)

    return _changed(here, image, if_match, response, save)


@router.delete("/api/annotations/{image}", response_model=Annotation, responses=_WRITING)
def delete_annotation(image: ImageId, here: Here, response: Response, if_match: IfMatch = None) -> Annotation:
    """Take the annotation away, so that the image counts as not labelled; the backup stays."""
    return _changed(here, image, if_match, response, here.annotation_store().delete)


@router.post("/api/annotations/{image}/restore", response_model=Annotation, responses=_WRITING)
def restore_annotation(image: ImageId, here: Here, response: Response, if_match: IfMatch = None) -> Annotation:
    """Let the backup and the file change places."""
    return _changed(here, image, if_match, response, here.annotation_store().restore)


@router.get("/api/classes", response_model=ClassNames, responses=documented(401, 404))
def class_names(here: Here) -> ClassNames:
    """Class names to choose from: those in use, those of LabelImg's list in the folder, the model's."""
    index = here.folder_index()
    counts = dict(index.class_counts())
    for file in _NAME_FILES:
        for name in _names_in(index.folder / file):
            counts.setdefault(name, 0)
    model = here.shelf.in_use()
    for name in () if model is None else model.card.class_names:
        counts.setdefault(name, 0)
    return ClassNames(classes=[ClassName(name=name, boxes=count) for name, count in counts.items()])


def _names_in(file: Path) -> list[str]:
    if not file.is_file() or file.is_symlink():
        return []
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line.strip() for line in lines if line.strip()][:_MOST_NAMES]


def _changed(
    here: Workplace,
    image: str,
    if_match: str | None,
    response: Response,
    change: Callable[[ImageRow, str], StoredAnnotation],
) -> Annotation:
    """Make a change that starts from a known state; another state is answered with the one that is there now."""
    row = here.row(image)
    if if_match is None:
        raise WebError(
            428, "if_match_needed", "the header If-Match is missing", hint="send the etag of the state you changed"
        )
    try:
        stored = change(row, if_match)
    except ChangedElsewhereError as error:
        raise WebError(
            409,
            "changed_elsewhere",
            "this image was changed in another window or program",
            hint="take over the other state, or save again with its etag",
            extra={"current": _document(here, row, error.current).model_dump()},
        ) from error
    return _answer(here, row, stored, response)


def _answer(here: Workplace, row: ImageRow, stored: StoredAnnotation, response: Response) -> Annotation:
    response.headers["ETag"] = stored.etag
    return _document(here, row, stored)


def _document(here: Workplace, row: ImageRow, stored: StoredAnnotation) -> Annotation:
    if stored.fault is not None:
        raise malformed(stored, has_backup=here.annotation_store().has_backup(row))
    try:
        size = radiograph_size(row.path, name=row.name)
    except DataError as error:
        raise WebError.of(error, 422, "image_unreadable") from error
    annotation = stored.annotation
    objects = annotation.objects if annotation is not None else ()
    notes = []
    if annotation is not None and (fault := size_fault(annotation.size, size)):
        notes.append(Note(message=fault[0], place=None, hint=fault[1]))
    for number, each in enumerate(objects, start=1):
        if problem := box_fault(each.corners, *size):
            notes.append(Note(message=problem, place=f"box {number}", hint="draw it again"))
    return Annotation(
        image=row.id,
        exists=annotation is not None,
        etag=stored.etag,
        width=size[0],
        height=size[1],
        boxes=[box_info(each) for each in objects],
        verified=annotation is not None and annotation.verified,
        comment=stored.comment,
        written_size=None if annotation is None else (annotation.width, annotation.height),
        notes=notes,
        has_backup=here.annotation_store().has_backup(row),
    )
