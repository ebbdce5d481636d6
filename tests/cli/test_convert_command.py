"""``fractura convert``: VOC folder to TFRecord and back, the same images and boxes."""

import json
from pathlib import Path

import pytest

from fractura.cli.main import main
from fractura.formats import read_dataset
from fractura.phantom import make_phantoms


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("images")
    make_phantoms(place, images=4, seed=0)
    return place


def test_there_and_back(folder, tmp_path, capsys):
    records, label_map = tmp_path / "train.tfrecord", tmp_path / "label_map.txt"
    assert main(["convert", str(folder), str(records), "--to", "tfrecord", "--label-map", str(label_map)]) == 0
    assert capsys.readouterr().out.splitlines() == [str(records), str(label_map)]
    assert "name: 'Fractura'" in label_map.read_text(encoding="utf-8")
    assert main(["convert", str(records), str(tmp_path / "voc"), "--to", "voc", "--label-map", str(label_map)]) == 0
    before, after = read_dataset(folder), read_dataset(tmp_path / "voc")
    assert before.fingerprint() == after.fingerprint()
    images = {record.name: record.read_bytes() for record in before}
    assert {record.name: record.read_bytes() for record in after} == images


def test_shards_and_json(folder, tmp_path, capsys):
    words = ["convert", str(folder), str(tmp_path / "train"), "--to", "tfrecord", "--shards", "2", "--json"]
    assert main(words) == 0
    document = json.loads(capsys.readouterr().out)
    assert [Path(path).name for path in document["written"]] == [
        "train-00000-of-00002", "train-00001-of-00002", "label_map.pbtxt",
    ]  # fmt: skip
    assert document["images"] == 4


def test_mistakes(folder, tmp_path, capsys):
    assert main(["convert", str(folder), str(tmp_path / "out"), "--to", "voc", "--shards", "2"]) == 2
    assert main(["convert", str(tmp_path / "nowhere"), str(tmp_path / "out"), "--to", "tfrecord"]) == 3
    assert main(["convert", str(folder), str(tmp_path / "out"), "--to", "pascal"]) == 2
    capsys.readouterr()
