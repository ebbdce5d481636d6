"""``/api/export``: the model's detections on some images as a file."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fractura.web.api_errors import WebError, documented
from fractura.web.app_state import AppState, CurrentState
from fractura.web.exports import ImageResult, attachment, export
from fractura.web.model_registry import UsableModel
from fractura.web.openapi import files
from fractura.web.schemas import ExportRequest
from fractura.web.uploads import ImageSource

router = APIRouter(tags=["export"])
_KINDS = ("application/json", "text/csv", "application/xml", "application/dicom", "application/zip")


@router.post(
    "/api/export",
    response_class=Response,
    responses={
        200: {"description": "The file", "content": files(*_KINDS)},
        **documented(401, 403, 404, 409, 410, 413, 422),
    },
)
def export_results(request: ExportRequest, state: CurrentState) -> Response:
    """Export the detections at or above the threshold (by default the model's own), running the model where needed.

    An image that cannot be read stands in the file with the reason; where one image gives one file, in ``unread.csv``.
    """
    model = state.models.get()
    results = [_result(state, state.source(image), model) for image in dict.fromkeys(request.images)]
    file = export(results, request.format, model.result_origin(request.threshold), identifiers=request.identifiers)
    return Response(file.content, media_type=file.media_type, headers=attachment(file.name))


def _result(state: AppState, source: ImageSource, model: UsableModel) -> ImageResult:
    try:
        return ImageResult(source, state.detections_on(source, model))
    except WebError as error:
        if error.code == "model_unusable":  # it would fail on every image
            raise
        return ImageResult(source, error=error)
