"""``/api/suggestions`` and ``/api/films/{film}/suggestions``: what the model would mark on the folder's films."""

from __future__ import annotations

from fastapi import APIRouter

from fractura.formats.voc.serializer import VocObject
from fractura.web.detection_cache import Mark
from fractura.web.errors import documented
from fractura.web.opinions import disagreements, uncertainty
from fractura.web.schemas import Box, DisagreementInfo, FilmId, FilmSuggestions, MarkInfo, SuggestionProgress
from fractura.web.state import Here

router = APIRouter(tags=["suggestions"])
_CHANGING = documented(401, 403, 404, 409)


@router.get(
    "/api/films/{film}/suggestions", response_model=FilmSuggestions, responses=documented(401, 404, 409, 413, 422)
)
def film_suggestions(film: FilmId, here: Here) -> FilmSuggestions:
    """The model's marks on a film; while they are being worked out, the answer says so and an event follows."""
    row = here.row(film)
    model = here.shelf.in_use()
    if model is None:
        return FilmSuggestions(film=row.id, model=None, status="none")
    found = here.folder_suggester().known(row, model)
    threshold = model.card.threshold
    if found is None:
        here.folder_suggester().ask(row)
        return FilmSuggestions(film=row.id, model=model.id, status="waiting", threshold=threshold)
    labelled = row.summary is not None and row.summary.fault is None
    contradictions = disagreements(found.marks, row.summary.objects, threshold) if labelled and row.summary else []
    return FilmSuggestions(
        film=row.id,
        model=model.id,
        status="ready",
        boxes=[MarkInfo(**mark.to_dict()) for mark in found.marks],
        threshold=threshold,
        uncertainty=round(uncertainty(found.marks, threshold), 4),
        disagreements=[DisagreementInfo(kind=each.kind, box=_place(each.place)) for each in contradictions],
    )


@router.get("/api/suggestions", response_model=SuggestionProgress, responses=documented(401, 404))
def progress(here: Here) -> SuggestionProgress:
    """How many films of the folder the model has looked at."""
    return SuggestionProgress(**vars(here.folder_suggester().status()))


@router.post("/api/suggestions", status_code=202, response_model=SuggestionProgress, responses=_CHANGING)
def look_at_all(here: Here) -> SuggestionProgress:
    """Look at all films in the background."""
    suggester = here.folder_suggester()
    here.shelf.get()
    suggester.run_all()
    return SuggestionProgress(**vars(suggester.status()))


@router.delete("/api/suggestions", response_model=SuggestionProgress, responses=_CHANGING)
def stop_looking(here: Here) -> SuggestionProgress:
    """Stop looking at all films; what was found stays."""
    suggester = here.folder_suggester()
    suggester.stop_all()
    return SuggestionProgress(**vars(suggester.status()))


def _place(place: Mark | VocObject) -> MarkInfo | Box:
    if isinstance(place, Mark):
        return MarkInfo(**place.to_dict())
    return box_info(place)


def box_info(each: VocObject) -> Box:
    """A box of a file, as the API gives it."""
    return Box(
        name=each.name,
        xmin=each.xmin,
        ymin=each.ymin,
        xmax=each.xmax,
        ymax=each.ymax,
        difficult=each.difficult,
        truncated=each.truncated,
        pose=each.pose,
    )
