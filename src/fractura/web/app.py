"""``create_app``: assembles the web app from its routers, behind the request guard."""

from __future__ import annotations

import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

from fractura._version import __version__
from fractura.web.api_errors import add_error_handlers
from fractura.web.app_state import AppState
from fractura.web.openapi import DescribedApp, operation_id
from fractura.web.routes.annotations import router as annotations_router
from fractura.web.routes.classes import router as classes_router
from fractura.web.routes.detect import router as detect_router
from fractura.web.routes.drawings import router as drawings_router
from fractura.web.routes.events import router as events_router
from fractura.web.routes.export import router as export_router
from fractura.web.routes.folders import router as folders_router
from fractura.web.routes.images import router as images_router
from fractura.web.routes.jobs import router as jobs_router
from fractura.web.routes.models import router as models_router
from fractura.web.routes.session import router as session_router
from fractura.web.routes.session import set_cookie
from fractura.web.routes.suggestions import router as suggestions_router
from fractura.web.routes.training import router as training_router
from fractura.web.routes.uploads import router as uploads_router
from fractura.web.security import SWAGGER_PATH, RequestGuard
from fractura.web.settings import WebSettings

PAGE, SWAGGER = Path(__file__).parent / "page", Path(__file__).parent / "swagger"
_ROUTERS = (
    session_router,
    folders_router,
    images_router,
    drawings_router,
    annotations_router,
    classes_router,
    models_router,
    suggestions_router,
    training_router,
    detect_router,
    uploads_router,
    jobs_router,
    export_router,
    events_router,
)
_VIEWS = {
    "/": PAGE / "index.html",
    "/label": PAGE / "index.html",
    "/review": PAGE / "index.html",
    SWAGGER_PATH: SWAGGER / "index.html",
}


def create_app(settings: WebSettings) -> FastAPI:
    """Create the app for uvicorn or a test client.

    Raises:
        DataError: The folder cannot be used.
        ModelError: The model cannot be used.
    """
    state = AppState(settings)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        state.start()
        try:
            yield
        finally:
            state.stop()

    # FastAPI's documentation pages are off: they load scripts from another host. Ours does not.
    app = DescribedApp(
        title="fractura",
        version=__version__,
        summary="Label bone radiographs, and find fractures on them. A research tool, not a medical device.",
        openapi_url="/api/openapi.json",
        generate_unique_id_function=operation_id,
        docs_url=None,
        redoc_url=None,
        lifespan=life,
    )
    app.state.shared = state
    add_error_handlers(app)
    for router in _ROUTERS:
        app.include_router(router)
    _serve_page(app, state)
    app.add_middleware(RequestGuard, settings=settings, sessions=state.sessions)
    return app


def _serve_page(app: FastAPI, state: AppState) -> None:
    # Windows takes MIME types from its registry, where other programs leave wrong ones for scripts.
    mimetypes.add_type("text/javascript", ".js")
    mimetypes.add_type("image/svg+xml", ".svg")

    async def view(request: Request) -> Response:
        token = request.query_params.get("token")
        if token is None:
            return FileResponse(_VIEWS[request.url.path], headers={"Cache-Control": "no-cache"})
        # Remove the token from the address at once, so that it does not stay in the browser's history.
        response = RedirectResponse(request.url.path, status_code=303)
        if state.sessions.is_token(token):
            set_cookie(response, state)
        return response

    for path in _VIEWS:
        app.add_api_route(path, view, methods=["GET"], include_in_schema=False)
    # Of fastapi-offline only the files of Swagger UI: its own page has scripts inside, which our policy forbids.
    app.mount(SWAGGER_PATH, _Page(directory=SWAGGER, packages=[("fastapi_offline", "static")]), name="swagger")
    app.mount("/", _Page(directory=PAGE), name="page")


class _Page(StaticFiles):
    """The page's files; the browser revalidates them each time."""

    def file_response(self, *arguments: object, **options: object) -> Response:
        """The response of Starlette, with our header."""
        response = super().file_response(*arguments, **options)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        return response
