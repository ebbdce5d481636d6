"""``/api/export``: the model's detections on some images as a file."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import APIRouter, Response

from fractura.web.errors import documented
from fractura.web.exports import ImageResult, export
from fractura.web.schemas import ExportWish
from fractura.web.state import Here

router = APIRouter(tags=["export"])
_KINDS = ("application/json", "text/csv", "application/xml", "application/dicom", "application/zip")
_FILE = {"schema": {"type": "string", "format": "binary"}}


@router.post(
    "/api/export",
    response_class=Response,
    responses={
        200: {
            "description": "The file",
            "content": dict.fromkeys(
                ("application/json", "text/csv", "application/xml", "application/dicom", "application/zip"), _FILE
            ),
        },
        **documented(401, 403, 404, 409, 410, 413, 422),
    },
)
def export_results(wish: ExportWish, here: Here) -> Response:
    """Detections from the threshold up (the model's own by default); images that were not examined yet are examined
    now."""
    model = here.shelf.get()
    threshold = model.card.threshold if wish.threshold is None else wish.threshold
    results = [
        ImageResult(source, here.detections_on(source, model).above(threshold))
        for source in (here.source(image) for image in dict.fromkeys(wish.images))
    ]
    file = export(results, wish.format, model.card, threshold)
    disposition = f"attachment; filename*=UTF-8''{quote(file.name, safe='')}"
    return Response(file.content, media_type=file.media_type, headers={"Content-Disposition": disposition})
