"""Whatever a killed command leaves is told from what is whole, and can be replaced."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.format_images import make_dataset
from support.tiny_models import CARD, write_tiny_onnx

from fractura.cli.main import main
from fractura.core.errors import DataError, UsageError
from fractura.core.folder_lock import LOCK_FILE, hold_folder
from fractura.core.model_card import WEIGHTS_FILE, write_card
from fractura.core.output_folder import NOTE_FILE, left_unfinished, unfinished
from fractura.formats import read_dataset, write_voc
from fractura.formats.writing import PlannedFile, write_files
from fractura.inference import stored_card
from fractura.workflows.detect import detect

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")

KILLED = """
import os, signal, sys
import fractura.core.files as files
from pathlib import Path
count, left = 0, int(sys.argv[1])
replace = os.replace
def dies(source, target):
    global left
    if Path(target).suffix in (".png", ".jpg", ".xml", ".txt", ".json"):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    replace(source, target)
os.replace = dies
from fractura.cli.main import main
sys.exit(main(sys.argv[2:]))
"""
"""Runs a command and kills it where it is about to finish its so-many-th file."""


def killed(after, *arguments):
    ended = subprocess.run([sys.executable, "-c", KILLED, str(after), *map(str, arguments)], capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def run(*arguments):
    return main([str(each) for each in arguments])


@pytest.fixture
def data(tmp_path):
    write_voc(make_dataset(tmp_path / "images", 12), tmp_path / "data")
    return tmp_path / "data"


def digest(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


COMMANDS = {
    "convert to voc": ("convert", "{data}", "{out}", "--to", "voc"),
    "convert to yolo": ("convert", "{data}", "{out}", "--to", "yolo"),
    "convert to coco": ("convert", "{data}", "{out}", "--to", "coco"),
    "split": ("split", "{data}", "{out}", "--val", "0.3", "--test", "0.1"),
    "check --fix": ("check", "{data}", "--fix", "{out}"),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("after", [1, 5, 9, 14])
def test_a_killed_command_is_noticed_by_readers_and_can_be_run_again(name, after, data, tmp_path, capsys):
    whole, out = tmp_path / "whole", tmp_path / "out"
    run(*(part.format(data=data, out=whole) for part in COMMANDS[name]))
    command = [part.format(data=data, out=out) for part in COMMANDS[name]]
    killed(after, *command)
    assert (out / NOTE_FILE).is_file()
    below = next((path for path in sorted(out.rglob("*")) if path.is_dir()), out)
    for folder in {out, below}:
        with pytest.raises(DataError, match=f"is not complete: fractura {command[0]}"):
            read_dataset(folder)
    if name not in ("convert to yolo", "convert to coco"):
        run("check", out / "train" if name == "split" else out)
        assert "is not complete" in capsys.readouterr().err
    assert run(*command) in (0, 1)  # check ends with 1 where it found something
    assert digest(out) == digest(whole)
    assert read_dataset(out) is not None


def test_other_data_after_a_kill_need_overwrite(data, tmp_path, capsys):
    out, other = tmp_path / "out", tmp_path / "other"
    write_voc(make_dataset(tmp_path / "more", 3), other)
    killed(14, "convert", data, out, "--to", "yolo")
    (out / "mine.txt").write_text("of the user")
    assert run("convert", other, out, "--to", "yolo") == 3
    assert "--overwrite" in capsys.readouterr().err
    assert run("convert", other, out, "--to", "yolo", "--overwrite") == 0
    assert len(read_dataset(out)) == 3
    assert len(list((out / "images").rglob("*.png"))) == 3
    assert (out / "mine.txt").read_text() == "of the user"


@pytest.mark.parametrize("after", [1, 4])
def test_a_killed_detect_can_be_overwritten(after, data, tmp_path, capsys):
    model, out = write_tiny_onnx(tmp_path / "model.onnx"), tmp_path / "out"
    command = ("detect", data, "--model", model, "--output", out)
    killed(after, *command)
    assert run(*command) == 2
    assert "holds the unfinished results of a run that was stopped" in capsys.readouterr().err
    assert run("detect", next(data.rglob("*.png")), "--model", model, "--output", out, "--overwrite") == 0
    assert not (out / NOTE_FILE).exists()
    assert len([path for path in out.rglob("*") if path.is_file()]) == 4


def test_a_killed_evaluate_is_told_from_a_whole_one(data, tmp_path, capsys):
    model, out = write_tiny_onnx(tmp_path / "model.onnx"), tmp_path / "out"
    command = (
        "evaluate",
        model,
        data,
        "--output",
        out,
        "--rounds",
        "20",
        "--rename",
        "Fractura=fracture",
        "--rename",
        "luxación=cast",
        "--rename",
        "yeso 2=cast",
    )
    killed(1, *command)
    assert run(*command) == 2
    assert "holds the unfinished results of a run that was stopped" in capsys.readouterr().err
    assert run(*command, "--overwrite") == 0
    assert not (out / NOTE_FILE).exists()


@pytest.mark.parametrize(
    "command",
    [
        ("check", "{data}", "--fix", "{out}"),
        ("detect", "{data}", "--model", "{model}", "--output", "{out}"),
        ("phantom", "{out}", "--images", "2", "--val-images", "1", "--short-side", "192", "--long-side", "192"),
    ],
    ids=lambda words: words[0],
)
def test_killed_before_its_note_has_its_name_it_can_be_run_again(command, data, tmp_path):
    model, out = write_tiny_onnx(tmp_path / "model.onnx"), tmp_path / "out"
    words = [word.format(data=data, model=model, out=out) for word in command]
    killed(0, *words)
    assert {path.name for path in out.iterdir() if not path.name.endswith(".tmp")} <= {LOCK_FILE}
    assert run(*words) in (0, 1)
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.parametrize("after", [1, 4, 9])
def test_killed_phantoms_do_not_read_as_a_smaller_data_set(after, tmp_path):
    out, sizes = tmp_path / "out", ("--short-side", "192", "--long-side", "192", "--workers", "1")
    command = ("phantom", out, "--images", "3", "--val-images", "2", *sizes)
    killed(after, *command)
    for folder in (out, out / "train"):
        with pytest.raises(DataError, match="is not complete: fractura phantom"):
            read_dataset(folder)
    assert run(*command) == 0
    assert [len(read_dataset(out / part)) for part in ("train", "val")] == [3, 2]
    assert not list(out.rglob("*.tmp"))


def test_a_folder_is_marked_before_the_first_earlier_result_is_gone(data, tmp_path, monkeypatch):
    model, out = write_tiny_onnx(tmp_path / "model.onnx"), tmp_path / "out"
    command = ("detect", data, "--model", model, "--output", out, "--overwrite")
    assert run(*command) == 0
    unlink = Path.unlink

    def dies(path, *arguments, **options):
        if path.suffix == ".jpg":
            raise KeyboardInterrupt
        unlink(path, *arguments, **options)

    monkeypatch.setattr(Path, "unlink", dies)
    with pytest.raises(KeyboardInterrupt):
        detect([data], model=model, output=out, overwrite=True)
    assert json.loads((out / "results.json").read_text())["complete"]
    assert (out / NOTE_FILE).is_file()


def test_a_killed_copy_of_a_model_can_be_made_again(tmp_path, monkeypatch):
    model, copy = tmp_path / "model", tmp_path / "copy"
    write_card(CARD, model)
    (model / WEIGHTS_FILE).write_bytes(b"weights")

    def dies(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(stored_card, "write_card", dies)
    with pytest.raises(KeyboardInterrupt):
        stored_card.replace_card(model, CARD, copy)
    monkeypatch.undo()
    stored_card.replace_card(model, CARD, copy)
    assert digest(copy) == digest(model)


def test_a_failed_run_stays_marked(tmp_path):
    def fails():
        with unfinished(tmp_path, "convert", ["a/b.png"]):
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fails()
    assert left_unfinished(tmp_path) == {"a/b.png"}


_LONG = "a" * 300  # no disk holds it


@pytest.mark.parametrize("files", [[_LONG, "../up.txt", "/etc/passwd", "a/../../b", "c\\..\\d"], "all", None, [3]])
def test_a_note_that_names_files_outside_removes_nothing(files, tmp_path):
    note = {"made_by": "fractura", "command": "convert", "files": files}
    (tmp_path / NOTE_FILE).write_text(json.dumps(note))
    assert left_unfinished(tmp_path) == frozenset()


@pytest.mark.parametrize("name", [*COMMANDS, "detect", "evaluate"])
def test_of_two_runs_at_once_the_second_is_told(name, data, tmp_path, capsys):
    out, model = tmp_path / "out", write_tiny_onnx(tmp_path / "model.onnx")
    measuring = ("evaluate", model, data, "--output", out, "--no-intervals", "--rename", "Fractura=fracture")
    others = {
        "detect": ("detect", data, "--model", model, "--output", out),
        "evaluate": (*measuring, "--rename", "luxación=cast", "--rename", "yeso 2=cast"),
    }
    command = others.get(name) or [part.format(data=data, out=out) for part in COMMANDS[name]]
    with hold_folder(out, "fractura convert"):
        assert run(*command) == 2
        assert f"is in use by fractura convert (process {os.getpid()} on " in capsys.readouterr().err
        assert [path.name for path in out.iterdir()] == [LOCK_FILE]
    assert run(*command) in (0, 3)
    assert not (out / LOCK_FILE).exists()


def test_what_another_run_wrote_since_the_folder_was_examined_stays(data, tmp_path):
    out = tmp_path / "out"
    first = read_dataset(data)

    def meanwhile(done, total):
        raise AssertionError("it must not come to this")

    def plan():
        if not out.exists():
            write_voc(make_dataset(tmp_path / "others", 3), out)
        yield PlannedFile("a.txt", b"a")

    with pytest.raises(UsageError, match="was written by another run in the meantime"):
        write_files(out, plan, images="copy", overwrite=False, about={}, count=len(first), command="convert",
                    progress=meanwhile)  # fmt: skip
    assert len(read_dataset(out)) == 3


@pytest.mark.parametrize("note", ["UNFINISHED.json", "results.json", "conversion.json", "long names"])
def test_nothing_outside_is_touched_whatever_the_folder_says(note, data, tmp_path):
    """Somebody hands on a folder of results, and it is written into once more."""
    out, precious = tmp_path / "out", tmp_path / "precious"
    out.mkdir()
    precious.mkdir()
    (precious / "a.jpg").write_bytes(b"mine")
    for place in ("pictures", "images", "link"):
        (out / place).symlink_to(precious)
    names = [
        "pictures/a.jpg",
        "link/a.jpg",
        "images/a.jpg",
        str(precious / "a.jpg"),
        "../precious/a.jpg",
        "a\0b",
        "",
        _LONG,
    ]
    documents = {
        "UNFINISHED.json": {"made_by": "fractura", "command": "detect", "files": names},
        "results.json": {"made_by": "fractura", "images": [{"picture": name} for name in names]},
        "conversion.json": {"files": {name: hashlib.sha256(b"mine").hexdigest() for name in names[:3]}},
        "long names": {"files": {_LONG: hashlib.sha256(b"mine").hexdigest()}},
    }
    named = "conversion.json" if note == "long names" else note
    (out / named).write_text(json.dumps(documents[note]))
    model = write_tiny_onnx(tmp_path / "tiny.onnx")
    if named == "conversion.json":
        assert run("convert", data, out, "--to", "voc", "--overwrite") in (2, 3)
    else:
        assert run("detect", data / "images", "--model", model, "--output", out, "--overwrite") == 2
    assert [path.name for path in precious.iterdir()] == ["a.jpg"]
    assert (precious / "a.jpg").read_bytes() == b"mine"
