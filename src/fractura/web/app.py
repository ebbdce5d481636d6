"""``create_app``: the web app, put together from its routers, behind the gate."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from fractura._version import __version__
from fractura.web.errors import add_problem_handlers
from fractura.web.routes.annotations import router as annotations_router
from fractura.web.routes.detect import router as detect_router
from fractura.web.routes.events import router as events_router
from fractura.web.routes.export import router as export_router
from fractura.web.routes.images import router as images_router
from fractura.web.routes.models import router as models_router
from fractura.web.routes.session import router as session_router
from fractura.web.routes.session import set_cookie
from fractura.web.routes.suggestions import router as suggestions_router
from fractura.web.routes.training import router as training_router
from fractura.web.security import Gate
from fractura.web.settings import WebSettings
from fractura.web.state import Workplace

PAGE = Path(__file__).parent / "page"
_ROUTERS = (
    session_router,
    images_router,
    annotations_router,
    models_router,
    suggestions_router,
    training_router,
    detect_router,
    export_router,
    events_router,
)
_VIEWS = ("/", "/label", "/review")


def create_app(settings: WebSettings) -> FastAPI:
    """The app, ready for uvicorn or a test client.

    Raises:
        DataError: The folder cannot be used.
        ModelError: The model cannot be used.
    """
    workplace = Workplace(settings)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        workplace.start()
        try:
            yield
        finally:
            workplace.stop()

    # No page of documentation: FastAPI's would load scripts from another host.
    app = FastAPI(
        title="fractura",
        version=__version__,
        summary="Label bone radiographs, and find fractures on them. A research tool, not a medical device.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=life,
    )
    app.state.workplace = workplace
    add_problem_handlers(app)
    for router in _ROUTERS:
        app.include_router(router)
    _serve_page(app, workplace)
    app.add_middleware(Gate, settings=settings, sessions=workplace.sessions)
    return app


def _serve_page(app: FastAPI, workplace: Workplace) -> None:
    # Windows takes types from its registry, where programs leave wrong ones for scripts.
    mimetypes.add_type("text/javascript", ".js")
    mimetypes.add_type("image/svg+xml", ".svg")

    async def view(request: Request) -> Response:
        token = request.query_params.get("token")
        if token is None:
            return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})
        # Out of the address at once, so that it stays in no history.
        answer = RedirectResponse(request.url.path, status_code=303)
        if workplace.sessions.is_token(token):
            set_cookie(answer, workplace)
        return answer

    for path in _VIEWS:
        app.add_api_route(path, view, methods=["GET"], include_in_schema=False)
    app.mount("/", _Page(directory=PAGE), name="page")


class _Page(StaticFiles):
    """The page's files; the browser asks each time whether they changed."""

    def file_response(self, *arguments: object, **options: object) -> Response:
        """As in Starlette, with our header."""
        answer = super().file_response(*arguments, **options)  # type: ignore[arg-type]
        answer.headers["Cache-Control"] = "no-cache"
        return answer
