"""``/api/suggestions`` and ``/api/images/{image}/suggestions``: the model's detections on the folder's images."""

from __future__ import annotations

from fastapi import APIRouter

from fractura.inference.answer import image_answer, measured_sensitivity
from fractura.web.api_errors import documented
from fractura.web.app_state import CurrentState
from fractura.web.schemas import ImageId, ImageSuggestions, Suggestion, SuggestionStatus
from fractura.web.suggester import disagreements, drawn_boxes, uncertainty

router = APIRouter(tags=["suggestions"])
_CHANGING = documented(401, 403, 404, 409)


@router.get(
    "/api/images/{image}/suggestions", response_model=ImageSuggestions, responses=documented(401, 404, 409, 413, 422)
)
def image_suggestions(image: ImageId, state: CurrentState) -> ImageSuggestions:
    """The model's detections on an image; if they are still to be computed, the status says so and an event follows."""
    folder = state.folder
    row = folder.row(image)
    model = state.models.in_use()
    if model is None:
        return ImageSuggestions(image=row.id, model=None, status="none")
    found = folder.suggester.known(row, model)
    threshold = model.card.threshold
    if found is None:
        folder.suggester.ask(row)
        return ImageSuggestions(image=row.id, model=model.id, status="waiting", threshold=threshold)
    drawn = None if row.state == "verified" else drawn_boxes(row)
    origin = model.result_origin()
    calibrator, probability = origin.calibrator, None
    probabilities: list[float | None] = [None] * len(found.detections)
    if calibrator is not None:
        probabilities = calibrator.detections([each.score for each in found.detections]).round(6).tolist()
        probability = round(float(calibrator.images([found.image_score])[0]), 6)
    return ImageSuggestions(
        image=row.id,
        model=model.id,
        status="ready",
        boxes=[
            Suggestion(**each.model_dump(), probability=likely)
            for each, likely in zip(found.detections, probabilities, strict=True)
        ],
        threshold=threshold,
        answer=image_answer(found.image_score, probability, threshold),
        image_score=round(found.image_score, 6),
        image_probability=probability,
        sensitivity=measured_sensitivity(model.card, origin.settings),
        warning=found.warning,
        uncertainty=round(uncertainty(found.detections, threshold), 4),
        disagreements=[] if drawn is None else disagreements(found.detections, drawn, threshold),
    )


@router.get("/api/suggestions", response_model=SuggestionStatus, responses=documented(401, 404))
def suggestion_status(state: CurrentState) -> SuggestionStatus:
    """The progress of the model through the folder."""
    return state.folder.suggester.status()


@router.post("/api/suggestions", status_code=202, response_model=SuggestionStatus, responses=_CHANGING)
def suggest_all(state: CurrentState) -> SuggestionStatus:
    """Run the model on all remaining images in the background."""
    suggester = state.folder.suggester
    state.models.get()  # an error if there is none
    suggester.run_all()
    return suggester.status()


@router.delete("/api/suggestions", response_model=SuggestionStatus, responses=_CHANGING)
def stop_suggesting(state: CurrentState) -> SuggestionStatus:
    """Stop running the model on all images; detections found so far are kept."""
    suggester = state.folder.suggester
    suggester.stop_all()
    return suggester.status()
