"""CreateML: what LabelImg writes, round trips, and files that are damaged."""

import json
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from support.format_images import CLASSES, boxes_of, make_dataset, make_images, same_images

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.formats.createml import createml_bytes
from fractura.formats.reading import read_dataset

read_createml = partial(read_dataset, source_format="createml")


def write(folder, document):
    (folder / "a.json").write_text(json.dumps(document))
    return folder / "a.json"


def entry(**more):
    box = {"label": "a", "coordinates": {"x": 30, "y": 20.5, "width": 10, "height": 5}}
    return {"image": "image 0.png", "verified": True, "annotations": [box], **more}


def test_what_labelimg_writes(tmp_path):
    make_images(tmp_path, 2)
    data = read_createml(write(tmp_path, [entry(), {"image": "image 1.png", "annotations": []}]))
    assert data.class_names == ("a",)
    assert data.records[0].boxes.xyxy.tolist() == [[25, 18, 35, 23]]
    assert data.records[1].is_negative


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "must be a list"),
        ([1], "must be an object"),
        ([entry(image="no.png")], "is not in"),
        ([entry(image=None)], "must be text"),
        ([entry(), entry()], "there twice"),
        ([entry(annotations=[{"label": "a"}])], "coordinates"),
        (
            [entry(annotations=[{"label": "", "coordinates": {"x": 1, "y": 1, "width": 1, "height": 1}}])],
            "must be text",
        ),
        ([entry(annotations=[{"label": "a", "coordinates": {"x": 1, "y": 1, "width": 0, "height": 1}}])], "no area"),
        ([], "holds no images"),
    ],
)
def test_faults(document, said, tmp_path):
    make_images(tmp_path, 1)
    with pytest.raises(DataError, match=said):
        read_createml(write(tmp_path, document))


def test_what_is_written_is_read_again(tmp_path):
    data = make_dataset(tmp_path)
    (tmp_path / "annotations.json").write_bytes(createml_bytes(data))
    again = read_createml(tmp_path / "annotations.json")
    same_images(data, again, flags=False)
    assert again.class_names == tuple(sorted(CLASSES))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(boxes=boxes_of())
def test_any_box_comes_back(boxes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("createml")
    (record,) = make_images(folder, 1)
    data = Dataset(CLASSES, (type(record)(record.image, 120, 90, boxes),), folder)
    (folder / "a.json").write_bytes(createml_bytes(data))
    same_images(data, read_createml(folder / "a.json"), flags=False)
