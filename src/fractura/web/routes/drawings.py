"""``/api/images/{image}/drawing`` and ``/heat``: an image as a picture to download, as ``detect`` draws it."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import numpy as np
from fastapi import APIRouter, Response
from PIL import Image

from fractura.core.boxes import Boxes
from fractura.inference.render import draw_boxes, draw_heat, with_caption
from fractura.web.api_errors import WebError, documented
from fractura.web.app_state import CurrentState
from fractura.web.drawing_schemas import DrawingRequest, HeatRequest
from fractura.web.exports import attachment
from fractura.web.openapi import files
from fractura.web.rendering import png_bytes
from fractura.web.schemas import ImageId
from fractura.web.uploads import ImageSource

router = APIRouter(tags=["drawings"])
_PNG: dict[int | str, dict[str, Any]] = {200: {"description": "The picture", "content": files("image/png")}}


@router.post(
    "/api/images/{image}/drawing",
    response_class=Response,
    responses={**_PNG, **documented(401, 403, 404, 410, 413, 422)},
)
def drawing(image: ImageId, request: DrawingRequest, state: CurrentState) -> Response:
    """An image with boxes drawn on it, as PNG: its pixels and what is drawn, nothing else of the file."""
    source = state.source(image)
    pixels = state.images.radiograph(source).pixels
    boxes = Boxes([each.corners for each in request.boxes], [each.colour for each in request.boxes])
    drawn = draw_boxes(pixels, boxes, (), texts=[each.text for each in request.boxes])
    return _download(with_caption(drawn, *request.captions), source, "boxes")


@router.post(
    "/api/images/{image}/heat",
    response_class=Response,
    responses={**_PNG, **documented(401, 403, 404, 409, 410, 413, 422)},
)
def heat(image: ImageId, request: HeatRequest, state: CurrentState) -> Response:
    """Where the evidence for the model's detections on an image lies, as PNG; takes some seconds."""
    model = state.models.get()
    source = state.source(image)
    origin = model.result_origin(request.threshold)
    found = state.detections_on(source, model).above(origin.settings.threshold)
    if not found.detections:
        raise WebError(409, "nothing_detected", "the model detects nothing on this image at this threshold")
    pixels = state.images.radiograph(source).pixels
    boxes = found.boxes(model.card.class_names)
    drawn = draw_heat(pixels, state.models.explain(model, pixels, boxes), boxes)
    return _download(with_caption(drawn, request.caption, scale=request.scale), source, "heat")


def _download(picture: Image.Image, source: ImageSource, kind: str) -> Response:
    name = f"{PurePath(source.name).stem or 'image'}-{kind}.png"
    content = png_bytes(np.asarray(picture), None)
    return Response(content, media_type="image/png", headers=attachment(name))
