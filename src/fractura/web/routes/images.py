"""``/api/images``: the list, one image, its pixels."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse

from fractura.web.api_errors import documented
from fractura.web.app_state import CurrentState
from fractura.web.folder_index import ImageState
from fractura.web.image_list import ImageQuery, image_item
from fractura.web.openapi import files
from fractura.web.rendering import Rendering
from fractura.web.schemas import GreyWindow, ImageDetail, ImageId, ImageList, RelatedImages

router = APIRouter(tags=["images"])


@router.get(
    "/api/images", response_model=ImageList, responses={304: {"description": "Unchanged"}, **documented(401, 404, 422)}
)
async def list_images(
    state: CurrentState,
    request: Request,
    states: Annotated[list[ImageState] | None, Query(alias="state", description="Only images in these states.")] = None,
    query: Annotated[str, Query(max_length=200, description="Only images whose name contains this.")] = "",
    order: Annotated[Literal["name", "uncertainty"], Query()] = "name",
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    around: Annotated[ImageId | None, Query(description="Return the page that contains this image.")] = None,
) -> Response:
    """Images of the folder, filtered and ordered."""
    folder = state.folder
    wanted = ImageQuery(tuple(states or ()), query.casefold(), order)
    asked = repr((state.instance, folder.index.revision, wanted, offset, limit, around))
    etag = f'"{hashlib.sha256(asked.encode()).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    page = folder.lister.page(wanted, offset=offset, limit=limit, around=around)
    document = {
        "images": [image_item(row) for row in page.rows],
        "total": page.total,
        "offset": page.offset,
        "position": page.position,
        "counts": page.counts,
        "revision": page.revision,
        "reading": page.counts["reading"] > 0,
    }
    # Serialised here, because FastAPI would validate every image against the schema again.
    return JSONResponse(document, headers={"ETag": etag, "Cache-Control": "no-cache"})


@router.get("/api/images/{image}", response_model=ImageDetail, responses=documented(401, 404, 410, 413, 422))
def image_detail(image: ImageId, state: CurrentState) -> ImageDetail:
    """An image with the information in its header."""
    source = state.source(image)
    radiograph = state.images.radiograph(source)
    values = state.images.grey_values(source)
    facts = radiograph.facts
    return ImageDetail(
        **state.image_item(source),
        width=radiograph.width,
        height=radiograph.height,
        bit_depth=radiograph.bit_depth,
        window=None
        if values is None
        else GreyWindow(
            centre=values.window.centre, width=values.window.width, lowest=values.lowest, highest=values.highest
        ),
        dicom=source.is_dicom,
        inverted=values is not None and values.inverted,
        burnt_in_text=facts.burnt_in_text,
        frames=facts.frames,
        body_part=facts.body_part,
        view=facts.view,
        laterality=facts.laterality,
        spacing=facts.spacing,
    )


@router.get("/api/images/{image}/related", response_model=RelatedImages, responses=documented(401, 404, 422))
def related_images(image: ImageId, state: CurrentState) -> RelatedImages:
    """Other images of the same study or patient in the folder, without saying whose they are."""
    found = state.folder.related.of(state.folder.row(image))
    if found is None:
        return RelatedImages(images=None)
    return RelatedImages(images=[{**image_item(row), "relation": relation} for row, relation in found])


@router.get(
    "/api/images/{image}/picture",
    response_class=Response,
    responses={
        200: {"content": files("image/png"), "description": "The image"},
        304: {"description": "Unchanged"},
        **documented(401, 404, 410, 413, 422),
    },
)
def picture(
    image: ImageId,
    state: CurrentState,
    request: Request,
    centre: Annotated[float | None, Query(allow_inf_nan=False, ge=-1e6, le=1e6)] = None,
    width: Annotated[float | None, Query(allow_inf_nan=False, ge=1, le=1e6)] = None,
    side: Annotated[int | None, Query(ge=16, le=8192)] = None,
) -> Response:
    """An image as it is displayed, as PNG with 8 bits per channel."""
    source = state.source(image)
    rendering = Rendering(centre, width, side)
    etag = f'"{hashlib.sha256(repr((source.key, rendering)).encode()).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(state.images.png(source, rendering), media_type="image/png", headers=headers)
