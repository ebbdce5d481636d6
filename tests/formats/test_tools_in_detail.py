"""Labelling tools' own ways of saying a class, a shape or an image, one by one."""

import json
import math

import pytest
from support.format_images import make_images

from fractura.core.errors import DataError
from fractura.formats import read_dataset


@pytest.fixture
def read(tmp_path):
    make_images(tmp_path, 3)

    def read(document, name="a.json", **options):
        (tmp_path / name).write_text(document if isinstance(document, str) else json.dumps(document))
        problems = []
        return read_dataset(tmp_path / name, problems=problems, **options), [str(each) for each in problems]

    return read


def via(*regions, image="image 0.png"):
    return {image: {"filename": image, "regions": list(regions)}}


def region(attributes, **shape):
    shape = shape or {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}
    return {"shape_attributes": shape, "region_attributes": attributes}


def corners(data):
    return data.records[0].boxes.xyxy.tolist()


@pytest.mark.parametrize(
    ("attributes", "names"),
    [
        ([{"kind": "a"}], ("a",)),
        ([{"kind": "a", "class": "b"}], ("b",)),
        ([{"colour": "red", " Label ": " c "}], ("c",)),
        ([{"kind": "a"}, {"kind": "b"}], ("a", "b")),
        ([{"kind": {"a": True, "b": False}}], ("a",)),
    ],
)
def test_the_class_of_a_region_of_via(attributes, names, read):
    data, _ = read(via(*(region(each) for each in attributes)))
    assert data.class_names == names


@pytest.mark.parametrize(
    "attributes",
    [{"kind": "a", "colour": "b"}, {"kind": ""}, {"kind": " "}, {"kind": 3}, {"kind": {"a": 1, "b": 1}}, {}],
)
def test_a_region_of_via_that_has_no_one_class(attributes, read):
    with pytest.raises(DataError, match="a region has no class") as caught:
        read(via(region({"kind": "a"} if len(attributes) == 1 else {}), region(attributes)))
    assert caught.value.place.startswith("'image 0.png', region ")


def test_regions_without_attributes_are_of_the_one_class_that_is_given(read):
    data, _ = read(via(region({})), class_names=["a"])
    assert (data.class_names, corners(data)) == (("a",), [[1, 2, 4, 6]])
    with pytest.raises(DataError, match="a region has no class"):
        read(via(region({})), class_names=["a", "b"])


def test_shapes_of_via(read):
    """A circle, an ellipse turned a quarter, a polygon and a rectangle: three are not boxes."""
    data, said = read(
        via(
            region({"class": "a"}, name="circle", cx=30, cy=40, r=10),
            region({"class": "a"}, name="ellipse", cx=30, cy=40, rx=20, ry=10, theta=math.pi / 2),
            region({"class": "a"}, name="polyline", all_points_x=[5, 9, 7], all_points_y=[8, 3, 6]),
            region({"class": "a"}),
        )
    )
    expected = [[20, 30, 40, 50], [20, 20, 40, 60], [5, 3, 9, 8], [1, 2, 4, 6]]
    assert corners(data) == [pytest.approx(each, abs=1e-4) for each in expected]
    assert [each for each in said if "3 shapes are outlines" in each]


def task(*results, **more):
    return {
        "id": 1,
        "data": {"image": "/data/upload/1/0a1b2c3d-image%200.png"},
        "annotations": [{"result": list(results)}],
        **more,
    }


def shape(identity="r", kind="rectanglelabels", **value):
    value = {"x": 10, "y": 20, "width": 25, "height": 50, kind: ["a"], **value}
    return {"id": identity, "type": kind, "value": value, "original_width": 120, "original_height": 90}


def test_shapes_of_label_studio_are_percents(read):
    """Of 120 x 90: 10 % is 12 and 9 pixels. An ellipse has its middle and radii, a polygon its points."""
    ellipse = shape("e", "ellipselabels", x=50, y=50, radiusX=10, radiusY=20)
    polygon = shape("p", "polygonlabels", points=[[10, 20], [30, 40], [20, 10]])
    data, said = read([task(shape(), ellipse, polygon)])
    assert corners(data) == [
        pytest.approx(each, abs=1e-4) for each in ([12, 18, 42, 63], [48, 27, 72, 63], [12, 9, 36, 36])
    ]
    assert [each for each in said if "2 shapes are outlines" in each]


def test_one_shape_with_its_class_in_another_result_counts_once(read):
    bare = {"id": "r", "type": "rectangle", "value": {"x": 10, "y": 20, "width": 25, "height": 50}}
    data, _ = read([task(bare, shape())])
    assert corners(data) == [pytest.approx([12, 18, 42, 63], abs=1e-4)]
    with pytest.raises(DataError, match="has no class") as caught:
        read([task(shape("s"), bare)])
    assert caught.value.place == "[0] (image 0.png), shape 2"


def test_of_several_annotations_of_a_task_the_ground_truth_counts(read):
    other = {"result": [shape(x=50)]}
    agreed = {"result": [shape()], "ground_truth": True}
    data, _ = read([{**task(), "annotations": [other, agreed]}])
    assert corners(data) == [pytest.approx([12, 18, 42, 63], abs=1e-4)]
    data, _ = read([{**task(), "annotations": [agreed, {"result": [shape()]}]}])
    assert len(corners(data)) == 1
    with pytest.raises(DataError, match="was labelled 2 times, and differently"):
        read([{**task(), "annotations": [agreed, {**other, "ground_truth": True}]}])
    data, _ = read([{**task(), "annotations": [agreed, {**other, "was_cancelled": True}]}])
    assert len(corners(data)) == 1


@pytest.mark.parametrize(
    "data",
    [
        {"image": "image 0.png"},
        {"photo": "s3://bucket/x/image%200.png", "text": "a.txt"},
        {"image": "/data/local-files/?d=set/image 0.png"},
        {"image": "http://host/data/upload/7/0a1b2c3d-image%200.png?x=1"},
    ],
)
def test_where_label_studio_has_the_image(data, read):
    found, _ = read([{**task(shape()), "data": data}])
    assert [record.name for record in found] == ["image 0.png"]


def test_json_files_of_other_kinds_are_counted(tmp_path):
    make_images(tmp_path, 2)
    document = {"version": "5", "shapes": [], "imagePath": "image 0.png", "imageData": None, "flags": {}}
    box = {"label": "a", "points": [[1, 2], [30, 40]], "shape_type": "rectangle"}
    (tmp_path / "image 0.json").write_text(json.dumps({**document, "shapes": [box]}))
    (tmp_path / "image 1.json").write_text(json.dumps({**document, "imagePath": "image 1.png"}))
    for name in ("x.json", "y.json", ".hidden.json"):
        (tmp_path / name).write_text("{}")
    problems = []
    assert len(read_dataset(tmp_path, source_format="labelme", problems=problems)) == 2
    [said] = [str(each) for each in problems if "JSON files" in str(each)]
    assert "2 JSON files are not" in said
    assert "such as x.json" in said


def test_splits_and_empty_classes_of_vindr(read):
    header = "image_id,class_name,rad_id,x_min,y_min,x_max,y_max,split\n"
    data, said = read(f"{header}image 0,['a'],R1,1,2,30,40,Training\nimage 1,no finding,R1,,,,,valid\n", "v.csv")
    assert (data.class_names, [record.split for record in data]) == (("a",), ["train", "val"])
    assert not [each for each in said if "readers" in each]
    with pytest.raises(DataError, match="a box has no class") as caught:
        read(f"{header}image 0,,R1,1,2,30,40,\n", "v.csv")
    assert caught.value.place == "line 2"
