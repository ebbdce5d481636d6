"""``fractura fetch`` against a server that breaks off."""

import json

import pytest
from support.archives import member, tar_gz, zoo_archive
from support.file_server import serving

from fractura.cli.main import main
from fractura.core.errors import UsageError
from fractura.fetch import ADDRESSES, fetch

NAME = "zoo:faster_rcnn_inception_resnet_v2_640x640"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("time.sleep", lambda seconds: None)


def test_the_command_downloads_and_unpacks(tmp_path, capsys):
    with serving(zoo_archive("model"), breaks=[500]) as server:
        words = ["fetch", NAME, "--output", str(tmp_path), "--url", server.address(), "--json"]
        assert main(words) == 0
        document = json.loads(capsys.readouterr().out)
        assert main(words[:-1]) == 0
        assert "there already" in capsys.readouterr().err
        assert len(server.requests) == 2
    assert document["folder"] == str(tmp_path / "model")
    assert (tmp_path / "model" / "checkpoint" / "ckpt-0.index").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_archive_without_a_folder_of_its_own(tmp_path):
    with serving(tar_gz(member("pipeline.config", b"x"), member("ckpt-0.index", b"y"))) as server:
        folder = fetch(NAME, tmp_path, url=server.address("some-model.tar.gz"), keep_archive=True).folder
    assert sorted(path.name for path in folder.iterdir()) == ["ckpt-0.index", "pipeline.config"]
    assert (tmp_path / "some-model.tar.gz").is_file()


def test_a_hostile_archive_leaves_no_folder(tmp_path, capsys):
    with serving(tar_gz(member("model/../../evil", b"x"))) as server:
        assert main(["fetch", NAME, "--output", str(tmp_path), "--url", server.address()]) == 3
    assert "leads outside" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["model.tar.gz"]


def test_exit_codes(tmp_path, capsys):
    assert main(["fetch", "zoo:faster_rcnn_inception", "--output", str(tmp_path)]) == 2
    assert NAME in capsys.readouterr().err
    assert main(["fetch", NAME, "--output", str(tmp_path), "--url", "http://127.0.0.1:9/model.tar.gz"]) == 5
    assert "network" in capsys.readouterr().err
    with pytest.raises(UsageError, match=r"tar\.gz"):
        fetch(NAME, tmp_path, url="http://127.0.0.1/model.zip")


@pytest.mark.parametrize("name", ["a%00b", "..%5C..%5Cevil", "C%3Aevil", "%1B%5B2J", "a%0D%0Ab", "a" * 300, "a%2F.."])
def test_names_of_archives_that_are_no_plain_file_names(name, tmp_path):
    with pytest.raises(UsageError, match=r"tar\.gz"):
        fetch(NAME, tmp_path, url=f"http://127.0.0.1:9/{name}.tar.gz")
    assert list(tmp_path.iterdir()) == []


def test_addresses_are_the_zoos_list():
    listed = [
        f"faster_rcnn_{model}_coco17_{ending}.tar.gz"
        for model, ending in [
            ("inception_resnet_v2_640x640", "tpu-8"),
            ("inception_resnet_v2_1024x1024", "tpu-8"),
            ("resnet50_v1_640x640", "tpu-8"),
            ("resnet50_v1_1024x1024", "tpu-8"),
            ("resnet50_v1_800x1333", "gpu-8"),
            ("resnet101_v1_640x640", "tpu-8"),
            ("resnet101_v1_1024x1024", "tpu-8"),
            ("resnet101_v1_800x1333", "gpu-8"),
            ("resnet152_v1_640x640", "tpu-8"),
            ("resnet152_v1_1024x1024", "tpu-8"),
            ("resnet152_v1_800x1333", "gpu-8"),
        ]
    ]
    folder = "http://download.tensorflow.org/models/object_detection/tf2/20200711/"
    assert [address.url for address in ADDRESSES.values()] == [folder + name for name in listed]
    assert list(ADDRESSES) == [f"zoo:{name.partition('_coco17')[0]}" for name in listed]
