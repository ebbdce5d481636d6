"""A client that openapi-python-client generates from the document, as it comes out, against a running server."""

import importlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.web_places import folder, image, model, running, wait_for

from fractura.formats.voc import read_voc_file
from fractura.web import WebSettings, create_app

TOKEN = "a-long-and-secret-token"
NAME = "fractura_rest_client"
GENERATOR = Path(sys.executable).with_name("openapi-python-client")


@pytest.fixture(name="generated", scope="module")
def generated_client(tmp_path_factory):
    """The package; its modules are loaded by ``operation`` and ``models``."""
    place = tmp_path_factory.mktemp("client")
    document = place / "openapi.json"
    document.write_text(json.dumps(create_app(WebSettings(mode="serve")).openapi()), encoding="utf-8")
    words = ["generate", "--path", document, "--output-path", place / NAME, "--meta", "none", "--fail-on-warning"]
    # Its post-processing runs ruff, which lies beside it.
    path = os.pathsep.join([str(GENERATOR.parent), os.environ["PATH"]])
    done = subprocess.run([GENERATOR, *words], capture_output=True, text=True, env={**os.environ, "PATH": path})
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(place))
    yield importlib.import_module(NAME)
    sys.path.remove(str(place))
    for name in [name for name in sys.modules if name.split(".")[0] == NAME]:
        del sys.modules[name]


@pytest.fixture(name="place", scope="module")
def labelled_folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("place")
    return SimpleNamespace(data=folder(place / "data"), model=model(place), more=place / "more")


@pytest.fixture(name="address", scope="module")
def server(place):
    environment = {**os.environ, "FRACTURA_TOKEN": TOKEN}
    with running("label", place.data, "--model", place.model, environment=environment) as address:
        yield address


@pytest.fixture(name="client")
def logged_in_client(generated, address):
    return generated.AuthenticatedClient(base_url=address, token=TOKEN, raise_on_unexpected_status=True)


def operation(name):
    """The module of an operation, by ``tag.operationId``."""
    return importlib.import_module(f"{NAME}.api.{name}")


def models():
    return importlib.import_module(f"{NAME}.models")


def sent_file(path):
    file = importlib.import_module(f"{NAME}.types").File
    return file(payload=io.BytesIO(path.read_bytes()), file_name=path.name, mime_type="application/octet-stream")


def images_by_name(client):
    listed = operation("images.list_images").sync(client=client)
    return {each.name: each.id for each in listed.images}


def test_detect_images(client, place):
    wrist, broken = image(place.more / "wrist.png"), place.more / "broken.png"
    broken.write_bytes(b"nothing")
    drawn = place.data / "annotations" / "image2.xml"
    shutil.copy(drawn, place.more / "wrist.xml")
    body = models().BodyDetect(
        images=[sent_file(wrist), sent_file(broken)],
        annotations=[sent_file(place.more / "wrist.xml")],
        threshold=0.45,
    )
    answer = operation("detect.detect").sync(client=client, body=body)
    assert (answer.model, answer.threshold, answer.class_names) == ("tiny", 0.45, ["fracture", "cast"])
    first, second = answer.images
    assert (first.image, first.width, first.height, first.answer) == ("wrist.png", 200, 100, "suspected")
    assert [(each.class_, each.score, each.box) for each in first.detections] == [
        ("fracture", 0.9, [20, 20, 100, 60]),
        ("cast", 0.5, [0, 0, 40, 10]),
    ]
    assert [(box.name, box.xmin) for box in first.ground_truth] == [("Fractura", 20)]
    assert (second.image, second.error.code, second.detections) == ("broken.png", "image_unreadable", [])

    picture = operation("images.picture").sync(first.id, client=client, side=50)
    assert picture.payload.read().startswith(b"\x89PNG")
    wish = models().ExportRequest(format_=models().ExportRequestFormat.CSV, images=[first.id, second.id])
    table = operation("export.export_results").sync(client=client, body=wish)
    assert table.payload.read().decode().splitlines()[1].startswith("wrist.png,fracture,0.9,")
    assert operation("uploads.forget_uploads").sync_detailed(client=client).status_code == 204
    gone = operation("images.image_detail").sync(first.id, client=client)
    assert gone.error.code == "upload_gone"


def test_read_and_save_labels(client, place):
    ids = images_by_name(client)
    read_annotation = operation("annotations.read_annotation").sync
    read = read_annotation(ids["image2.png"], client=client)
    assert [(box.name, box.xmin, box.ymax) for box in read.boxes] == [("Fractura", 20, 60)]
    box = models().BoxIn(name="Fractura", xmin=5, ymin=6, xmax=50, ymax=60)
    wanted = models().AnnotationIn(boxes=[box], verified=True)
    save = operation("annotations.save_annotation").sync
    saved = save(ids["image2.png"], client=client, body=wanted, if_match=read.etag)
    assert saved.etag != read.etag
    file = read_voc_file(place.data / "annotations" / "image2.xml")
    assert (file.verified, [each.corners for each in file.objects]) == (True, [(5, 6, 50, 60)])

    late = save(ids["image2.png"], client=client, body=wanted, if_match=read.etag)
    assert (late.error.code, late["current"]["etag"]) == ("changed_elsewhere", saved.etag)
    assert save(ids["image2.png"], client=client, body=wanted).error.code == "if_match_needed"
    empty = models().AnnotationIn(boxes=[])
    etag = read_annotation(ids["image1.png"], client=client).etag
    assert save(ids["image1.png"], client=client, body=empty, if_match=etag).error.code == "undecided"
    assert not (place.data / "annotations" / "image1.xml").exists()


def test_a_batch_job(client):
    job = operation("jobs.start_job").sync(client=client, body=models().JobRequest(folder="images"))
    assert (job.state.value, job.total, job.done) == ("queued", 5, 0)
    status = operation("jobs.job_status").sync
    wait_for(lambda: status(job.id, client=client).state.value == "done")
    results = operation("jobs.job_results").sync(job.id, client=client)
    assert (results.complete, results.images[0].image) == (True, "images/image1.png")
    assert results.images[0].detections[0].score == 0.9
    assert operation("jobs.cancel_job").sync(job.id, client=client).id == job.id
    assert status(job.id, client=client).error.code == "job_unknown"


def test_errors(generated, client, address):
    answer = operation("images.image_detail").sync_detailed("0" * 16, client=client)
    assert (answer.status_code, answer.parsed.error.code) == (404, "image_unknown")
    assert answer.parsed.error.hint
    invalid = operation("images.image_detail").sync("not-an-id", client=client)
    assert (invalid.error.code, invalid.error.place) == ("request_invalid", "path.image")
    choice = models().ModelChoice(id="no-such-model")
    assert operation("models.choose_model").sync(client=client, body=choice).error.code == "model_unknown"
    stranger = generated.Client(base_url=address)
    assert operation("session.health").sync(client=stranger).status == "ok"
    assert operation("images.list_images").sync(client=stranger).error.code == "token_needed"
    body = models().TokenIn(token=TOKEN)
    assert operation("session.open_session").sync_detailed(client=stranger, body=body).status_code == 204
    assert operation("images.list_images").sync(client=stranger).total == 5  # by the session's cookie


def test_names_of_operations_stay():
    """They name the functions of generated clients: one that is renamed or removed breaks programs."""
    paths = create_app(WebSettings(mode="serve")).openapi()["paths"]
    found = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert len(found) == len(set(found))
    assert set(found) >= {
        *("health", "session", "open_session"),
        *("list_images", "image_detail", "picture"),
        *("read_annotation", "save_annotation", "delete_annotation", "restore_annotation"),
        *("list_classes", "add_class"),
        *("roots", "subfolders", "open_folder"),
        *("list_models", "choose_model"),
        *("image_suggestions", "suggestion_status", "suggest_all", "stop_suggesting"),
        *("training_status", "start_training", "stop_training", "decide_training"),
        *("detect", "upload_images", "forget_upload", "forget_uploads", "export_results", "events"),
        *("start_job", "list_jobs", "job_status", "job_results", "cancel_job"),
    }


def test_the_document_says_what_the_guard_asks_for():
    document = create_app(WebSettings(mode="serve")).openapi()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert {"token": []} in document["security"]
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            headers = [each["name"] for each in described.get("parameters", []) if each["in"] == "header"]
            assert ("X-Fractura" in headers) == (method != "get"), f"{method} {path}"
            assert ("security" in described) == (path in ("/healthz", "/api/session"))
    form = document["components"]["schemas"]["Body_detect"]["properties"]
    assert form["images"]["items"]["format"] == form["annotations"]["items"]["format"] == "binary"
