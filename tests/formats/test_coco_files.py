"""COCO: ids of every kind, what other programs write, round trips, and files that are damaged."""

import json
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from support.format_images import CLASSES, boxes_of, make_dataset, make_images, same_images

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.formats.coco import coco_bytes
from fractura.formats.reading import read_dataset

read_coco = partial(read_dataset, source_format="coco")

FAST = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def images(tmp_path):
    return make_images(tmp_path / "images", 2)


def write(tmp_path, categories, annotations, **more):
    images = [
        {"id": 7, "file_name": "image 0.png", "width": 120, "height": 90},
        {"id": 3, "file_name": "image 1.png", "width": 64, "height": 200},
    ]
    document = {"images": images, "annotations": annotations, "categories": categories, **more}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def box(category, image=7, **more):
    return {"id": 1, "image_id": image, "category_id": category, "bbox": [1, 2, 10.5, 20], **more}


@pytest.mark.parametrize(
    ("ids", "extra"),
    [
        pytest.param([0, 1, 2], [], id="0 to n-1"),
        pytest.param([1, 2, 3], [], id="1 to n"),
        pytest.param([5, 17, 90], [], id="sparse"),
        pytest.param([1, 2, 3], [{"id": 0, "name": "background"}], id="background present"),
        pytest.param([1, 2, 3], [{"id": 0, "name": "fractures", "supercategory": "none"}], id="supercategory at 0"),
    ],
)
def test_pain_14_class_ids_off_by_one(ids, extra, tmp_path, images):
    names = ["b", "a", "c"]
    parent = extra[0]["name"] if extra else "none"
    categories = [{"id": i, "name": n, "supercategory": parent} for i, n in zip(ids, names, strict=True)]
    path = write(tmp_path, [*reversed(categories), *extra], [box(ids[1]), box(ids[2], image=3)])
    data = read_coco(path, problems=[])
    assert data.class_names == ("b", "a", "c")
    by_name = {record.name: record for record in data}
    assert by_name["image 0.png"].boxes.labels.tolist() == [1]
    assert by_name["image 1.png"].boxes.labels.tolist() == [2]
    assert by_name["image 0.png"].boxes.xyxy.tolist() == [[1, 2, 11.5, 22]]
    explicit = read_coco(path, class_names=["c", "b", "a"], problems=[])
    assert {r.name: r.boxes.labels.tolist() for r in explicit} == {"image 0.png": [2], "image 1.png": [0]}


def test_a_category_called_background_that_has_boxes_is_a_class(tmp_path, images):
    path = write(tmp_path, [{"id": 0, "name": "background"}, {"id": 1, "name": "a"}], [box(0)])
    assert read_coco(path).class_names == ("background", "a")


@pytest.mark.parametrize("name", ["Fratura", "fractura", "FRACTURA "])
def test_pain_15_an_unknown_class_stops_with_the_file_and_a_suggestion(name, tmp_path, images):
    path = write(tmp_path, [{"id": 1, "name": name}], [box(1)])
    with pytest.raises(DataError, match="did you mean 'Fractura'") as caught:
        read_coco(path, class_names=["Fractura", "luxación"])
    assert caught.value.file == str(path)
    assert "annotations" in (caught.value.place or "") or "images" in (caught.value.place or "")


def test_crowds_are_difficult_and_said(tmp_path, images):
    problems = []
    data = read_coco(write(tmp_path, [{"id": 1, "name": "a"}], [box(1, iscrowd=1)]), problems=problems)
    assert [record.difficult.tolist() for record in data] == [[True], []]
    assert "iscrowd" in str(problems[0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["annotations"][0].update(category_id=9), "category 9"),
        (lambda d: d["annotations"][0].update(image_id=99), "not in 'images'"),
        (lambda d: d["annotations"][0].update(bbox=[1, 2, 3]), "3 numbers"),
        (lambda d: d["annotations"][0].update(bbox=[1, 2, 0, 3]), "no area"),
        (lambda d: d["annotations"][0].update(bbox=[1, 2, 500, 3]), "outside the image"),
        (lambda d: d["annotations"][0].update(bbox=[1, 2, "3", 3]), "must be a number"),
        (lambda d: d["annotations"][0].update(bbox=[1, 2, True, 3]), "must be a number"),
        (lambda d: d["images"][0].update(width=90, height=120), "swapped"),
        (lambda d: d["images"][0].update(width=121), "says 121x90"),
        (lambda d: d["images"][0].update(file_name="none.png"), "is not in"),
        (lambda d: d["images"][0].update(file_name=""), "must be text"),
        (lambda d: d["images"].append(d["images"][0]), "belongs to another image"),
        (lambda d: d["images"].append({**d["images"][0], "id": 50}), "there twice"),
        (lambda d: d["categories"].append({"id": 1, "name": "b"}), "belongs to 'a' already"),
        (lambda d: d["categories"].append({"id": 2, "name": "a"}), "has the id 1 already"),
        (lambda d: d.update(images={}), "must be a list"),
        (lambda d: d.pop("images"), "is not COCO"),
    ],
)
def test_faults_are_named_and_can_be_skipped(change, said, tmp_path, images):
    path = write(tmp_path, [{"id": 1, "name": "a"}], [box(1), box(1, image=3)])
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match=said) as caught:
        read_coco(path)
    assert caught.value.file == str(path)
    problems = []
    try:
        data = read_coco(path, on_error="skip-all", problems=problems)
    except DataError:
        return  # the whole file is no use
    assert any(said in str(problem) for problem in problems)
    assert len(data) < 3
    assert "image 1.png" in {record.name for record in data}


def test_a_name_that_two_folders_share_needs_its_path(tmp_path):
    make_images(tmp_path / "a", 1)
    make_images(tmp_path / "b", 1, sizes=((50, 50),))
    images = [{"id": 1, "file_name": "image 0.png"}]
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    with pytest.raises(DataError, match="may be any of 2 images"):
        read_coco(path)
    images = [{"id": 1, "file_name": "a/image 0.png"}, {"id": 2, "file_name": "C:\\data\\b\\image 0.png"}]
    path.write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    data = read_coco(path)
    assert [(record.width, record.name) for record in data] == [(120, "image 0.png"), (50, "b_image 0.png")]


def test_a_path_cannot_lead_out_of_the_folder(tmp_path):
    make_images(tmp_path / "outside", 1)
    make_images(tmp_path / "data", 2)
    path = tmp_path / "data" / "c.json"
    for name in ("../outside/image 0.png", str(tmp_path / "outside" / "image 0.png")):
        path.write_text(json.dumps({"images": [{"id": 1, "file_name": name}], "annotations": [], "categories": []}))
        assert read_coco(path).records[0].image.parent == tmp_path / "data"


def test_what_is_written_is_read_again(tmp_path):
    data = make_dataset(tmp_path / "images")
    (tmp_path / "annotations.json").write_bytes(coco_bytes(data))
    again = read_coco(tmp_path / "annotations.json")
    same_images(data, again)
    assert again.class_names == CLASSES
    assert coco_bytes(again) == coco_bytes(data)


def test_it_is_what_pycocotools_reads(tmp_path):
    coco = pytest.importorskip("pycocotools.coco")
    data = make_dataset(tmp_path / "images")
    (tmp_path / "annotations.json").write_bytes(coco_bytes(data))
    read = coco.COCO(str(tmp_path / "annotations.json"))
    assert len(read.getImgIds()) == 4
    assert len(read.getAnnIds()) == 6
    assert [each["name"] for each in read.loadCats(read.getCatIds())] == list(CLASSES)


@FAST
@given(boxes=boxes_of())
def test_any_box_comes_back(boxes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("coco")
    (record,) = make_images(folder, 1)
    data = Dataset(CLASSES, (type(record)(record.image, 120, 90, boxes),), folder)
    (folder / "annotations.json").write_bytes(coco_bytes(data))
    same_images(data, read_coco(folder / "annotations.json"))


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[" * 100_000, b"\xff\xfe", b'{"images": NaN}', b"9" * 10_000, b"null"]
)
def test_what_is_no_coco(content, tmp_path):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError):
        read_coco(tmp_path / "a.json")
