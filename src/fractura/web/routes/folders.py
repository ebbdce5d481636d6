"""``/api/folders`` and ``/api/folder``: opening another folder, from the machine itself only."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from fractura.web.api_errors import WebError, documented
from fractura.web.app_state import CurrentState
from fractura.web.folder_chooser import FolderChooser
from fractura.web.routes.session import session_of
from fractura.web.schemas import FolderChoice, FolderId, FolderListing, Session
from fractura.web.security import is_direct

router = APIRouter(tags=["folders"])


async def _chooser(state: CurrentState, request: Request) -> FolderChooser:
    if state.chooser is None or not is_direct(request.headers):
        raise WebError(403, "folders_refused", "other folders are opened only on the machine that has them")
    return state.chooser


Chooser = Annotated[FolderChooser, Depends(_chooser)]


@router.get("/api/folders", response_model=FolderListing, responses=documented(401, 403, 404))
def roots(state: CurrentState, chooser: Chooser) -> FolderListing:
    """The folders below which others can be opened, and where to start."""
    return chooser.roots(state.folder.index.folder)


@router.get("/api/folders/{folder}", response_model=FolderListing, responses=documented(401, 403, 404, 409, 422))
def subfolders(folder: FolderId, chooser: Chooser) -> FolderListing:
    """The sub-folders of a folder."""
    return chooser.listing(folder)


@router.put("/api/folder", response_model=Session, responses=documented(401, 403, 404, 409, 413, 422))
def open_folder(choice: FolderChoice, state: CurrentState, chooser: Chooser, request: Request) -> Session:
    """Label this folder from now on, in all windows. What is being saved in the one before is refused from then on."""
    state.open_folder(chooser.path(choice.id))
    return session_of(state, request)
