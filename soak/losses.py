"""Losses that are not finite, and data sets of every awkward size."""

from __future__ import annotations

import contextlib
import math
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from soak.campaign import Attempt, Campaign
from soak.small_disk import BUG, contents, forked, prepare_process


def _prepare_losses(folder: Path) -> Attempt:
    """A tiny detector whose losses or gradients are not finite on some steps."""
    prepare_process()
    count = iter(range(10**9))

    def attempt(draw: random.Random) -> None:
        place = folder / str(next(count))
        place.mkdir()
        ended = forked(partial(_one_bad_run, place, draw.getrandbits(60)))
        assert ended.code == 0, ended.text[-3000:]
        shutil.rmtree(place)

    return attempt


class _Voice:
    """Notes warnings, and the step that comes next."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.next_step = 0

    def say(self, text: str) -> None:
        pass

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    @contextlib.contextmanager
    def progress(self, *_: object, **__: object) -> Iterator[Callable[[int, int], None]]:
        def note(done: int, total: int) -> None:
            self.next_step = done

        yield note


def _one_bad_run(place: Path, seed: int) -> None:
    import torch
    from safetensors.torch import load_file
    from support.training_fakes import FakeDetector, make_images

    from fractura.core.errors import ModelError
    from fractura.training import TrainSettings, train
    from fractura.training.logging import read_history
    from fractura.training.state import STATE_FILE, load_state

    draw = random.Random(seed)
    steps, most, share = draw.randint(6, 14), draw.randint(1, 4), draw.choice((0.1, 0.5, 0.8))
    bad = {step for step in range(steps) if draw.random() < share}
    term, value = draw.choice(("objectness_loss", "localization_loss", "gradient")), draw.choice((math.nan, math.inf))
    voice = _Voice()

    class Bad(FakeDetector):
        def losses(self, images, targets):
            losses = super().losses(images, targets)
            weight = next(self.parameters()).flatten()[0]
            if voice.next_step in bad and term == "gradient":
                losses["objectness_loss"] = losses["objectness_loss"] + (weight - weight.detach()).sqrt()
            elif voice.next_step in bad:
                losses[term] = losses[term] + weight * value
            return losses

    images = make_images(place / "train", 9, seed=1)
    settings = TrainSettings.create(
        {
            "data": place / "train",
            "output": place / "model",
            "model": "fake",
            "num_steps": steps,
            "batch_size": 3,
            "optimizer": draw.choice(("adamw", "momentum")),
            "learning_rate_base": 0.01,
            "checkpoint_every_n": draw.randint(1, 3),
            "log_every": draw.randint(1, 3),
            "workers": 0,
            "device": "cpu",
            "not_finite_steps": most,
        }
    )
    stops = next((step for step in range(most - 1, steps) if bad >= set(range(step - most + 1, step + 1))), None)
    torch.manual_seed(0)
    said = None
    try:
        train(settings, detector=Bad(), train_data=images, reporter=voice)
    except ModelError as error:
        said = str(error)
    assert (said is None) == (stops is None), f"bad {sorted(bad)}, most {most}: {said}"
    left_out = [text for text in voice.warnings if "is left out" in text]
    assert len(left_out) == len([step for step in bad if stops is None or step < stops])
    for text in [*left_out, said or f"{term} = image1_000.png image1_001.png image1_002.png"]:
        assert f"{term} = " in text, text
        assert len(re.findall(r"image1_\d{3}\.png", text)) == 3, text
    state = load_file(place / "model" / "last" / STATE_FILE)
    assert all(torch.isfinite(value).all() for value in state.values() if value.is_floating_point()), "state not finite"
    if said is not None:
        assert f"step {stops + 1}:" in said, said
        assert "--resume" in said, said
        assert "--learning-rate 0.001 " in said, said
        assert load_state(place / "model" / "last").header.progress.step <= stops
        bad.clear()
        changed = settings.model_copy(update={"learning_rate_base": 0.001})  # as the hint says
        assert train(changed, resume=True, detector=Bad(), train_data=images, reporter=voice).steps == steps
    assert all(math.isfinite(number) for row in read_history(place / "model") for number in row.values())


KINDS = ("all negative", "one image", "one negative", "batch above", "empty files", "some empty files", "no images")
COMMANDS = ("train", "train --val", "evaluate", "model_main_tf2", "split", "detect", "check", "calibrate")


def _prepare_sizes(folder: Path) -> Attempt:
    place = folder / "place"
    place.mkdir()
    prepare_process()
    made = forked(partial(_make_place, place))
    assert made.code == 0, made.text[-3000:]
    count = iter(range(10**9))

    def attempt(draw: random.Random) -> None:
        number = next(count)
        kind, command = KINDS[number % len(KINDS)], COMMANDS[number // len(KINDS) % len(COMMANDS)]
        work = folder / f"try{number}"
        _make_awkward(place, work / "data", kind, draw)
        before = contents(work / "data")
        ended = forked(partial(_run_on, command, place, work, draw.randint(1, 9), draw.random() < 0.3))
        said = f"{command} on {kind}: exit code {ended.code}: {ended.text[-1500:]}"
        assert ended.code in (0, 2, 3), said
        assert not any(word in ended.text for word in BUG), said
        assert ended.code == 0 or "→" in ended.text, said
        assert contents(work / "data") == before, said
        if command == "train" and kind in ("one image", "batch above"):
            assert ended.code == 0, said
        if command == "evaluate" and kind in ("one image", "all negative", "one negative", "batch above"):
            assert ended.code == 0, said
        if "empty files" in kind and command in ("train", "evaluate", "detect"):
            assert ended.code in (0, 3), said
        shutil.rmtree(work)

    return attempt


def _make_place(place: Path) -> None:
    from golden.workshop import Workshop
    from support.tiny_transformers import save_folder

    shop = Workshop(place)
    assert all((shop.labelled, shop.model))
    save_folder(place / "pretrained", "rt_detr_v2")


def _make_awkward(place: Path, data: Path, kind: str, draw: random.Random) -> None:
    from golden.workshop import voc

    (data / "annotations").mkdir(parents=True)
    (data / "images").mkdir()
    names = {"one image": ["a"], "one negative": ["b"], "no images": []}.get(kind, list("abcdfg"))
    for name in names:
        shutil.copy(place / "labelled" / "images" / f"{name}.png", data / "images")
        if kind in ("all negative", "one negative"):
            (data / "annotations" / f"{name}.xml").write_text(voc(f"{name}.png"), encoding="utf-8")
        else:
            shutil.copy(place / "labelled" / "annotations" / f"{name}.xml", data / "annotations")
    empty = names if kind == "empty files" else draw.sample(names, 2) if kind == "some empty files" else []
    for name in empty:
        (data / "images" / f"{name}.png").write_bytes(b"")


def _run_on(command: str, place: Path, work: Path, batch: int, skip: bool) -> int:
    from fractura.cli.main import main

    os.chdir(work)
    data, out = "data", "out"
    skipping = ["--on-error", "skip"] if skip else []
    train = [
        "train",
        data,
        "-o",
        out,
        "--model",
        f"hf:{place / 'pretrained'}",
        "--num-steps",
        "2",
        "--batch-size",
        str(batch),
    ]
    train += ["--device", "cpu", "--workers", "0", *skipping]
    words = {
        "train": train,
        "train --val": [*train[:1], str(place / "labelled"), *train[2:], "--val", data],
        "evaluate": ["evaluate", str(place / "tiny.onnx"), data, "-o", out, "--rounds", "10"],
        "split": ["split", data, out],
        "detect": ["detect", data, "--model", str(place / "tiny.onnx"), "-o", out, *skipping],
        "check": ["check", data, "--fix", out],
        "calibrate": ["calibrate", str(place / "tiny.onnx"), data, "-o", f"{out}.onnx"],
    }
    if command != "model_main_tf2":
        return main(words[command])
    return _run_tensorflow(data, batch)


def _run_tensorflow(data: str, batch: int) -> int:
    from support.pipeline_files import small_resnet_config

    from fractura.cli.main import main
    from fractura.tensorflow_od.model_main_tf2 import main as model_main

    Path("labels.pbtxt").write_text("item {\n  id: 1\n  name: 'Fractura'\n}\nitem {\n  id: 2\n  name: 'yeso'\n}\n")
    code = main(["convert", data, "train.tfrecord", "--to", "tfrecord", "--label-map", "labels.pbtxt"])
    if code:
        return code
    small_resnet_config(Path("small.config"))
    words = ["configure", "small.config", "--num-classes", "2", "--batch-size", str(min(batch, 3)), "--num-steps", "1"]
    assert main([*words, "--train-record", "train.tfrecord", "--label-map", "labels.pbtxt"]) == 0
    return model_main(["--pipeline_config_path=small.config", "--model_dir=model", "--num_steps_per_iteration=1"])


CAMPAIGNS = (
    Campaign(
        "losses-not-finite",
        "A loss or gradient that is NaN or infinite: term and images are named, training stops after N in a row, the "
        "saved state stays finite, and the hint works",
        _prepare_losses,
        tries=200,
        found="one such loss ended training and changed batch normalisation; the hint of `model_main_tf2.py` did not "
        "work; `tests/training/test_training_step.py`",
    ),
    Campaign(
        "data-sizes",
        "All negative, one image, no image, a batch above the data set, images of 0 bytes: each command ends well or "
        "with a clear error",
        _prepare_sizes,
        tries=len(KINDS) * len(COMMANDS) * 2,
    ),
)
