"""``/api/training``: trains on the folder's labelled images from the page."""

from __future__ import annotations

from fastapi import APIRouter

from fractura.web.api_errors import documented
from fractura.web.app_state import CurrentState
from fractura.web.training_schemas import TrainingDecision, TrainingRequest, TrainingStatus

router = APIRouter(tags=["training"])
_CHANGING = documented(401, 403, 404, 409, 413, 422)


@router.get("/api/training", response_model=TrainingStatus, responses=documented(401, 404))
def training_status(state: CurrentState) -> TrainingStatus:
    """The current training, or the last one since the server started."""
    return state.folder.training.status


@router.post("/api/training", status_code=202, response_model=TrainingStatus, responses=_CHANGING)
def start_training(request: TrainingRequest, state: CurrentState) -> TrainingStatus:
    """Train a model on the labelled images and measure it; it takes over the suggestions if somebody decides so."""
    folder = state.folder
    folder.training.start(folder.training_plan(request))
    return folder.training.status


@router.delete("/api/training", response_model=TrainingStatus, responses=_CHANGING)
def stop_training(state: CurrentState) -> TrainingStatus:
    """End the training after the current step; what it has learned is kept as a model."""
    run = state.folder.training
    run.stop()
    return run.status


@router.post("/api/training/decision", response_model=TrainingStatus, responses=_CHANGING)
def decide_training(decision: TrainingDecision, state: CurrentState) -> TrainingStatus:
    """Use the new model for the suggestions from now on, or keep the one in use; the new one stays in the list."""
    state.folder.decide(use=decision.use)
    return state.folder.training.status
