"""Checks host, origin, write header, token and size of every request, and sets the headers of every response.

See docs/developers/security.md for the threats that each of these counters.
"""

from __future__ import annotations

import secrets
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fractura.web.api_errors import WebError, bug, error_response
from fractura.web.settings import LOOPBACK_NAMES, WebSettings

WRITE_HEADER = "X-Fractura"
COOKIE = "fractura_session"
SWAGGER_PATH = "/docs"
SAFE_METHODS = frozenset({"GET", "HEAD"})
WITHOUT_TOKEN = frozenset({"/healthz", "/api/session"})
_WITH_IMAGES = frozenset({"/api/detect", "/api/uploads"})
_MAXIMUM_SESSIONS = 100

_CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_SWAGGER_POLICY = _CONTENT_POLICY.replace("img-src ", "img-src data: ")  # icons in the style sheet
RESPONSE_HEADERS = {
    "Content-Security-Policy": _CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Sessions:
    """Clients that have shown the token. Session ids are random and live in memory only; no cookie holds the token."""

    def __init__(self, token: str | None) -> None:
        self._token = token
        self._open: dict[str, None] = {}

    @property
    def needed(self) -> bool:
        """True if a token was set."""
        return self._token is not None

    def is_token(self, given: str) -> bool:
        """True if ``given`` is the token; compared in constant time."""
        return self._token is not None and secrets.compare_digest(given.encode(), self._token.encode())

    def open(self) -> str:
        """Open a session; the oldest one ends when there are too many."""
        name = secrets.token_urlsafe(32)
        self._open[name] = None
        while len(self._open) > _MAXIMUM_SESSIONS:
            del self._open[next(iter(self._open))]
        return name

    def admits(self, headers: Headers) -> bool:
        """True if a request carries the token, by cookie or ``Authorization: Bearer``, or if none is needed."""
        if self._token is None:
            return True
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and self.is_token(given.strip()):
            return True
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and cookie.value in self._open


class RequestGuard:
    """ASGI middleware that refuses unsafe requests and puts the security headers on every response.

    Args:
        app: The app behind it.
        settings: Host, token and limits.
        sessions: Clients that have shown the token.
    """

    def __init__(self, app: ASGIApp, settings: WebSettings, sessions: Sessions) -> None:
        self._app, self._settings, self._sessions = app, settings, sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        limit = self._settings.request_bytes if scope["path"] in _WITH_IMAGES else self._settings.document_bytes
        body, response = _CountedBody(receive, limit), _Response(scope, send)
        refusal = self._refusal(scope, headers, limit)
        if refusal is None:
            try:
                await self._app(scope, body, response.send_unless(body))
            except Exception as error:  # caught here so that the server never logs an exception's text
                refusal = bug(error)
        if body.is_too_large:
            refusal = _too_large(limit)
        if refusal is not None and not response.started:
            await error_response(refusal)(scope, receive, response.send)

    def _refusal(self, scope: Scope, headers: Headers, limit: int) -> WebError | None:
        # With a token the host name does not matter: a browser sends our cookie to our own host only.
        if not self._sessions.needed and _host_name(headers.get("host", "")) not in LOOPBACK_NAMES:
            return WebError(
                400, "host_refused", "this server only answers to its own address", hint="open http://127.0.0.1"
            )
        path, is_write = scope["path"], scope["method"] not in SAFE_METHODS
        if path.startswith("/api/") and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return WebError(403, "origin_refused", "another site may not use this server")
        if is_write:
            origin = headers.get("origin")
            if origin is not None and _host_of(origin) != headers.get("host", "").lower():
                return WebError(403, "origin_refused", "another site may not use this server")
            if headers.get(WRITE_HEADER) != "1":
                return WebError(
                    403, "header_needed", f"the header '{WRITE_HEADER}: 1' is missing", hint="see docs/guide/api.md"
                )
        if path.startswith("/api/") and path not in WITHOUT_TOKEN and not self._sessions.admits(headers):
            return WebError(
                401,
                "token_needed",
                "this server requires its token",
                hint="open the address that the server printed, or send 'Authorization: Bearer TOKEN'",
            )
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > limit:
            return _too_large(limit)
        return None


def is_direct(headers: Headers) -> bool:
    """True if a request is for this machine's own address, and no proxy says that it speaks for another machine."""
    forwarded = any(
        name in headers for name in ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
    )
    return not forwarded and _host_name(headers.get("host", "")) in LOOPBACK_NAMES


class _CountedBody:
    """``receive`` that limits the size of a body, even one that does not announce its length."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive, self._left = receive, limit
        self.is_too_large = False

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                self.is_too_large = True
                raise ValueError("the body is too large")
        return message


class _Response:
    """``send`` that puts our headers on the response."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._path: str = scope["path"]
        self._send = send
        self.started = False

    async def send(self, message: Message) -> None:
        """Send a message."""
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in RESPONSE_HEADERS.items():
                headers[name] = value
            if self._path == SWAGGER_PATH:
                headers["Content-Security-Policy"] = _SWAGGER_POLICY
            if self._path.startswith("/api/") and "cache-control" not in headers:
                headers["Cache-Control"] = "no-store"
        await self._send(message)

    def send_unless(self, body: _CountedBody) -> Send:
        """``send`` that suppresses the app's response to a truncated body."""

        async def send(message: Message) -> None:
            if not body.is_too_large:
                await self.send(message)

        return send


def _too_large(limit: int) -> WebError:
    return WebError(
        413, "body_too_large", f"the request is larger than {limit} bytes", hint="send fewer images at a time"
    )


def _host_of(origin: str) -> str | None:
    """Host and port in an ``Origin`` header; None if it names none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _host_name(host: str) -> str:
    """The name in a ``Host`` header, without port and brackets."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""
