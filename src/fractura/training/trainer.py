"""``train``: from labelled images to a trained-model folder."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import Any

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError, UsageError
from fractura.core.folder_lock import hold_folder
from fractura.core.model_card import WEIGHTS_FILE
from fractura.core.reporter import LOG, SILENT, Reporter, is_first_process
from fractura.evaluation.threshold import Aim
from fractura.imaging.reader import read_record
from fractura.models.detector import Detector
from fractura.training.data import Batch, ImageDataset, ReadImage, batches, build_loader
from fractura.training.devices import StopSignal
from fractura.training.logging import Events, History, RunHooks, StepLine, read_history
from fractura.training.model_folder import check_output, remove_partial_files, write_model
from fractura.training.optimization import MovingAverage, build_optimizer, set_learning_rate
from fractura.training.preparation import TrainingData, prepare_data
from fractura.training.sampling import StepSampler
from fractura.training.schedules import learning_rate
from fractura.training.settings import TrainSettings
from fractura.training.setup import TrainingSetup, set_up
from fractura.training.state import RunIdentity, RunProgress
from fractura.training.step import LossModule, Meter, OptimizerStep, mean_of
from fractura.training.store import RunState, StateStore
from fractura.training.summary import TrainResult, closing_lines, validation_line, write_summary
from fractura.training.validation import Validation, draw_shown, is_better, validate


def train(
    settings: TrainSettings,
    *,
    resume: bool = False,
    detector: Detector | None = None,
    train_data: Dataset | None = None,
    val_data: Dataset | None = None,
    store: StateStore | None = None,
    hooks: RunHooks | None = None,
    read_image: ReadImage = read_record,
    reporter: Reporter = LOG,
) -> TrainResult:
    """Train a detector; under ``accelerate launch`` or ``torchrun``, in all of their processes.

    Settings that were left open follow the detector's recommended training.

    Args:
        settings: Every choice of the run.
        resume: Resume the run in ``settings.output`` exactly where it stopped.
        detector: Your own detector, instead of ``settings.model`` by name.
        train_data: Images to learn from, instead of reading ``settings.data``.
        val_data: Images to validate on, instead of reading ``settings.val``.
        store: Keeps the state of the run; by default in ``OUTPUT/last``.
        hooks: Called after each logged step.
        read_image: Reads the images to learn from; see ``ReadImage``.
        reporter: Shows remarks, warnings and progress, of the first process only.

    Raises:
        UsageError: The settings contradict each other, the output folder is in use, or another run is resumed.
        DataError: Images or boxes cannot be used.
        ModelError: Losses are not finite, or a state cannot be read.
        NotEnoughMemoryError: Memory is too small for a single image at a time.
        MissingDependencyError: The requested device is not available.
    """
    if detector is None:
        from fractura.models import recommended_training

        trained = settings.fine_tune_checkpoint is not None
        settings = settings.recommend(recommended_training(settings.model, trained=trained))
    learning_rate(settings, 0)  # an impossible schedule stops here, before the images are read
    store = store if store is not None else StateStore()
    reporter = reporter if is_first_process() else SILENT
    with hold_folder(settings.output, "a training") if is_first_process() else nullcontext():
        check_output(settings.output, resume or store.shares_output)
        if is_first_process():
            remove_partial_files(settings.output)
        reporter.say(f"training {settings.model} into {settings.output}")
        data = prepare_data(settings, reporter, train_data, val_data)
        setup = set_up(settings, data, reporter, detector)
        run = _Run(settings, data, setup, reporter, store, hooks if hooks is not None else RunHooks(), read_image)
        return run.run(resume)


class _Run:
    """One run: the training loop and its objects."""

    def __init__(
        self,
        settings: TrainSettings,
        data: TrainingData,
        setup: TrainingSetup,
        reporter: Reporter,
        store: StateStore,
        hooks: RunHooks,
        read_image: ReadImage,
    ) -> None:
        self.settings = settings
        self.data = data
        self.reporter = reporter
        self.store = store
        self.hooks = hooks
        self.read_image = read_image
        self.detector = setup.detector
        self.accelerator = setup.accelerator
        self.workers = setup.workers
        self.start = setup.start
        self.main = self.accelerator.is_main_process
        self.output = settings.output
        self.progress = RunProgress()
        self._skipped: dict[str, str] = {}
        self._dropped = 0
        self.identity = RunIdentity.of(settings, data.train, data.val, self.detector)
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
            most_not_finite=settings.not_finite_steps,
            advice=store.advice(settings),
        )

    def run(self, resume: bool) -> TrainResult:
        """Train until the end, or until there is a reason to stop."""
        if resume:
            self._restore()
        else:
            self._begin()
        self.accelerator.wait_for_everyone()
        first = self.progress.step
        self.events = Events(self.output / self.hooks.events_folder, first) if self.main else None
        self.history = History(self.output, first) if self.main else None
        self.model.train()
        started = time.monotonic()
        with StopSignal(self.settings.max_minutes) as stop, self.reporter.progress("training") as progress:
            line = StepLine(self.reporter, progress, first, self.settings.num_steps)
            stopped = self._loop(stop, line)
        self._finish(stopped)
        if self.events is not None:
            self.events.close()
        self.accelerator.wait_for_everyone()
        done = self.progress
        seconds, steps = time.monotonic() - started, done.step - first
        for text in closing_lines(done, self.settings, stopped, steps, seconds, line.memory()):
            self.reporter.say(text)
        return TrainResult(
            model_folder=self.output,
            steps=done.step,
            stopped=stopped,
            interrupted=stop.interrupted,
            best=done.best,
            best_step=done.best_step,
            validations=done.validations,
            history=read_history(self.output),
            skipped_images=done.skipped_images,
            dropped_boxes=done.dropped_boxes,
        )

    def _begin(self) -> None:
        """Save what a run killed before its first validation resumes from; a full disk shows now, too."""
        if self.main:  # the state first: where only a summary is, neither --resume nor a new run would start
            self.store.save(self._state())
            write_summary(self.settings, self.progress, stopped=None)

    def _restore(self) -> None:
        restored = self.store.restore(self._state())
        self.progress = restored.progress
        done, wanted = self.progress.step, self.settings.num_steps
        if done >= wanted:
            raise UsageError(
                f"the run is complete: {done} of {wanted} steps are done",
                file=self.output,
                hint=f"to train longer, use a higher --num-steps such as {2 * done}",
            )
        if self._lost_patience() is not None:
            raise UsageError(
                f"the run stopped early: AP50 has not risen in {self.settings.patience} validations",
                file=self.output,
                hint="to train longer, use a higher --patience",
            )
        self.reporter.say(f"resuming after step {done}")
        if restored.num_steps not in (None, wanted) and self.settings.total_steps is None:
            self.reporter.say(
                f"the schedule now ends at step {wanted}; the learning rate continues at "
                f"{learning_rate(self.settings, done):.3g}"
            )

    def _loop(self, stop: StopSignal, line: StepLine) -> str | None:
        settings = self.settings
        sampler = StepSampler(
            settings.batch_size,
            self.progress.step,
            settings.num_steps,
            self.accelerator.process_index,
            self.accelerator.num_processes,
        )
        dataset = ImageDataset(
            self.data.train,
            self.data.stream,
            settings.data_augmentation_options,
            settings.max_number_of_boxes,
            self.read_image,
        )
        gpu = self.accelerator.device.type == "cuda"
        loader = build_loader(dataset, sampler, workers=self.workers, pin_memory=gpu)
        meter = Meter()
        for batch, waited in batches(loader):
            self._take_note(batch)
            if self.events is not None:
                self.hooks.step_begins(self.events, self.progress.step, batch)
            rate = learning_rate(settings, self.progress.step)
            set_learning_rate(self.plain_optimizer, rate)
            result = self.step.run(batch.to(self.accelerator.device), self.progress.step)
            self.progress.step += 1
            self.progress.images_shown += settings.batch_size
            self.average.update(self.detector, self.progress.step)
            if result is not None:
                meter.add(result, settings.batch_size, waited)
            line.advance(self.progress.step, None if result is None else result.loss, meter.images_per_second)
            if self.progress.step % settings.log_every == 0 or self.progress.step == settings.num_steps:
                self._log(meter, rate)
            reason, interrupted = self._agree(stop)
            last = self.progress.step == settings.num_steps or (reason is not None and not interrupted)
            if self.data.val is not None and (last or self.progress.step % settings.steps_between_validations == 0):
                self._validate(self.data.val)
                meter.restart()
                reason = reason or self._lost_patience()
            elif self.progress.step % settings.checkpoint_every_n == 0 and not self.step.left_out:
                if self.main and self.data.val is None:
                    self._write_model(0.5, {"step": self.progress.step})
                self._save()
            if reason is not None:
                return reason if self.progress.step < settings.num_steps else None
        return None

    def _take_note(self, batch: Batch) -> None:
        """Count what the loader skipped; stop there if the user wants that."""
        for problem in batch.problems:
            if self.settings.on_error == "stop" or not len(batch):
                raise DataError(
                    problem.text,
                    file=problem.image,
                    hint=problem.hint or "remove the image, or skip such images with --on-error skip",
                )
            if problem.image not in self.progress.skipped_images | self._skipped:
                self._skipped[problem.image] = problem.text
                self.reporter.warn(f"skipped: {problem.image}: {problem.text}")
        self._dropped += batch.dropped

    def _agree(self, stop: StopSignal) -> tuple[str | None, bool]:
        """Why to stop and whether it is an interruption, the same in all processes: the first one with a reason."""
        signals = self._gather((stop.reason, stop.interrupted))
        return next((signal for signal in signals if signal[0] is not None), (None, False))

    def _gather(self, value: Any) -> list[Any]:
        """``value`` of every process."""
        if self.accelerator.num_processes == 1:
            return [value]
        from accelerate.utils import gather_object

        return list(gather_object([value]))

    def _merge_counts(self) -> None:
        """Add up what the processes skipped."""
        for skipped, dropped in self._gather((self._skipped, self._dropped)):
            self.progress.skipped_images |= skipped
            self.progress.dropped_boxes += dropped
        self._skipped, self._dropped = {}, 0

    def _log(self, meter: Meter, rate: float) -> None:
        if not meter.has_results:  # every step since the last row was left out; the first process of several never is
            return
        last = meter.last
        seen = (*meter.read(), {"loss": last.loss}, last.parts)
        rows = self._gather(seen)  # each process has seen its share of the images
        if self.history is None or self.events is None:
            return
        row, parts, loss, last_parts = (mean_of(each) for each in zip(*rows, strict=True))
        numbers = {"step": float(self.progress.step), "learning_rate": rate, **row}
        self.history.add({**numbers, **parts})
        if self.hooks.shows_last_step:
            numbers |= {"learning_rate": learning_rate(self.settings, self.progress.step), **loss}
            parts = last_parts
        self.events.step(self.progress.step, numbers, parts)
        self.hooks.step_logged(self.events, self.reporter, numbers, parts)

    def _validate(self, val: Dataset) -> None:
        started = time.monotonic()
        outcome = validate(
            self.average.module,
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
            self._note(outcome, val, time.monotonic() - started)
        if self.accelerator.num_processes > 1:
            from accelerate.utils import broadcast_object_list

            [from_main] = broadcast_object_list([self.progress], from_process=0)
            self.progress = from_main
        self._save()
        self.model.train()

    def _note(self, outcome: Validation, val: Dataset, seconds: float) -> None:
        progress, metrics = self.progress, outcome.metrics
        better = is_better(metrics, progress.best)
        progress.validations.append({"step": progress.step, "best": better, **metrics})
        if better:
            progress.best, progress.best_step = metrics, progress.step
            self._write_model(outcome.choice.threshold, {"step": progress.step, "validation": outcome.evaluation})
        self.reporter.say(validation_line(progress, metrics, seconds))
        if not outcome.choice.reached:
            self.reporter.say(f"the aim {self.settings.aim} is not reached: {outcome.choice}")
        if self.events is not None:
            self.events.validation(progress.step, metrics, draw_shown(outcome, val))

    def _write_model(self, threshold: float, metrics: dict[str, Any]) -> None:
        write_model(
            self.output,
            self.average.module,
            settings=self.settings,
            train=self.data.train,
            val=self.data.val,
            threshold=threshold,
            metrics=metrics,
            start=self.start.images if self.start is not None else None,
        )

    def _save(self, stopped: str | None = None) -> None:
        self._merge_counts()
        if self.main:  # the summary first: a run whose last state is saved has ended, and would never write it again
            write_summary(self.settings, self.progress, stopped or self._lost_patience())
            self.store.save(self._state())

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
        """Leave a usable model folder and state, however the run ended."""
        if self.main and (self.data.val is None or not (self.output / WEIGHTS_FILE).is_file()):
            self._write_model(0.5, {"step": self.progress.step})
        self._save(stopped)

    def _lost_patience(self) -> str | None:
        patience, done = self.settings.patience, self.progress
        if patience is None or done.validations_without_gain < patience or done.step >= self.settings.num_steps:
            return None
        return f"AP50 has not risen in {patience} validations"
