"""``/api/session`` and ``/healthz``: information about the server, and logging in with the token."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from fractura._version import __version__
from fractura.core.printable import printable
from fractura.web.api_errors import WebError, documented
from fractura.web.app_state import AppState, CurrentState
from fractura.web.folder_index import STATES
from fractura.web.schemas import Health, Limits, Session, TokenIn
from fractura.web.security import COOKIE, is_direct
from fractura.web.training_run import TrainingRun

router = APIRouter(tags=["session"])


@router.get("/healthz", response_model=Health)
async def health() -> Health:
    """The server is up; nothing else is revealed, so no token is needed."""
    return Health(status="ok", version=__version__)


@router.get("/api/session", response_model=Session, responses=documented(401))
async def session(state: CurrentState, request: Request) -> Session:
    """What the page needs to know before anything else."""
    if not state.sessions.admits(request.headers):
        raise WebError(401, "token_needed", "this server requires its token", hint="send it to /api/session")
    return session_of(state, request)


@router.post("/api/session", status_code=204, response_class=Response, responses=documented(401, 403, 422))
async def open_session(shown: TokenIn, state: CurrentState) -> Response:
    """Log in with the token; the response sets a session cookie."""
    if state.sessions.needed and not state.sessions.is_token(shown.token):
        raise WebError(401, "wrong_token", "this is not the token of this server", hint="the server printed it")
    response = Response(status_code=204)
    set_cookie(response, state)
    return response


def set_cookie(response: Response, state: AppState) -> None:
    """Start a session with this response."""
    response.set_cookie(COOKIE, state.sessions.open(), httponly=True, samesite="strict", path="/")


def session_of(state: AppState, request: Request) -> Session:
    """The session of the client that sends a request."""
    settings = state.settings
    folder = state.folder.index.folder if state.has_folder else None
    obstacle = TrainingRun.obstacle()
    return Session(
        version=__version__,
        mode=settings.mode,
        folder=None if folder is None else printable(folder.name),
        folder_id=state.folder.index.id if state.has_folder else None,
        can_open=state.chooser is not None and is_direct(request.headers),
        model=state.models.current,
        can_train=folder is not None and obstacle is None,
        train_hint=obstacle,
        limits=Limits(
            image_bytes=settings.image_bytes,
            image_pixels=settings.image_pixels,
            images_per_request=settings.images_per_request,
            request_bytes=settings.request_bytes,
        ),
        states=list(STATES),
    )
