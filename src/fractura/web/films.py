"""``/api/films``: the list, one film, its picture."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from fractura.radiograph import is_dicom_file
from fractura.web.film_list import FilmQuery, list_films
from fractura.web.folder_index import State
from fractura.web.pictures import Look
from fractura.web.problems import documented
from fractura.web.schemas import Film, FilmDetail, FilmId, FilmList
from fractura.web.workplace import Here, film_document

router = APIRouter(tags=["films"])


@router.get(
    "/api/films", response_model=FilmList, responses={304: {"description": "Unchanged"}, **documented(401, 404, 422)}
)
async def film_list(
    here: Here,
    request: Request,
    response: Response,
    state: Annotated[list[State] | None, Query(description="Only films in these states.")] = None,
    query: Annotated[str, Query(max_length=200, description="Only films whose name holds this.")] = "",
    order: Annotated[Literal["name", "uncertainty"], Query()] = "name",
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    around: Annotated[FilmId | None, Query(description="Show the part of the list that this film is in.")] = None,
) -> FilmList | Response:
    """Films of the folder, filtered and ordered."""
    index = here.folder_index()
    wanted = FilmQuery(tuple(state or ()), query.casefold(), order)
    etag = f'"{index.revision}-{abs(hash((wanted, offset, limit, around))):x}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "no-cache"
    part = list_films(index, wanted, offset=offset, limit=limit, around=around)
    return FilmList.model_construct(
        films=[Film.model_construct(**film_document(row)) for row in part.rows],
        total=part.total,
        offset=part.offset,
        position=part.position,
        counts=part.counts,
        revision=part.revision,
        reading=part.counts["reading"] > 0,
    )


@router.get("/api/films/{film}", response_model=FilmDetail, responses=documented(401, 404, 413, 422))
def film_detail(film: FilmId, here: Here) -> FilmDetail:
    """A film with what its header says."""
    row = here.row(film)
    radiograph = here.pictures.film(row.path, (row.id, row.stamp), row.name)
    facts = radiograph.facts
    return FilmDetail(
        **film_document(row),
        width=radiograph.width,
        height=radiograph.height,
        bit_depth=radiograph.bit_depth,
        window=None,
        dicom=is_dicom_file(row.path),
        inverted=False,
        burnt_in_text=facts.burnt_in_text,
        frames=facts.frames,
        body_part=facts.body_part,
        view=facts.view,
        laterality=facts.laterality,
    )


@router.get(
    "/api/films/{film}/picture",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}, "description": "The film"},
        304: {"description": "Unchanged"},
        **documented(401, 404, 413, 422),
    },
)
def picture(
    film: FilmId,
    here: Here,
    request: Request,
    centre: Annotated[float | None, Query(allow_inf_nan=False, ge=-1e6, le=1e6)] = None,
    width: Annotated[float | None, Query(allow_inf_nan=False, ge=1, le=1e6)] = None,
    side: Annotated[int | None, Query(ge=16, le=8192)] = None,
) -> Response:
    """A film as it is displayed, 8 bits a channel."""
    row = here.row(film)
    look = Look(centre, width, side)
    etag = f'"{row.stamp[0]:x}-{row.stamp[1]:x}-{centre}-{width}-{side}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    data = here.pictures.png(row.path, (row.id, row.stamp), row.name, look)
    return Response(data, media_type="image/png", headers=headers)
