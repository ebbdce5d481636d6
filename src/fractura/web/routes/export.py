"""``/api/export``: the model's detections on some images as a file."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Response

from fractura.web.api_errors import documented
from fractura.web.app_state import CurrentState
from fractura.web.exports import ImageResult, export
from fractura.web.schemas import ExportRequest

router = APIRouter(tags=["export"])
_KINDS = ("application/json", "text/csv", "application/xml", "application/dicom", "application/zip")
_FILE = {"schema": {"type": "string", "format": "binary"}}


@router.post(
    "/api/export",
    response_class=Response,
    responses={
        200: {
            "description": "The file",
            "content": dict.fromkeys(_KINDS, _FILE),
        },
        **documented(401, 403, 404, 409, 410, 413, 422),
    },
)
def export_results(request: ExportRequest, state: CurrentState) -> Response:
    """Export the detections at or above the threshold (by default the model's own), running the model where needed."""
    model = state.models.get()
    threshold = model.card.threshold if request.threshold is None else request.threshold
    results = [
        ImageResult(source, state.detections_on(source, model))
        for source in (state.source(image) for image in dict.fromkeys(request.images))
    ]
    file = export(results, request.format, model.card, threshold)
    disposition = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
    return Response(file.content, media_type=file.media_type, headers={"Content-Disposition": disposition})
