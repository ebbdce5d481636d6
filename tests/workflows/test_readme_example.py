"""The README's Python example finds what ``fractura detect`` finds, box for box."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

import fractura
from fractura.cli.main import main

README = Path(__file__).parents[2] / "README.md"
SEED, DETECTED, MORE_FAST = 7, 5, 2  # the built-in model detects on phantom 5, and more on phantom 2 with --fast


def phantom(path: Path, index: int) -> Path:
    Image.fromarray(fractura.make_phantom(SEED, index).pixels).save(path)
    return path


def rows_of_the_command(capsys, *words) -> list[dict]:
    """What the command line says of each image, without the files that it wrote."""
    assert main(["detect", *map(str, words), "--output", "found", "--overwrite", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["images"]
    return [{**row, "picture": None, "annotation": None, "explanation": None} for row in rows]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_example_as_it_stands(tmp_path, capsys):
    [example] = [
        block for block in re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.S) if ".predict(" in block
    ]
    phantom(tmp_path / "wrist.png", DETECTED)
    names: dict = {}
    exec(example, names)  # our own text
    capsys.readouterr()
    [row] = rows_of_the_command(capsys, "wrist.png")
    assert len(row["detections"]) > 0
    assert names["result"].to_dict() == row
    assert (tmp_path / "wrist_detections.png").is_file()


@pytest.mark.parametrize("fast", [False, True])
def test_paths_pillow_images_and_arrays(capsys, fast):
    model = fractura.load_model("built-in")
    files = [phantom(Path(f"{index}.png"), index) for index in (DETECTED, MORE_FAST)]
    rows = rows_of_the_command(capsys, *files, *(["--fast"] if fast else []))
    predictions = model.predict(files, fast=fast)
    assert [each.to_dict() for each in predictions] == rows
    assert sum(len(row["detections"]) for row in rows) > 0
    with Image.open(files[0]) as picture:
        for given in (str(files[0]), picture, fractura.make_phantom(SEED, DETECTED).pixels):
            prediction = model.predict(given, fast=fast)
            assert prediction.boxes == predictions[0].boxes
            assert prediction.image_score == predictions[0].image_score


def test_fast_is_another_answer():
    """Else the tests above could not tell one from the other."""
    model, image = fractura.load_model("built-in"), fractura.make_phantom(SEED, MORE_FAST).pixels
    whole, fast = model.predict(image), model.predict(image, fast=True)
    assert whole.settings != fast.settings
    assert whole.boxes != fast.boxes


def test_the_stream_of_a_folder_gives_the_same(capsys):
    Path("images").mkdir()
    for index in (DETECTED, MORE_FAST):
        phantom(Path("images") / f"{index}.png", index)
    model = fractura.load_model("built-in")
    found = [each.to_dict() for each in fractura.detect_images(model, ["images"])]
    assert found == rows_of_the_command(capsys, "images")
