"""The OpenAPI document, complete enough that programs generate a client from it and use that as it is."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from fractura.web.security import COOKIE, SAFE_METHODS, WITHOUT_TOKEN, WRITE_HEADER

BINARY = {"type": "string", "format": "binary"}
_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "The token of the server, if it has one."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "Set by POST /api/session and by the address with ?token=.",
    },
}
_ANY_SCHEME: list[dict[str, list[str]]] = [{}, {"token": []}, {"session": []}]
"""None of them on a server without a token."""
_WRITE_PARAMETER = {
    "name": WRITE_HEADER,
    "in": "header",
    "required": True,
    "schema": {"type": "string", "pattern": "^1$", "default": "1"},  # not "const": generators know no such header
    "description": "Keeps other web sites from using the server: a form cannot send it.",
}


class DescribedApp(FastAPI):
    """An app whose document includes what the request guard asks for."""

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        is_new = self.openapi_schema is None
        document = super().openapi()
        if is_new:
            _complete(document)
        return document


def operation_id(route: APIRoute) -> str:
    """The function's name: it stays the same when a path changes, and names the function of a generated client."""
    return route.name


def files(*media_types: str) -> dict[str, Any]:
    """The ``content`` of a response that is a file.

    Generated clients know bytes by ``application/octet-stream`` only, so that the list begins with it.

    Examples:
        >>> list(files("image/png"))
        ['application/octet-stream', 'image/png']
    """
    return {media_type: {"schema": BINARY} for media_type in ("application/octet-stream", *media_types)}


def _complete(document: dict[str, Any]) -> None:
    document["components"]["securitySchemes"] = _SCHEMES
    document["security"] = _ANY_SCHEME
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method.upper() not in SAFE_METHODS:
                operation.setdefault("parameters", []).append(_WRITE_PARAMETER)
            if path in WITHOUT_TOKEN:
                operation["security"] = []
    for name, schema in document["components"]["schemas"].items():
        if name.startswith("Body_"):
            _simplify_form(schema)


def _simplify_form(form: dict[str, Any]) -> None:
    """Describe the members of a form as clients know them.

    A form cannot send null: a member that is optional is left out, or empty, which Swagger UI does where the example
    is; where there is none, it makes up a value. Files are ``format: binary``, too, for clients that do not know what
    has taken its place in OpenAPI 3.1.
    """
    members = form["properties"]
    for name, member in members.items():
        alternatives = [each for each in member.pop("anyOf", []) if each != {"type": "null"}]
        members[name] = member = {**(alternatives[0] if alternatives else {}), **member}
        if name not in form["required"] and "default" not in member:
            member["example"] = [] if member["type"] == "array" else ""
        item = member.get("items", member)
        if item.get("contentMediaType") == "application/octet-stream":
            item["format"] = "binary"
