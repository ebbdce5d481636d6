"""``fractura detect`` from end to end, with a tiny real ONNX model."""

import csv
import json
import sys
import webbrowser

import numpy as np
import pytest
from PIL import Image
from support.tiny_models import CARD, write_tiny_onnx

from fractura.cli.main import main
from fractura.inference import built_in


@pytest.fixture(name="place")
def images_and_model(tmp_path):
    write_tiny_onnx(tmp_path / "tiny.onnx")
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.zeros((100, 200), np.uint8)).save(tmp_path / folder / "image [1].png")
    (tmp_path / "one" / "notes.txt").write_text("x", encoding="utf-8")
    return tmp_path


def words(place, *images, **options):
    given = [str(place / image) for image in images]
    settings = {"--model": place / "tiny.onnx", "--output": place / "out", **options}
    return ["detect", *given, *(str(part) for pair in settings.items() for part in pair)]


def test_json_is_the_results_file_and_nothing_else_is_on_stdout(place, capsys):
    assert main([*words(place, "one", "two"), "--json"]) == 0
    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert document == json.loads((place / "out" / "results.json").read_text(encoding="utf-8"))
    assert "passed over, for not being images: 1 .txt" in captured.err
    # two images of one name: four files of their own
    pictures = {image["picture"] for image in document["images"]}
    assert len(pictures) == 2
    assert all((place / "out" / picture).is_file() for picture in pictures)
    assert len(list((place / "out" / "annotations").iterdir())) == 2
    assert [detection["class"] for detection in document["images"][0]["detections"]] == ["fracture", "cast"]


def test_the_table_names_every_image(place, capsys, monkeypatch):
    monkeypatch.chdir(place)  # a long path would be folded
    assert main(["detect", "one", "--model", "tiny.onnx", "--output", "out", "--threshold", "0.95"]) == 0
    captured = capsys.readouterr()
    assert "image [1].png" in captured.out
    assert "0 of 1 images have detections; threshold 0.95, sensitivity not measured" in captured.err


def test_an_unreadable_image_stops_with_3_or_is_skipped_and_counted(place, capsys):
    (place / "one" / "bad.png").write_bytes(b"x")
    assert main(words(place, "one")) == 3
    assert "bad.png" in capsys.readouterr().err
    assert main([*words(place, "one", **{"--on-error": "skip"}), "--overwrite", "--json"]) == 0
    captured = capsys.readouterr()
    read, unread = sorted(json.loads(captured.out)["images"], key=lambda image: image["error"] is not None)
    assert (read["error"], read["answer"]) == (None, "suspected")
    assert (unread["error"]["code"], unread["width"], unread["detections"]) == ("image_unreadable", None, [])
    assert unread["image"].endswith("bad.png")
    lines = list(csv.DictReader((place / "out" / "results.csv").read_text(encoding="utf-8").splitlines()))
    assert {line["image"]: line["problem"] for line in lines} == {
        read["image"]: "",
        unread["image"]: unread["error"]["message"],
    }
    assert "warning: skipped" in captured.err


def test_nothing_readable_at_all_is_3(place, capsys):
    (place / "one" / "image [1].png").write_bytes(b"x")
    assert main([*words(place, "one", **{"--on-error": "skip"}), "--json"]) == 3
    captured = capsys.readouterr()
    assert [image["error"]["code"] for image in json.loads(captured.out)["images"]] == ["image_unreadable"]
    assert "none of the images could be read" in captured.err


@pytest.mark.parametrize(
    ("images", "options", "code"),
    [
        (["missing"], {}, 3),
        (["one/notes.txt"], {}, 3),
        (["one"], {"--model": "missing.onnx"}, 4),
        (["one"], {"--model": "README"}, 4),
        (["one"], {"--threshold": "1.5"}, 2),
        (["one"], {"--on-error": "ignore"}, 2),
    ],
)
def test_wrong_calls_have_their_exit_codes(place, capsys, images, options, code):
    assert main(words(place, *images, **options)) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err


def test_images_are_never_overwritten(place, capsys):
    before = (place / "one" / "image [1].png").read_bytes()
    for output in ("one", "one/results"):
        assert main([*words(place, "one", **{"--output": place / output}), "--overwrite"]) == 2
    assert main(words(place, "one/image [1].png", **{"--output": place / "one"})) == 2
    assert "another output folder" in capsys.readouterr().err
    assert (place / "one" / "image [1].png").read_bytes() == before
    assert sorted(file.name for file in (place / "one").iterdir()) == ["image [1].png", "notes.txt"]


@pytest.mark.parametrize("opens", [True, False])
def test_show_opens_the_first_picture_or_says_that_it_cannot(place, capsys, monkeypatch, opens):
    shown = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda address: shown.append(address) or opens)
    assert main([*words(place, "one"), "--show"]) == 0
    assert shown[0].startswith("file:")
    assert ("no viewer" in capsys.readouterr().err) is not opens


def test_show_without_a_screen_opens_nothing(place, capsys, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(webbrowser, "open", lambda address: pytest.fail("opened"))
    assert main([*words(place, "one"), "--show"]) == 0
    assert "no viewer" in capsys.readouterr().err


def document_of(capsys):
    return json.loads(capsys.readouterr().out)


def test_without_options_the_built_in_model_looks_and_the_results_go_to_a_free_folder(place, capsys, monkeypatch):
    monkeypatch.setattr(built_in, "FILE", str(place / "tiny.onnx"))
    monkeypatch.chdir(place)
    image = "one/image [1].png"
    assert main(["detect", image]) == 0
    captured = capsys.readouterr()
    assert "0.900" in captured.out
    assert "results are in fractura-results" in captured.err
    before = (place / "fractura-results" / "results.json").read_bytes()
    assert main(["detect", image]) == 0
    assert (place / "fractura-results-2" / "results.json").is_file()
    assert main(["detect", image, "--overwrite", "--threshold", "0.95"]) == 0
    assert (place / "fractura-results" / "results.json").read_bytes() != before
    assert not (place / "fractura-results-3").exists()


def test_a_copy_without_the_built_in_model_says_so(place, capsys, monkeypatch):
    monkeypatch.setattr(built_in, "FILE", "missing.onnx")
    assert main(["detect", str(place / "one"), "--output", str(place / "out")]) == 4
    captured = capsys.readouterr()
    assert "without its built-in model" in captured.err
    assert "--model" in captured.err
    assert not (place / "out").exists()


def test_the_model_its_terms_and_its_limits_are_named_once(place, capsys):
    card = CARD.model_copy(update={"licence": "CC BY 4.0"})
    write_tiny_onnx(place / "tiny.onnx", card=card)
    assert main(words(place, "one", "two")) == 0
    said = capsys.readouterr().err
    assert said.count("model tiny; CC BY 4.0. A research tool, not a medical device.") == 1


def test_fast_looks_once_and_has_a_threshold_of_its_own(place, capsys):
    card = CARD.model_copy(update={"views": ("whole", "flipped"), "fast_threshold": 0.6})
    write_tiny_onnx(place / "tiny.onnx", card=card)
    assert main([*words(place, "one"), "--json"]) == 0
    both = document_of(capsys)
    # Boxes at fixed places: mirrored they are elsewhere, so that each of them is found by one view of two.
    assert (both["views"], both["threshold"]) == (["whole", "flipped"], 0.4)
    assert both["images"][0]["image_score"] == pytest.approx(0.45)
    assert main([*words(place, "one"), "--json", "--fast", "--overwrite"]) == 0
    fast = document_of(capsys)
    assert (fast["views"], fast["threshold"]) == (["whole"], 0.6)
    assert fast["images"][0]["image_score"] == pytest.approx(0.9)
    assert main([*words(place, "one"), "--json", "--fast", "--threshold", "0.2", "--overwrite"]) == 0
    assert document_of(capsys)["threshold"] == 0.2


@pytest.mark.parametrize(
    ("given", "views"),
    [(["--tile"], ["whole", "tiles=1536"]), (["--tile", "--tile-size", "150"], ["whole", "tiles=150"])],
)
def test_tiles_are_looked_at_beside_the_whole_image(place, capsys, given, views):
    assert main([*words(place, "one"), *given, "--json"]) == 0
    document = document_of(capsys)
    assert document["views"] == views
    # 200 x 100 pixels: the image is smaller than a tile of 1536, and makes two of 150, which move the box.
    assert (document["images"][0]["detections"][0]["box"] == [20, 20, 100, 60]) is (given == ["--tile"])


def test_a_tile_too_small_is_a_usage_error(place, capsys):
    assert main([*words(place, "one"), "--tile-size", "20"]) == 2
    assert "use 128 or more" in capsys.readouterr().err


def test_explanations_are_drawn_for_images_with_detections(place, capsys):
    assert main([*words(place, "one"), "--explain", "--json"]) == 0
    image = document_of(capsys)["images"][0]
    assert (place / "out" / image["explanation"]).is_file()
    assert main([*words(place, "one"), "--explain", "--json", "--threshold", "1", "--overwrite"]) == 0
    assert document_of(capsys)["images"][0]["explanation"] is None
    assert not list((place / "out" / "explanations").iterdir())
