"""``/api/detect``: detects fractures on uploaded images."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BeforeValidator, TypeAdapter
from starlette.concurrency import run_in_threadpool

from fractura.inference.origin import ResultOrigin
from fractura.web.api_errors import WebError, documented
from fractura.web.app_state import AppState, CurrentState
from fractura.web.model_registry import UsableModel
from fractura.web.schemas import DetectedImage, DetectionResponse, ModelId
from fractura.web.uploads import GroundTruth, ImageSource, match_ground_truths, plain_name, uploaded_image

_LINES = "application/x-ndjson"
_ROW = TypeAdapter(DetectedImage)

router = APIRouter(tags=["detect"])


def _chosen(files: list[UploadFile | str]) -> list[UploadFile | str]:
    """Without the empty text that Swagger UI sends where no file was chosen."""
    return [each for each in files if each != ""]


@router.post(
    "/api/detect",
    response_model=DetectionResponse,
    responses={
        200: {"content": {_LINES: {"schema": {"type": "string"}}}, "description": "The model's detections"},
        **documented(401, 403, 404, 409, 413, 422),
    },
)
async def detect(
    state: CurrentState,
    request: Request,
    images: Annotated[list[UploadFile], File(description="JPEG, PNG, TIFF, BMP, WebP, HEIC or DICOM.")],
    annotations: Annotated[
        list[UploadFile],
        File(default_factory=list, description="Pascal VOC files of these images, for comparison."),
        BeforeValidator(_chosen),
    ],
    model: Annotated[ModelId | None, Form(description="By default the model in use.")] = None,
    threshold: Annotated[
        float | None,
        Form(
            ge=0,
            le=1,
            allow_inf_nan=False,
            description="Lowest score of a detection; by default all are given, down to 0.05.",
        ),
    ] = None,
    keep: Annotated[bool, Form(description="Keep the images in memory, for pictures and exports.")] = True,
    identifiers: Annotated[
        bool, Form(description="Study, series and SOP instance UID and accession number of DICOM images.")
    ] = False,
) -> Response | DetectionResponse:
    """Detect fractures on images. An image that cannot be read has an ``error`` and does not affect the others.

    The document is that of ``results.json``, which ``fractura detect`` writes. Without ``threshold``, detections are
    given down to a score of 0.05 and the ``threshold`` of the response is the model's own, for the client to apply.

    With ``Accept: application/x-ndjson`` the response is one line of JSON about the model, then one per image as soon
    as it is done.
    """
    most = state.settings.images_per_request
    if len(images) > most:
        raise WebError(413, "too_many_images", f"more than {most} images in one request", hint="send fewer at a time")
    using = state.models.get(model)
    sent = [(plain_name(each.filename), await each.read()) for each in images]
    drawn = [(plain_name(each.filename), await each.read()) for each in annotations]
    ground_truths = match_ground_truths([name for name, _ in sent], drawn)

    def results() -> Iterator[DetectedImage]:
        for (name, data), ground_truth in zip(sent, ground_truths, strict=True):
            yield _detected(state, using, origin, uploaded_image(name, data), ground_truth, asked)

    asked = _Asked(threshold=threshold or 0.0, keep=keep, identifiers=identifiers)
    origin = using.result_origin(threshold)
    if _LINES in request.headers.get("accept", ""):
        start = json.dumps({**origin.to_dict(), "images": len(sent)}, ensure_ascii=False, allow_nan=False)
        return StreamingResponse(_lines(start, results()), media_type=_LINES)
    found = await run_in_threadpool(lambda: list(results()))
    return {**origin.to_dict(), "complete": True, "images": found}


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What a request asks for."""

    threshold: float
    keep: bool
    identifiers: bool


def _lines(start: str, results: Iterator[DetectedImage]) -> Iterator[bytes]:
    yield start.encode() + b"\n"
    for each in results:
        yield _ROW.dump_json(each) + b"\n"


def _detected(
    state: AppState,
    model: UsableModel,
    origin: ResultOrigin,
    source: ImageSource,
    ground_truth: GroundTruth,
    asked: _Asked,
) -> DetectedImage:
    started = time.perf_counter()
    if asked.keep:  # one that cannot be read as well: it stands in the exports, with the reason
        state.uploads.keep(source)
    kept = source.id if asked.keep else None
    row = state.result_row(source, model, origin, threshold=asked.threshold, identifiers=asked.identifiers)
    if row["error"] is not None:
        return {
            **row,
            "id": kept,
            "bit_depth": None,
            "dicom": False,
            "ground_truth": None,
            "ground_truth_problem": None,
            "seconds": _since(started),
        }
    image = state.images.radiograph(source)
    problem = ground_truth.problem_for(image.width, image.height)
    return {
        **row,
        "id": kept,
        "bit_depth": image.bit_depth,
        "dicom": source.is_dicom,
        "ground_truth": None if problem else ground_truth.boxes,
        "ground_truth_problem": problem,
        "seconds": _since(started),
    }


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 4)
