"""``/api/suggestions`` and ``/api/images/{image}/suggestions``: what the model would detection on the folder's
images."""

from __future__ import annotations

from fastapi import APIRouter

from fractura.formats.voc.model import VocObject
from fractura.web.detection_cache import Detection
from fractura.web.errors import documented
from fractura.web.opinions import disagreements, uncertainty
from fractura.web.schemas import Box, DetectionInfo, DisagreementInfo, ImageId, ImageSuggestions, SuggestionProgress
from fractura.web.state import Here

router = APIRouter(tags=["suggestions"])
_CHANGING = documented(401, 403, 404, 409)


@router.get(
    "/api/images/{image}/suggestions", response_model=ImageSuggestions, responses=documented(401, 404, 409, 413, 422)
)
def image_suggestions(image: ImageId, here: Here) -> ImageSuggestions:
    """The model's detections on an image; while they are being worked out, the answer says so and an event follows."""
    row = here.row(image)
    model = here.shelf.in_use()
    if model is None:
        return ImageSuggestions(image=row.id, model=None, status="none")
    found = here.folder_suggester().known(row, model)
    threshold = model.card.threshold
    if found is None:
        here.folder_suggester().ask(row)
        return ImageSuggestions(image=row.id, model=model.id, status="waiting", threshold=threshold)
    labelled = row.summary is not None and row.summary.fault is None
    contradictions = disagreements(found.detections, row.summary.objects, threshold) if labelled and row.summary else []
    return ImageSuggestions(
        image=row.id,
        model=model.id,
        status="ready",
        boxes=[DetectionInfo(**detection.to_dict()) for detection in found.detections],
        threshold=threshold,
        uncertainty=round(uncertainty(found.detections, threshold), 4),
        disagreements=[DisagreementInfo(kind=each.kind, box=_place(each.place)) for each in contradictions],
    )


@router.get("/api/suggestions", response_model=SuggestionProgress, responses=documented(401, 404))
def progress(here: Here) -> SuggestionProgress:
    """How many images of the folder the model has processed."""
    return SuggestionProgress(**vars(here.folder_suggester().status()))


@router.post("/api/suggestions", status_code=202, response_model=SuggestionProgress, responses=_CHANGING)
def suggest_all(here: Here) -> SuggestionProgress:
    """Look at all images in the background."""
    suggester = here.folder_suggester()
    here.shelf.get()
    suggester.run_all()
    return SuggestionProgress(**vars(suggester.status()))


@router.delete("/api/suggestions", response_model=SuggestionProgress, responses=_CHANGING)
def stop_suggesting(here: Here) -> SuggestionProgress:
    """Stop looking at all images; what was found stays."""
    suggester = here.folder_suggester()
    suggester.stop_all()
    return SuggestionProgress(**vars(suggester.status()))


def _place(place: Detection | VocObject) -> DetectionInfo | Box:
    if isinstance(place, Detection):
        return DetectionInfo(**place.to_dict())
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
