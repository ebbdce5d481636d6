"""``split.json``: what is known of images, beside formats that have no place for it."""

import json
from dataclasses import replace

import pytest
from support.format_images import make_dataset

from fractura.core.errors import DataError
from fractura.formats.split_file import (
    SplitFile,
    facts_of,
    plan_split_file,
    read_split_file,
    split_file_of,
    with_split_file,
)

GOOD = {"fractura_split": 1, "made": {"seed": 3}, "images": {"a.png": {"split": "val", "patient": "p"}}}


def put(folder, document):
    folder.mkdir(exist_ok=True)
    (folder / "split.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return folder / "split.json"


def test_what_is_written_is_read(tmp_path):
    known = SplitFile(GOOD["images"], GOOD["made"])
    (tmp_path / "split.json").write_bytes(known.to_bytes())
    assert json.loads(known.to_bytes()) == GOOD
    assert read_split_file(tmp_path / "split.json") == known
    assert "made" not in json.loads(SplitFile(GOOD["images"]).to_bytes())


def test_facts_that_nobody_knows_are_not_kept(tmp_path):
    path = put(
        tmp_path, {**GOOD, "images": {"a.png": {"split": "test", "patient": None, "colour": "red"}, "b.png": {}}}
    )
    assert read_split_file(path).images == {"a.png": {"split": "test"}, "b.png": {}}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "the document must be an object"),
        ({**GOOD, "fractura_split": 2}, "is not a split.json of this version"),
        ({**GOOD, "fractura_split": None}, "is not a split.json of this version"),
        ({**GOOD, "images": []}, "'images' must be an object"),
        ({**GOOD, "images": {"a.png": 1}}, "the entry of 'a.png' must be an object"),
        ({**GOOD, "images": {"a.png": {"split": "valid"}}}, "the split 'valid' of 'a.png' is not train, val or test"),
        ({**GOOD, "images": {"a.png": {"patient": 7}}}, "patient must be text"),
        ({**GOOD, "made": []}, "'made' must be an object"),
    ],
)
def test_what_cannot_be_used(document, said, tmp_path):
    with pytest.raises(DataError) as caught:
        read_split_file(put(tmp_path, document))
    assert caught.value.problem.startswith(said)
    assert caught.value.file == str(tmp_path / "split.json")
    assert caught.value.hint


def test_only_what_is_known_goes_into_the_file(tmp_path):
    data = make_dataset(tmp_path, 3)
    assert split_file_of(data) is None
    assert list(plan_split_file(data)) == []
    known = replace(data.records[1], patient="p", split="val")
    data = replace(data, records=(data.records[0], known, data.records[2]))
    assert facts_of(known) == {"split": "val", "patient": "p"}
    assert split_file_of(data).images == {known.name: {"split": "val", "patient": "p"}}
    [planned] = plan_split_file(data)
    assert (planned.path, planned.content) == ("split.json", split_file_of(data).to_bytes())


def test_the_files_of_a_folder_and_of_the_one_above_fill_in_what_is_missing(tmp_path):
    """The file in ``val`` goes before the one above; both before nothing, and what a record says before both."""
    data = make_dataset(tmp_path / "val", 3)
    names = [record.name for record in data]
    put(tmp_path / "val", {**GOOD, "images": {names[0]: {"patient": "near"}}})
    put(tmp_path, {**GOOD, "images": {name: {"patient": "above", "split": "val"} for name in names}})
    own = replace(data.records[2], patient="own")
    read = with_split_file(replace(data, records=(*data.records[:2], own)), tmp_path / "val")
    assert [(record.patient, record.split) for record in read] == [("near", None), ("above", "val"), ("own", "val")]
    as_file = with_split_file(data, tmp_path / "val" / "annotations.json")
    assert [record.patient for record in as_file] == ["near", "above", "above"]
    (tmp_path / "val").rename(tmp_path / "images")
    elsewhere = with_split_file(data, tmp_path / "images")
    assert [record.patient for record in elsewhere] == ["near", None, None], "only a folder of a split looks above"
    assert with_split_file(data, tmp_path / "gone" / "a.csv") is data
