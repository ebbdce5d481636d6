import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from support.training_fakes import FakeDetector, make_images

from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags
from fractura.core.errors import DataError, ModelError, UsageError
from fractura.core.model_card import CARD_FILE, WEIGHTS_FILE, read_card
from fractura.core.reporter import SILENT, STDERR, SilentReporter
from fractura.training import train
from fractura.training.logging import LOG_FILE, RunHooks, read_history
from fractura.training.schedules import learning_rate
from fractura.training.state import STATE_FILE, load_state
from fractura.training.store import STATE_FOLDER, StateStore

SUPPORT = Path(__file__).resolve().parents[1] / "support"
EXACT = ("step", "learning_rate", "loss", "gradient_norm", "objectness_loss", "localization_loss")


def fresh(**options):
    torch.manual_seed(0)
    return FakeDetector(**options)


def run(settings, images, detector=None, **options):
    return train(settings, detector=detector or fresh(), train_data=images[0], val_data=images[1], **options)


def curve(folder):
    return [{name: row[name] for name in EXACT} for row in read_history(folder)]


def state(folder):
    return load_file(folder / "last" / STATE_FILE)


def same_state(first, second):
    one, other = state(first), state(second)
    assert one.keys() == other.keys()
    different = [name for name in one if not torch.equal(one[name], other[name])]
    assert not different


def test_a_run_leaves_a_model_folder(settings, images, tmp_path):
    result = run(settings(), images)
    folder = tmp_path / "model"
    assert result.model_folder == folder
    assert (result.steps, result.stopped, result.interrupted) == (6, None, False)
    card = read_card(folder)
    assert card.class_names == ("fracture",)
    assert card.architecture == {"name": "fake", "num_classes": 1}
    assert card.data["train"] == {
        "fingerprint": images[0].fingerprint(),
        "images": 12,
        "negatives": 4,
        "boxes": {"fracture": 8},
        "image_digests": " ".join(sorted(record.digest[:12] for record in images[0])),
    }
    assert len(card.data["val"]["image_digests"].split()) == len(images[1])
    assert card.threshold == pytest.approx(result.best["threshold"])
    assert (card.threshold_aim, card.threshold_data) == ("f1", images[1].fingerprint())
    assert card.metrics["step"] == result.best_step
    assert str(tmp_path) not in card.to_json()
    detector = fresh()
    detector.load_state_dict(load_file(folder / "weights.safetensors"))
    assert [row["step"] for row in result.history] == [1, 2, 3, 4, 5, 6]
    assert [item["step"] for item in result.validations] == [3, 6]
    assert list((folder / "tensorboard").glob("events.out.tfevents.*"))
    assert json.loads((folder / "training.json").read_text())["step"] == 6


def test_the_threshold_serves_the_aim(settings, images, tmp_path):
    result = run(settings(aim="fp_per_image=0.5", num_steps=3), images)
    card = read_card(tmp_path / "model")
    assert card.threshold_aim == "fp_per_image=0.5"
    assert result.best["false_positives_per_image"] <= 0.5
    assert card.metrics["validation"]["threshold"] == card.threshold


def test_it_learns_and_saves_the_averaged_weights_of_the_best_step(settings, tmp_path):
    images = make_images(tmp_path / "a", 40, seed=1), make_images(tmp_path / "b", 12, seed=2)
    chosen = settings(num_steps=200, batch_size=8, learning_rate_base=0.02, eval_every=50)
    result = run(chosen, images)
    assert result.best["AP50"] > 0.3
    best = max(result.validations, key=lambda item: item["AP50"])
    assert result.best_step == best["step"]
    # The saved weights alone, read back, give the metrics on the card.
    from fractura.evaluation import evaluate

    detector = fresh()
    detector.load_state_dict(load_file(tmp_path / "model" / "weights.safetensors"))
    detections = [detector.detect([image])[0] for image in _images(images[1])]
    again = evaluate(images[1], detections).value("AP50")
    assert again == pytest.approx(result.best["AP50"])


def _images(data):
    from fractura.training.data import PlainImages

    return [PlainImages(data)[place].image for place in range(len(data))]


def test_tensorboard_has_the_tags_of_tensorflow(settings, images, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(settings(), images)
    events = EventAccumulator(str(tmp_path / "model" / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    assert {
        "Loss/total_loss",
        "Loss/objectness_loss",
        "learning_rate",
        "steps_per_sec",
        "DetectionBoxes_Precision/mAP",
        "DetectionBoxes_Precision/mAP@.50IOU",
        "DetectionBoxes_Recall/AR@100",
    } <= set(events.Tags()["scalars"])
    assert len(events.Tags()["images"]) == 4
    assert [event.step for event in events.Scalars("Loss/total_loss")] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("shows_last_step", [True, False])
def test_events_hold_the_last_step_as_tensorflows_or_means(settings, images, tmp_path, shows_last_step):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    every = run(settings(output=tmp_path / "every", warmup_steps=2), images).history
    hooks = RunHooks()
    hooks.shows_last_step = shows_last_step
    chosen = settings(log_every=3, warmup_steps=2)
    logged = run(chosen, images, hooks=hooks).history
    events = EventAccumulator(str(tmp_path / "model" / "tensorboard"))
    events.Reload()
    for tag, name in (("Loss/total_loss", "loss"), ("Loss/localization_loss", "localization_loss")):
        means = [sum(row[name] for row in every[first : first + 3]) / 3 for first in (0, 3)]
        assert [row[name] for row in logged] == pytest.approx(means)
        wanted = [every[step - 1][name] for step in (3, 6)] if shows_last_step else means
        assert [(event.step, event.value) for event in events.Scalars(tag)] == [
            (step, pytest.approx(value, rel=1e-5)) for step, value in zip((3, 6), wanted, strict=True)
        ]
    rates = [learning_rate(chosen, step if shows_last_step else step - 1) for step in (3, 6)]
    assert [event.value for event in events.Scalars("learning_rate")] == pytest.approx(rates, abs=1e-9)


def test_a_stopped_run_goes_on_as_if_it_had_not(settings, images, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(settings(output=whole, num_steps=9), images)
    run(settings(output=parts, num_steps=9, max_minutes=1e-9), images)  # stops after its first step
    assert len(curve(parts)) == 1
    run(settings(output=parts, num_steps=9), images, fresh(), resume=True)
    assert curve(parts) == curve(whole)
    same_state(parts, whole)
    assert (parts / "weights.safetensors").exists()


class _Dies(RunHooks):
    """Ends the run after its second step, of which nothing is in the state."""

    def step_logged(self, events, reporter, row, parts):
        if row["step"] == 2:
            raise KeyboardInterrupt


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    timed = ("steps_per_sec", "images_per_sec")
    return {
        tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"] if tag not in timed
    }


@pytest.mark.parametrize("stops_at", [0, 1, 3])
def test_tensorboard_shows_each_step_of_a_resumed_run_once(settings, images, tmp_path, stops_at):
    whole, parts = settings(output=tmp_path / "whole"), settings(output=tmp_path / "parts")
    run(whole, images)
    if stops_at == 0:  # before its first checkpoint
        with pytest.raises(KeyboardInterrupt):
            run(parts, images, hooks=_Dies())
    else:
        run(settings(output=parts.output, num_steps=stops_at), images)
    run(parts, images, fresh(), resume=True)
    shown = scalars(parts.output)
    for tag in ("Loss/total_loss", "learning_rate") if stops_at == 0 else ("Loss/total_loss",):
        assert [step for step, _ in shown[tag]] == [1, 2, 3, 4, 5, 6]
    if stops_at == 0:
        assert shown == scalars(whole.output)
    if stops_at == 3:  # a validation just before the end of the first run
        assert [step for step, _ in shown["DetectionBoxes_Precision/mAP"]] == [3, 6]


def test_what_was_half_written_at_the_end_is_cleared(settings, images, tmp_path):
    run(settings(num_steps=3), images)
    left = tmp_path / "model" / STATE_FOLDER / f".{STATE_FILE}.partial"
    left.write_bytes(b"half a state")
    with pytest.raises(UsageError, match="the run is complete"):
        run(settings(num_steps=3), images, fresh(), resume=True)
    assert not left.exists()


@pytest.mark.parametrize("place", ["weights", "card"])
def test_a_kill_leaves_no_card_of_other_weights(settings, images, tmp_path, monkeypatch, place):
    run(settings(num_steps=3), images)
    before = {name: (tmp_path / "model" / name).read_bytes() for name in (CARD_FILE, WEIGHTS_FILE)}
    replace = os.replace

    def dies(source, target):
        if Path(target).name == {"weights": WEIGHTS_FILE, "card": CARD_FILE}[place]:
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr(os, "replace", dies)
    monkeypatch.setattr("fractura.training.trainer.is_better", lambda *_: True)
    with pytest.raises(KeyboardInterrupt):
        run(settings(), images, fresh(), resume=True)
    after = {name: (tmp_path / "model" / name).is_file() for name in before}
    assert after == {CARD_FILE: False, WEIGHTS_FILE: True}
    assert ((tmp_path / "model" / WEIGHTS_FILE).read_bytes() == before[WEIGHTS_FILE]) == (place == "weights")


class DyingStore(StateStore):
    """Dies next to its so-many-th state: just before it is written, or just after."""

    def __init__(self, number, place):
        self.number, self.place, self.saved = number, place, 0

    def save(self, state):
        self.saved += 1
        if (self.saved, self.place) == (self.number, "before"):
            raise KeyboardInterrupt
        super().save(state)
        if self.saved == self.number:
            raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize(("changes", "steps"), [({}, 6), ({"patience": 1, "learning_rate_base": 1e-9}, 4)])
def test_killed_next_to_any_state_the_summary_is_that_of_the_whole_run(
    settings, images, tmp_path, place, changes, steps
):
    def ended(name, **options):
        chosen = settings(output=tmp_path / name, num_steps=6, eval_every=2, **changes)
        run(chosen, images, fresh(), **options)

    whole = DyingStore(0, place)
    ended("whole", store=whole)
    wanted = json.loads((tmp_path / "whole" / "training.json").read_text())
    assert wanted["step"] == steps
    for number in range(1, whole.saved + 1):
        name = f"killed{number}"
        with pytest.raises(KeyboardInterrupt):
            ended(name, store=DyingStore(number, place))
        written = (tmp_path / name / STATE_FOLDER / STATE_FILE).exists()
        with suppress(UsageError):  # it is complete, or stopped early
            ended(name, resume=written)
        found = json.loads((tmp_path / name / "training.json").read_text())
        found["settings"]["output"] = wanted["settings"]["output"]
        assert found == wanted


def test_two_runs_are_the_same_and_workers_change_nothing(settings, images, tmp_path):
    run(settings(output=tmp_path / "a"), images)
    run(settings(output=tmp_path / "b", workers=2), images)
    assert curve(tmp_path / "a") == curve(tmp_path / "b")
    same_state(tmp_path / "a", tmp_path / "b")
    run(settings(output=tmp_path / "c", seed=1), images)
    assert curve(tmp_path / "a") != curve(tmp_path / "c")


def started(folder, *arguments, **options):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SUPPORT / "run_training.py"), str(folder), *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, **options)


def finish(folder, *arguments):
    process = started(folder, *arguments)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return errors


def test_a_second_training_into_the_folder_is_told_of_the_first(tmp_path):
    first = started(tmp_path, 10**6)
    while first.poll() is None and not (tmp_path / "model" / LOG_FILE).exists():
        time.sleep(0.01)
    second = started(tmp_path, 10**6, "resume")
    _, errors = second.communicate(timeout=300)
    assert second.returncode != 0
    assert f"is in use by a training (process {first.pid} on " in errors
    assert first.poll() is None
    first.kill()
    first.communicate()


def test_killed_in_the_write_of_its_first_state_it_can_be_started_again(settings, images, tmp_path):
    """As the write leaves it: half a state under another name, and nothing else."""
    run(settings(output=tmp_path / "whole"), images)
    left = tmp_path / "killed" / STATE_FOLDER
    left.mkdir(parents=True)
    (left / f".{STATE_FILE}.partial").write_bytes(b"half a state")
    run(settings(output=tmp_path / "killed"), images)
    same_state(tmp_path / "killed", tmp_path / "whole")
    assert sorted(path.name for path in left.iterdir()) == [STATE_FILE]


@pytest.mark.skipif(os.name != "posix", reason="only there are modes")
def test_the_files_of_a_model_have_the_mode_that_the_user_has_chosen(settings, images, tmp_path):
    run(settings(num_steps=3), images)
    mask = os.umask(0)
    os.umask(mask)
    files = [path for path in (tmp_path / "model").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o666 & ~mask}


@pytest.mark.slow
def test_killed_at_random_moments_it_still_ends_the_same(tmp_path):
    steps, generator = 40, random.Random(5)
    finish(tmp_path / "whole", steps)
    killed, resume = tmp_path / "killed", []
    kills = 0
    for _ in range(4):
        process = started(killed, steps, *resume)
        log = killed / "model" / LOG_FILE
        before = log.stat().st_mtime if log.exists() else 0
        while process.poll() is None and not (log.exists() and log.stat().st_mtime > before):
            time.sleep(0.01)
        time.sleep(generator.uniform(0, 0.5))
        if process.poll() is None:
            kills += 1
        process.kill()
        process.communicate()
        resume = ["resume"]
        if process.returncode == 0:
            break
    assert kills >= 2
    if process.returncode != 0:  # a log with a row for every step says nothing of the state: it is saved after the row
        last = started(killed, steps, "resume")
        _, errors = last.communicate(timeout=300)
        # The kill may have hit between the last state and the end of the process: then nothing is left to do.
        assert last.returncode == 0 or f"the run is complete: {steps} of {steps} steps are done" in errors, errors
    assert curve(killed / "model") == curve(tmp_path / "whole" / "model")
    same_state(killed / "model", tmp_path / "whole" / "model")
    for name in ("weights.safetensors", "card.json"):
        first, second = (tmp_path / which / "model" / name for which in ("whole", "killed"))
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_ctrl_c_ends_after_the_step_with_everything_saved(tmp_path):
    process = started(tmp_path, 100000)
    log = tmp_path / "model" / LOG_FILE
    while process.poll() is None and not (log.exists() and log.stat().st_size > 200):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "stopped by SIGINT" in errors
    assert "--resume" in errors
    assert "Traceback" not in errors
    saved = json.loads((tmp_path / "model" / "training.json").read_text())
    assert saved["step"] == len(curve(tmp_path / "model"))
    assert (tmp_path / "model" / "weights.safetensors").is_file()


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path):
    changes = json.dumps({"plain": True, "optimizer": "momentum", "eval_every": 4})
    finish(tmp_path / "one", 8, changes)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29713"]
    command = [*launcher, str(SUPPORT / "run_training.py"), str(tmp_path / "two"), "8", changes]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("8 steps of 4 images") == 1
    one, two = curve(tmp_path / "one" / "model"), curve(tmp_path / "two" / "model")
    assert [row["step"] for row in two] == list(range(1, 9))
    for first, second in zip(one, two, strict=True):
        assert second == pytest.approx(first, rel=1e-4)
    first, second = state(tmp_path / "one" / "model"), state(tmp_path / "two" / "model")
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=1e-3, atol=1e-5)
    cards = [read_card(tmp_path / name / "model").metrics["validation"] for name in ("one", "two")]
    assert cards[1]["images"] == 4
    metrics = [{key: metric["value"] for key, metric in card["metrics"].items()} for card in cards]
    assert metrics[1] == pytest.approx(metrics[0], abs=1e-6)


def test_the_output_of_another_run_is_not_touched(settings, images, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        run(settings(), images)
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["notes.txt"]


def test_resume_needs_a_state_and_the_same_run(settings, images):
    with pytest.raises(ModelError, match="no saved state"):
        run(settings(), images, resume=True)
    run(settings(), images)
    with pytest.raises(UsageError, match="seed was 0, is 1"):
        run(settings(num_steps=8, seed=1), images, resume=True)
    moved = replace(images[0].records[1], boxes=Boxes([[1, 1, 20, 20]], [0]))
    other = replace(images[0], records=(images[0].records[0], moved, *images[0].records[2:]))
    with pytest.raises(UsageError, match="images to train on"):
        run(settings(num_steps=8), (other, images[1]), resume=True)
    with pytest.raises(UsageError, match="images to validate on"):
        run(settings(num_steps=8), (images[0], None), resume=True)


def test_a_complete_run_says_so_and_can_be_made_longer(settings, images):
    run(settings(), images)
    with pytest.raises(UsageError, match="6 of 6 steps"):
        run(settings(), images, resume=True)
    assert run(settings(num_steps=8), images, resume=True).steps == 8


def test_patience(settings, images):
    chosen = settings(num_steps=50, eval_every=1, patience=2, learning_rate_base=1e-9)
    result = run(chosen, images)
    assert result.steps < 50
    assert "2 validations" in result.stopped
    assert not result.interrupted
    assert [item["best"] for item in result.validations][-2:] == [False, False]
    with pytest.raises(UsageError, match="stopped early"):
        run(chosen, images, resume=True)


def test_max_minutes_validates_before_it_stops(settings, images):
    result = run(settings(num_steps=1000, eval_every=500, max_minutes=0.5 / 60), images)
    assert 1 <= result.steps < 1000
    assert "minutes are over" in result.stopped
    assert [item["step"] for item in result.validations] == [result.steps]


def test_without_val_it_says_what_is_not_known(settings, images, tmp_path, capsys):
    result = run(settings(), (images[0], None), reporter=STDERR)
    assert result.best is None
    assert "no images to validate on" in capsys.readouterr().err
    assert read_card(tmp_path / "model").metrics == {"step": 6}
    torch.testing.assert_close(
        load_file(tmp_path / "model" / "weights.safetensors")["head.weight"],
        state(tmp_path / "model")["average/head.weight"],
    )


def test_val_images_without_boxes_keep_the_last_weights(settings, images, tmp_path, capsys):
    negatives = make_images(tmp_path / "negatives", 3, negative_every=1, seed=5)
    result = run(settings(patience=1), (images[0], negatives), reporter=STDERR)
    assert result.best_step == result.steps == 6
    assert result.best["AP50"] is None
    assert "none of the images to validate on has a box" in capsys.readouterr().err


def test_memory_stays_flat_over_many_validations(settings, images):
    import psutil

    chosen = settings(num_steps=60, eval_every=2, checkpoint_every_n=1000)
    seen = []

    class Watched(FakeDetector):
        def losses(self, batch, targets):
            seen.append(psutil.Process().memory_info().rss)
            return super().losses(batch, targets)

    run(chosen, images, Watched())
    assert seen[-1] - seen[20] < 30 * 2**20, "from the 10th to the 30th validation"


def test_people_are_told_what_happens(settings, images, capsys):
    run(settings(negatives_per_positive=0.5), images, reporter=STDERR)
    said = capsys.readouterr().err
    for words in (
        "12 images, 4 of them negative (0 saved as normal in the labelling page); boxes: fracture 8",
        "12 shown per epoch",
        "6 images, 2 of them negative",
        "float32 (a CPU",
        "step 1/6",
        "AP50",
        "peak memory",
    ):
        assert words in said, words


def test_progress_counts_the_steps(settings, images):
    seen = []

    class Counter(SilentReporter):
        @contextmanager
        def progress(self, description, unit="items"):
            yield lambda *counts: seen.append((description, *counts))

    run(settings(), images, reporter=Counter())
    assert seen == [("training", step, 6) for step in range(7)]


def test_silence_is_silent(settings, images, capsys):
    run(settings(), images, reporter=SILENT)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_a_nan_loss_leaves_the_saved_state_whole(settings, images, tmp_path):
    class FailsLater(FakeDetector):
        calls = 0

        def losses(self, batch, targets):
            self.calls += 1
            losses = super().losses(batch, targets)
            if self.calls == 6:
                losses["objectness_loss"] = losses["objectness_loss"] * float("nan")
            return losses

    torch.manual_seed(0)
    with pytest.raises(ModelError, match="step 6: objectness_loss = nan"):
        run(settings(num_steps=9, not_finite_steps=1), images, FailsLater())
    assert all(torch.isfinite(value).all() for value in state(tmp_path / "model").values())
    result = run(settings(num_steps=9, not_finite_steps=1), images, resume=True)
    assert result.steps == 9


def test_losses_that_stay_nan_stop_training_with_the_last_good_state(settings, images, tmp_path):
    """No state is saved after the first of them, and what the hint says works."""

    class Diverges(FakeDetector):
        calls = 0

        def losses(self, batch, targets):
            self.calls += 1
            losses = super().losses(batch, targets)
            if self.calls > 5:
                losses["localization_loss"] = losses["localization_loss"] * float("inf")
            return losses

    torch.manual_seed(0)
    chosen = settings(num_steps=20, eval_every=20, checkpoint_every_n=1, not_finite_steps=4, log_every=2)
    with pytest.raises(ModelError, match=r"step 9: localization_loss = (inf|nan).*4 steps in a row") as caught:
        run(chosen, images, Diverges())
    assert "--resume, with --learning-rate 0.001" in caught.value.hint
    assert [row["step"] for row in read_history(tmp_path / "model")] == [2, 4, 6]
    assert all(math.isfinite(value) for row in read_history(tmp_path / "model") for value in row.values())
    saved = load_state(tmp_path / "model" / STATE_FOLDER)
    assert saved.header.progress.step == 5
    changed = chosen.model_copy(update={"learning_rate_base": 0.001})
    assert run(changed, images, resume=True).steps == 20


def test_no_boxes_at_all_is_refused(settings, tmp_path):
    negatives = make_images(tmp_path / "negatives", 4, negative_every=1)
    with pytest.raises(DataError, match="none of the 4 images"):
        run(settings(), (negatives, None))


@pytest.mark.parametrize("negative_every", [0, 2])
def test_any_share_of_negatives_trains(settings, tmp_path, negative_every):
    images = make_images(tmp_path / "some", 6, negative_every=negative_every), None
    assert run(settings(batch_size=1), images).steps == 6


@pytest.mark.parametrize(("heeds", "warned"), [(True, False), (False, True)])
def test_weights_that_a_model_does_not_heed_are_told(settings, images, capsys, heeds, warned):
    train, val = images
    records = tuple(replace(each, flags=(BoxFlags(weight=0.5),) * len(each.boxes)) for each in train)
    detector = fresh()
    detector.heeds_weights = heeds
    run(settings(num_steps=1), (replace(train, records=records), val), detector, reporter=STDERR)
    assert ("8 boxes have a weight other than 1, which this model does not heed" in capsys.readouterr().err) == warned


def test_unreadable_images_stop_or_are_counted(settings, images):
    broken = images[0].records[1]
    whole = broken.read_bytes()
    broken.image.write_bytes(whole.replace(b"IDAT", b"IDAT\xff\xff"))  # with its end marker: only decoding can tell
    with pytest.raises(DataError, match="image1_001"):
        run(settings(), images)
    result = run(settings(on_error="skip"), images, resume=True)
    assert list(result.skipped_images) == [str(broken.image)]


def test_cut_off_images_stop_before_the_first_step_or_are_counted(settings, images, tmp_path):
    broken = images[0].records[1]
    broken.image.write_bytes(broken.read_bytes()[:80])
    with pytest.raises(DataError, match=r"cut off and cannot be read: image1_001.*\n.*--on-error skip"):
        run(settings(), images)
    assert not (tmp_path / "model").exists()
    result = run(settings(on_error="skip"), images)
    assert list(result.skipped_images) == [str(broken.image)]


def test_val_images_that_cannot_be_read_are_left_out_of_the_metrics(settings, images, tmp_path):
    images[1].records[1].image.write_bytes(b"no image")
    with pytest.raises(DataError, match="image2_001"):
        run(settings(), images)
    result = run(settings(on_error="skip"), images, resume=True)
    assert str(images[1].records[1].image) in result.skipped_images
    assert read_card(tmp_path / "model").metrics["validation"]["images"] == 5


def test_dropped_boxes_are_counted(settings, images, capsys):
    shift = [{"name": "random_affine", "translation": 0.9, "scale": [1, 1]}]
    result = run(settings(data_augmentation_options=shift), images, reporter=STDERR)
    assert result.dropped_boxes > 0
    assert f"{result.dropped_boxes} boxes left the image" in capsys.readouterr().err


def test_a_image_in_both_sets_is_refused(settings, images):
    both = replace(images[1], records=(*images[1].records, images[0].records[0]))
    with pytest.raises(DataError, match="also images to train on"):
        run(settings(), (images[0], both))


def test_fine_tuning_starts_from_another_model(settings, images, tmp_path, capsys):
    run(settings(output=tmp_path / "first"), images)
    chosen = settings(output=tmp_path / "second", fine_tune_checkpoint=tmp_path / "first", num_steps=1)
    torch.manual_seed(7)
    run(chosen, images, FakeDetector(), reporter=STDERR)
    assert "0 left fresh" in capsys.readouterr().err
    with pytest.raises(ModelError, match="of the detector's weights"):
        run(
            settings(output=tmp_path / "third", fine_tune_checkpoint=tmp_path / "first"), images, FakeDetector(width=64)
        )


def test_training_in_a_thread_works(settings, images):
    found = []
    thread = threading.Thread(target=lambda: found.append(run(settings(), images)))
    thread.start()
    thread.join(60)
    assert found[0].steps == 6
