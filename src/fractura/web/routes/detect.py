"""``/api/detect`` and ``/api/uploads``: films are sent, marks come back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from fractura.web.errors import WebError, documented
from fractura.web.model_registry import UsableModel
from fractura.web.routes.suggestions import box_info
from fractura.web.schemas import DetectedFilm, Detections, DetectionStart, FilmId, MarkInfo, ModelId
from fractura.web.state import Here, Workplace
from fractura.web.truths import Truth, match_truths
from fractura.web.uploads import plain_name, sent_film

_LINES = "application/x-ndjson"

router = APIRouter(tags=["detect"])


@router.post(
    "/api/detect",
    response_model=Detections,
    responses={
        200: {"content": {_LINES: {"schema": {"type": "string"}}}, "description": "What the model marks"},
        **documented(401, 403, 404, 409, 413, 422),
    },
)
async def detect(
    here: Here,
    request: Request,
    films: Annotated[list[UploadFile], File(description="JPEG, PNG, TIFF, BMP or DICOM.")],
    annotations: Annotated[
        list[UploadFile] | None, File(description="Pascal VOC files of these films, to compare with.")
    ] = None,
    model: Annotated[ModelId | None, Form(description="By default the model in use.")] = None,
    keep: Annotated[bool, Form(description="Keep the films in memory, for pictures and exports.")] = True,
) -> Response | Detections:
    """Find fractures on films. A film that cannot be read has an ``error`` and does not spoil the others.

    With ``Accept: application/x-ndjson`` the answer is one line of JSON for the model, and one a film as it is done.
    """
    most = here.settings.films_per_request
    if len(films) > most:
        raise WebError(413, "too_many_films", f"more than {most} films in one request", hint="send them in parts")
    using = here.shelf.get(model)
    sent = [(plain_name(film.filename), await film.read()) for film in films]
    drawn = [(plain_name(each.filename), await each.read()) for each in annotations or []]
    truths = match_truths([name for name, _ in sent], drawn)

    def results() -> Iterator[DetectedFilm]:
        for (name, data), truth in zip(sent, truths, strict=True):
            yield _detected(here, using, name, data, truth, keep=keep)

    card = using.card
    if _LINES in request.headers.get("accept", ""):
        start = DetectionStart(
            model=using.id, threshold=card.threshold, class_names=list(card.class_names), films=len(sent)
        )
        return StreamingResponse(_lines(start, results()), media_type=_LINES)
    found = await run_in_threadpool(lambda: list(results()))
    return Detections(model=using.id, threshold=card.threshold, class_names=list(card.class_names), films=found)


@router.delete("/api/uploads", status_code=204, response_class=Response, responses=documented(401, 403))
async def forget_all(here: Here) -> Response:
    """Forget all films that were sent."""
    here.uploads.forget()
    return Response(status_code=204)


@router.delete("/api/uploads/{film}", status_code=204, response_class=Response, responses=documented(401, 403, 422))
async def forget(film: FilmId, here: Here) -> Response:
    """Forget a film that was sent; one that is gone already is no error."""
    here.uploads.forget(film)
    return Response(status_code=204)


def _lines(start: DetectionStart, results: Iterator[DetectedFilm]) -> Iterator[str]:
    each: BaseModel
    yield start.model_dump_json() + "\n"
    for each in results:
        yield each.model_dump_json() + "\n"


def _detected(here: Workplace, model: UsableModel, name: str, data: bytes, truth: Truth, *, keep: bool) -> DetectedFilm:
    started = time.perf_counter()
    source = sent_film(name, data)
    try:
        film = here.pictures.film(source)
        found = here.marks_on(source, model)
    except WebError as error:
        return DetectedFilm(id=None, name=name, seconds=_since(started), error=error.detail())
    problem = truth.problem_for(found.width, found.height)
    if keep:
        here.uploads.keep(source)
    return DetectedFilm(
        id=source.id if keep else None,
        name=name,
        width=found.width,
        height=found.height,
        bit_depth=film.bit_depth,
        dicom=source.is_dicom,
        marks=[MarkInfo(**mark.to_dict()) for mark in found.marks],
        truth=None if truth.boxes is None or problem else [box_info(each) for each in truth.boxes],
        truth_problem=problem,
        seconds=_since(started),
    )


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 4)
