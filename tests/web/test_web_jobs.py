"""Batch jobs: images of a folder, of the list or uploaded, examined in the background with progress."""

import io
import json
import threading

import pytest
from support.tiny_models import CARD, write_tiny_onnx
from support.web_places import WRITE, client, folder, image, image_ids, model, wait_for

from fractura.cli.main import main
from fractura.web.detection_cache import DetectionCache
from fractura.web.model_registry import ModelRegistry

FILES_OF_A_FOLDER = {"picture": None, "explanation": None, "annotation": None}


def start(web, **request):
    answer = web.post("/api/jobs", headers=WRITE, json=request)
    assert answer.status_code == 202, answer.text
    return answer.json()


def refused(web, **request):
    answer = web.post("/api/jobs", headers=WRITE, json=request)
    return answer.status_code, answer.json()["error"]["code"]


def ended(web, job):
    """Its last status."""
    return wait_for(lambda: (found := web.get(f"/api/jobs/{job}").json())["state"] in ("done", "cancelled") and found)


@pytest.fixture(name="place")
def images_in_folders(tmp_path):
    root = tmp_path / "root"
    for name in ("a.png", "sub/b.png", "sub/deeper/c.png", ".hidden/d.png", "sub/.e.png"):
        image(root / name)
    (root / "sub" / "broken.png").write_bytes(b"nothing")
    (root / "empty").mkdir()
    image(tmp_path / "outside" / "secret.png")
    return tmp_path


@pytest.fixture(name="web")
def served_folder(place):
    with client(mode="serve", model=model(place), root=place / "root") as web:
        yield web


@pytest.fixture(name="gate")
def gate_of_the_model(monkeypatch):
    """The cache, which is asked for each image, waits at this gate: a job is as far as the test lets it be."""
    gate = threading.Semaphore(0)
    plain = DetectionCache.get

    def wait(cache, *arguments):
        assert gate.acquire(timeout=60)
        return plain(cache, *arguments)

    monkeypatch.setattr(DetectionCache, "get", wait)
    yield gate
    gate.release(1000)


def test_a_folder_gives_the_document_of_the_command(web, place, capsys):
    job = start(web, folder="sub")
    assert (job["state"], job["total"], job["done"], job["model"], job["threshold"]) == ("queued", 3, 0, "tiny", 0.4)
    last = ended(web, job["id"])
    assert (last["state"], last["done"], last["errors"]) == ("done", 3, 1)
    found = web.get(f"/api/jobs/{job['id']}/results").json()
    words = ["--model", str(place / "tiny.onnx"), "--output", str(place / "found"), "--json", "--on-error", "skip"]
    paths = [str(place / "root" / name) for name in ("sub/b.png", "sub/broken.png", "sub/deeper/c.png")]
    assert main(["detect", *paths, *words]) == 0
    expected = json.loads(capsys.readouterr().out)
    rows, wanted = found.pop("images"), expected.pop("images")
    assert found == {**expected, "created": job["created"]}
    assert [row.pop("image") for row in rows] == ["sub/b.png", "sub/broken.png", "sub/deeper/c.png"]
    for row, command in zip(rows, wanted, strict=True):
        assert row == {key: value for key, value in {**command, **FILES_OF_A_FOLDER}.items() if key != "image"}
    assert [len(row["detections"]) for row in rows] == [2, 0, 2]


def test_the_root_itself_without_what_is_hidden(web):
    job = start(web, folder=".", threshold=0)
    assert ended(web, job["id"])["done"] == 4
    rows = web.get(f"/api/jobs/{job['id']}/results").json()["images"]
    assert [row["image"] for row in rows] == ["a.png", "sub/b.png", "sub/broken.png", "sub/deeper/c.png"]
    assert len(rows[0]["detections"]) == 3


@pytest.mark.parametrize(
    "name",
    [
        *("..", "../outside", "sub/../../outside", "/", "/etc", "nowhere", "a.png", "sub\0", "..\\outside", "~"),
        *("C:", "C:\\", "c:sub", "\\\\host\\share", "link", "loop", "sub/./../..", "./../outside"),
        *("x" * 1000, "sub/" * 240),
    ],
)
def test_no_folder_outside_the_root(web, place, name):
    try:
        (place / "root" / "link").symlink_to(place / "outside", target_is_directory=True)
        (place / "root" / "loop").symlink_to(place / "root" / "loop")
    except OSError:
        pytest.skip("no links here")
    assert refused(web, folder=name) == (404, "folder_unknown")
    assert refused(web, folder="empty") == (422, "no_images")
    (place / "root" / "empty" / "secret.png").symlink_to(place / "outside" / "secret.png")
    assert refused(web, folder="empty") == (422, "no_images")
    (place / "root" / "loop.png").symlink_to(place / "root" / "loop.png")
    job = ended(web, start(web, folder=".")["id"])
    assert job["errors"] == 2
    names = [row["image"] for row in web.get(f"/api/jobs/{job['id']}/results").json()["images"]]
    assert names == ["a.png", "loop.png", "sub/b.png", "sub/broken.png", "sub/deeper/c.png"]


def test_uploaded_images(web, place):
    sent = [("images", (name, (place / "root" / name).read_bytes())) for name in ("a.png", "sub/broken.png")]
    answer = web.post("/api/uploads", headers=WRITE, files=sent)
    assert answer.status_code == 201
    images = answer.json()["images"]
    assert [each["image"] for each in images] == ["a.png", "broken.png"]
    ids = [each["id"] for each in images]
    job = start(web, images=[*ids, ids[0]])
    assert (ended(web, job["id"])["total"], ended(web, job["id"])["errors"]) == (2, 1)
    web.delete("/api/uploads", headers=WRITE)
    assert refused(web, images=ids) == (410, "upload_gone")


def test_images_of_the_list_and_the_cache_after_a_restart(tmp_path, monkeypatch):
    data, path = folder(tmp_path / "data"), model(tmp_path)
    with client(mode="label", folder=data, model=path) as web:
        ids = image_ids(web)
        job = start(web, images=[ids["image2.png"], ids["image1.png"]])
        ended(web, job["id"])
        rows = web.get(f"/api/jobs/{job['id']}/results").json()["images"]
        assert [row["image"] for row in rows] == ["image2.png", "image1.png"]
        assert refused(web, images=["0" * 16]) == (404, "image_unknown")
    with client(mode="label", folder=data, model=path) as web:
        gone = web.get(f"/api/jobs/{job['id']}")
        assert (gone.status_code, gone.json()["error"]["code"]) == (404, "job_unknown")
        monkeypatch.setattr(web.app.state.shared.models, "detect", None)  # an error if it is asked
        again = start(web, folder="images")
        ended(web, again["id"])
        found = {row["image"]: row for row in web.get(f"/api/jobs/{again['id']}/results").json()["images"]}
        assert found["images/image1.png"]["detections"] == rows[1]["detections"]


def test_a_job_stays_with_its_folder_when_another_one_is_opened(tmp_path, gate):
    data, other = folder(tmp_path / "data"), folder(tmp_path / "other")
    image(other / "images" / "image1.png", width=300)
    with client(mode="label", folder=data, model=model(tmp_path)) as web:
        first = start(web, images=[image_ids(web)["image1.png"]])
        web.app.state.shared.open_folder(other)
        second = start(web, folder="images")
        gate.release(100)
        ended(web, second["id"])
        [row] = web.get(f"/api/jobs/{first['id']}/results").json()["images"]
        assert (row["error"], row["width"]) == (None, 200)
        rows = web.get(f"/api/jobs/{second['id']}/results").json()["images"]
        assert (rows[0]["image"], rows[0]["width"]) == ("images/image1.png", 300)


def test_models_of_one_id_are_told_apart(tmp_path):
    """Each folder has a trained-0001: a job may still run that of the folder before."""
    registry, entries = ModelRegistry(), []
    for name in ("one", "two"):
        card = CARD.model_copy(update={"class_names": (name, "cast")})
        path = write_tiny_onnx(tmp_path / f"{name}.onnx", card=card)
        entries.append(registry.add("trained-0001", "trained", path))
    assert [registry.load(entry).card.class_names[0] for entry in entries] == ["one", "two"]


def test_progress_and_cancelling(web, gate):
    first, second = start(web, folder="."), start(web, folder="sub")
    gate.release(2)
    now = wait_for(lambda: (found := web.get(f"/api/jobs/{first['id']}").json())["done"] == 2 and found)
    assert (now["state"], now["total"]) == ("running", 4)
    so_far = web.get(f"/api/jobs/{first['id']}/results").json()
    assert (so_far["complete"], [row["image"] for row in so_far["images"]]) == (False, ["a.png", "sub/b.png"])
    listed = web.get("/api/jobs").json()["jobs"]
    assert [(each["id"], each["state"]) for each in listed] == [(second["id"], "queued"), (first["id"], "running")]
    for job, done in ((second, 0), (first, 2)):
        cancelled = web.delete(f"/api/jobs/{job['id']}", headers=WRITE).json()
        assert (cancelled["state"], cancelled["done"]) == ("cancelled", done)
    gate.release(100)
    third = start(web, folder="sub")
    assert ended(web, third["id"])["state"] == "done"
    kept = web.get(f"/api/jobs/{first['id']}/results").json()
    assert (kept["complete"], len(kept["images"])) == (False, 2)
    assert web.delete(f"/api/jobs/{first['id']}", headers=WRITE).json()["state"] == "cancelled"
    assert web.get(f"/api/jobs/{first['id']}").status_code == 404


def test_the_queue_has_a_limit(place, gate):
    with client(mode="serve", model=model(place), root=place / "root", jobs=2, job_images=3) as web:
        first, second = start(web, folder="sub"), start(web, folder="sub")
        assert refused(web, folder="sub") == (429, "queue_full")
        assert refused(web, folder=".") == (413, "too_many_images")
        gate.release(100)
        ended(web, first["id"])
        ended(web, second["id"])
        third = start(web, folder="sub")
        assert [each["id"] for each in web.get("/api/jobs").json()["jobs"]] == [third["id"], second["id"]]


def test_a_bug_on_one_image_does_not_end_the_queue(web, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("PLANTED^NAME")

    monkeypatch.setattr(web.app.state.shared, "detections_on", broken)
    job = start(web, folder="sub/deeper")
    assert (ended(web, job["id"])["state"], ended(web, job["id"])["errors"]) == ("done", 1)
    assert "PLANTED" not in caplog.text
    monkeypatch.undo()
    assert ended(web, start(web, folder="sub/deeper")["id"])["errors"] == 0


@pytest.mark.parametrize("request_", [{}, {"images": [], "folder": None}, {"images": ["0" * 16], "folder": "."}])
def test_either_images_or_a_folder(web, request_):
    assert refused(web, **request_) == (422, "request_invalid")


def test_without_a_root_only_uploads(tmp_path):
    with client(mode="serve", model=model(tmp_path)) as web:
        assert refused(web, folder=".") == (404, "no_folder")
        sent = {"images": ("a.png", io.BytesIO(image(tmp_path / "a.png").read_bytes()))}
        [uploaded] = web.post("/api/uploads", headers=WRITE, files=sent).json()["images"]
        assert ended(web, start(web, images=[uploaded["id"]])["id"])["done"] == 1


def test_the_command_needs_a_root_that_is_there(tmp_path, capsys):
    assert main(["serve", "--root", str(tmp_path / "nowhere"), "--no-browser"]) == 3
    assert "there is no such folder" in capsys.readouterr().err
