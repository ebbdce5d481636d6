"""Who decided that an image is normal: known of the page's files, kept through copies, gone with a rewritten file."""

import pytest
from PIL import Image

from fractura import check_folder, split_folder
from fractura.formats import read_voc, write_voc
from fractura.formats.voc import VocAnnotation, labelimg_object, write_voc_file
from fractura.formats.voc.decisions import record_decision
from fractura.training.preparation import _counts

SIZE = (60, 40)
BOX = labelimg_object("fracture", (10, 10, 40, 30), *SIZE)


@pytest.fixture(name="folder", params=["flat", "two folders"])
def folder_fixture(request, tmp_path):
    """Two images with a box, two that were saved as normal on the page, and one that a program called normal."""
    root = tmp_path / "data"
    images, annotations = (root, root) if request.param == "flat" else (root / "images", root / "annotations")
    for place, name in enumerate(("box1", "box2", "decided1", "decided2", "other")):
        for each in (images, annotations):
            each.mkdir(parents=True, exist_ok=True)
        Image.radial_gradient("L").rotate(place * 70).resize(SIZE).save(images / f"{name}.png")
        objects = (BOX,) if name.startswith("box") else ()
        file = annotations / f"{name}.xml"
        write_voc_file(VocAnnotation(f"{name}.png", *SIZE, objects=objects), file)
        if name.startswith("decided"):
            record_decision(root, f"{name}.png", file.read_bytes())
    return root, annotations


def decided(root):
    return {record.name for record in read_voc(root) if record.decided_normal}


def test_check_and_training_say_how_many_were_decided(folder):
    report = check_folder(folder[0]).report
    assert (report.negatives, report.decided_negatives) == (3, 2)
    said = [each.message for each in report.findings if each.check == "balance.negatives"]
    assert said == ["3 of 5 labelled images have no box (60%); 2 of these 3 were saved as normal in the labelling page"]
    assert _counts(read_voc(folder[0])) == (
        "5 images, 3 of them negative (2 saved as normal in the labelling page); boxes: fracture 2"
    )


def test_a_decision_survives_copies_and_splits(folder, tmp_path):
    write_voc(read_voc(folder[0]), tmp_path / "copy")
    assert decided(tmp_path / "copy") == {"decided1.png", "decided2.png"}
    split_folder(folder[0], tmp_path / "parts", val=0.4, test=0, images="link")
    assert decided(tmp_path / "parts" / "train") | decided(tmp_path / "parts" / "val") == {
        "decided1.png",
        "decided2.png",
    }


@pytest.mark.parametrize("objects", [(), (BOX,)])
def test_a_decision_ends_with_the_file_that_was_saved(folder, objects):
    root, annotations = folder
    write_voc_file(VocAnnotation("decided1.png", *SIZE, objects=objects, verified=True), annotations / "decided1.xml")
    assert decided(root) == {"decided2.png"}


def test_a_decision_on_an_image_in_a_sub_folder(folder):
    root, _ = folder
    images = root / "images" if (root / "images").is_dir() else root
    below = images / "patient 1"
    below.mkdir()
    Image.radial_gradient("L").resize(SIZE).save(below / "other.png")
    write_voc_file(VocAnnotation("other.png", *SIZE), below / "other.xml")
    record_decision(root, "patient 1/other.png", (below / "other.xml").read_bytes())
    assert {
        each.image.parent.name for each in read_voc(root) if each.decided_normal and each.image.stem == "other"
    } == {"patient 1"}
    report = check_folder(root).report
    assert (report.negatives, report.decided_negatives) == (4, 3)
