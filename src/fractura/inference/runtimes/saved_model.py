"""Runs a TensorFlow SavedModel: one that fractura exported, or one of the Object Detection API's exporter.

Signature: tensorflow/models research/object_detection exporter_lib_v2.py:131-281 (``input_type`` image_tensor).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.errors import MissingDependencyError, ModelError, UsageError, first_line
from fractura.core.model_card import CARD_FILE, ModelCard, read_card
from fractura.formats.label_map import read_label_map
from fractura.inference.runtimes.runtime import Device, checked_boxes, refuse_wrong_image

FOLDER = "saved_model"
FILE = "saved_model.pb"
CARD_INSIDE = "assets.extra"
"""Where TensorFlow lets others put their files into a SavedModel: our card travels there."""
SIGNATURE = "serving_default"
OUTPUTS = ("detection_boxes", "detection_scores", "detection_classes", "num_detections")
_THRESHOLD = 0.5  # where nothing else is known: that of TensorFlow's own pictures


class SavedModel:
    """A SavedModel with the Object Detection API's outputs.

    Class names are those of our card in the model or next to it, else of ``label_map``, else ``class 1``, ``class 2``…

    Args:
        path: Folder with ``saved_model.pb``, or the exporter's folder with ``saved_model/`` in it.
        device: ``auto`` leaves the choice to TensorFlow.
        label_map: ``.pbtxt`` of a model without our card.

    Raises:
        ModelError: It cannot be loaded, or is not a detector that takes pixels.
        DataError: The label map cannot be read.
        UsageError: A label map for a model whose card names the classes.
        MissingDependencyError: CUDA was asked for and TensorFlow finds no GPU.
    """

    def __init__(self, path: Path, *, device: Device = "auto", label_map: Path | None = None) -> None:
        self._folder = path if (path / FILE).is_file() else path / FOLDER
        if device == "cuda" and not tf.config.list_physical_devices("GPU"):
            raise MissingDependencyError(
                "TensorFlow finds no GPU",
                hint="use the CPU, or install tensorflow[and-cuda] in place of tensorflow-cpu",
            )
        self._on_cpu = device == "cpu"
        with self._place():
            # The loaded object owns the variables: they go when it goes.
            self._loaded, self._run = _load(self._folder)
        self._input, self._dtype = _pixels_input(self._run, self._folder)
        self._card = _card(self._folder, self._run, label_map)

    @property
    def card(self) -> ModelCard:
        """What is known of the model."""
        return self._card

    @property
    def device(self) -> str:
        """``cuda`` or ``cpu``: where it runs."""
        return "cuda" if not self._on_cpu and tf.config.list_physical_devices("GPU") else "cpu"

    def detect(self, image: NDArray[np.uint8]) -> Boxes:
        """All candidates on one image, best first; see ``Runtime.detect``."""
        refuse_wrong_image(image)
        with self._place():
            try:
                found = self._run(**{self._input: tf.constant(image[None], self._dtype)})
            except tf.errors.OpError as error:
                raise ModelError(
                    f"the model fails on an image of {image.shape[1]} x {image.shape[0]} pixels ({first_line(error)})",
                    file=self._folder,
                ) from error
        count = int(found["num_detections"].numpy().item())
        boxes, scores, classes = (found[name].numpy()[0, :count] for name in OUTPUTS[:3])
        if self._card.architecture.get("score_converter") == "IDENTITY":
            scores = tf.sigmoid(scores).numpy()  # logits, as TensorFlow has it; everywhere else scores are 0..1
        height, width = image.shape[:2]
        pixels = boxes[:, [1, 0, 3, 2]] * np.array([width, height, width, height], np.float32)
        labels = np.rint(classes).astype(np.int64) - 1
        if (labels >= len(self._card.class_names)).any():
            raise ModelError(
                f"the model finds class {labels.max() + 1}, and only {len(self._card.class_names)} have names",
                file=self._folder,
                hint="name its classes with --label-map label_map.pbtxt",
            )
        return checked_boxes(Boxes(pixels, labels, scores), self._card, self._folder)

    def _place(self) -> AbstractContextManager[Any]:
        return tf.device("/CPU:0") if self._on_cpu else nullcontext()


def _load(folder: Path) -> tuple[Any, Any]:
    """The loaded object and its signature."""
    try:
        loaded = tf.saved_model.load(str(folder))
    except Exception as error:  # TensorFlow has no common class for what damaged folders raise
        raise ModelError(
            f"cannot be loaded as a SavedModel ({first_line(error)})",
            file=folder,
            hint="copy the whole folder again: saved_model.pb and variables/",
        ) from error
    run = loaded.signatures.get(SIGNATURE)
    missing = [name for name in OUTPUTS if run is None or name not in run.structured_outputs]
    if missing:
        raise ModelError(
            f"is not a detector of the Object Detection API: its signature '{SIGNATURE}' lacks {', '.join(missing)}",
            file=folder,
            hint="export it with exporter_main_v2.py or fractura export --to saved_model",
        )
    return loaded, run


def _pixels_input(run: Any, folder: Path) -> tuple[str, Any]:
    inputs = run.structured_input_signature[1]
    name, spec = next(iter(inputs.items()))
    if len(inputs) != 1 or spec.dtype not in (tf.uint8, tf.float32):
        kinds = ", ".join(f"{each} ({kind.dtype.name})" for each, kind in inputs.items())
        raise ModelError(
            f"does not take an image's pixels; its inputs are {kinds}",
            file=folder,
            hint="export it again with --input_type image_tensor",
        )
    return name, spec.dtype


def _card(folder: Path, run: Any, label_map: Path | None) -> ModelCard:
    """Our card, or what can be known without one."""
    where = folder.resolve()
    for place in (where / CARD_INSIDE, where.parent):
        if (place / CARD_FILE).is_file():
            if label_map is not None:
                raise UsageError(
                    "the model's card names its classes already", hint=f"leave out --label-map; see {place / CARD_FILE}"
                )
            return read_card(place)
    return ModelCard(
        name=where.parent.name if where.name == FOLDER and where.parent.name else where.name,
        architecture={"name": "saved_model"},
        class_names=_class_names(run, label_map),
        threshold=_THRESHOLD,
    )


def _class_names(run: Any, label_map: Path | None) -> tuple[str, ...]:
    names = read_label_map(label_map).class_names if label_map is not None else ()
    multiclass = run.structured_outputs.get("detection_multiclass_scores")
    known = None if multiclass is None else multiclass.shape[-1]
    # Background is one of them.
    classes = known - 1 if known is not None else max(len(names), 1)
    if len(names) > classes:
        raise ModelError(
            f"the label map names {len(names)} classes, the model has {classes}",
            file=label_map,
            hint="use the label map that the model was trained with",
        )
    return names + tuple(f"class {number}" for number in range(len(names) + 1, classes + 1))
