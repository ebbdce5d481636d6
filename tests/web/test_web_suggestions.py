"""Suggestions, uncertainty, disagreement, and training from the page."""

import sys
import textwrap

import pytest
from support.tiny_models import CARD, write_tiny_onnx
from support.web_places import BOX, WRITE, annotation, client, folder, image, image_ids, model, wait_for

from fractura.formats.voc import VocObject
from fractura.web.detection_cache import ImageDetections, scored_box
from fractura.web.suggester import disagreements, uncertainty


@pytest.fixture(name="web")
def web_fixture(tmp_path):
    with client(mode="label", folder=folder(tmp_path / "data"), model=model(tmp_path)) as web:
        yield web


def suggestions(web, name):
    image_id = image_ids(web)[name]

    def ready():
        answer = web.get(f"/api/images/{image_id}/suggestions").json()
        return answer if answer["status"] == "ready" else None

    return wait_for(ready)


def suggest_all(web):
    assert web.post("/api/suggestions", headers=WRITE).status_code == 202
    return wait_for(lambda: (found := web.get("/api/suggestions").json()) and not found["running"] and found)


def states(web, **query):
    answer = web.get("/api/images", params=query).json()
    return {each["name"]: (each["state"], each["disagreeing"]) for each in answer["images"]}


def test_one_image_when_it_is_shown(web):
    first = web.get(f"/api/images/{image_ids(web)['image1.png']}/suggestions").json()
    assert (first["status"], first["boxes"]) == ("waiting", [])
    found = suggestions(web, "image1.png")
    assert [(detection["name"], detection["score"]) for detection in found["boxes"]] == [
        ("fracture", 0.9),
        ("cast", 0.5),
        ("fracture", 0.3),
    ]
    assert [found["boxes"][0][side] for side in ("xmin", "ymin", "xmax", "ymax")] == [20, 20, 100, 60]
    assert found["uncertainty"] == pytest.approx(1 - (2 * (0.5 + 0.5 * (0.5 - 0.4) / 0.6) - 1), abs=1e-4)
    assert states(web)["image1.png"] == ("suggested", False)


def test_the_whole_folder_and_again_after_a_restart(tmp_path):
    settings = {"mode": "label", "folder": folder(tmp_path / "data"), "model": model(tmp_path)}
    with client(**settings) as web:
        done = suggest_all(web)
        assert (done["done"], done["total"], done["failed"]) == (5, 5, 0)
        before = states(web)
    assert before["image1.png"][0] == "suggested"
    assert before["image2.png"] == (
        "disagreeing",
        True,
    )  # its box is called Fractura, the detection fracture: see below
    assert before["image10.png"][0] == "verified"
    assert before["image11.png"][0] == "malformed"
    with client(**settings) as again:
        wait_for(lambda: again.get("/api/suggestions").json()["done"] == 5)
        assert states(again) == before


def test_progress_through_the_folder_is_reported_with_every_image(web):
    said = []
    web.app.state.shared.events.publish = lambda kind, data: said.append((kind, data))
    suggest_all(web)
    wait_for(lambda: [kind for kind, _ in said if kind == "suggestion"] == 5 * ["suggestion"])
    wait_for(lambda: {data["done"] for kind, data in said if kind == "suggestions"} == {0, 1, 2, 3, 4, 5})
    assert not said[-1][1]["running"]


def test_assessments_follow_the_boxes(web):
    suggest_all(web)
    image_id = image_ids(web)["image3.png"]
    assert states(web)["image3.png"][0] == "disagreeing"
    now = web.get(f"/api/annotations/{image_id}").json()
    detections = [detection for detection in suggestions(web, "image3.png")["boxes"] if detection["score"] >= 0.4]
    boxes = [{key: detection[key] for key in ("name", "xmin", "ymin", "xmax", "ymax")} for detection in detections]
    answer = web.put(
        f"/api/annotations/{image_id}", headers={**WRITE, "If-Match": now["etag"]}, json={"boxes": boxes}
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert states(web)["image3.png"] == ("labelled", False)
    assert suggestions(web, "image3.png")["disagreements"] == []


def test_most_uncertain_first(tmp_path):
    data = tmp_path / "data"
    for name in ("a", "b", "c"):
        image(data / f"{name}.png")
    with client(mode="label", folder=data, model=model(tmp_path)) as web:
        suggestions(web, "b.png")
        assert list(states(web, order="uncertainty")) == ["b.png", "a.png", "c.png"]


def test_an_image_that_cannot_be_read_does_not_stop_the_others(tmp_path):
    data = folder(tmp_path / "data")
    (data / "images" / "image0.png").write_bytes(b"\x89PNG damaged")
    with client(mode="label", folder=data, model=model(tmp_path)) as web:
        done = suggest_all(web)
        assert (done["done"], done["failed"]) == (5, 1)
        answer = web.get(f"/api/images/{image_ids(web)['image0.png']}/suggestions")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "image_unreadable")


def test_without_a_model_there_is_nothing_to_suggest(tmp_path, monkeypatch):
    from fractura.core.errors import ModelError
    from fractura.web import model_registry

    def none():
        raise ModelError("this copy has none")

    monkeypatch.setattr(model_registry, "built_in_model", none)
    with client(mode="label", folder=folder(tmp_path / "data")) as web:
        answer = web.get(f"/api/images/{image_ids(web)['image1.png']}/suggestions").json()
        assert (answer["status"], answer["model"]) == ("none", None)
        assert web.post("/api/suggestions", headers=WRITE).json()["error"]["code"] == "no_model"
        assert web.get("/api/models").json()["models"][0]["problem"] == "this copy has none"


def test_another_model_says_something_else(web, tmp_path):
    suggest_all(web)
    write_tiny_onnx(
        tmp_path / "data" / ".fractura" / "other.onnx", scores=(0.1,), labels=(0,), shares=((0.1, 0.2, 0.5, 0.6),)
    )
    web.app.state.shared.models.add("trained-0001", "trained", tmp_path / "data" / ".fractura" / "other.onnx")
    answer = web.put("/api/models/current", headers=WRITE, json={"id": "trained-0001"})
    assert answer.json()["current"] == "trained-0001"
    assert states(web)["image1.png"] == ("unlabelled", False)
    assert [detection["score"] for detection in suggestions(web, "image1.png")["boxes"]] == [0.1]
    web.put("/api/models/current", headers=WRITE, json={"id": "given"})
    assert web.get("/api/suggestions").json()["done"] == 5  # remembered


def test_a_damaged_memory_of_detections_is_begun_anew(tmp_path):
    data = folder(tmp_path / "data")
    (data / ".fractura").mkdir()
    (data / ".fractura" / "detections.sqlite").write_bytes(b"no data base" * 100)
    with client(mode="label", folder=data, model=model(tmp_path)) as web:
        assert suggest_all(web)["done"] == 5


# ---------------------------------------------------------------- rules


def detection(score, corners=(20, 20, 100, 60), name="Fractura"):
    return scored_box(name, corners, score)


@pytest.mark.parametrize(
    ("scores", "threshold", "expected"),
    [
        ([], 0.5, 0),
        ([0.5], 0.5, 1),
        ([1.0], 0.5, 0),
        ([0.25], 0.5, 0.5),
        ([0.75], 0.5, 0.5),
        ([0.2], 0.2, 1),
        ([0.6], 0.2, 0.5),
        ([1.0, 0.25], 0.5, 0.5),
        ([1.0], 1.0, 1),
    ],
)
def test_uncertainty(scores, threshold, expected):
    assert uncertainty([detection(score) for score in scores], threshold) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("detections", "boxes", "kinds"),
    [
        ([], [], []),
        ([detection(0.9)], [BOX], []),
        ([detection(0.9)], [], ["missed_by_human"]),
        ([detection(0.4)], [], []),
        ([], [BOX], ["missed_by_model"]),
        ([detection(0.06)], [BOX], []),
        ([], [VocObject("Fractura", 20, 20, 100, 60, difficult=True)], []),
        ([detection(0.9, name="cast")], [BOX], ["other_class"]),
        ([detection(0.9, (150, 70, 190, 90))], [BOX], ["missed_by_human", "missed_by_model"]),
        ([detection(0.9, (40, 20, 120, 60))], [BOX], []),
    ],
)
def test_disagreements(detections, boxes, kinds):
    assert [each.kind for each in disagreements(detections, boxes, 0.5)] == kinds


@pytest.mark.parametrize(
    ("model_names", "folder_names", "expected"),
    [
        (("fracture",), ["Fractura"], "Fractura"),
        (("fracture",), ["Fracture", "cast"], "Fracture"),
        (("fracture",), ["Fractura", "cast"], "fracture"),
        (("fracture", "cast"), ["Fractura"], "fracture"),
        (("fracture",), [], "fracture"),
    ],
)
def test_detections_in_the_words_of_the_folder(model_names, folder_names, expected):
    found = ImageDetections(200, 100, (detection(0.9, name="fracture"),), 0.9)
    assert found.renamed(model_names, folder_names).detections[0].name == expected


# ---------------------------------------------------------------- training

PRETENDED = textwrap.dedent(
    """
    import os, pathlib, signal, sys, time
    words = sys.argv[1:]
    sys.stderr.write(f"{words[0]} begins, {os.environ['FRACTURA_LANGUAGE']}\\n")
    if words[0] == "split":
        sys.exit(0)
    if words[0] == "evaluate":
        print('{"images": 7, "negative": 3, "boxes": 9, "metrics": {"AP50": {"value": 0.6, "low": 0.4, "high": 0.8}}}')
        sys.exit(0)
    if words[0] == "compare":
        print('{"differences": {"AP50": {"first": 0.5, "difference": 0.1, "low": -0.1, "high": 0.3}}, '
              '"overlap": {"first": {"trained": 2}}}')
        sys.exit(0)
    output = pathlib.Path(words[words.index("--output") + 1])
    output.mkdir(parents=True)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    if "FAIL" in str(output):
        sys.stderr.write("error: no image has a box\\n  → label some\\n")
        sys.exit(3)
    with (output / "log.csv").open("w") as log:
        log.write("step,loss\\n")
        for step in range(1, 400):
            log.write(f"{step},{1 / step}\\n")
            log.flush()
            if stop or (step == 3 and "--num-steps" in words and words[words.index("--num-steps") + 1] == "3"):
                break
            time.sleep(0.02)
    import shutil
    shutil.copytree(PREPARED, output, dirs_exist_ok=True)
    """
)


@pytest.fixture(name="trainable")
def trainable_fixture(tmp_path, web):
    """An app whose training is a small script, and a model folder that it leaves."""
    from fractura.core.model_card import write_card

    prepared = tmp_path / "prepared"
    write_card(CARD, prepared)
    (prepared / "weights.safetensors").write_bytes(b"x")
    script = tmp_path / "pretended.py"
    script.write_text(f"PREPARED = {str(prepared)!r}\n{PRETENDED}", encoding="utf-8")
    web.app.state.shared.folder.training.command = (sys.executable, str(script))
    return web


def ended(web):
    def finished():
        report = web.get("/api/training").json()
        return report if report["state"] not in ("preparing", "running", "measuring") else None

    return wait_for(finished)


def test_training_measures_the_model_and_asks_before_it_takes_over(trainable, monkeypatch):
    monkeypatch.setenv("FRACTURA_LANGUAGE", "es")
    begun = trainable.post("/api/training", headers=WRITE, json={"num_steps": 3})
    assert (begun.status_code, begun.json()["state"]) == (202, "preparing")
    again = trainable.post("/api/training", headers=WRITE, json={})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "training_running")
    report = ended(trainable)
    assert (report["state"], report["step"], report["model"]) == ("done", 3, "trained-0001")
    assert [each["loss"] for each in report["history"]] == pytest.approx([1, 1 / 2, 1 / 3])
    assert report["lines"] == [f"{command} begins, en" for command in ("split", "train", "evaluate", "compare")]
    assert report["result"] == {
        "images": 7,
        "negatives": 3,
        "boxes": 9,
        "AP50": {"value": 0.6, "low": 0.4, "high": 0.8},
        "in_use_ap50": 0.5,
        "difference": {"value": 0.1, "low": -0.1, "high": 0.3},
        "seen": 2,
    }
    assert (report["in_use"], report["asks"]) == ("given", True)
    assert trainable.get("/api/models").json()["current"] == "given"
    decided = trainable.post("/api/training/decision", headers=WRITE, json={"use": True})
    assert (decided.status_code, decided.json()["asks"]) == (200, False)
    assert trainable.get("/api/models").json()["current"] == "trained-0001"
    again = trainable.post("/api/training/decision", headers=WRITE, json={"use": True})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "nothing_to_decide")


def test_a_new_model_that_is_not_wanted_is_only_listed(trainable):
    trainable.post("/api/training", headers=WRITE, json={"num_steps": 3})
    assert ended(trainable)["asks"]
    trainable.post("/api/training/decision", headers=WRITE, json={"use": False})
    models = trainable.get("/api/models").json()
    assert (models["current"], models["models"][-1]["id"]) == ("given", "trained-0001")
    assert not trainable.get("/api/training").json()["asks"]


@pytest.mark.parametrize(
    ("chosen", "expected"), [(None, "built-in"), ("trained-0001", "trained-0001"), ("x", "built-in")]
)
def test_the_model_that_was_chosen_is_in_use_again_the_next_time(tmp_path, chosen, expected):
    """A model that was trained and never chosen does not take over by a restart."""
    from fractura.core.model_card import write_card

    trained = tmp_path / "data" / ".fractura" / "models" / "trained-0001"
    image(tmp_path / "data" / "a.png")
    write_card(CARD, trained)
    (trained / "weights.safetensors").write_bytes(b"x")
    if chosen == "trained-0001":
        with client(mode="label", folder=tmp_path / "data") as web:
            assert web.put("/api/models/current", headers=WRITE, json={"id": chosen}).status_code == 200
    elif chosen is not None:
        (trained.parent / "in_use.txt").write_text(chosen)
    with client(mode="label", folder=tmp_path / "data") as web:
        assert web.get("/api/models").json()["current"] == expected


def test_training_can_be_stopped_and_keeps_what_it_learned(trainable):
    trainable.post("/api/training", headers=WRITE, json={"num_steps": 100_000, "val_share": 0})
    wait_for(lambda: trainable.get("/api/training").json()["step"] > 0)
    trainable.delete("/api/training", headers=WRITE)
    report = ended(trainable)
    assert (report["state"], report["model"]) == ("stopped", "trained-0001")
    assert report["lines"] == ["train begins, en"]


def test_training_that_fails_says_why(trainable, monkeypatch):
    folder = trainable.app.state.shared.folder
    monkeypatch.setattr(folder, "models_folder", folder.models_folder / "FAIL")
    trainable.post("/api/training", headers=WRITE, json={})
    report = ended(trainable)
    assert (report["state"], report["message"], report["model"]) == ("failed", "no image has a box", None)
    assert trainable.get("/api/models").json()["current"] == "given"


def test_training_needs_boxes_and_pytorch(tmp_path, monkeypatch):
    image(tmp_path / "data" / "a.png")
    annotation(tmp_path / "data" / "a.xml", "a.png")
    with client(mode="label", folder=tmp_path / "data", model=model(tmp_path)) as web:
        answer = web.post("/api/training", headers=WRITE, json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "nothing_to_train")
        annotation(tmp_path / "data" / "a.xml", "a.png", BOX)
        monkeypatch.setattr("fractura.web.training_run.find_spec", lambda name: None)
        answer = web.post("/api/training", headers=WRITE, json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "torch_missing")
        assert "pip install" in web.get("/api/session").json()["train_hint"]


@pytest.mark.slow
def test_real_training_from_the_page(tmp_path):
    """Phantoms, two steps from the built-in model on, and suggestions of the new one afterwards."""
    pytest.importorskip("torch")
    from fractura.phantom import make_phantoms

    make_phantoms(tmp_path / "data", images=12, seed=1)
    with client(mode="label", folder=tmp_path / "data", model="built-in") as web:
        begun = web.post("/api/training", headers=WRITE, json={"num_steps": 2, "val_share": 0.3})
        assert begun.status_code == 202, begun.text

        def finished():
            report = web.get("/api/training").json()
            return report if report["state"] not in ("preparing", "running", "measuring") else None

        report = wait_for(finished, seconds=300)
        assert (report["state"], report["step"]) == ("done", 2), report
        assert any("weights from built-in" in line for line in report["lines"])
        assert report["result"]["images"] == 4, report["lines"]
        assert report["result"]["difference"] is not None, report["lines"]
        assert web.get("/api/models").json()["current"] == "built-in"
        web.post("/api/training/decision", headers=WRITE, json={"use": True})
        assert web.get("/api/models").json()["current"] == "trained-0001"
        wait_for(lambda: web.get("/api/suggestions").json()["done"] == 12, seconds=120)
