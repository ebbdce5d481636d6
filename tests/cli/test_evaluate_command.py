"""``fractura evaluate`` from end to end: a tiny real model on a Pascal VOC folder."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from support.tiny_models import CARD, write_tiny_onnx

from fractura.cli.main import main
from fractura.evaluation import align_classes
from fractura.formats import read_dataset
from fractura.formats.voc.annotation import VocAnnotation, VocObject
from fractura.formats.voc.serializer import write_voc_file

pytestmark = pytest.mark.usefixtures("rough_plots")


@pytest.fixture(name="place")
def data_and_model(tmp_path):
    write_tiny_onnx(tmp_path / "tiny.onnx")
    return tmp_path


def label(place, name, *objects, grey=0):
    data = place / "data"
    (data / "images").mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((100, 200), grey, np.uint8)).save(data / "images" / f"{name}.png")
    annotation = VocAnnotation(f"{name}.png", 200, 100, 1, tuple(VocObject(*each) for each in objects))
    write_voc_file(annotation, data / "annotations" / f"{name}.xml")


def run(place, *more):
    return main(["evaluate", str(place / "tiny.onnx"), str(place / "data"), *more])


def test_metrics_by_hand(place, capsys):
    # the model detections: fracture 20,20-100,60 at .9; cast 0,0-40,10 at .5; fracture 100,50-250,100 at .3
    label(place, "a", ("cast", 0, 0, 40, 10), ("fracture", 20, 20, 100, 60))
    label(place, "b")
    assert run(place, "--json", "--rounds", "50", "--output", str(place / "out")) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document == json.loads((place / "out" / "evaluation.json").read_text(encoding="utf-8"))
    metrics = document["metrics"]
    found = metrics["box_sensitivity/iou50"]
    assert (found["part"], found["count"]) == (2, 2)
    assert metrics["false_positives_per_image/iou50"]["value"] == 1.0
    assert document["threshold"] == 0.4
    assert metrics["image_auc"]["value"] == 0.5
    assert metrics["froc/iou50/1"]["value"] == 1.0
    assert metrics["froc/iou50/0.125"]["value"] == 0.0
    # of equal score, the detection on the image without a fracture halves the precision
    assert metrics["AP50/cast"]["value"] >= 0.5
    assert metrics["AP50"]["low"] is not None
    assert document["intervals"]["rounds"] == 50
    assert {path.name for path in (place / "out").iterdir()} >= {
        "evaluation.json",
        "metrics.csv",
        "images.csv",
        "report.html",
        "claim.html",
        "claim.md",
        "stard_ai.html",
        "stard_ai.md",
        "plots",
    }
    page = (place / "out" / "report.html").read_text(encoding="utf-8")
    assert all(f'href="{name}"' in page for name in ("evaluation.json", "metrics.csv", "images.csv", "claim.md"))
    assert str(place / "out" / "report.html") in captured.err
    images = list(csv.DictReader((place / "out" / "images.csv").open(encoding="utf-8")))
    assert [(row["image"], row["positive"], row["false_positives"]) for row in images] == [
        ("a.png", "1", "0"),
        ("b.png", "0", "2"),
    ]
    table = list(csv.DictReader((place / "out" / "metrics.csv").open(encoding="utf-8")))
    assert {row["metric"]: row["value"] for row in table if not row["by"]}["image_auc"] == "0.5"
    assert {(row["by"], row["group"]) for row in table} >= {("images", "with a fracture"), ("box size", "large")}
    assert str(place / "out") in captured.err


def test_the_table_fits_one_screen_and_notes_go_to_stderr(place, capsys):
    label(place, "a", ("fracture", 20, 20, 100, 60))
    assert run(place, "--threshold", "0.95", "--rounds", "5") == 0
    captured = capsys.readouterr()
    assert "image AUC" in captured.out
    assert len(captured.out.splitlines()) <= 40
    assert "note: every image has a box" in captured.err


def test_images_that_had_a_part_in_making_the_model_are_said_on_the_screen_and_in_the_document(place, capsys):
    label(place, "a", ("fracture", 20, 20, 100, 60))
    images = align_classes(read_dataset(place / "data"), CARD.class_names)
    made = images.describe()
    data = {"data": {"train": made, "val": made}, "threshold_data": images.fingerprint()}
    write_tiny_onnx(place / "tiny.onnx", card=CARD.model_copy(update=data))
    label(place, "b", grey=9)  # one image more: another fingerprint
    assert run(place, "--rounds", "5", "--json") == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["data"]["overlap"] == {"images": 2, "trained": 1, "validated": 1, "threshold": 1}
    trained, chosen = document["warnings"]
    assert trained.startswith("1 of 2 images were trained on: ")
    assert chosen.startswith("1 of 2 images chose the threshold and the model's final state: ")
    assert [line for line in captured.err.splitlines() if line.startswith("warning: ")] == [
        f"warning: {trained}",
        f"warning: {chosen}",
    ]
    assert run(place, "--no-intervals", "--threshold", "0.3") == 0
    captured = capsys.readouterr()
    assert "warning: There are no intervals" in captured.err
    assert "chose the threshold" not in captured.err


def test_a_table_of_the_images_gives_patients_and_groups(place, capsys):
    label(place, "a", ("fracture", 20, 20, 100, 60))
    label(place, "b")
    label(place, "c", ("fracture", 20, 20, 100, 60))
    (place / "images.csv").write_text(
        "image,patient,hardware,site\na.png,1,0,north\nb.png,1,1,north\n", encoding="utf-8"
    )
    words = ("--groups", str(place / "images.csv"), "--without", "hardware", "--rounds", "5", "--json")
    assert run(place, *words) == 0
    captured = capsys.readouterr()
    assert "1 images have no row" in captured.err
    document = json.loads(captured.out)
    assert (document["patients"], document["intervals"]["unit"]) == (2, "patient")
    groups = {(group["by"], group["name"]): group["images"] for group in document["subgroups"]}
    assert groups[("hardware", "yes")] == 1
    assert groups[("site", "north")] == 2
    assert groups[("images", "without hardware")] == 2
    assert groups[("images", "with a fracture")] == 2


def test_another_evaluation_is_replaced_only_when_asked_to_and_wholly(place, capsys):
    label(place, "a", ("fracture", 20, 20, 100, 60))
    label(place, "b")
    out = place / "out"
    words = ("--no-intervals", "--output", str(out))
    assert run(place, *words) == 0
    assert (out / "plots" / "roc.png").is_file()
    (out / "plots" / "mine.png").write_bytes(b"mine")
    before = (out / "report.html").read_bytes()
    (place / "tiny.onnx").rename(place / "away.onnx")  # refused before the model is looked for
    assert run(place, *words) == 2
    assert (
        "holds the results of an earlier run\n  → choose another output folder, or replace" in capsys.readouterr().err
    )
    assert (out / "report.html").read_bytes() == before
    (place / "away.onnx").rename(place / "tiny.onnx")
    for kind in ("images", "annotations"):
        next((place / "data" / kind).glob("b.*")).unlink()  # no normal image is left: there is no ROC curve any more
    assert run(place, *words, "--overwrite") == 0
    assert (out / "report.html").read_bytes() != before
    assert not (out / "plots" / "roc.png").exists()
    assert not (out / "plots" / "roc.svg").exists()
    assert (out / "plots" / "mine.png").read_bytes() == b"mine"


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("out/report.html", "out: is not empty"),
        ("out/evaluation.json", "out: is not empty"),
        ("out", "out: is a file, not a folder"),
    ],
)
def test_what_is_no_evaluation_is_never_written_over(place, capsys, file, said, overwrite):
    foreign = place / file
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_text("{}", encoding="utf-8")
    assert main(["evaluate", "no model", str(place), "--output", str(place / "out"), *overwrite]) == 2
    assert said in capsys.readouterr().err
    assert foreign.read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--without", "hardware"], "--without needs the table"),
        (["--groups", "images.csv", "--without", "hardwear"], "did you mean 'hardware'"),
        (["--groups", "nowhere.csv"], "nowhere.csv: there is no such file\n  → check the path"),
        (["--groups", "data"], "data: is a folder, not a file\n  → give a file"),
    ],
)
def test_wrong_groups_are_said(place, capsys, monkeypatch, words, said):
    label(place, "a")
    monkeypatch.chdir(place)
    (place / "images.csv").write_text("image,hardware\na.png,1\n", encoding="utf-8")
    assert run(place, *words) in (2, 3)
    assert said in capsys.readouterr().err


def test_an_unknown_class_is_an_error_with_the_nearest_name(place, capsys):
    label(place, "a", ("fractura", 20, 20, 100, 60))
    assert run(place) == 3
    error = capsys.readouterr().err
    assert "'fractura'" in error
    assert "--rename 'fractura=fracture'" in error


@pytest.mark.parametrize(("model", "data", "code"), [("missing", "data", 4), ("tiny.onnx", "missing", 3)])
def test_wrong_calls_have_their_exit_codes(place, capsys, model, data, code):
    label(place, "a")
    assert main(["evaluate", str(place / model), str(place / data)]) == code
    assert capsys.readouterr().out == ""


def test_real_images(place, capsys, real_images):
    val = str(real_images("fracatlas/val"))
    file = write_tiny_onnx(place / "real.onnx", card=CARD.model_copy(update={"class_names": ("Fractura", "cast")}))
    assert main(["evaluate", str(file), val, "--json", "--no-intervals"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["images"] > 10
    assert document["intervals"] is None
    assert document["metrics"]["image_auc"]["value"] == 0.5  # a model that says the same of every image
