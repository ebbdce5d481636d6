"""API errors: one JSON shape with a stable code for programs, a message and a hint for people."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from fractura.core.errors import FracturaError, NotEnoughMemoryError, own_line
from fractura.core.memory import is_out_of_memory
from fractura.inference.results import ImageError

_logger = logging.getLogger(__name__)
_CODES_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str
    message: str
    place: str | None = None
    hint: str | None = None


class ErrorResponse(BaseModel):
    """The body of every error response."""

    error: ErrorDetail


class WebError(Exception):
    """A request that cannot be fulfilled.

    Args:
        status: HTTP status, 4xx or 5xx.
        code: Stable identifier; the page looks up its translation by it.
        message: One English sentence.
        place: Where in the file, if known.
        hint: What to do about it.
        extra: Further members of the response besides ``error``.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        place: str | None = None,
        hint: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.place, self.hint, self.extra = place, hint, extra or {}

    @classmethod
    def of(cls, error: FracturaError, status: int, code: str, *, extra: dict[str, Any] | None = None) -> WebError:
        """Wrap an error of a lower layer, without the file's path: the client knows which image it asked for."""
        return cls(status, code, error.problem, place=error.place, hint=error.hint, extra=extra)

    def detail(self) -> ImageError:
        """The ``error`` member of the response, and of an image's row in results."""
        return {"code": self.code, "message": self.message, "place": self.place, "hint": self.hint}


def image_vanished() -> WebError:
    """The error for an image file that can no longer be opened."""
    return WebError(422, "image_unreadable", "the image cannot be opened", hint="check that the file still exists")


def error_response(error: WebError) -> JSONResponse:
    """The response that reports an error."""
    return JSONResponse({"error": error.detail(), **error.extra}, error.status)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For ``responses=`` of a route: these statuses come with an ``ErrorResponse``."""
    return {status: {"model": ErrorResponse} for status in statuses}


def add_error_handlers(app: FastAPI) -> None:
    """Make every error of the app use the same shape."""

    @app.exception_handler(WebError)
    async def _web(request: Request, error: WebError) -> JSONResponse:
        return error_response(error)

    @app.exception_handler(FracturaError)
    async def _fractura(request: Request, error: FracturaError) -> JSONResponse:
        is_short = isinstance(error, NotEnoughMemoryError)
        return error_response(bug(error) if is_short else WebError.of(error, 409, "refused"))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return error_response(
            WebError(422, "request_invalid", str(first["msg"]), place=place, hint="see /api/openapi.json")
        )

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        # FastAPI says 400 for a body that is not text or not a form, and 422 for one that is not JSON: make it one.
        status = 422 if error.status_code == 400 else error.status_code
        code = _CODES_OF_STATUS.get(status, "request_invalid")
        response = error_response(WebError(status, code, str(error.detail)))
        response.headers.update(error.headers or {})
        return response


def bug(error: Exception) -> WebError:
    """The error for an unforeseen exception. Only its type and our own line are logged: its text may quote an image."""
    if isinstance(error, NotEnoughMemoryError) or is_out_of_memory(error):
        return WebError(
            503,
            "not_enough_memory",
            "there is not enough memory for this image",
            hint="close other programs, or scale the image down",
        )
    _logger.error("a bug in fractura: %s at %s", type(error).__name__, own_line(error))
    return WebError(500, "bug", "this is a bug in fractura", hint="please report it")
