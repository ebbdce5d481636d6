"""What labelling tools and public data sets write: labelme, CVAT, VIA, Label Studio, RSNA and VinDr."""

import json

import numpy as np
import pytest
from support.format_images import make_images

from fractura.core.errors import DataError, UsageError
from fractura.formats import convert, open_dataset, read_dataset


def put(folder, name, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / name).write_text(text, encoding="utf-8")


def labelme(image, *shapes, **more):
    return {"version": "5.4.1", "flags": {}, "shapes": shapes, "imagePath": image, "imageData": None, **more}


def shape(kind, *points, label="a"):
    return {"label": label, "points": points, "group_id": None, "shape_type": kind, "flags": {}}


def cvat(inside, meta=""):
    image = f'<image id="0" name="image 0.png" subset="Validation" width="120" height="90">{inside}</image>'
    negative = '<image id="1" name="sub/image 1.png" width="64" height="200"/>'
    return f'<?xml version="1.0"?>\n<annotations><version>1.1</version>{meta}{image}{negative}</annotations>'


def via(*regions, **more):
    entries = [("image 0.png", list(regions)), ("image 1.png", [])]
    return {f"{name}123": {"filename": name, "size": 123, "regions": each, **more} for name, each in entries}


def region(attributes=None, **shape):
    return {"shape_attributes": shape, "region_attributes": {"label": "a"} if attributes is None else attributes}


def rectangle(kind="rectanglelabels", **value):
    shape = {"x": 10, "y": 20, "width": 25, "height": 50, "rotation": 0, kind: ["a"], **value}
    return {"id": "r", "type": kind, "value": shape, "original_width": 120, "original_height": 90}


def task(number, *results, image=None, **more):
    address = image or f"/data/upload/1/0a1b2c3d-image%20{number}.png"
    return {"id": number, "data": {"image": address}, "annotations": [{"result": list(results), **more}]}


RECTANGLE = [10, 20, 40, 65]
SHAPES = {
    "labelme rectangle": ("a.json", labelme("image 0.png", shape("rectangle", [40, 65], [10, 20])), 0),
    "labelme size": (
        "a.json",
        labelme("..\\x\\image 0.png", shape("rectangle", [10, 20], [40, 65]), imageWidth=120, imageHeight=90),
        0,
    ),
    "labelme turned": ("a.json", labelme("image 0.png", shape("rotation", [25, 20], [40, 42], [25, 65], [10, 42])), 1),
    "labelme polygon": ("a.json", labelme("image 0.png", shape("polygon", [10, 65], [40, 30], [20, 20])), 1),
    "cvat box": ("annotations.xml", cvat('<box label="a" xtl="10" ytl="20" xbr="40" ybr="65" occluded="0"/>'), 0),
    "cvat quarter turn": (
        "annotations.xml",
        cvat('<box label="a" xtl="2.5" ytl="27.5" xbr="47.5" ybr="57.5" rotation="90"/><tag label="b"/>'),
        1,
    ),
    "cvat polygon": ("annotations.xml", cvat('<polygon label="a" points="10,65;40,30.5;20,20"/>'), 1),
    "cvat ellipse": ("annotations.xml", cvat('<ellipse label="a" cx="25" cy="42.5" rx="15" ry="22.5"/>'), 1),
    "cvat mask": ("annotations.xml", cvat('<mask label="a" rle="3" left="10" top="20" width="30" height="45"/>'), 1),
    "via rect": ("via.json", via(region(name="rect", x=10, y=20, width=30, height=45)), 0),
    "via project": (
        "via.json",
        {"_via_settings": {}, "_via_img_metadata": via(region(name="rect", x=10, y=20, width=30, height=45))},
        0,
    ),
    "via 1": (
        "via.json",
        {
            name: {**entry, "regions": dict(enumerate(entry["regions"]))}
            for name, entry in via(region({"Fracture type": "a"}, name="rect", x=10, y=20, width=30, height=45)).items()
        },
        0,
    ),
    "via polygon": (
        "via.json",
        via(region({"class": {"a": True}}, name="polygon", all_points_x=[10, 40, 20], all_points_y=[65, 30, 20])),
        1,
    ),
    "via ellipse": ("via.json", via(region(name="ellipse", cx=25, cy=42.5, rx=15, ry=22.5, theta=0)), 1),
    "label studio": ("project.json", [task(0, rectangle(x=100 / 12, y=200 / 9)), task(1)], 0),
    "label studio local": (
        "project.json",
        [task(0, rectangle(x=100 / 12, y=200 / 9), image="/data/local-files/?d=x%5Cimage%200.png"), task(1)],
        0,
    ),
    "label studio polygon": (
        "project.json",
        [task(0, rectangle("polygonlabels", points=[[100 / 12, 200 / 9], [400 / 12, 650 / 9]])), task(1)],
        1,
    ),
    "label studio min": (
        "project.json",
        [
            {
                "id": 1,
                "annotator": 1,
                "image": "/data/upload/1/0a1b2c3d-image%200.png",
                "label": [rectangle(x=100 / 12, y=200 / 9)["value"]],
            },
            {"id": 2, "annotator": 1, "image": "image 1.png"},
        ],
        0,
    ),
    "vindr": (
        "train.csv",
        "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\n"
        "image 0,a,3,R1,10,20,40,65\nimage 1,No finding,14,R1,,,,\n",
        0,
    ),
    "vindr spine": (
        "train.csv",
        "study_id,image_id,rad_id,lesion_type,xmin,ymin,xmax,ymax\n"
        "s,image 0,R1,a,10,20,40,65\ns,image 1,R1,No finding,,,,\n",
        0,
    ),
}


@pytest.mark.parametrize("case", SHAPES)
def test_shapes_of_every_kind(case, tmp_path):
    name, content, outlines = SHAPES[case]
    make_images(tmp_path, 2)
    put(tmp_path, name, content)
    if "labelme" in case:
        put(tmp_path, "image 1.json", labelme("image 1.png"))
    problems = []
    reading = open_dataset(tmp_path, problems=problems)
    assert case.replace(" ", "-").startswith(reading.guess.format)
    data = reading.dataset
    assert data.class_names == ("a",)
    assert [len(record.boxes) for record in data] == [1, 0]
    np.testing.assert_allclose(data.records[0].boxes.xyxy, [RECTANGLE], atol=1e-4)
    assert [f"{outlines} shapes are outlines" in str(problem) for problem in problems] == [True] * bool(outlines)
    assert open_dataset(tmp_path, source_format=reading.guess.format, problems=[]).dataset.records == data.records


def test_rsna_does_not_name_its_class(tmp_path):
    make_images(tmp_path, 2)
    put(tmp_path, "labels.csv", "patientId,x,y,width,height,Target\nimage 0,10,20,30,45,1\nimage 1,,,,,0\n")
    problems = []
    data = read_dataset(tmp_path, problems=problems)
    assert (data.class_names, data.records[0].patient) == (("finding",), "image 0")
    assert data.records[0].boxes.xyxy.tolist() == [RECTANGLE]
    assert data.records[1].is_negative
    assert "does not name its class" in str(problems[0])
    assert read_dataset(tmp_path, class_names=["fracture"], problems=[]).class_names == ("fracture",)


def test_classes_of_cvat_are_in_the_order_of_its_labels(tmp_path):
    make_images(tmp_path, 2)
    names = "".join(f"<label><name>{name}</name></label>" for name in ("b", "a"))
    meta = f"<meta><task><labels>{names}</labels></task></meta>"
    put(tmp_path, "annotations.xml", cvat('<box label="a" xtl="10" ytl="20" xbr="40" ybr="65"/>', meta))
    data = read_dataset(tmp_path / "annotations.xml")
    assert data.class_names == ("b", "a")
    assert [record.split for record in data] == ["val", None]


def test_several_readers_of_vindr_are_said(tmp_path):
    make_images(tmp_path, 1)
    rows = "image 0,a,R1,10,20,40,65\nimage 0,a,R2,11,21,41,66\nimage 0,No finding,R3,,,,\n"
    put(tmp_path, "train.csv", f"image_id,class_name,rad_id,x_min,y_min,x_max,y_max\n{rows}")
    problems = []
    assert len(read_dataset(tmp_path, problems=problems).records[0].boxes) == 2
    assert "3 readers drew boxes" in str(problems[0])


def test_a_task_that_nobody_submitted_is_not_a_negative_image(tmp_path):
    make_images(tmp_path, 3)
    skipped = task(2, was_cancelled=True)
    put(tmp_path, "a.json", [task(0, rectangle()), {**task(1), "annotations": []}, skipped])
    problems = []
    data = read_dataset(tmp_path, problems=problems)
    assert [record.name for record in data] == ["image 0.png"]
    assert "2 tasks were not submitted by anybody and are not used" in str(problems[0])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("image 0.json", labelme("image 0.png", shape("point", [5, 5])), "is a point, which is not a box"),
        ("image 0.json", labelme("image 0.png", shape("line", [5, 5], [9, 9])), "is a line, which is not a box"),
        ("image 0.json", labelme("image 0.png", shape("polygon", [5, 5], [9, 5])), "has no area"),
        ("image 0.json", labelme("image 0.png", imageWidth=90, imageHeight=120), "swapped"),
        ("image 0.json", labelme("image 1.png"), "is itself named after image 0.png"),
        ("image 9.json", labelme("image 9.png"), "is not in"),
        ("a.xml", cvat('<points label="a" points="5,5"/>'), "<points> is not a box"),
        ("a.xml", cvat('<box label="a" xtl="x" ytl="20" xbr="40" ybr="65"/>'), "its xtl is not a number"),
        ("a.xml", cvat('<box xtl="1" ytl="20" xbr="40" ybr="65"/>'), "its label must be text"),
        ("a.xml", cvat("").replace("<image ", '<track id="1"/><image ', 1), "it has tracks, as CVAT for video"),
        ("a.json", via(region(name="point", cx=5, cy=5)), "its shape 'point' is not a box"),
        ("a.json", via(region({}, name="rect", x=1, y=2, width=3, height=4)), "a region has no class"),
        ("a.json", [task(0, {"type": "brushlabels", "value": {"rle": [1]}})], "a brushlabels is not a box"),
        ("a.json", [task(0, rectangle(rectanglelabels=[]))], "has no class"),
        (
            "a.json",
            [{**task(0), "annotations": [{"result": [rectangle()]}, {"result": []}]}],
            "2 times, and differently",
        ),
        ("a.csv", "image_id,class_name,x_min,y_min,x_max,y_max\nimage 0,a,1,2,x,4\n", "x_max is not a number"),
        ("a.csv", "patientId,x,y,width,height,Target\nimage 0,1,2,3,4,0\n", "has a box, and Target 0"),
        ("a.csv", "patientId,x,y,width,height,Target\nimage 0,1,2,3,4,x\n", "Target must be 0 or 1"),
    ],
)
def test_what_cannot_be_read_is_named_and_never_a_negative_image(name, content, said, tmp_path):
    make_images(tmp_path, 2)
    put(tmp_path, name, content)
    with pytest.raises(DataError, match=said) as caught:
        read_dataset(tmp_path)
    assert caught.value.file == str(tmp_path / name)
    assert caught.value.hint or "must be text" in said
    with pytest.raises(DataError):
        read_dataset(tmp_path, on_error="skip", problems=[])


CLASSIFIED = {
    "image 0.json": lambda *shapes: labelme("image 0.png", *shapes, flags={"broken": True, "normal": False}),
    "a.xml": lambda *shapes: cvat('<tag label="broken"></tag>' + "".join(shapes)),
    "a.json": lambda *shapes: [task(0, {"type": "choices", "value": {"choices": ["broken"]}}, *shapes)],
}


@pytest.mark.parametrize("name", CLASSIFIED)
def test_images_that_are_only_classified_are_not_negative_images(name, tmp_path):
    make_images(tmp_path, 2)
    put(tmp_path, name, CLASSIFIED[name]())
    for on_error in ("stop", "skip"):
        with pytest.raises(DataError, match=r"no image has a box, but 1 have labels for the whole image \(broken\)"):
            read_dataset(tmp_path, on_error=on_error, problems=[])


def test_a_classified_image_among_others_with_boxes_is_said(tmp_path):
    make_images(tmp_path, 2)
    put(tmp_path, "image 0.json", CLASSIFIED["image 0.json"]())
    put(tmp_path, "image 1.json", labelme("image 1.png", shape("rectangle", [5, 5], [30, 40]), flags={"broken": True}))
    problems = []
    assert len(read_dataset(tmp_path, problems=problems)) == 2
    [said] = [str(each) for each in problems if "whole image" in str(each)]
    assert "1 images have no box, but labels for the whole image (broken): they are negative images" in said


def test_they_are_read_and_not_written(tmp_path):
    make_images(tmp_path / "in", 2)
    put(tmp_path / "in", "train.csv", SHAPES["vindr"][1])
    convert(tmp_path / "in", tmp_path / "out", "voc")
    assert read_dataset(tmp_path / "out").records[0].boxes.xyxy.tolist() == [RECTANGLE]
    with pytest.raises(UsageError, match="VinDr's CSV is read only"):
        convert(tmp_path / "out", tmp_path / "back", "vindr")
