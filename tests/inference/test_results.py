"""The results folder: every file agrees with the others, and no image or stranger's file is ever overwritten."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.tiny_models import CARD

from fractura.core.boxes import Boxes
from fractura.core.calibrator import Calibrator
from fractura.core.errors import DataError, UsageError
from fractura.formats import read_dataset
from fractura.formats.voc import read_voc_file
from fractura.inference.discovery import ImageFile
from fractura.inference.origin import ResultOrigin
from fractura.inference.prediction import Prediction
from fractura.inference.result_folder import ResultFolder, free_folder
from fractura.inference.settings import DetectionSettings

NOTHING = Boxes.empty(scored=True)
BOXES = Boxes([[10.4, 20.6, 60, 70], [0, 0, 0.2, 0.1]], [0, 1], [0.9, 0.5])


SETTINGS = DetectionSettings(views=("whole",), threshold=0.4)
ORIGIN = ResultOrigin(card=CARD, digest="12ab", settings=SETTINGS)


def prediction(path="images/a.png", name="a", boxes=BOXES, score=0.9, settings=SETTINGS, card=CARD):
    return Prediction(
        name=name,
        path=Path(path),
        image=np.zeros((100, 200, 3), np.uint8),
        boxes=boxes,
        image_score=score,
        class_names=card.class_names,
        settings=settings,
        calibrator=Calibrator.from_card(card, settings.views),
    )


def write(folder, *predictions, **options):
    images = [ImageFile(each.path, each.name) for each in predictions]
    with ResultFolder(folder, ORIGIN, images, **options) as results:
        for each in predictions:
            results.add(each)
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_all_files_tell_the_same(tmp_path):
    document = write(tmp_path / "out", prediction(), prediction("images/b.png", "b", NOTHING, 0.25))
    assert document["complete"]
    assert (document["model"], document["threshold"], document["views"]) == ("tiny", 0.4, ["whole"])
    first, second = document["images"]
    assert first["image"] == str(Path("images/a.png"))
    assert first["detections"][0] == {
        "class": "fracture",
        "score": 0.9,
        "probability": None,
        "box": [10.4, 20.6, 60.0, 70.0],
    }
    assert second["detections"] == []
    assert (first["image_score"], second["image_score"]) == (0.9, 0.25)
    annotation = read_voc_file(tmp_path / "out" / first["annotation"])
    assert (annotation.filename, annotation.folder) == ("a.png", "images")
    assert (annotation.width, annotation.height) == (200, 100)
    assert [(each.name, each.score, each.corners) for each in annotation.objects] == [
        ("fracture", 0.9, (10, 21, 60, 70)),
        ("cast", 0.5, (0, 0, 1, 1)),
    ]
    assert read_voc_file(tmp_path / "out" / second["annotation"]).objects == ()
    rows = list(csv.DictReader((tmp_path / "out" / "results.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["image"], row["class"], row["score"], row["left"], row["image_score"]) for row in rows] == [
        (first["image"], "fracture", "0.9", "10.4", "0.9"),
        (first["image"], "cast", "0.5", "0.0", "0.9"),
        (second["image"], "", "", "", "0.25"),
    ]
    with Image.open(tmp_path / "out" / first["picture"]) as picture:
        assert picture.width == 200
        assert picture.height > 100  # the image's score stands below
        assert np.asarray(picture)[:100].max() > 200
    assert first["explanation"] is None


def test_probabilities_stand_beside_the_scores_of_the_views_they_were_fitted_on(tmp_path):
    curves = {"detection": {"x": [0.4, 0.6, 1.0], "y": [0.1, 0.3, 0.7]}, "image": {"x": [0, 1], "y": [0, 0.5]}}
    card = CARD.model_copy(update={"calibration": {"method": "isotonic", **curves}})

    def rows(views):
        settings = DetectionSettings(views=views, threshold=0.4)
        origin = ResultOrigin(card=card, digest="12ab", settings=settings)
        with ResultFolder(tmp_path / "out", origin, [], overwrite=True) as results:
            results.add(prediction(settings=settings, card=card))
            results.add(prediction("images/b.png", "b", NOTHING, 0.25, settings=settings, card=card))
        return list(csv.DictReader((tmp_path / "out" / "results.csv").read_text(encoding="utf-8").splitlines()))

    assert [(row["probability"], row["image_probability"]) for row in rows(("whole",))] == [
        ("0.6", "0.45"),
        ("0.2", "0.45"),
        ("", "0.125"),
    ]
    assert {(row["probability"], row["image_probability"]) for row in rows(("whole", "flipped"))} == {("", "")}


def test_an_explanation_is_a_picture_of_its_own(tmp_path):
    heat = np.zeros((100, 200), np.float32)
    heat[40:60, 150:170] = 1
    with ResultFolder(tmp_path / "out", ORIGIN, []) as results:
        row = results.add(prediction(), heat)
    with Image.open(tmp_path / "out" / row["explanation"]) as picture:
        pixels = np.asarray(picture)
    assert pixels[45:55, 155:165].min(axis=2).mean() > 80
    assert pixels[45:55, 105:115].max() < 30
    write(tmp_path / "out", prediction(), overwrite=True)
    assert not list((tmp_path / "out" / "explanations").iterdir())


def test_the_next_free_folder(tmp_path):
    folder = tmp_path / "results"
    assert free_folder(folder) == folder
    folder.mkdir()
    assert free_folder(folder) == folder
    (folder / "x").touch()
    (tmp_path / "results-2").touch()
    assert free_folder(folder) == tmp_path / "results-3"


def test_the_annotations_are_labels_of_the_images(tmp_path):
    (tmp_path / "images").mkdir()
    Image.fromarray(np.zeros((100, 200), np.uint8)).save(tmp_path / "images" / "a.png")
    write(tmp_path / "out", prediction(str(tmp_path / "images" / "a.png")))
    (tmp_path / "out" / "annotations").rename(tmp_path / "annotations")
    dataset = read_dataset(tmp_path)
    assert dataset.boxes_by_class == {"cast": 1, "fracture": 1}


def test_names_that_are_no_text_are_escaped(tmp_path):
    document = write(tmp_path / "out", prediction("images/\udcff.png", "a"))
    assert "\\udcff.png" in document["images"][0]["image"]


def test_an_error_leaves_what_was_done_annotated_as_not_complete(tmp_path):
    def fail_on_the_third_image():
        with ResultFolder(tmp_path / "out", ORIGIN, []) as results:
            results.add(prediction())
            results.problems.append(DataError("is empty", file="images/b.png"))
            raise DataError("the third")

    with pytest.raises(DataError, match="the third"):
        fail_on_the_third_image()
    document = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert not document["complete"]
    assert [image["image"] for image in document["images"]] == [str(Path("images/a.png")), "images/b.png"]
    assert [image["error"] for image in document["images"]] == [
        None,
        {"code": "image_unreadable", "message": "is empty", "place": None, "hint": None},
    ]


def test_an_earlier_run_is_replaced_only_when_asked_to_and_wholly(tmp_path):
    out = tmp_path / "out"
    write(out, prediction(), prediction("images/b.png", "b"))
    (out / "annotations" / "mine.xml").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match="earlier run"):
        write(out, prediction())
    document = write(out, prediction("images/c.png", "c"), overwrite=True)
    assert [image["image"] for image in document["images"]] == [str(Path("images/c.png"))]
    left = sorted(file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file())
    assert left == [
        "annotations/c.xml",
        "annotations/mine.xml",
        "pictures/c.jpg",
        "results.csv",
        "results.json",
    ]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["labels.txt", "results.json", "annotations/a.xml"])
def test_a_folder_with_other_files_is_never_used(tmp_path, overwrite, name):
    file = tmp_path / "out" / name
    file.parent.mkdir(parents=True)
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(UsageError, match="not empty"):
        write(tmp_path / "out", prediction(), overwrite=overwrite)
    assert file.read_text(encoding="utf-8") == "{}"


def test_an_earlier_results_file_cannot_have_other_files_removed(tmp_path):
    out, victim = tmp_path / "out", tmp_path / "victim.txt"
    victim.write_text("keep", encoding="utf-8")
    out.mkdir()
    entries = [{"picture": "../victim.txt", "annotation": str(victim)}, {"picture": "pictures/..", "annotation": ""}]
    (out / "results.json").write_text(json.dumps({"made_by": "fractura", "images": entries}), encoding="utf-8")
    write(out, prediction(), overwrite=True)
    assert victim.read_text(encoding="utf-8") == "keep"


def test_results_never_lie_among_the_images(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for folder in (images, images / "out"):
        with pytest.raises(UsageError, match="among the images"):
            write(folder, prediction(str(images / "a.png")), inputs=[images])
    with pytest.raises(UsageError, match="holds an image"):
        write(tmp_path, prediction(str(images / "a.png")), overwrite=True)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="not a folder"):
        write(tmp_path / "out", prediction())
