"""``/api/training``: train on the folder's labelled images from the page."""

from __future__ import annotations

from fastapi import APIRouter

from fractura.web.errors import documented
from fractura.web.schemas import TrainingState, TrainingWish
from fractura.web.state import Here
from fractura.web.training_run import TrainingReport

router = APIRouter(tags=["training"])
_CHANGING = documented(401, 403, 404, 409, 413, 422)


@router.get("/api/training", response_model=TrainingState, responses=documented(401, 404))
def training(here: Here) -> TrainingState:
    """The training that runs, or the last one of this server."""
    return _state(here.folder_training().report)


@router.post("/api/training", status_code=202, response_model=TrainingState, responses=_CHANGING)
def start_training(wish: TrainingWish, here: Here) -> TrainingState:
    """Train a model on the labelled images; it is used for suggestions when it is done."""
    run = here.folder_training()
    run.start(here.training_plan(wish.num_steps, wish.val_share, wish.seed))
    return _state(run.report)


@router.delete("/api/training", response_model=TrainingState, responses=_CHANGING)
def stop_training(here: Here) -> TrainingState:
    """End the training after its step; what it has learned is kept as a model."""
    run = here.folder_training()
    run.stop()
    return _state(run.report)


def _state(report: TrainingReport) -> TrainingState:
    return TrainingState.model_validate(vars(report))
