"""``/api/session`` and ``/healthz``: what the server is, and showing it the token."""

from __future__ import annotations

import hashlib
import os

from fastapi import APIRouter, Request, Response

from fractura._version import __version__
from fractura.inference.results import printable
from fractura.web.errors import WebError, documented
from fractura.web.folder_index import STATES
from fractura.web.schemas import Health, Limits, Session, TokenIn
from fractura.web.security import COOKIE
from fractura.web.state import Here, Workplace
from fractura.web.training_run import TrainingRun

router = APIRouter(tags=["session"])


@router.get("/healthz", response_model=Health)
async def health() -> Health:
    """The server answers; nothing else is told, so no token is needed."""
    return Health(status="ok", version=__version__)


@router.get("/api/session", response_model=Session, responses=documented(401))
async def session(here: Here, request: Request) -> Session:
    """What the page needs to know first."""
    if not here.sessions.admits(request.headers):
        raise WebError(401, "token_needed", "this server asks for its token", hint="send it to /api/session")
    settings = here.settings
    obstacle = TrainingRun.obstacle()
    return Session(
        version=__version__,
        mode=settings.mode,
        folder=None if here.index is None else printable(here.index.folder.name),
        folder_id=None if here.index is None else hashlib.sha256(os.fsencode(here.index.folder)).hexdigest()[:16],
        model=here.shelf.current,
        can_train=here.index is not None and obstacle is None,
        train_hint=obstacle,
        limits=Limits(
            image_bytes=settings.image_bytes,
            image_pixels=settings.image_pixels,
            images_per_request=settings.images_per_request,
            request_bytes=settings.request_bytes,
        ),
        states=list(STATES),
    )


@router.post("/api/session", status_code=204, response_class=Response, responses=documented(401, 403, 422))
async def open_session(shown: TokenIn, here: Here) -> Response:
    """Show the token; the answer sets a cookie that stands for it."""
    if here.sessions.needed and not here.sessions.is_token(shown.token):
        raise WebError(401, "wrong_token", "this is not the token of this server", hint="the server printed it")
    response = Response(status_code=204)
    set_cookie(response, here)
    return response


def set_cookie(response: Response, here: Workplace) -> None:
    """Begin a session with this answer."""
    response.set_cookie(COOKIE, here.sessions.open(), httponly=True, samesite="strict", path="/")
