"""What goes wrong in a request, as the page and programs are told: one JSON shape, a stable code, a hint."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from fractura.core.errors import FracturaError

_logger = logging.getLogger(__name__)
_CODES_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


class ErrorDetail(BaseModel):
    """What is wrong, for programs (``code``) and for people."""

    code: str
    message: str
    place: str | None = None
    hint: str | None = None


class ErrorAnswer(BaseModel):
    """The body of every answer that is an error."""

    error: ErrorDetail


class WebError(Exception):
    """A request that cannot be fulfilled.

    Args:
        status: HTTP status, 4xx or 5xx.
        code: For programs; the page translates by it.
        message: One English sentence.
        place: Where in the file, if known.
        hint: The hint.
        extra: Further members of the answer beside ``error``.
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
        """An error of the rooms below; the file's path stays here, the page knows which image it asked for."""
        return cls(status, code, error.problem, place=error.place, hint=error.hint, extra=extra)

    def detail(self) -> ErrorDetail:
        """The ``error`` member."""
        return ErrorDetail(code=self.code, message=self.message, place=self.place, hint=self.hint)


def problem_response(problem: WebError) -> JSONResponse:
    """The answer that tells of a problem."""
    return JSONResponse({"error": problem.detail().model_dump(), **problem.extra}, problem.status)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For ``responses=`` of a route: these statuses answer with an ``ErrorAnswer``."""
    return {status: {"model": ErrorAnswer} for status in statuses}


def add_problem_handlers(app: FastAPI) -> None:
    """Give every error of the app the one shape."""

    @app.exception_handler(WebError)
    async def _told(request: Request, problem: WebError) -> JSONResponse:
        return problem_response(problem)

    @app.exception_handler(FracturaError)
    async def _unforeseen(request: Request, error: FracturaError) -> JSONResponse:
        return problem_response(WebError.of(error, 409, "refused"))

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return problem_response(
            WebError(422, "request_invalid", str(first["msg"]), place=place, hint="see /api/openapi.json")
        )

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        # A body that is no text, or no form, is as invalid as one that is no JSON: 422, too.
        status = 422 if error.status_code == 400 else error.status_code
        code = _CODES_OF_STATUS.get(status, "request_invalid")
        answer = problem_response(WebError(status, code, str(error.detail)))
        answer.headers.update(error.headers or {})
        return answer


def bug(error: Exception) -> WebError:
    """The problem for what nobody foresaw. Only its kind and our own line are logged: its text may quote an image."""
    _logger.error("a bug in fractura: %s at %s", type(error).__name__, _own_line(error))
    return WebError(500, "bug", "this is a bug in fractura", hint="please report it")


def _own_line(error: Exception) -> str:
    trace, place = error.__traceback__, "an unknown line"
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "")
        if name.startswith("fractura"):
            place = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
