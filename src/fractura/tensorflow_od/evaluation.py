"""The evaluation mode of ``model_main_tf2.py``: measure each checkpoint that appears in a folder.

Follows tensorflow/models research/object_detection/model_lib_v2.py:1035-1135 (``eval_continuously``) and
``tf.train.checkpoints_iterator``. Losses are means over the images, computed on sampled regions as in training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.core.reporter import STDERR
from fractura.evaluation import evaluate
from fractura.evaluation.metric_names import COCO_KEYS
from fractura.inference.render import draw_boxes
from fractura.models import Detector, build_from_architecture
from fractura.tensorflow_od.checkpoint import CheckpointReader
from fractura.tensorflow_od.checkpoint_folder import refuse_as_checkpoint_dir
from fractura.tensorflow_od.checkpoint_state import latest_checkpoint
from fractura.tensorflow_od.jpeg import choose_reader
from fractura.tensorflow_od.pipeline_data import read_images
from fractura.tensorflow_od.pipeline_mapping import EvalConfig, detector_settings, eval_config, eval_readers
from fractura.tensorflow_od.pipeline_reader import read_pipeline_config
from fractura.tensorflow_od.restoring import read_number, restore, restore_averages
from fractura.tensorflow_od.variables import trainable_paths
from fractura.training.data import ReadImage, read_labelled_image, target_of
from fractura.training.logging import VALIDATION_TAGS, Events

EVENTS_FOLDER = "eval"
_EVERY = 100
_UNDEFINED = -1.0


def evaluate_continuously(
    pipeline_config: Path,
    model_dir: Path,
    checkpoint_dir: Path,
    *,
    num_train_steps: int | None = None,
    eval_timeout: float = 3600,
    sample_1_of_n: int | None = None,
) -> list[dict[str, Any]]:
    """Evaluate the latest checkpoint, then each newer one, until training has ended or no more appear.

    Args:
        pipeline_config: Names the images and the architecture.
        model_dir: Events are written to its folder ``eval``.
        checkpoint_dir: Where checkpoints appear.
        num_train_steps: Step after which to stop waiting; None takes the file's ``num_steps``.
        eval_timeout: Seconds to wait for a new one.
        sample_1_of_n: Only every n-th image; None takes the file's.

    Returns:
        ``step`` and metrics of each checkpoint.

    Raises:
        DataError: The file names no images to evaluate on, or they cannot be read.
        ModelError: A checkpoint does not match the file.
        UsageError: There is no such folder of checkpoints.
    """
    refuse_as_checkpoint_dir(checkpoint_dir)
    config = read_pipeline_config(pipeline_config)
    readers, settings = eval_readers(config), eval_config(config)
    if not readers:
        raise DataError(
            "has no eval_input_reader",
            file=pipeline_config,
            hint="add one with: fractura configure FILE --eval-record val.tfrecord",
        )
    last = num_train_steps or config.root.section("train_config")["num_steps"]
    if sample_1_of_n is not None:
        readers = tuple(replace(reader, sample_1_of_n_examples=sample_1_of_n) for reader in readers)
    sets = [read_images(config, reader) for reader in readers]
    detector = build_from_architecture(detector_settings(config).model_dump(mode="json"))
    read_image, decoding = choose_reader()
    STDERR.say(decoding)
    detector.to(torch.device("cuda" if torch.cuda.is_available() else "cpu")).eval()
    found = []
    for prefix in new_checkpoints(
        checkpoint_dir, timeout=eval_timeout, interval=settings.eval_interval_secs, say=STDERR.say
    ):
        STDERR.say(f"found new checkpoint {prefix}")
        checkpoint = CheckpointReader(prefix)
        restore(detector, checkpoint, "full")
        if settings.use_moving_averages:
            restore_averages(detector, checkpoint, trainable_paths(detector))
        step = read_number(checkpoint, "step") or 0
        for number, images in enumerate(sets):
            name = EVENTS_FOLDER if number == 0 else f"{EVENTS_FOLDER}_{number}"
            events = Events(model_dir / name)
            found.append({"step": step, **_measure(detector, images, settings, events, step, read_image)})
            events.close()
        if last and step >= last:
            STDERR.say(f"step {step} of {last} is evaluated: done")
            break
    return found


def new_checkpoints(
    folder: Path,
    *,
    timeout: float,
    interval: float,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Path]:
    """The latest checkpoint of a folder, then each newer one, at most one every ``interval`` seconds.

    Ends when none has appeared for ``timeout`` seconds.
    """
    known: Path | None = None
    while True:
        began = clock()
        while (prefix := latest_checkpoint(folder)) == known:
            if clock() - began >= timeout:
                say(f"no new checkpoint in {folder} for {timeout:g} seconds: done")
                return
            if clock() - began < 1:
                say(f"waiting for a new checkpoint in {folder}")
            sleep(1)
        known = prefix
        assert prefix is not None
        given = clock()
        yield prefix
        rest = given + min(interval, timeout) - clock()
        if rest > 0:
            sleep(rest)


def _measure(
    detector: Detector, images: Dataset, settings: EvalConfig, events: Events, step: int, read_image: ReadImage
) -> dict[str, Any]:
    """Metrics and mean losses of one set of images, also written to ``events``."""
    predictions: list[Boxes] = []
    sums: dict[str, float] = {}
    device = next(detector.parameters()).device
    for number, record in enumerate(images):
        if number % _EVERY == 0:
            STDERR.say(f"Finished eval step {number}")
        labelled = read_labelled_image(record, read_image)
        image = torch.from_numpy(np.require(labelled.image, requirements=["C", "W"])).to(device)
        target = target_of(labelled).to(device)
        with torch.inference_mode():
            [boxes] = detector.detect([image])
            for name, value in detector.losses([image], [target]).items():
                sums[f"Loss/{name}"] = sums.get(f"Loss/{name}", 0.0) + float(value)
        predictions.append(boxes)
        if number < settings.num_visualizations:
            picture = _picture(labelled.image, boxes, record.boxes, images.class_names, settings)
            events.picture(f"eval_side_by_side_{number}_0", picture, step)
    losses = {name: total / len(images) for name, total in sums.items()}
    losses = {"Loss/regularization_loss": 0.0, **losses, "Loss/total_loss": sum(losses.values())}
    threshold = settings.min_score_threshold
    measured = evaluate(images, predictions, threshold=threshold, details=False)
    precision: dict[str, Any] = {key: measured.value(key) for key in COCO_KEYS}
    # TensorFlow writes -1 for what cannot be measured, such as the recall of large boxes where there are none.
    written = {name: _UNDEFINED if value is None else value for name, value in precision.items()}
    events.validation(step, written, [])
    STDERR.say(f"Eval metrics at step {step}")
    for name, figure in written.items():
        STDERR.say(f"\t+ {VALIDATION_TAGS[name]}: {figure:f}")
    for tag, loss in losses.items():
        events.scalar(tag, loss, step)
        STDERR.say(f"\t+ {tag}: {loss:f}")
    return {**precision, **losses}


def _picture(
    pixels: np.ndarray, found: Boxes, ground_truth: Boxes, names: tuple[str, ...], settings: EvalConfig
) -> np.ndarray:
    """Detections on the left, ground truth on the right: uint8 ``(height, 2 * width, 3)``."""
    shown = found.above(settings.min_score_threshold)
    best = shown.select(np.arange(min(len(shown), settings.max_num_boxes_to_visualize)))
    labelled = Boxes(ground_truth.xyxy, ground_truth.labels, np.ones(len(ground_truth)))
    return np.concatenate([np.asarray(draw_boxes(pixels, boxes, names)) for boxes in (best, labelled)], axis=1)
