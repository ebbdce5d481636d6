"""``train``: from labelled images to a trained-model folder."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError, UsageError
from fractura.core.files import write_atomically
from fractura.core.model_card import WEIGHTS_FILE
from fractura.evaluation.threshold import Aim
from fractura.models.detector import Detector
from fractura.quality.training_data import StepSampler
from fractura.training.companion import Companion, RunState
from fractura.training.data import Batch, ImageDataset, batches, build_loader, read_labelled_image
from fractura.training.devices import StopWish, is_first_process
from fractura.training.ema import MovingAverage
from fractura.training.logging import History, read_history
from fractura.training.meter import Meter, mean_of
from fractura.training.model_folder import write_model
from fractura.training.optimization import build_optimizer, set_learning_rate
from fractura.training.preparation import (
    Equipment,
    TrainingImages,
    check_output,
    identity_of,
    prepare_equipment,
    prepare_images,
)
from fractura.training.progress import Reporter, duration
from fractura.training.schedule import learning_rate
from fractura.training.settings import TrainSettings
from fractura.training.state import Progress
from fractura.training.step import LossModule, OptimizerStep
from fractura.training.tensorboard import Events
from fractura.training.validation import Validation, is_better, validate

SUMMARY_FILE = "training.json"


@dataclass(frozen=True)
class TrainResult:
    """How a run ended.

    Attributes:
        model_folder: Holds ``card.json`` and ``weights.safetensors``.
        steps: Optimiser steps made, those before a resume included.
        stopped: Why it ended before ``num_steps``; None if it did not.
        interrupted: True if a person or the system stopped it.
        best: Metrics of the best validation (``AP50``, ``AP``, ``image_auc``, ``threshold``, …); None without images to
            validate on.
        best_step: Step of it; the saved weights are those of this step.
        validations: ``step``, ``best`` and metrics of each validation.
        history: Rows of ``log.csv``.
        skipped_images: Images that could not be read, and why.
        dropped_boxes: Boxes lost in augmentation, over all showings.
    """

    model_folder: Path
    steps: int
    stopped: str | None
    interrupted: bool
    best: dict[str, Any] | None
    best_step: int | None
    validations: list[dict[str, Any]]
    history: list[dict[str, float]]
    skipped_images: dict[str, str] = field(default_factory=dict)
    dropped_boxes: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, without the rows of ``log.csv``."""
        return {
            "model": str(self.model_folder),
            "steps": self.steps,
            "stopped": self.stopped,
            "best_step": self.best_step,
            "best": self.best,
            "validations": self.validations,
            "skipped_images": self.skipped_images,
            "dropped_boxes": self.dropped_boxes,
        }


def train(
    settings: TrainSettings,
    *,
    resume: bool = False,
    quiet: bool = False,
    detector: Detector | None = None,
    train_data: Dataset | None = None,
    val_data: Dataset | None = None,
    companion: Companion | None = None,
) -> TrainResult:
    """Train a detector; under ``accelerate launch`` or ``torchrun``, on all of their processes.

    Whatever the user left unset follows the detector's recommended training.

    Args:
        settings: Every choice of the run.
        resume: Go on with the run in ``settings.output``, exactly where it stopped.
        quiet: Say nothing on stderr.
        detector: A detector of your own, instead of ``settings.model`` by name.
        train_data: Images to learn from, instead of reading ``settings.data``.
        val_data: Images to measure on, instead of reading ``settings.val``.
        companion: Keeps the state of the run elsewhere than in ``OUTPUT/last``.

    Raises:
        UsageError: Settings that do not go together, an output folder in use, or a resume of another run.
        DataError: Images or boxes that cannot be used.
        ModelError: A loss that is not finite, too little memory, a state that cannot be read.
        MissingDependencyError: The wanted device is not there.
    """
    if detector is None:
        from fractura.models import recommended_training

        trained = settings.fine_tune_checkpoint is not None
        settings = settings.recommend(recommended_training(settings.model, trained=trained))
    learning_rate(settings, 0)  # a schedule that is impossible stops here, not after the images are read
    companion = companion if companion is not None else Companion()
    check_output(settings.output, resume or companion.shares_output)
    with Reporter(enabled=not quiet and is_first_process()) as reporter:
        reporter.say(f"training {settings.model} into {settings.output}")
        images = prepare_images(settings, reporter, train_data, val_data)
        equipment = prepare_equipment(settings, images, reporter, detector)
        return _Run(settings, images, equipment, reporter, companion).run(resume)


class _Run:
    """One run of the loop, with what it needs at hand."""

    def __init__(
        self,
        settings: TrainSettings,
        images: TrainingImages,
        equipment: Equipment,
        reporter: Reporter,
        companion: Companion,
    ) -> None:
        self.settings = settings
        self.companion = companion
        self.images = images
        self.reporter = reporter
        self.detector = equipment.detector
        self.accelerator = equipment.accelerator
        self.workers = equipment.workers
        self.start = equipment.start
        self.main = self.accelerator.is_main_process
        self.output = settings.output
        self.progress = Progress()
        self._skipped: dict[str, str] = {}
        self._dropped = 0
        self.identity = identity_of(settings, images, self.detector)
        self.average = MovingAverage(self.detector, settings.ema_decay)
        self.plain_optimizer = build_optimizer(settings, self.detector)
        model, optimizer = self.accelerator.prepare(LossModule(self.detector), self.plain_optimizer)
        self.model = model
        self.step = OptimizerStep(
            self.accelerator,
            model,
            optimizer,
            longest_gradient=settings.gradient_clipping_by_norm,
            micro_batch=settings.micro_batch_size,
            seed=settings.seed,
            warn=reporter.warn,
        )

    def run(self, resume: bool) -> TrainResult:
        """Train to the end, or to a reason to stop."""
        if resume:
            self._restore()
        else:
            self._save()  # a run killed before its first validation can be resumed too, and a full disk shows now
        self.accelerator.wait_for_everyone()
        first = self.progress.step
        self.events = Events(self.output / self.companion.events_folder, first) if self.main else None
        self.history = History(self.output, first) if self.main else None
        self.model.train()
        started = time.monotonic()
        with StopWish(self.settings.max_minutes) as wish:
            stopped = self._loop(wish)
        self._finish(stopped)
        if self.events is not None:
            self.events.close()
        self.accelerator.wait_for_everyone()
        self._say_goodbye(stopped, time.monotonic() - started, self.progress.step - first)
        done = self.progress
        return TrainResult(
            model_folder=self.output,
            steps=done.step,
            stopped=stopped,
            interrupted=wish.interrupted,
            best=done.best,
            best_step=done.best_step,
            validations=done.validations,
            history=read_history(self.output),
            skipped_images=done.skipped_images,
            dropped_boxes=done.dropped_boxes,
        )

    def _restore(self) -> None:
        restored = self.companion.restore(self._state())
        self.progress = restored.progress
        done, wanted = self.progress.step, self.settings.num_steps
        if done >= wanted:
            raise UsageError(
                f"the run is complete: {done} of {wanted} steps are made",
                file=self.output,
                hint=f"train on with a higher --num-steps, say {2 * done}",
            )
        if self._out_of_patience():
            raise UsageError(
                f"the run stopped early: AP50 has not risen in {self.settings.patience} validations",
                file=self.output,
                hint="train on with a higher --patience",
            )
        self.reporter.say(f"resuming after step {done}")
        if restored.num_steps not in (None, wanted) and self.settings.total_steps is None:
            self.reporter.say(
                f"the schedule now runs to step {wanted}; the learning rate goes on at "
                f"{learning_rate(self.settings, done):.3g}"
            )

    def _loop(self, wish: StopWish) -> str | None:
        settings, progress = self.settings, self.progress
        sampler = StepSampler(
            settings.batch_size,
            progress.step,
            settings.num_steps,
            self.accelerator.process_index,
            self.accelerator.num_processes,
        )
        dataset = ImageDataset(
            self.images.train, self.images.stream, settings.data_augmentation_options, settings.max_number_of_boxes
        )
        gpu = self.accelerator.device.type == "cuda"
        loader = build_loader(dataset, sampler, workers=self.workers, pin_memory=gpu)
        meter = Meter()
        self.reporter.start(progress.step, settings.num_steps)
        for batch, waited in batches(loader):
            self._take_note(batch)
            rate = learning_rate(settings, progress.step)
            set_learning_rate(self.plain_optimizer, rate)
            result = self.step.run(batch.to(self.accelerator.device), progress.step)
            progress.step += 1
            progress.images_shown += settings.batch_size
            self.average.update(self.detector, progress.step)
            meter.add(result, settings.batch_size, waited)
            self.reporter.advance(progress.step, result.loss, meter.images_per_second)
            if progress.step % settings.log_every == 0 or progress.step == settings.num_steps:
                self._log(meter, rate, batch)
            reason, interrupted = self._agree(wish)
            last = progress.step == settings.num_steps or (reason is not None and not interrupted)
            if self.images.val is not None and (last or progress.step % settings.steps_between_validations == 0):
                self._validate(self.images.val)
                meter.restart()
                if not last and self._out_of_patience():
                    reason = reason or f"AP50 has not risen in {settings.patience} validations"
            elif progress.step % settings.checkpoint_every_n == 0:
                if self.main and self.images.val is None:
                    self._write_model(0.5, {"step": progress.step})
                self._save()
            if reason is not None:
                return reason if progress.step < settings.num_steps else None
        return None

    def _take_note(self, batch: Batch) -> None:
        """Count what the loader left out; stop at it if the user wants that."""
        for problem in batch.problems:
            if self.settings.on_error == "stop" or not len(batch):
                raise DataError(
                    problem.text,
                    file=problem.image,
                    hint=problem.hint or "take the image out, or leave such images out with --on-error skip",
                )
            if problem.image not in self.progress.skipped_images | self._skipped:
                self._skipped[problem.image] = problem.text
                self.reporter.warn(f"left out: {problem.image}: {problem.text}")
        self._dropped += batch.dropped

    def _agree(self, wish: StopWish) -> tuple[str | None, bool]:
        """Why to stop and whether somebody asked, the same for all processes: the first one that has a reason."""
        wishes = self._gather((wish.reason, wish.interrupted))
        return next((w for w in wishes if w[0] is not None), (None, False))

    def _gather(self, value: Any) -> list[Any]:
        """``value`` of every process."""
        if self.accelerator.num_processes == 1:
            return [value]
        from accelerate.utils import gather_object

        return list(gather_object([value]))

    def _merge_counts(self) -> None:
        """Bring what each process left out into the progress of all."""
        for skipped, dropped in self._gather((self._skipped, self._dropped)):
            self.progress.skipped_images |= skipped
            self.progress.dropped_boxes += dropped
        self._skipped, self._dropped = {}, 0

    def _log(self, meter: Meter, rate: float, batch: Batch) -> None:
        rows = self._gather(meter.read())  # each process has seen its share of the images
        if self.history is None or self.events is None:
            return
        row, parts = mean_of([row for row, _ in rows]), mean_of([parts for _, parts in rows])
        numbers = {"step": float(self.progress.step), "learning_rate": rate, **row}
        self.history.add({**numbers, **parts})
        self.events.step(self.progress.step, numbers, parts)
        self.companion.logged(self.events, self.reporter, numbers, parts, batch)

    def _validate(self, val: Dataset) -> None:
        started = time.monotonic()
        outcome = validate(
            self.average.module,  # type: ignore[arg-type]  # a deep copy of the detector
            val,
            self.accelerator,
            workers=self.workers,
            aim=Aim.parse(self.settings.aim),
        )
        if outcome is not None:
            for problem in outcome.problems:
                if self.settings.on_error == "stop":
                    raise DataError(problem.text, file=problem.image, hint=problem.hint)
                self._skipped[problem.image] = problem.text
            self._note(outcome, time.monotonic() - started)
        if self.accelerator.num_processes > 1:
            from accelerate.utils import broadcast_object_list

            [from_main] = broadcast_object_list([self.progress], from_process=0)
            self.progress.__dict__.update(vars(from_main))
        self._save()
        self.model.train()

    def _note(self, outcome: Validation, seconds: float) -> None:
        progress, metrics = self.progress, outcome.metrics
        better = is_better(metrics, progress.best)
        progress.validations.append({"step": progress.step, "best": better, **metrics})
        if better:
            progress.best, progress.best_step = metrics, progress.step
            self._write_model(outcome.choice.threshold, {"step": progress.step, "validation": outcome.evaluation})
        shown = "  ".join(f"{n} {_number(metrics[n])}" for n in ("AP50", "AP", "AP30", "image_auc", "sensitivity"))
        note = "  best so far" if better else f"  (best {_number((progress.best or {})['AP50'])})"
        self.reporter.say(
            f"step {progress.step}  {shown}  false positives per image {_number(metrics['false_positives_per_image'])} "
            f"at "
            f"threshold {_number(metrics['threshold'])}{note}  ({duration(seconds)})"
        )
        if not outcome.choice.reached:
            self.reporter.say(f"the aim {self.settings.aim} is not reached: {outcome.choice}")
        if self.events is not None:
            self.events.validation(progress.step, metrics, self._pictures(outcome))

    def _pictures(self, outcome: Validation) -> list[np.ndarray]:
        from fractura.inference.render import draw_boxes

        assert self.images.val is not None
        pictures = []
        for place, detections in outcome.shown:
            record = self.images.val.records[place]
            pixels = read_labelled_image(record).image
            names, kept = self.images.val.class_names, detections.above(outcome.choice.threshold)
            pictures.append(np.asarray(draw_boxes(pixels, kept, names, ground_truth=record.boxes)))
        return pictures

    def _write_model(self, threshold: float, metrics: dict[str, Any]) -> None:
        write_model(
            self.output,
            self.average.module,  # type: ignore[arg-type]  # a deep copy of the detector
            settings=self.settings,
            train=self.images.train,
            val=self.images.val,
            threshold=threshold,
            metrics=metrics,
            start=self.start.images if self.start is not None else None,
        )

    def _save(self) -> None:
        self._merge_counts()
        if not self.main:
            return
        self.companion.save(self._state())
        self._write_summary(None)

    def _state(self) -> RunState:
        return RunState(
            output=self.output,
            detector=self.detector,
            average=self.average.module,
            optimizer=self.plain_optimizer,
            scaler=self.accelerator.scaler,
            progress=self.progress,
            identity=self.identity,
        )

    def _finish(self, stopped: str | None) -> None:
        """Leave a usable model folder and state behind, however the run ended."""
        if self.main and (self.images.val is None or not (self.output / WEIGHTS_FILE).is_file()):
            self._write_model(0.5, {"step": self.progress.step})
        self._save()
        if self.main:
            self._write_summary(stopped)

    def _write_summary(self, stopped: str | None) -> None:
        document = {
            "num_steps": self.settings.num_steps,
            "stopped": stopped,
            **asdict(self.progress),
            "settings": self.settings.to_dict(),
        }
        write_atomically(self.output / SUMMARY_FILE, json.dumps(document, indent=2, ensure_ascii=False) + "\n")

    def _out_of_patience(self) -> bool:
        return self.settings.patience is not None and self.progress.validations_without_gain >= self.settings.patience

    def _say_goodbye(self, stopped: str | None, seconds: float, steps: int) -> None:
        done, say = self.progress, self.reporter.say
        say(
            f"{stopped or 'done'}: step {done.step} of {self.settings.num_steps}, {steps} steps in "
            f"{duration(seconds)}, peak memory {self.reporter.memory()}"
        )
        if stopped is not None and done.step < self.settings.num_steps:
            say("the state is saved; the same command with --resume goes on from here")
        if done.dropped_boxes:
            say(f"{done.dropped_boxes} boxes left the picture in augmentation, of {done.images_shown} images shown")
        if done.skipped_images:
            say(f"{len(done.skipped_images)} images left out because they cannot be read")
        if done.best is not None:
            say(f"best: AP50 {_number(done.best['AP50'])} at step {done.best_step}; its weights are in {self.output}")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
