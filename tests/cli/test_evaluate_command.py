"""``fractura evaluate`` from end to end: a tiny real model on a Pascal VOC folder."""

import json

import numpy as np
import pytest
from PIL import Image
from tiny_models import CARD, write_tiny_onnx

from fractura.cli.main import main
from fractura.formats.voc_document import VocAnnotation, VocObject, write_voc_file


@pytest.fixture(name="place")
def data_and_model(tmp_path):
    write_tiny_onnx(tmp_path / "tiny.onnx")
    return tmp_path


def label(place, name, *objects):
    data = place / "data"
    (data / "images").mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((100, 200), np.uint8)).save(data / "images" / f"{name}.png")
    annotation = VocAnnotation(f"{name}.png", 200, 100, 1, tuple(VocObject(*each) for each in objects))
    write_voc_file(annotation, data / "annotations" / f"{name}.xml")


def run(place, *more):
    return main(["evaluate", str(place / "tiny.onnx"), str(place / "data"), *more])


def test_figures_by_hand(place, capsys):
    # the model marks: fracture 20,20-100,60 at .9; cast 0,0-40,10 at .5; fracture 100,50-250,100 at .3
    label(place, "a", ("cast", 0, 0, 40, 10), ("fracture", 20, 20, 100, 60))
    label(place, "b")
    assert run(place, "--json", "--output", str(place / "out")) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document == json.loads((place / "out" / "evaluation.json").read_text(encoding="utf-8"))
    at = document["at_threshold"]["0.5"]
    assert (at["found"], at["missed"], at["false_marks"]) == (2, 0, 2)
    assert document["threshold"] == 0.4
    assert document["film_level"]["auc"] == 0.5
    assert document["froc"]["0.5"]["1"] == 1.0
    assert document["froc"]["0.5"]["0.125"] == 0.0
    # of equal score, the mark on the film without a fracture halves the precision
    assert document["average_precision"]["by_class"]["cast"]["AP50"] >= 0.5
    assert str(place / "out") in captured.err


def test_the_table_fits_one_screen_and_notes_go_to_stderr(place, capsys):
    label(place, "a", ("fracture", 20, 20, 100, 60))
    assert run(place, "--threshold", "0.95") == 0
    captured = capsys.readouterr()
    assert "film AUC" in captured.out
    assert len(captured.out.splitlines()) <= 30
    assert "note: every film has a box" in captured.err


def test_an_unknown_class_is_an_error_with_the_nearest_name(place, capsys):
    label(place, "a", ("fractura", 20, 20, 100, 60))
    assert run(place) == 3
    error = capsys.readouterr().err
    assert "'fractura'" in error
    assert "did you mean 'fracture'?" in error


@pytest.mark.parametrize(("model", "data", "code"), [("missing", "data", 4), ("tiny.onnx", "missing", 3)])
def test_wrong_calls_have_their_exit_codes(place, capsys, model, data, code):
    label(place, "a")
    assert main(["evaluate", str(place / model), str(place / data)]) == code
    assert capsys.readouterr().out == ""


def test_real_films(place, capsys, shared_path):
    val = str(shared_path("data/fracatlas/val"))
    file = write_tiny_onnx(place / "real.onnx", card=CARD.model_copy(update={"class_names": ("Fractura", "cast")}))
    assert main(["evaluate", str(file), val, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["films"] > 10
    assert document["film_level"]["auc"] == 0.5  # a model that says the same of every film
