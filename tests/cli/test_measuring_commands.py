"""``fractura calibrate``, ``compare`` and ``agree`` from end to end, with a tiny real model on Pascal VOC folders."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.tiny_models import CARD, write_tiny_onnx

from fractura.cli.main import main
from fractura.core.errors import DataError
from fractura.core.model_card import WEIGHTS_FILE, read_card, write_card
from fractura.evaluation import align_classes
from fractura.evaluation.comparison import COMPARED, MAIN
from fractura.formats import read_dataset
from fractura.formats.voc.annotation import VocAnnotation, VocObject
from fractura.formats.voc.serializer import write_voc_file
from fractura.inference import load_model

pytestmark = pytest.mark.usefixtures("rough_plots")

FOUND = ("fracture", 20, 20, 100, 60)  # the tiny model detections it at 0.9 on every image; elsewhere at 0.5 and 0.3


def label(folder, name, *objects, grey=0):
    (folder / "images").mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((100, 200), grey, np.uint8)).save(folder / "images" / f"{name}.png")
    annotation = VocAnnotation(f"{name}.png", 200, 100, 1, tuple(VocObject(*each) for each in objects))
    write_voc_file(annotation, folder / "annotations" / f"{name}.xml")


@pytest.fixture(name="place")
def data_and_model(tmp_path):
    write_tiny_onnx(tmp_path / "tiny.onnx", card=CARD)
    label(tmp_path / "data", "a", FOUND)
    label(tmp_path / "data", "b")
    label(tmp_path / "data", "c", FOUND, ("cast", 0, 0, 40, 10))
    return tmp_path


def test_calibrate_writes_threshold_and_calibration_into_the_file(place, capsys):
    model = place / "tiny.onnx"
    before = load_model(model).detect(np.zeros((100, 200, 3), np.uint8))
    assert main(["calibrate", str(model), str(place / "data"), "--aim", "sensitivity=1", "--method", "none"]) == 0
    assert "sensitivity=1: threshold 0.5 finds 1.000 (3 of 3 boxes" in capsys.readouterr().out
    loaded = load_model(model)
    assert loaded.card.threshold == 0.5
    assert loaded.card.threshold_aim == "sensitivity=1"
    assert loaded.card.calibration is None
    assert loaded.card.fast_threshold is None
    assert loaded.card.metrics["validation"]["metrics"]["box_sensitivity/iou30"]["value"] == 1.0
    assert loaded.detect(np.zeros((100, 200, 3), np.uint8)) == before
    assert [path.name for path in place.glob(".fractura-*")] == []
    # measured on the same images, the threshold is said to have been chosen there
    assert main(["evaluate", str(model), str(place / "data"), "--no-intervals"]) == 0
    assert "warning: 3 of 3 images chose the threshold: " in capsys.readouterr().err
    # one image more or fewer does not hide it
    label(place / "data", "z", FOUND, grey=7)
    assert main(["evaluate", str(model), str(place / "data"), "--no-intervals"]) == 0
    assert "warning: 3 of 4 images chose the threshold: " in capsys.readouterr().err


def test_an_aim_out_of_reach_leaves_the_model_as_it_was(place, capsys):
    label(place / "data", "d", ("fracture", 150, 5, 190, 45))
    before = (place / "tiny.onnx").read_bytes()
    assert main(["calibrate", str(place / "tiny.onnx"), str(place / "data"), "--aim", "sensitivity=0.9"]) == 3
    error = capsys.readouterr().err
    assert "no threshold reaches the aim sensitivity=0.9" in error
    assert "0.750 (3 of 4 boxes" in error
    assert (place / "tiny.onnx").read_bytes() == before
    assert main(["calibrate", str(place / "tiny.onnx"), str(place / "data"), "--aim", "most"]) == 2


def test_a_calibration_that_harms_is_said_with_the_way_out(place, capsys):
    for number in range(20):  # at 0.9 the image's score is right already; there is nothing to gain
        label(place / "many", f"{number}", *([FOUND] if number % 10 else []))
    words = ["calibrate", str(place / "tiny.onnx"), str(place / "many")]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert "images 0.000 before" in captured.out, captured.out
    assert "makes scores of images worse on other images: try --method temperature or --method none" in captured.err
    assert main([*words, "--method", "none"]) == 0
    assert "warning" not in capsys.readouterr().err


def test_images_without_any_fracture_choose_no_threshold(place, capsys):
    label(place / "normals", "a")
    label(place / "normals", "b")
    assert main(["calibrate", str(place / "tiny.onnx"), str(place / "normals")]) == 3
    error = capsys.readouterr().err
    assert "none of these images has a fracture to find" in error
    assert "add images with boxes" in error


def test_images_that_the_model_was_trained_on_are_refused(place, capsys):
    images = align_classes(read_dataset(place / "data"), CARD.class_names)
    card = CARD.model_copy(update={"data": {"train": {"fingerprint": images.fingerprint()}}})
    write_tiny_onnx(place / "tiny.onnx", card=card)
    assert main(["calibrate", str(place / "tiny.onnx"), str(place / "data")]) == 3
    assert "trained on 3 of these 3 images" in capsys.readouterr().err
    write_tiny_onnx(place / "tiny.onnx", card=CARD.model_copy(update={"data": {"train": images.describe()}}))
    label(place / "data", "z", grey=7)
    assert main(["calibrate", str(place / "tiny.onnx"), str(place / "data")]) == 3
    assert "trained on 3 of these 4 images" in capsys.readouterr().err


def test_views_beyond_the_whole_image_get_a_fast_threshold_of_their_own(place, capsys):
    write_tiny_onnx(place / "tiny.onnx", card=CARD.model_copy(update={"views": ("whole", "flipped")}))
    assert main(["calibrate", str(place / "tiny.onnx"), str(place / "data"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    card = load_model(place / "tiny.onnx").card
    assert card.fast_threshold == document["fast_threshold"] is not None
    assert card.calibration["method"] == "isotonic"
    assert card.views == ("whole", "flipped")


def test_the_card_of_a_model_folder_is_replaced(tmp_path):
    from fractura.inference.stored_card import replace_card

    write_card(CARD, tmp_path)
    (tmp_path / WEIGHTS_FILE).write_bytes(b"weights")
    replace_card(tmp_path, CARD.model_copy(update={"threshold": 0.7}))
    assert read_card(tmp_path).threshold == 0.7
    assert (tmp_path / WEIGHTS_FILE).read_bytes() == b"weights"


def test_without_the_package_onnx_a_file_cannot_be_calibrated_and_the_way_out_is_said(place, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["calibrate", str(place / "tiny.onnx"), str(place / "data")]) == 5
    assert "'onnx', which is not installed" in capsys.readouterr().err


def test_a_copy_gets_the_new_card_and_the_model_stays_as_it_was(place, capsys):
    model, copy = place / "tiny.onnx", place / "copy.onnx"
    before = model.read_bytes()
    words = ["calibrate", str(model), str(place / "data"), "--aim", "sensitivity=1", "--method", "none"]
    assert main([*words, "--output", str(copy)]) == 0
    assert f"written into the card of {copy}" in capsys.readouterr().out
    assert model.read_bytes() == before
    assert load_model(copy).card.threshold == 0.5
    image = np.zeros((100, 200, 3), np.uint8)
    assert load_model(copy).detect(image) == load_model(model).detect(image)
    assert main([*words, "--output", str(copy)]) == 3
    assert "exists already" in capsys.readouterr().err
    assert main([*words, "--output", str(place / "copy")]) == 2
    assert "must be called so" in capsys.readouterr().err
    assert not (place / "copy").exists()


def test_a_copy_of_a_model_folder(tmp_path):
    from fractura.inference.stored_card import replace_card

    model, copy = tmp_path / "model", tmp_path / "copies" / "model"
    write_card(CARD, model)
    (model / WEIGHTS_FILE).write_bytes(b"weights")
    new = CARD.model_copy(update={"threshold": 0.7})
    replace_card(model, new, copy)
    assert (read_card(model), read_card(copy)) == (CARD, new)
    assert (copy / WEIGHTS_FILE).read_bytes() == b"weights"
    with pytest.raises(DataError, match="exists already"):
        replace_card(model, new, copy)


def test_the_built_in_model_is_calibrated_in_a_copy(place, capsys):
    from fractura.inference.stored_card import replace_card

    assert main(["calibrate", "built-in", str(place / "data")]) == 4
    assert "fractura calibrate built-in VAL --output my_model.onnx" in capsys.readouterr().err
    assert main(["calibrate", str(place), str(place / "data")]) == 4  # a folder that is no model
    assert "neither a model folder nor an .onnx file" in capsys.readouterr().err
    replace_card(Path("built-in"), CARD, place / "own.onnx")
    assert load_model(place / "own.onnx").card == CARD
    assert load_model("built-in").card != CARD


def test_images_in_other_words_are_measured(place, capsys):
    card = CARD.model_copy(update={"class_names": ("Fractura",)})
    model = str(write_tiny_onnx(place / "one.onnx", card=card, labels=(0, 0, 0)))
    label(place / "own", "a", FOUND)
    label(place / "own", "b")
    assert main(["evaluate", model, str(place / "own"), "--no-intervals", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["metrics"]["box_sensitivity/iou30"]["value"] == 1.0
    assert "1 boxes of the class 'fracture' are taken for the only class known, 'Fractura'" in captured.err

    words = [str(place / "data"), "--rename", "fracture=Fractura"]  # its other class has a box, too
    assert main(["calibrate", model, *words, "--method", "none"]) == 3
    assert "--rename 'cast=Fractura'" in capsys.readouterr().err
    assert main(["calibrate", model, *words, "--rename", "cast=Fractura", "--method", "none"]) == 0
    assert main(["compare", model, model, *words, "--rename", "cast=Fractura", "--rounds", "5"]) == 0
    assert main(["evaluate", model, str(place / "data"), "--rename", "fracture"]) == 2
    assert "such as --rename fracture=Fractura" in capsys.readouterr().err


def test_compare(place, capsys):
    write_tiny_onnx(
        place / "blind.onnx",
        card=CARD.model_copy(update={"class_names": ("cast", "fracture"), "name": "blind"}),
        scores=(0.3, 0.2, 0.1),
        labels=(1, 1, 0),
    )
    words = ["compare", str(place / "tiny.onnx"), str(place / "blind.onnx"), str(place / "data"), "--rounds", "20"]
    assert main([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["flagged"] == {"both": 0, "first": 3, "second": 0, "neither": 0}
    assert document["differences"]["image_sensitivity"]["difference"] == -1.0
    assert main(words) == 0
    captured = capsys.readouterr()
    assert f"first:  tiny ({place / 'tiny.onnx'})\nsecond: blind ({place / 'blind.onnx'})\n" in captured.out
    assert f"images: 3 ({place / 'data'})\n" in captured.out
    assert "first only 3" in captured.out
    assert "the same model" not in captured.err
    assert main([*words, "--all"]) == 0
    everything = capsys.readouterr().out
    assert len(everything.splitlines()) - len(captured.out.splitlines()) == len(COMPARED) - len(MAIN)
    assert "sensitivity at 8 false positives per image, centre in box" in everything


def test_compare_writes_a_page_of_several_models(place, capsys):
    tiny, data, folder = str(place / "tiny.onnx"), str(place / "data"), place / "compared"
    write_tiny_onnx(place / "blind.onnx", card=CARD.model_copy(update={"name": "blind"}), scores=(0.3, 0.2, 0.1))
    words = [
        "compare",
        tiny,
        str(place / "blind.onnx"),
        data,
        "--also",
        tiny,
        "--rounds",
        "20",
        "--output",
        str(folder),
    ]
    assert main([*words, "--json", "--language", "es"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((folder / "comparison.json").read_bytes())
    assert document["mcnemar"]["image_sensitivity"]["first"] == 2
    assert document["also"][0]["second"] == tiny
    assert document["also"][0]["differences"]["AP50"]["difference"] == 0
    assert len((folder / "comparison.csv").read_text(encoding="utf-8").splitlines()) == 1 + 2 * len(COMPARED)
    page = (folder / "comparison.html").read_text(encoding="utf-8")
    assert page.startswith('<!DOCTYPE html>\n<html lang="es">')
    assert "Comparación de tiny, blind y tiny" in page
    assert "el modelo 3 da exactamente las mismas detecciones" in page
    assert {path.name for path in (folder / "plots").iterdir()} >= {"differences.svg", "froc.png", "roc.svg"}
    assert main(words) == 2  # there is one already
    assert main([*words, "--overwrite"]) == 0
    assert "Comparison of tiny, blind and tiny" in (folder / "comparison.html").read_text(encoding="utf-8")


def test_compare_fits_a_terminal_of_80_columns(place, capsys, monkeypatch):
    monkeypatch.setattr("fractura.cli.output.PIPE_WIDTH", 80)
    (place / "images.csv").write_text("image,patient\na.png,1\nb.png,1\nc.png,2\n", encoding="utf-8")
    words = ["compare", str(place / "tiny.onnx"), str(place / "tiny.onnx"), str(place / "data"), "--rounds", "5"]
    assert main([*words, "--groups", str(place / "images.csv")]) == 0
    captured = capsys.readouterr().out
    for name in MAIN.values():  # none is broken into two lines
        assert f" {name} " in captured
    assert f"images: 3 of 2 patients ({place / 'data'})\n" in captured


def test_compare_says_so_of_the_same_model_and_of_images_that_it_was_made_with(place, capsys):
    made = align_classes(read_dataset(place / "data"), CARD.class_names).describe()
    card = CARD.model_copy(update={"data": {"train": made, "val": None}, "threshold": 0.6})
    write_tiny_onnx(place / "other.onnx", card=card)
    label(place / "data", "z", grey=7)
    words = ["compare", str(place / "tiny.onnx"), str(place / "other.onnx"), str(place / "data"), "--rounds", "5"]
    assert main([*words, "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document["overlap"]["second"] == {"images": 4, "trained": 3, "validated": 0, "threshold": 0}
    unknown, trained, same = document["warnings"]
    assert unknown.startswith(
        "the first model: Whether any of these images was trained on or chose the model's final state is not"
    )
    assert trained.startswith("the second model: 3 of 4 images were trained on: ")
    assert same.endswith("they are the same model; they differ in their thresholds alone")
    assert all(f"warning: {warning}" in captured.err for warning in document["warnings"])


def test_agree(place, capsys):
    label(place / "other", "a", FOUND)
    label(place / "other", "b", ("fracture", 150, 5, 190, 45))
    label(place / "other", "c", FOUND)
    readers = [str(place / "data"), str(place / "other")]
    words = ["agree", *readers, "--model", str(place / "tiny.onnx"), "--reference", readers[0], "--rounds", "10"]
    assert main([*words, "--json"]) == 0
    captured = capsys.readouterr()
    pairs = {(each["reader"], each["against"]): each for each in json.loads(captured.out)["pairs"]}
    assert len(pairs) == 12
    assert pairs[("reader 1", "reference")]["metrics"]["kappa"]["value"] == 1.0
    assert pairs[("reader 2", "reader 1")]["metrics"]["box_sensitivity/iou50"]["value"] == pytest.approx(2 / 3)
    assert pairs[("model", "reader 1")]["metrics"]["image_sensitivity"]["value"] == 1.0
    assert "not all use the same classes" in captured.err
    assert "reader 2: fracture;" in captured.err
    assert main(["agree", *readers, "--rounds", "0"]) == 0
    assert "reader 1 measured against reader 2, 3 images" in capsys.readouterr().out


def test_agree_writes_a_page_of_many_readers(place, capsys):
    for reader, (on_b, on_d) in {"other": (True, False), "third": (False, True)}.items():
        for name, drawn in {"a": True, "b": on_b, "c": True, "d": on_d}.items():
            label(place / reader, name, *([FOUND] if drawn else []))
    label(place / "data", "d")
    folders, page = [str(place / name) for name in ("data", "other", "third")], place / "page"
    words = ["agree", *folders, "--reference", folders[0], "--model", str(place / "tiny.onnx"), "--output", str(page)]
    words += ["--rename", "cast=fracture", "--rounds", "20"]
    assert main([*words, "--json", "--language", "es"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((page / "agreement.json").read_bytes())
    readers, with_model = document["panels"]
    assert readers["readers"] == ["reader 1", "reader 2", "reader 3"]
    assert (readers["images"], readers["yes"]) == (4, [0, 2, 0, 2])
    assert readers["metrics"]["percent_agreement"]["value"] == pytest.approx((1 + 1 / 3 + 1 + 1 / 3) / 4)
    assert with_model["readers"][-1] == "model"
    assert {(each["first"], each["second"]) for each in document["tests"]} >= {("reader 2", "model")}
    html = (page / "agreement.html").read_text(encoding="utf-8")
    assert "Concordancia de 3 lectores" in html
    assert "Alfa de Krippendorff" in html
    assert 'id="reference-tests"' in html
    assert {path.name for path in (page / "plots").iterdir()} >= {"kappa.png", "kappa.svg"}
    assert (page / "agreement.csv").read_text(encoding="utf-8").startswith("reader,against,metric,")
    assert main(words) == 2  # there is a page already
    assert main([*words, "--overwrite"]) == 0
    printed = capsys.readouterr().out
    assert "reader 1, reader 2, reader 3, model: 4 images" in printed
    assert "image specificity, McNemar: reader 1 alone is right on 1, reader 2 alone on 0 images" in printed
    assert main(["agree", folders[0]]) == 2


def test_agree_leaves_out_images_that_one_reader_has_not_and_needs_some_in_common(place, capsys):
    label(place / "fewer", "a", FOUND)
    label(place / "fewer", "b")
    label(place / "fewer", "z")
    label(place / "none", "y", FOUND)
    first, fewer = str(place / "data"), str(place / "fewer")
    assert main(["agree", first, fewer, "--rounds", "0"]) == 0
    captured = capsys.readouterr()
    assert f"1 images of {first} and 1 of {fewer} are not in the other and were left out" in captured.err
    assert "reader 1 measured against reader 2, 2 images" in captured.out
    assert main(["agree", first, first, "--reference", str(place / "none")]) == 3
    captured = capsys.readouterr()
    assert "no image name is in both" in captured.err
    assert captured.out == ""


def test_agree_is_told_which_classes_are_the_same(place, capsys):
    label(place / "one", "a", FOUND, ("cast", 120, 60, 180, 90))
    label(place / "other", "a", ("crack", *FOUND[1:]), ("Cast", 120, 60, 180, 90))
    words = ["agree", str(place / "one"), str(place / "other"), "--rounds", "0", "--json"]
    for rename, found in (([], 0.5), (["--rename", "crack=fracture"], 1.0)):
        assert main([*words, *rename]) == 0
        captured = capsys.readouterr()
        assert json.loads(captured.out)["pairs"][0]["metrics"]["box_sensitivity/iou50"]["value"] == found
        assert ("--rename NAME=CLASS" in captured.err) == (found < 1)
    assert main([*words, "--rename", "crak=fracture"]) == 2
    assert "there is no class 'crak' to rename" in capsys.readouterr().err


def test_agree_takes_different_words_for_the_only_class_and_passes_over_readers_that_drew_nothing(place, capsys):
    label(place / "one", "a", FOUND)
    label(place / "other", "a", ("Fractura", *FOUND[1:]))
    label(place / "nothing", "a")
    assert main(["agree", str(place / "one"), str(place / "other"), "--rounds", "0", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["pairs"][0]["metrics"]["box_sensitivity/iou50"]["value"] == 1.0
    assert "1 boxes of the class 'Fractura' are taken for the only class known, 'fracture'" in captured.err
    for pair in (("one", "nothing"), ("nothing", "one"), ("nothing", "nothing")):
        assert main(["agree", *(str(place / each) for each in pair), "--rounds", "0"]) == 0
        assert capsys.readouterr().err == ""
