"""Full, read-only and slow disks under everything that writes."""

from __future__ import annotations

import atexit
import json
import os
import random
import re
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from itertools import count
from pathlib import Path

from soak.campaign import Attempt, Campaign
from soak.small_disk import (
    BUG,
    Ended,
    contents,
    copy_into,
    disk,
    forked,
    make_read_only,
    make_slow,
    prepare_process,
    resize,
    states,
    used,
)

LITTER = re.compile(r"\.fractura-(?!lock)|\.partial$|\.tmp|(^|/)tmp[a-z0-9_]{8}")
_REFUSALS = (3, 5)
_ROOMY = 1 << 19  # pages: 2 GiB


@dataclass(frozen=True)
class Writer:
    """A command that writes.

    Attributes:
        words: Its command line; ``{out}`` is a path on the disk that is tried.
        earlier: What is there before, from an earlier run: a writer's name.
        script: Called with the words instead of ``fractura``.
        heavy: Takes so many seconds that ``make soak`` tries it less often.
    """

    words: str
    earlier: str | None = None
    script: str = "fractura"
    heavy: bool = False


_TRAIN = "--batch-size 2 --device cpu --workers 0 --set log_every=1 --set checkpoint_every_n=1 --set eval_every=2"
WRITERS = {
    **{
        f"convert to {name}": Writer(f"convert labelled {{out}} --to {name}")
        for name in ("voc", "coco", "yolo", "createml", "csv")
    },
    "convert to tfrecord": Writer("convert labelled {out}/images.tfrecord --to tfrecord --shards 2"),
    "convert again": Writer("convert labelled {out} --to voc --overwrite", earlier="convert to voc"),
    "split": Writer("split labelled {out} --val 0.25 --test 0.25"),
    "check --fix": Writer("check labelled --fix {out}/fixed --html {out}/report"),
    "phantom": Writer("phantom {out} --images 2 --val-images 1 --short-side 192 --long-side 224 --workers 1"),
    "detect": Writer("detect labelled --model tiny.onnx --output {out}"),
    "detect again": Writer("detect labelled --model tiny.onnx --output {out} --overwrite", earlier="detect"),
    "evaluate": Writer("evaluate tiny.onnx labelled --rounds 20 --output {out}"),
    "evaluate again": Writer("evaluate tiny.onnx labelled --rounds 20 --output {out} --overwrite", earlier="evaluate"),
    "compare": Writer("compare tiny.onnx other.onnx labelled --rounds 20 --output {out}"),
    "agree": Writer("agree labelled second --rounds 10 --output {out}"),
    "reader-study": Writer("reader-study ratings.csv --positive-from 3 --output {out}"),
    "calibrate": Writer("calibrate tiny.onnx labelled --output {out}/model.onnx"),
    "export": Writer("export small --images phantoms/val --output {out}/model.onnx", heavy=True),
    "export again": Writer(
        "export small --images phantoms/val --output {out}/model.onnx", earlier="export", heavy=True
    ),
    "train": Writer(
        f"train phantoms/train --val phantoms/val --output {{out}} --model hf:pretrained {_TRAIN} --num-steps 3"
    ),
    "train on": Writer("train --resume --output {out} --num-steps 6", earlier="train"),
    "configure": Writer("configure {out}/pipeline.config --new faster_rcnn_inception_resnet_v2_640x640"),
    "import-tf": Writer(
        "import-tf tensorflow/ckpt-0 --output {out} --pipeline-config tensorflow/pipeline.config "
        "--label-map tensorflow/labels.pbtxt",
        heavy=True,
    ),
    "model_main_tf2": Writer(
        "--pipeline_config_path=tensorflow/training.config --model_dir={out} --checkpoint_every_n=1 "
        "--num_steps_per_iteration=1",
        script="model_main_tf2",
        heavy=True,
    ),
    "export to SavedModel": Writer("export small --to saved_model --images phantoms/val --output {out}", heavy=True),
}


class Bench:
    """The material of all tries, and what each writer leaves and needs on a disk with room; made when first needed.

    Args:
        folder: Empty.
    """

    def __init__(self, folder: Path) -> None:
        self.place, self.disk, self._kept = folder / "place", folder / "disk", folder / "whole"
        self.place.mkdir()
        self.whole: dict[str, Path] = {}
        self.needs: dict[str, tuple[int, int]] = {}
        prepare_process()

    def make_ready(self, name: str) -> None:
        """Make what a writer reads, and see what it writes."""
        if name in self.whole:
            return
        if (earlier := WRITERS[name].earlier) is not None:
            self.make_ready(earlier)
        made = forked(partial(_make_material, self.place, WRITERS[name].words))
        assert made.code == 0, made.text
        kept = self._kept / name.replace(" ", "-")
        with disk(self.disk, _ROOMY) as there:
            before = self._bring_earlier(name, there)
            ended = self.run(name, there)
            assert ended.code == 0, f"{name}: {ended.text}"
            pages, files = used(there)
            copy_into(there, kept)
        # What is written beside the former files before it replaces them.
        self.needs[name] = (pages + before[0], files + before[1])
        self.whole[name] = kept
        self.material = states(self.place)

    def _bring_earlier(self, name: str, there: Path) -> tuple[int, int]:
        earlier = WRITERS[name].earlier
        if earlier is not None:
            copy_into(self.whole[earlier], there)
        return used(there)

    def run(
        self,
        name: str,
        there: Path,
        *,
        scratch: Path | None = None,
        first: Callable[[], None] | None = None,
    ) -> Ended:
        """Run a writer with its results on a disk; temporary files go to ``scratch``."""
        writer = WRITERS[name]
        words = [word.format(out=there / "out") for word in writer.words.split()]

        def call() -> int:
            os.chdir(self.place)
            if scratch is not None:
                tempfile.tempdir = str(scratch)
                os.environ["TMPDIR"] = str(scratch)
            if first is not None:
                first()
            return _entry(writer.script)(words)

        return forked(call)

    def bring_earlier(self, name: str, there: Path) -> dict[str, bytes]:
        """Put what an earlier run left on a disk; returns it."""
        self._bring_earlier(name, there)
        return contents(there)


def _entry(script: str) -> Callable[[list[str]], int]:
    if script == "model_main_tf2":
        from fractura.tensorflow_od.model_main_tf2 import main
    else:
        from fractura.cli.main import main
    return main


def _make_material(place: Path, words: str) -> None:
    """What a command line reads, where it is not there yet."""
    from golden.commands import _ratings
    from golden.workshop import SECOND_READING, Workshop, label, tiny_model

    shop, has = Workshop(place), place.joinpath
    if not has("labelled").exists():
        assert all((shop.labelled, shop.model))
    if "second" in words and not has("second").exists():
        label(has("second"), SECOND_READING)
    if "other.onnx" in words and not has("other.onnx").exists():
        tiny_model(has("other.onnx"), scores=(0.45, 0.35, 0.5), name="other", threshold=0.3)
    if "ratings.csv" in words and not has("ratings.csv").exists():
        _ratings(shop)
    if any(part in words for part in ("phantoms", "pretrained", "tensorflow/")) and not has("phantoms").exists():
        assert shop.phantoms["exit_code"] == 0
    if "pretrained" in words and not has("pretrained").exists():
        from support.tiny_transformers import save_folder

        save_folder(has("pretrained"), "rt_detr_v2")
    if "tensorflow/" in words and not has("tensorflow").exists():
        _make_tensorflow(place)
    if "small" in words.split() and not has("small").exists():
        _make_small_model(has("small"))


def _make_tensorflow(place: Path) -> None:
    from support.pipeline_files import small_resnet_config

    from fractura.cli.main import main
    from fractura.models import build_from_architecture
    from fractura.tensorflow_od.checkpoint import write_checkpoint
    from fractura.tensorflow_od.pipeline_mapping import detector_settings
    from fractura.tensorflow_od.pipeline_reader import read_pipeline_config
    from fractura.tensorflow_od.variables import model_variables

    source = place / "tensorflow"
    source.mkdir()
    config = small_resnet_config(source / "pipeline.config")
    (source / "labels.pbtxt").write_text("item {\n  id: 1\n  name: 'fracture'\n}\n", encoding="utf-8")
    detector = build_from_architecture(detector_settings(read_pipeline_config(config)).model_dump(mode="json"))
    write_checkpoint(source / "ckpt-0", model_variables(detector))
    records = ["convert", str(place / "phantoms" / "train"), str(source / "train.tfrecord"), "--to", "tfrecord"]
    assert main([*records, "--label-map", str(source / "labels.pbtxt")]) == 0
    words = ["configure", str(config), "--output", str(source / "training.config"), "--num-classes", "1"]
    words += ["--batch-size", "1", "--num-steps", "2", "--train-record", str(source / "train.tfrecord")]
    words += ["--label-map", str(source / "labels.pbtxt"), "--fine-tune-checkpoint", str(source / "ckpt-0")]
    assert main([*words, "--fine-tune-checkpoint-type", "detection"]) == 0


def _make_small_model(folder: Path) -> None:
    from support.tiny_faster_rcnn import build

    from fractura.core.model_card import WEIGHTS_FILE, ModelCard, write_card
    from fractura.models.weights import write_tensors

    detector = build()
    card = ModelCard(name="small", architecture=detector.architecture(), class_names=("fracture",), threshold=0.3)
    write_tensors(folder / WEIGHTS_FILE, detector.state_dict())
    write_card(card, folder)


def check_refusal(ended: Ended, there: Path) -> None:
    """See that a command ended with an error that people can act on."""
    assert ended.code in _REFUSALS, f"exit code {ended.code}: {ended.text[-1500:]}"
    assert not any(word in ended.text for word in BUG), ended.text[-1500:]
    assert "→" in ended.text, f"no hint: {ended.text[-800:]}"
    assert str(there) in ended.text.replace("\n", "") or "results cannot be written" in ended.text, (
        f"the file is not named: {ended.text[-800:]}"
    )


def check_left(before: dict[str, bytes], after: dict[str, bytes], whole: dict[str, bytes], *, ended: Ended) -> None:
    """See that no earlier file is lost or torn, and that nothing is left that nobody knows of."""
    litter = [name for name in after if LITTER.search(name)]
    assert not litter, f"left behind: {litter}; {ended.text[-500:]}"
    document = json.loads(after.get("out/results.json", b"{}"))
    if "out/UNFINISHED.json" in after or document.get("complete") is False:
        return  # readers are told
    for name, data in before.items():
        if any(part in name for part in ("log.csv", "events.out")):
            assert after.get(name, b"").startswith(data[:200]), f"{name} is lost or torn"
            continue
        assert name in after, f"{name} is lost"
        assert after[name] == data or _is_whole(name, after[name], whole), f"{name} is torn"


def _is_whole(name: str, data: bytes, whole: dict[str, bytes]) -> bool:
    if data == whole.get(name):
        return True
    if name.endswith(".json"):
        json.loads(data)
        return True
    # What holds the time of its making: as long as when whole, to a few characters, and with as many lines.
    if name not in whole or abs(len(data) - len(whole[name])) > len(data) // 20:
        return False
    return name.endswith((".onnx", ".png", ".safetensors")) or data.count(b"\n") == whole[name].count(b"\n")


@cache
def _bench() -> Bench:
    """One for all campaigns of a process."""
    folder = tempfile.TemporaryDirectory(prefix="soak-disk-")
    atexit.register(folder.cleanup)
    return Bench(Path(folder.name))


def _prepare(names: list[str], attempt: Callable[[Bench, str, random.Random], None], folder: Path) -> Attempt:
    bench = _bench()
    rounds = count()
    todo: list[str] = []

    def one(draw: random.Random) -> None:
        # Each writer in turn, so that none is left out; the heavy ones in every sixth round.
        while not todo:
            is_sixth = next(rounds) % 6 == 1
            todo.extend(name for name in names if is_sixth or not WRITERS[name].heavy)
        name = todo.pop(0)
        try:
            bench.make_ready(name)
            attempt(bench, name, draw)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
        assert states(bench.place) == bench.material, f"{name} has changed what it read"

    return one


def try_full(bench: Bench, name: str, draw: random.Random) -> None:
    """A disk with room for a part of what is written, in bytes or in files, anywhere from nothing to all."""
    with disk(bench.disk, _ROOMY) as there:
        before = bench.bring_earlier(name, there)
        pages, files = used(there)
        more_pages, more_files = (
            max(1, need - there) for need, there in zip(bench.needs[name], (pages, files), strict=True)
        )
        scratch = there if draw.random() < 0.3 else None
        if draw.random() < 0.7:
            resize(there, pages + draw.randint(1, more_pages))
        else:
            resize(there, _ROOMY, files + draw.randint(1, more_files))
        ended = bench.run(name, there, scratch=scratch)
        after = contents(there)
    whole = contents(bench.whole[name])
    if ended.code != 0:
        check_refusal(ended, there)
    else:
        missing = set(whole) - set(after) - {key for key in whole if "events.out" in key}
        assert not missing, f"exit code 0, but {sorted(missing)[:3]} are missing: {ended.text[-500:]}"
    check_left(before, after, whole, ended=ended)


def try_read_only(bench: Bench, name: str, draw: random.Random) -> None:
    """A disk that refuses every write."""
    with disk(bench.disk, _ROOMY) as there:
        before = bench.bring_earlier(name, there)
        make_read_only(there)
        ended = bench.run(name, there, scratch=there if draw.random() < 0.3 else None)
        after = contents(there)
    assert ended.code != 0, ended.text[-500:]
    check_refusal(ended, there)
    assert after == before


def try_slow(bench: Bench, name: str, draw: random.Random) -> None:
    """A disk on which everything takes its time gives the same files as a quick one."""
    seed, longest = draw.random(), draw.choice((0.005, 0.02, 0.05))
    with disk(bench.disk, _ROOMY) as there:
        bench.bring_earlier(name, there)

        def first() -> None:
            delays = random.Random(seed)
            make_slow(lambda: delays.random() * longest)

        ended = bench.run(name, there, first=first)
        after = contents(there)
    assert ended.code == 0, ended.text[-1000:]
    whole = contents(bench.whole[name])
    names = {key for key in after if "events.out" not in key}
    assert names == {key for key in whole if "events.out" not in key}
    assert all(_is_whole(key, after[key], whole) for key in names if "log.csv" not in key)


def _prepare_server(folder: Path) -> Attempt:
    prepare_process()
    place = folder / "disk"

    def attempt(draw: random.Random) -> None:
        with disk(place, 2000) as there:
            ended = forked(partial(_save_on_full_disk, there, draw.getrandbits(60)))
            assert ended.code == 0, ended.text[-3000:]
            assert "Traceback" not in ended.text, ended.text[-3000:]

    return attempt


def _save_on_full_disk(there: Path, seed: int) -> None:
    """Saves, deletions and comments while the disk fills and empties: each is whole and answered so, or refused."""
    from support.web_places import WRITE, client, folder, image_ids

    from fractura.formats.voc import read_voc_file

    draw = random.Random(seed)
    data, filler = folder(there / "data"), there / "filler"
    with client(mode="label", folder=data) as web:
        ids = image_ids(web)
        for _ in range(12):
            name = draw.choice(("image1", "image2", "image3", "image10"))
            url, file = f"/api/annotations/{ids[f'{name}.png']}", data / "annotations" / f"{name}.xml"
            before = file.read_bytes() if file.exists() else None
            known = web.get(url).json()
            kind = draw.choice(("full", "full", "read-only", "free"))
            if kind == "full":
                descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
                with suppress(OSError):
                    while True:
                        os.write(descriptor, bytes(4096))
                os.close(descriptor)
                room = draw.choice((0, 0, 1, 2, 3, 6))
                with suppress(OSError):
                    os.truncate(filler, max(0, filler.stat().st_size - room * 4096))
            elif kind == "read-only":
                make_read_only(data / "annotations")
            boxes = [
                {"name": "Fractura", "xmin": 5, "ymin": 5, "xmax": 50 + draw.randrange(99), "ymax": 70}
                for _ in range(draw.choice((0, 1, 3, 60)))
            ]
            wanted = {
                "boxes": boxes,
                "normal": not boxes,
                "verified": draw.random() < 0.5,
                "comment": draw.choice(("", "why?", "x" * 900)),
            }
            answer = web.put(url, headers={**WRITE, "If-Match": known["etag"]}, json=wanted)
            now = file.read_bytes() if file.exists() else None
            said = f"{kind}: {answer.status_code} {answer.text[:400]}"
            if answer.status_code == 200:
                assert len(read_voc_file(file).objects) == len(boxes), said
                assert web.get(url).json()["comment"] == wanted["comment"], said
            else:
                assert answer.status_code == 507, said
                assert answer.json()["error"]["code"] == "disk_refused", said
                assert kind != "free", said
                assert now == before, f"{said}: refused, and changed all the same"
            assert not [path for path in data.rglob("*") if LITTER.search(str(path))], said
            if kind == "read-only":
                subprocess.run(["umount", str(data / "annotations")], check=True)
            filler.unlink(missing_ok=True)
            etag = web.get(url).json()["etag"]
            saved = web.put(url, headers={**WRITE, "If-Match": etag}, json=wanted)
            assert saved.status_code == 200, f"with room again: {saved.status_code} {saved.text[:400]}"
            assert len(read_voc_file(file).objects) == len(boxes)


LIGHT = [name for name, writer in WRITERS.items() if not writer.heavy]
CAMPAIGNS = (
    Campaign(
        "disk-full",
        "A disk that fills at any stage of any command: an error that says so, earlier files whole, no litter",
        partial(_prepare, list(WRITERS), try_full),
        tries=400,
        found="`detect --overwrite` removed earlier pictures before it could write; `log.csv`, event files, locks and "
        "temporary files raised what was called a bug; a log on a full disk stopped the command; "
        "`tests/core/test_full_disk.py`",
    ),
    Campaign(
        "disk-read-only",
        "A read-only disk under any command: an error that says so, nothing changed",
        partial(_prepare, list(WRITERS), try_read_only),
        tries=100,
        found="a resumed training called the disk a bug, 1 of 40: "
        "`test_on_a_read_only_disk_it_is_the_write_that_fails`",
    ),
    Campaign(
        "disk-label-server",
        "The label server on a full or read-only disk: a save is whole, or an error is its answer and nothing changed",
        _prepare_server,
        tries=100,
        found="boxes were written and refused because their comment could not be; `tests/web/test_web_full_disk.py`",
    ),
    Campaign(
        "disk-slow",
        "A disk that takes its time under any command: the same files",
        partial(_prepare, LIGHT, try_slow),
        tries=100,
    ),
)
