"""Files of annotations that fuzzing brought to "this is a bug": each ends in an error that says what is wrong."""

import json

import pytest
from support.format_images import make_images

from fractura.core.errors import DataError
from fractura.formats import read_dataset
from fractura.formats.text_files import read_json

COCO = {"images": [{"id": 1, "file_name": "image 0.png"}], "categories": [{"id": 1, "name": "a"}]}
BAD_BOX = {"id": 1, "image_id": 2, "category_id": 1, "bbox": [1, 2, 3]}
GOOD_BOX = {"id": 2, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
SHAPE = {"type": "rectanglelabels", "value": {"x": 1, "y": 1, "width": 9, "height": 9, "rectanglelabels": ["a"]}}


def task(image="image 0.png", **result):
    return [{"data": {"image": image}, "annotations": [{"result": [{**SHAPE, **result}]}]}]


@pytest.mark.parametrize(
    ("source_format", "document", "said"),
    [
        ("label-studio", task(id=[1]), "the id of a result is neither text nor a number"),
        ("label-studio", task(id={}), "the id of a result is neither text nor a number"),
        ("label-studio", task("http://[x/image 1.png"), "is not in"),
        ("label-studio", task("?x.png"), "names no image"),
        ("label-studio", task(value={**SHAPE["value"], "x": 10**400}), "its x is out of range"),
        ("via", {"a": {"filename": "image 0.png", "regions": 5}}, "its regions must be a list"),
        ("via", {"a": {"filename": "image 0.png", "regions": True}}, "its regions must be a list"),
        ("via", {"a": {"filename": "\ud800", "regions": []}}, "its filename holds half a character"),
    ],
)
def test_documents(source_format, document, said, tmp_path):
    make_images(tmp_path, 1)
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(DataError) as caught:
        read_dataset(tmp_path / "a.json", source_format=source_format, on_error="skip-all")
    assert said in str(caught.value)
    str(caught.value).encode()


def test_a_bad_box_of_an_image_that_is_not_listed_costs_no_other_image(tmp_path):
    make_images(tmp_path, 1)
    (tmp_path / "a.json").write_text(json.dumps({**COCO, "annotations": [BAD_BOX, GOOD_BOX]}))
    problems = []
    data = read_dataset(tmp_path / "a.json", source_format="coco", on_error="skip-all", problems=problems)
    assert [len(record.boxes) for record in data] == [1]
    assert ["3 numbers" in each.problem for each in problems] == [True]


def test_a_note_that_looks_like_an_address_is_not_one(tmp_path):
    make_images(tmp_path, 1)
    (document,) = task()
    document["data"] = {"note": "see //[", **document["data"]}
    (tmp_path / "a.json").write_text(json.dumps([document]))
    (record,) = read_dataset(tmp_path / "a.json", source_format="label-studio")
    assert len(record.boxes) == 1


@pytest.mark.parametrize(
    ("source_format", "header"),
    [
        ("rsna", "patientId,x,y,width,height"),
        ("rsna", "patientId,Target,y,width,height"),
        ("rsna", "x"),
        ("vindr", "image_id,class_name,y_min,x_max,y_max"),
        ("vindr", "image_id,x_min,y_min,x_max,y_max"),
        ("vindr", ""),
    ],
)
def test_tables_without_their_columns(source_format, header, tmp_path):
    make_images(tmp_path, 1)
    (tmp_path / "a.csv").write_text(f"{header}\nimage 0,1,1,9,9,1\n")
    with pytest.raises(DataError, match="the columns are not those of this format"):
        read_dataset(tmp_path / "a.csv", source_format=source_format)


@pytest.mark.parametrize("escape", ["\\UFFFFFFFF", "\\U00110000"])
def test_letters_that_unicode_does_not_have(escape, tmp_path):
    make_images(tmp_path / "images", 1)
    (tmp_path / "data.yaml").write_text(f'names: ["{escape}"]\ntrain: images\n')
    with pytest.raises(DataError, match="is not YAML"):
        read_dataset(tmp_path / "data.yaml")


def test_a_class_of_half_characters_is_named_with_its_file(tmp_path):
    """JSON can hold them; what was then written of it could not."""
    make_images(tmp_path, 1)
    value = {**SHAPE["value"], "rectanglelabels": ["\udcff\udcfe"]}
    file = tmp_path / "all.json"
    file.write_text(json.dumps(task(value=value, original_width=120, original_height=90)), encoding="utf-8")
    with pytest.raises(DataError, match="is not text") as caught:
        read_dataset(file, source_format="label-studio")
    assert caught.value.file == str(file)


@pytest.mark.parametrize("text", ['{"a": 1e999}', "[-1E+400]", "[0.5, 123456e999]"])
def test_a_number_beyond_all_numbers_is_not_read_as_infinity(text, tmp_path):
    """Infinity cannot be written as JSON again."""
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match="is out of range"):
        read_json(tmp_path / "a.json")
