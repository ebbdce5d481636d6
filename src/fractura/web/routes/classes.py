"""``/api/classes``: the class names to choose from, and adding one to the list in the file."""

from __future__ import annotations

from fastapi import APIRouter

from fractura.web.api_errors import documented
from fractura.web.app_state import AppState, CurrentState
from fractura.web.schemas import ClassIn, ClassName, ClassNames

router = APIRouter(tags=["classes"])


@router.get("/api/classes", response_model=ClassNames, responses=documented(401, 404))
def list_classes(state: CurrentState) -> ClassNames:
    """Class names to choose from: those of the list in the file, then those in use, then the model's."""
    return _names(state)


@router.post("/api/classes", response_model=ClassNames, responses=documented(401, 403, 404, 409, 413, 422, 507))
def add_class(added: ClassIn, state: CurrentState) -> ClassNames:
    """Add a class to the list in the file, which is made if there is none."""
    state.folder.classes.add(added.name)
    return _names(state)


def _names(state: AppState) -> ClassNames:
    folder, model = state.folder, state.models.in_use()
    used = dict(folder.index.class_counts())
    names = dict.fromkeys((*folder.classes.names(), *used, *(() if model is None else model.card.class_names)))
    return ClassNames(
        classes=[ClassName(name=name, boxes=used.get(name, 0)) for name in names], file=folder.classes.file.name
    )
