"""``/api/images``: the list, one image, its picture."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from fractura.web.errors import documented
from fractura.web.folder_index import State
from fractura.web.image_list import ImageQuery
from fractura.web.pictures import Rendering
from fractura.web.schemas import ImageDetail, ImageId, ImageList, Window
from fractura.web.state import Here, image_document

router = APIRouter(tags=["images"])


@router.get(
    "/api/images", response_model=ImageList, responses={304: {"description": "Unchanged"}, **documented(401, 404, 422)}
)
async def image_list(
    here: Here,
    request: Request,
    state: Annotated[list[State] | None, Query(description="Only images in these states.")] = None,
    query: Annotated[str, Query(max_length=200, description="Only images whose name holds this.")] = "",
    order: Annotated[Literal["name", "uncertainty"], Query()] = "name",
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    around: Annotated[ImageId | None, Query(description="Show the part of the list that this image is in.")] = None,
) -> Response:
    """Images of the folder, filtered and ordered."""
    index = here.folder_index()
    wanted = ImageQuery(tuple(state or ()), query.casefold(), order)
    asked = repr((here.life, index.revision, wanted, offset, limit, around))
    etag = f'"{hashlib.sha256(asked.encode()).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    part = here.image_lister().part(wanted, offset=offset, limit=limit, around=around)
    document = {
        "images": [image_document(row) for row in part.rows],
        "total": part.total,
        "offset": part.offset,
        "position": part.position,
        "counts": part.counts,
        "revision": part.revision,
        "reading": part.counts["reading"] > 0,
    }
    # Written here and not by FastAPI, which would check each of the images against the model again.
    return JSONResponse(document, headers={"ETag": etag, "Cache-Control": "no-cache"})


@router.get("/api/images/{image}", response_model=ImageDetail, responses=documented(401, 404, 410, 413, 422))
def image_detail(image: ImageId, here: Here) -> ImageDetail:
    """An image with what its header says."""
    source = here.source(image)
    radiograph = here.pictures.image(source)
    values = here.pictures.grey_values(source)
    facts = radiograph.facts
    return ImageDetail(
        **here.image_document(source),
        width=radiograph.width,
        height=radiograph.height,
        bit_depth=radiograph.bit_depth,
        window=None
        if values is None
        else Window(
            centre=values.window.centre, width=values.window.width, lowest=values.lowest, highest=values.highest
        ),
        dicom=source.is_dicom,
        inverted=values is not None and values.inverted,
        burnt_in_text=facts.burnt_in_text,
        frames=facts.frames,
        body_part=facts.body_part,
        view=facts.view,
        laterality=facts.laterality,
    )


@router.get(
    "/api/images/{image}/picture",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}, "description": "The image"},
        304: {"description": "Unchanged"},
        **documented(401, 404, 410, 413, 422),
    },
)
def picture(
    image: ImageId,
    here: Here,
    request: Request,
    centre: Annotated[float | None, Query(allow_inf_nan=False, ge=-1e6, le=1e6)] = None,
    width: Annotated[float | None, Query(allow_inf_nan=False, ge=1, le=1e6)] = None,
    side: Annotated[int | None, Query(ge=16, le=8192)] = None,
) -> Response:
    """An image as it is displayed, 8 bits a channel."""
    source = here.source(image)
    rendering = Rendering(centre, width, side)
    etag = f'"{hashlib.sha256(repr((source.key, rendering)).encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(here.pictures.png(source, rendering), media_type="image/png", headers=headers)
