"""Folders of labels as people have them, from bug reports: each is read with the right values, or refused by name."""

import numpy as np
import pytest
from support.material import reported_case

from fractura.core.errors import DataError
from fractura.formats import open_dataset

BOX = ("fracture", 40, 50, 120, 140)
ROUGH = ("fracture", 40, 49.92, 120, 139.92)  # the same, written with three digits
KINDS = ("createml", "yolo", "coco", "csv", "reports", "voc")
SOLE, PAIR = {"a.png": [BOX]}, {"a.png": [BOX], "b.png": []}

READ = {
    "createml/labelimg_two_files": ("createml", PAIR, ()),
    "yolo/seg_rows_skip": ("yolo", {"a.png": [ROUGH], "b.png": []}, ("1 lines are outlines or turned boxes",)),
    "yolo/darknet_names_other": ("yolo", SOLE, ()),
    "yolo/names_multiline": ("yolo", SOLE, ()),
    "yolo/roboflow_no_test": ("yolo", PAIR, ("'../test/images' for test is not there",)),
    "yolo/ls_percent": ("yolo", {"Capture_décran.png": [BOX]}, ()),
    "coco/bbox_out_5px": (
        "coco",
        {"a.png": [("fracture", 240, 150, 320, 240)], "b.png": []},
        ("1 boxes reach up to 5 pixels over the edge",),
    ),
    "coco/string_image_ids": ("coco", PAIR, ()),
    "coco/roboflow_super0_only_neg": (
        "coco",
        {"a.png": [], "b.png": []},
        ("the category 'fracture' of id 0 has no box and is the group",),
    ),
    "csv/unlisted_films": ("csv", SOLE, ("2 images are not listed and are not used: b.png, c.png",)),
    "reports/voc_images_and_JPEGImages": ("voc", SOLE, ()),
    "reports/voc_films_elsewhere": ("voc", PAIR, ()),
    "reports/voc_with_two_csv": ("voc", SOLE, ("is read as Pascal VOC; it holds CSV, too",)),
    "voc/truncated_Unspecified": ("voc", SOLE, ()),
    "voc/over_edge_2": (
        "voc",
        {"a.png": [("fracture", 40, 50, 320, 140)]},
        ("1 boxes reach up to 2 pixels over the edge",),
    ),
    "reports/labelme_json": ("labelme", SOLE, ()),
    "reports/cvat_for_images_xml": ("cvat", SOLE, ()),
    "film_names_of": ("voc", {"ap-of-wrist.png": [BOX], "hand2.png": []}, ()),
}
REFUSED = {
    "yolo/obb_labelTxt": ("none of the 2 images of train has a text file; looked for .*labels.a.txt", "labelTxt"),
    "coco/nan_area": ("it holds NaN, which is not a number in JSON", "null"),
    "csv/excel_cp1252": (r"is not UTF-8 text, but most likely Windows-1252 \(cp1252\)", "UTF-8"),
    "csv/tf_normalised": ("fractions of the image's sides, not pixels", "multiply"),
    "reports/voc_objects_wrapper": ("has <objects> in the root; boxes are looked for in <object>", ""),
    "reports/image_info_no_annotations": ("has no list 'annotations'", "instances"),
    "reports/voc_size_swapped_no_exif": (
        "says 240x320, .* 320x240: width and height are swapped",
        "swap",
    ),
    "reports/two_xml_one_film_skip": ("names the image b.png, but is itself named after a.png", "<filename>"),
    "voc/fn_other_film": ("names the image b.png, but is itself named after a.png", "<filename>"),
}


def boxes_by_image(dataset):
    return {
        record.name: [
            (dataset.class_names[label], *map(float, box))
            for box, label in zip(record.boxes.xyxy, record.boxes.labels, strict=True)
        ]
        for record in dataset
    }


def same_boxes(found, expected):
    assert found.keys() == expected.keys()
    for name, boxes in expected.items():
        assert [box[0] for box in found[name]] == [box[0] for box in boxes]
        np.testing.assert_allclose([box[1:] for box in found[name]], [box[1:] for box in boxes], atol=1e-3)


@pytest.mark.parametrize("on_error", ["stop", "skip"])
@pytest.mark.parametrize("case", READ)
def test_it_is_read_with_the_right_values(case, on_error):
    source, expected, said = READ[case]
    problems = []
    reading = open_dataset(reported_case(case), on_error=on_error, problems=problems)
    assert reading.guess.format == source
    same_boxes(boxes_by_image(reading.dataset), expected)
    assert len(problems) == len(said), [str(problem) for problem in problems]
    assert all(words in str(problem) for words, problem in zip(said, problems, strict=True))
    assert "fracture" in reading.dataset.class_names


@pytest.mark.parametrize("on_error", ["stop", "skip"])
@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_and_never_read_as_images_without_a_box(case, on_error):
    words, hint = REFUSED[case]
    with pytest.raises(DataError, match=words) as caught:
        open_dataset(reported_case(case), on_error=on_error, problems=[])
    assert str(reported_case(case)) in caught.value.file
    assert hint in caught.value.hint


def test_images_elsewhere_are_named():
    folder = reported_case("reports/voc_films_elsewhere")
    reading = open_dataset(folder / "Annotations" / "PASCAL VOC", image_dir=folder / "images")
    same_boxes(boxes_by_image(reading.dataset), PAIR)


def test_two_annotations_of_one_image_give_neither_ones_boxes():
    problems = []
    with pytest.raises(DataError, match="no image can be used"):
        open_dataset(reported_case("reports/two_xml_one_film_skip"), on_error="skip-all", problems=problems)


def test_no_case_is_forgotten():
    folder = reported_case("csv").parent
    there = {f"{each.parent.name}/{each.name}" for part in KINDS for each in (folder / part).iterdir()}
    assert there | {"film_names_of"} == READ.keys() | REFUSED.keys()
