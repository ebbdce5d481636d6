"""``/api/models``: the models, what was measured of them, and which one is in use."""

from __future__ import annotations

from fastapi import APIRouter

from fractura.web.api_errors import documented
from fractura.web.app_state import CurrentState
from fractura.web.model_registry import ModelRegistry, UnusableModel, UsableModel
from fractura.web.operating_points import operating_points, validation_images
from fractura.web.schemas import ModelChoice, ModelInfo, ModelList

router = APIRouter(tags=["models"])


@router.get("/api/models", response_model=ModelList, responses=documented(401))
def list_models(state: CurrentState) -> ModelList:
    """The models this server can use."""
    return _list(state.models)


@router.put("/api/models/current", response_model=ModelList, responses=documented(401, 403, 404, 409, 413, 422))
def choose_model(choice: ModelChoice, state: CurrentState) -> ModelList:
    """Use this model from now on, in all windows."""
    state.use_model(choice.id)
    return _list(state.models)


def _list(registry: ModelRegistry) -> ModelList:
    return ModelList(models=[_info(each) for each in registry.entries()], current=registry.current)


def _info(entry: UsableModel | UnusableModel) -> ModelInfo:
    if isinstance(entry, UnusableModel):
        return ModelInfo(id=entry.id, name=entry.id, origin=entry.origin, problem=entry.problem)
    card = entry.card
    return ModelInfo(
        id=entry.id,
        name=card.name,
        origin=entry.origin,
        class_names=list(card.class_names),
        threshold=card.threshold,
        threshold_aim=card.threshold_aim,
        licence=card.licence,
        images=validation_images(card),
        operating_points=operating_points(card),
    )
