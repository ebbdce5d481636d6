"""A disk that refuses to take more, under each command: an error that says so, earlier files whole, no litter.

The short form of ``python -m soak disk-full``: a limit on the size of files needs no disk of its own.
"""

import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from golden.commands import _ratings
from golden.workshop import Workshop
from support.training_fakes import FakeDetector, make_images

from fractura.cli.main import main
from fractura.core.errors import DataError
from fractura.core.files import scratch_folder
from fractura.core.output_folder import NOTE_FILE
from fractura.core.reporter import SILENT, STDERR
from fractura.training import TrainSettings, train
from fractura.training.logging import Events, History

if sys.platform == "win32":
    pytest.skip("Windows knows no limit on the size of files", allow_module_level=True)
import resource

from soak.disk import LITTER


@contextmanager
def full_above(size):
    """No file may become larger than ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    shop = Workshop(tmp_path_factory.mktemp("shop"))
    assert all((shop.labelled, shop.second_reading, shop.model))
    _ratings(shop)
    return shop.place


COMMANDS = {
    **{name: f"convert labelled {{out}} --to {name}" for name in ("voc", "coco", "yolo", "createml", "csv")},
    "tfrecord": "convert labelled {out}/images.tfrecord --to tfrecord",
    "split": "split labelled {out} --val 0.25",
    "check --fix": "check labelled --fix {out}",
    "detect": "detect labelled --model tiny.onnx --output {out}",
    "evaluate": "evaluate tiny.onnx labelled --no-intervals --output {out}",
    "calibrate": "calibrate tiny.onnx labelled --output {out}/model.onnx",
    "configure": "configure {out}/pipeline.config --new faster_rcnn_inception_resnet_v2_640x640",
    "reader-study": "reader-study ratings.csv --positive-from 3 --output {out}",
}


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("size", [0, 100, 2000])
@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name, size, place, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(place)
    before = files(place)
    words = COMMANDS[name].format(out=tmp_path / "out").split()
    with full_above(size):
        code = main(words)
    said = capsys.readouterr().err
    assert files(place) == before
    assert not [each for each in files(tmp_path) if LITTER.search(each)]
    if code == 0:
        assert size > 100
        return
    assert code in (3, 5), said
    assert "this is a bug" not in said
    assert "Traceback" not in said
    assert str(tmp_path / "out") in said.replace("\n", "")
    assert "→" in said


def test_a_log_that_is_full_stops_nothing(place, tmp_path, capfd, monkeypatch):
    """Standard error is a file here; what cannot be written into it is not missed."""
    monkeypatch.chdir(place)
    with full_above(0):
        assert main(["convert", "labelled", str(tmp_path / "out"), "--to", "voc"]) == 3
        STDERR.say("a line")
    assert capfd.readouterr().err == ""


def test_earlier_detections_keep_their_pictures(place, tmp_path, capsys, monkeypatch):
    """They are replaced only where the folder says from then on that it is not complete."""
    monkeypatch.chdir(place)
    words = ["detect", "labelled", "--model", "tiny.onnx", "--output", str(tmp_path / "out")]
    assert main(words) == 0
    before = files(tmp_path)
    with full_above(0):
        assert main([*words, "--overwrite"]) == 3
    assert files(tmp_path) == before
    with full_above(2000):
        assert main([*words, "--overwrite"]) == 3
    after = files(tmp_path)
    assert f"out/{NOTE_FILE}" in after or b'"complete": false' in after["out/results.json"]


@pytest.mark.parametrize("size", [0, 300, 3000])
def test_training(size, tmp_path):
    images = make_images(tmp_path / "train", 4), make_images(tmp_path / "val", 2, seed=2)
    values = {"data": tmp_path / "train", "output": tmp_path / "model", "model": "fake", "num_steps": 4}
    values |= {"batch_size": 2, "workers": 0, "device": "cpu", "eval_every": 2, "log_every": 1}
    torch.manual_seed(0)
    settings = TrainSettings.create(values)
    options = {"train_data": images[0], "val_data": images[1], "reporter": SILENT}
    with full_above(size), pytest.raises(DataError, match=r"cannot be written: .*File too large") as caught:
        train(settings, detector=FakeDetector(), **options)
    assert Path(caught.value.file).is_relative_to(tmp_path / "model")
    assert not [each for each in files(tmp_path) if LITTER.search(each)]
    state = tmp_path / "model" / "last" / "training_state.safetensors"
    torch.manual_seed(0)
    resumed = train(settings, detector=FakeDetector(), resume=state.is_file(), **options)
    assert resumed.steps == 4


def test_log_and_events(tmp_path):
    history, events = History(tmp_path), Events(tmp_path)
    with full_above(0):
        with pytest.raises(DataError, match=r"log.csv: cannot be written"):
            history.add({"step": 1.0})
        with pytest.raises(DataError, match=r"events.out.*: cannot be written"):
            events.scalar("a", 1.0, 1)


def test_temporary_files(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(DataError, match="temporary files cannot be written") as caught, scratch_folder("x"):
        pass
    assert "TMPDIR" in caught.value.hint
