"""``/api/annotations``: reads and saves the boxes of an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Header, Response

from fractura.formats.faults import box_fault, size_fault
from fractura.web.annotation_store import AnnotationStore, ChangedElsewhereError, StoredAnnotation, malformed
from fractura.web.api_errors import WebError, documented
from fractura.web.app_state import CurrentState
from fractura.web.folder_index import ImageRow
from fractura.web.folder_state import FolderState
from fractura.web.schemas import Annotation, AnnotationIn, Box, ImageId, Note

router = APIRouter(tags=["annotations"])
IfMatch = Annotated[str | None, Header(description="The etag of the state that the change starts from.")]
_WRITING = documented(401, 403, 404, 409, 413, 422, 428, 507)


@router.get("/api/annotations/{image}", response_model=Annotation, responses=documented(401, 404, 409, 413, 422))
def read_annotation(image: ImageId, state: CurrentState, response: Response) -> Annotation:
    """The boxes of an image; for a malformed file, an error that includes its text."""
    folder = state.folder
    row = folder.row(image)
    return _respond(folder.annotations, row, folder.annotations.load(row), response)


@router.put("/api/annotations/{image}", response_model=Annotation, responses=_WRITING)
def save_annotation(
    image: ImageId, wanted: AnnotationIn, state: CurrentState, response: Response, if_match: IfMatch = None
) -> Annotation:
    """Save all boxes of an image. The response is what the file now holds: new boxes are rounded as LabelImg does.

    An empty list of boxes needs ``normal``: an image counts as normal by a person's decision only. With null instead of
    a list, nothing is decided: the annotation file is deleted (the backup stays) and the comment saved.
    """
    folder = state.folder
    if wanted.boxes is not None:
        # Nobody can have labelled an image that cannot be shown. The one on the screen is decoded already.
        state.images.radiograph(folder.source(image))
    return _change(
        folder, image, if_match, response, lambda row, known: folder.annotations.save(row, known, wanted)
    )  # fmt: skip


@router.delete("/api/annotations/{image}", response_model=Annotation, responses=_WRITING)
def delete_annotation(image: ImageId, state: CurrentState, response: Response, if_match: IfMatch = None) -> Annotation:
    """Delete the annotation, so that the image counts as unlabelled; the backup stays."""
    folder = state.folder
    return _change(folder, image, if_match, response, folder.annotations.delete)


@router.post("/api/annotations/{image}/restore", response_model=Annotation, responses=_WRITING)
def restore_annotation(image: ImageId, state: CurrentState, response: Response, if_match: IfMatch = None) -> Annotation:
    """Swap the backup and the file."""
    folder = state.folder
    return _change(folder, image, if_match, response, folder.annotations.restore)


def _change(
    folder: FolderState,
    image: str,
    if_match: str | None,
    response: Response,
    change: Callable[[ImageRow, str], StoredAnnotation],
) -> Annotation:
    """Make a change that starts from a known state; if the state is a different one, the error includes it."""
    row = folder.row(image)
    if if_match is None:
        raise WebError(
            428, "if_match_needed", "the header If-Match is missing", hint="send the etag of the state you changed"
        )
    try:
        stored = change(row, if_match)
    except ChangedElsewhereError as error:
        current = _annotation(folder.annotations, row, error.current)
        raise WebError(
            409,
            "changed_elsewhere",
            "this image was changed in another window or program",
            hint="take over the current state, or save again with its etag",
            extra={"current": current.model_dump()},
        ) from error
    return _respond(folder.annotations, row, stored, response)


def _respond(store: AnnotationStore, row: ImageRow, stored: StoredAnnotation, response: Response) -> Annotation:
    response.headers["ETag"] = stored.etag
    return _annotation(store, row, stored)


def _annotation(store: AnnotationStore, row: ImageRow, stored: StoredAnnotation) -> Annotation:
    has_backup = store.has_backup(row)
    if stored.fault is not None:
        raise malformed(stored, has_backup=has_backup)
    size, annotation = store.size(row), stored.annotation
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
        normal=annotation is not None and not annotation.objects,
        etag=stored.etag,
        width=size[0],
        height=size[1],
        boxes=[Box.of(each) for each in objects],
        verified=annotation is not None and annotation.verified,
        comment=stored.comment,
        written_size=None if annotation is None else (annotation.width, annotation.height),
        notes=notes,
        has_backup=has_backup,
    )
