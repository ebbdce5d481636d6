"""Trainings killed at random moments, also while a state, a model or an event file is written, and resumed."""

from __future__ import annotations

import os
import random
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from soak.campaign import Attempt, Campaign
from soak.killing import Ended, Main, files_in, refuse_differences, run_forked

_MOST_KILLS, _MOST_RUNS = 3, 60
_EVENTS = "events.out.tfevents"
_TIMED = ("images_per_second", "steps_per_second", "seconds_waiting_for_images", "images_per_sec", "steps_per_sec")


class _Training:
    """A training whose tries are all compared with one that nobody killed.

    Args:
        folder: Empty.
        main: Trains.
        words: What it is called with; ``{given}`` and ``{out}`` are folders.
        resume: Words that the error of a second start may hint at; None where the same command resumes.
        events: Folder of its event files.
        fixed: Names of the files that are alike in each run, byte for byte.
    """

    def __init__(
        self, folder: Path, main: Main, words: str, *, resume: str | None, events: str, fixed: Callable[[str], bool]
    ) -> None:
        self.main, self.resume, self.events, self.fixed = main, resume, events, fixed
        self.given, self.scratch, self.out = folder / "given", folder / "scratch", folder / "out"
        self.words = words.format(given=self.given, out=self.out).split()
        self.input = files_in(self.given)
        self.models: dict[bytes, bytes] = {}
        kept = folder / "models"
        ended = self._uninterrupted(partial(_keeping_models, main, kept))
        ended.import_all()
        for card in kept.glob("*.json"):
            self.models[card.with_suffix(".safetensors").read_bytes()] = card.read_bytes()
        self.whole, self.curve, self.scalars = self._left(), self._log(), self._scalars()
        self.usual = files_in(self.scratch / "temporary").keys()  # ONNX Runtime leaves one
        shutil.rmtree(self.out)
        self.ended = self._uninterrupted(main)  # in the time of all later ones, which need not import
        self._compare()

    def _uninterrupted(self, main: Main) -> Ended:
        ended = run_forked(main, self.words, self.scratch)
        if ended.code != 0:
            raise AssertionError(f"nobody killed it, and it ended with {ended.code}: {ended.said}")
        return ended

    def _left(self) -> dict[str, object]:
        """Of every file its content, or only that it is there; event files are compared by what is read from them."""
        return {
            name: content if self.fixed(name) else "there"
            for name, content in files_in(self.out).items()
            if _EVENTS not in name
        }

    def _log(self) -> list[dict[str, float]]:
        from fractura.training.logging import read_history

        return [{name: value for name, value in row.items() if name not in _TIMED} for row in read_history(self.out)]

    def _scalars(self) -> dict[str, list[tuple[int, float]]]:
        """What TensorBoard shows: step and value of every scalar, in the order of the files."""
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        shown = EventAccumulator(str(self.out / self.events), size_guidance={"scalars": 0})
        shown.Reload()
        return {
            tag: [(event.step, event.value) for event in shown.Scalars(tag)]
            for tag in shown.Tags()["scalars"]
            if tag not in _TIMED
        }

    def attempt(self, chance: random.Random) -> None:
        """Kill it one to three times, and let the last run end: always the same command, or what its error hints at."""
        shutil.rmtree(self.out, ignore_errors=True)
        kills, wanted, words = 0, chance.randint(1, _MOST_KILLS), self.words
        for _ in range(_MOST_RUNS):
            moment = self.ended.moment(chance) if kills < wanted else None
            ended = run_forked(self.main, words, self.scratch, moment)
            if ended.code is None:
                kills, words = kills + 1, self.words
                self._examine()
            elif ended.code == 0 or "is complete" in ended.said:
                if kills:
                    break
                shutil.rmtree(self.out)
            elif ended.code == 2 and self.resume and self.resume in ended.said and words == self.words:
                words = [*self.words, self.resume]
            else:
                raise AssertionError(f"after the kill it ends with {ended.code}: {ended.said[-600:]}")
        else:
            raise AssertionError(f"{_MOST_RUNS} runs, {kills} killed, and no end")
        self._compare()

    def _examine(self) -> None:
        """Weights and card that can be read are those of one model that the run without a kill had, too."""
        card, weights = self.out / "card.json", self.out / "weights.safetensors"
        both = self.models and card.is_file() and weights.is_file()
        if both and self.models.get(weights.read_bytes()) != card.read_bytes():
            raise AssertionError("weights and card do not belong together")

    def _compare(self) -> None:
        refuse_differences(self._left(), self.whole, "after the kill and to the end")
        refuse_differences(files_in(self.given), self.input, "the input")
        if self._log() != self.curve:
            raise AssertionError(f"log.csv: {[row['step'] for row in self._log()]}, {len(self.curve)} rows expected")
        found = self._scalars()
        for tag in sorted(found.keys() | self.scalars.keys()):
            if found.get(tag) != self.scalars.get(tag):
                raise AssertionError(f"{tag}: {found.get(tag)}, not {self.scalars.get(tag)}")
        if litter := files_in(self.scratch / "temporary").keys() - self.usual:
            raise AssertionError(f"temporary files are left: {sorted(litter)[:5]}")


def _keeping_models(main: Main, kept: Path, words: list[str]) -> int:
    """Train, and keep every model that is written."""
    from fractura.training import trainer

    write, kept_models = trainer.write_model, []

    def write_and_keep(folder: Path, *arguments: object, **options: object) -> None:
        write(folder, *arguments, **options)
        kept.mkdir(exist_ok=True)
        for name in ("card.json", "weights.safetensors"):
            shutil.copyfile(folder / name, kept / f"{len(kept_models)}{Path(name).suffix}")
        kept_models.append(folder)

    trainer.write_model = write_and_keep
    return main(words)


def _without_tensorflow() -> None:
    """One thread, and no TensorFlow, which TensorBoard's writer would load for seconds if it could."""
    os.environ["OMP_NUM_THREADS"] = "1"
    sys.modules["tensorflow"] = None  # type: ignore[assignment]


def _train_tiny(words: list[str]) -> int:
    """``fractura``, where every detector is one of a few hundred weights."""
    import torch
    from support.training_fakes import FakeDetector

    from fractura import training
    from fractura.cli.main import main

    torch.manual_seed(0)
    training.train = partial(training.train, detector=FakeDetector())
    return main(words)


def _tiny(folder: Path) -> Attempt:
    from support.training_fakes import make_images

    from fractura.formats import write_voc

    _without_tensorflow()
    given = folder / "given"
    for name, count, seed in (("train", 12, 1), ("val", 4, 2)):
        write_voc(make_images(folder / "images" / name, count, seed=seed), given / name)
    words = (
        "train {given}/train --val {given}/val --output {out} --num-steps 14 --batch-size 4 --learning-rate 0.02 "
        "--device cpu --workers 0 --set log_every=1 --set eval_every=6 --set checkpoint_every_n=4"
    )
    return _Training(
        folder, _train_tiny, words, resume="--resume", events="tensorboard", fixed=lambda name: name != "log.csv"
    ).attempt


def _in_a_process_of_its_own(words: list[str]) -> int:
    os.execv(sys.executable, [sys.executable, "-m", "fractura", *words])


def _real(folder: Path) -> Attempt:
    from support.tiny_transformers import save_folder

    from fractura.phantom import make_phantom_splits

    _without_tensorflow()
    make_phantom_splits(folder / "given", images=6, val_images=4, seed=3, size=(192, 200), workers=1)
    save_folder(folder / "given" / "start", "rt_detr_v2")
    words = (
        "train {given}/train --val {given}/val --output {out} --model hf:{given}/start --num-steps 6 --batch-size 2 "
        "--device cpu --workers 0 --set log_every=1 --set eval_every=3 --set checkpoint_every_n=2"
    )
    return _Training(
        folder,
        _in_a_process_of_its_own,
        words,
        resume="--resume",
        events="tensorboard",
        fixed=lambda name: name != "log.csv",
    ).attempt


def _train_thin(words: list[str]) -> int:
    """``model_main_tf2.py``, whose ResNet-50 has a sixteenth of the channels: its checkpoints take no time."""
    from fractura.models.faster_rcnn import resnet
    from fractura.tensorflow_od import model_main_tf2

    layer = resnet.ConvNorm

    def thin(channels: int, outer: int, *arguments: object, **options: object) -> object:
        return layer(channels if channels == 3 else channels // 16, outer // 16, *arguments, **options)

    resnet.ConvNorm = thin
    resnet.ResNet.channels, resnet.ResNet.region_channels = 1024 // 16, 2048 // 16
    model_main_tf2.LOG_EVERY = 1
    return model_main_tf2.main(words)


def _tensorflow(folder: Path) -> Attempt:
    from support.pipeline_files import small_resnet_config

    from fractura.cli.main import main
    from fractura.phantom import make_phantoms

    _without_tensorflow()
    given = folder / "given"
    make_phantoms(folder / "images", images=4, seed=1, size=(192, 200))
    records, config = given / "train.tfrecord", given / "pipeline.config"
    given.mkdir()
    small_resnet_config(
        config,
        replace=(("first_stage_max_proposals", "first_stage_box_predictor_depth: 16\n    first_stage_max_proposals"),),
    )
    named = ["--train-record", str(records), "--label-map", str(given / "label_map.pbtxt")]
    for prepared in (
        ["convert", str(folder / "images"), str(records), "--to", "tfrecord"],
        ["configure", str(config), *named],
    ):
        if main(prepared) != 0:
            raise AssertionError(f"{prepared[0]} failed")
    words = (
        "--pipeline_config_path={given}/pipeline.config --model_dir={out} --num_train_steps=10 --checkpoint_every_n=1 "
        "--num_steps_per_iteration=1"
    )
    return _Training(
        folder, _train_thin, words, resume=None, events="train", fixed=lambda name: name != "log.csv"
    ).attempt


_ENDS_ALIKE = (
    "the same command, or the `--resume` that its error hints at, ends with weights, state and card equal to the bit, "
    "`log.csv` and TensorBoard's scalars without gap or repetition, and nothing left over"
)

CAMPAIGNS = (
    Campaign(
        "kill-train",
        f"`kill -9` of `train` at any moment: {_ENDS_ALIKE}",
        _tiny,
        100,
        "by reading the code: TensorBoard lost the last step and validation before each resume, and showed twice what "
        "was killed before the "
        "first checkpoint: `test_tensorboard_shows_each_step_of_a_resumed_run_once`; a card could lie next to newer "
        "weights: `test_a_kill_leaves_no_card_of_other_weights`; a state half written at the very end stayed, 1 of 3: "
        "`test_what_was_half_written_at_the_end_is_cleared`; killed behind its last state, `training.json` ended "
        "steps too early for good, 11 of 150: `test_killed_next_to_any_state_the_summary_is_that_of_the_whole_run`",
    ),
    Campaign("kill-train-process", f"`kill -9` of a real process of `train` by the clock: {_ENDS_ALIKE}", _real, 10),
    Campaign(
        "kill-model-main-tf2",
        f"`kill -9` of `model_main_tf2.py`, a checkpoint at every step: {_ENDS_ALIKE}",
        _tensorflow,
        50,
        "by reading the code: a checkpoint that was written but not listed, or not listed any more but not deleted, "
        "was forgotten for good: "
        "`test_killed_before_a_checkpoint_is_listed_no_earlier_one_is_forgotten`; TensorBoard lost a point for good, 8 "
        "of 40: `test_a_kill_at_any_moment_loses_no_event_of_a_step_that_is_done`; a lock and a temporary file stayed, "
        "3 of 40: `test_a_second_call_has_nothing_left_to_do_and_a_broken_run_goes_on`",
    ),
)
