"""The API asked whatever its OpenAPI document allows, and what it forbids: no 5xx, every answer as documented."""

import sys
from contextlib import asynccontextmanager

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from support.web_places import ADDRESS, WRITE, folder, image_ids, model

from fractura.web import WebSettings, create_app

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)


# /api/events never ends: it has a test of its own.
OPERATIONS = [
    (method, path)
    for path, methods in create_app(WebSettings(mode="serve")).openapi()["paths"].items()
    for method in methods
    if path != "/api/events"
]


@asynccontextmanager
async def nothing_around(app):
    """Schemathesis starts and stops the app for every request, but an app lives only once."""
    yield


@pytest.fixture(name="place", scope="module")
def place_fixture(tmp_path_factory):
    """A folder, its app without threads in the background, and real ids to ask for."""
    place = tmp_path_factory.mktemp("fuzz")
    app = create_app(WebSettings(mode="label", folder=folder(place / "data"), model=model(place)))
    app.router.lifespan_context = nothing_around
    state = app.state.shared
    state.folder.index.refresh()
    state.folder.training.command = (sys.executable, "-c", "pass")
    yield app, image_ids(TestClient(app, base_url=ADDRESS))
    state.stop()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_api_keeps_to_its_document(place, method, path):
    app, ids = place
    headers = {**WRITE, "Host": "127.0.0.1"}
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", app, headers=headers)
    statuses = set()

    operation = schema[path][method]
    # What the document allows, and what it forbids where there is anything to get wrong.
    modes = [GenerationMode.POSITIVE]
    if operation.body or any(True for _ in operation.iter_parameters()):
        modes.append(GenerationMode.NEGATIVE)

    @given(case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes)), is_real=st.booleans())
    @settings(max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def ask(case, is_real):
        if is_real and "image" in (case.path_parameters or {}):
            case.path_parameters["image"] = ids["image2.png"]
        statuses.add(case.call_and_validate(base_url=ADDRESS, headers=headers, checks=CHECKS).status_code)

    ask()
    assert statuses


def test_the_document_is_complete(place):
    app, _ = place
    document = app.openapi()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description") or operation.get("summary"), path
            for status, answer in operation["responses"].items():
                if status.startswith("2") and status != "204":
                    [content] = list(answer["content"].values())[:1]
                    assert content["schema"], f"{method} {path} {status} has no schema"
                if status.startswith("4"):
                    assert answer["content"]["application/json"]["schema"] == {
                        "$ref": "#/components/schemas/ErrorResponse"
                    }, f"{method} {path} {status}"
