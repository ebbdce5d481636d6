"""Runs an exported ``.onnx`` file with ONNX Runtime; needs nothing beyond the base install."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.errors import MissingDependencyError, ModelError, first_line
from fractura.core.memory import is_out_of_memory, not_enough_memory
from fractura.core.model_card import METADATA_KEY, ModelCard
from fractura.inference.runtimes.onnx_file import has_external_data
from fractura.inference.runtimes.runtime import Device, checked_boxes, refuse_wrong_image

INPUT = "image"
OUTPUTS = ("boxes", "scores", "labels")
_ERRORS_ONLY = 3
_LARGEST_APART = 64 << 20
"""Bytes of a model that examines one image for each processor: the memory of larger ones is needed once as it is."""
_EXPORT_AGAIN = "export the model again: fractura export MODEL_FOLDER"


class OnnxModel:
    """A model in one ``.onnx`` file, with its card in the file's metadata.

    Args:
        path: The file.
        device: ``cuda`` needs ``onnxruntime-gpu``; ``auto`` uses CUDA where that is installed, else the CPU.
        many: See ``load_model``.

    Attributes:
        at_once: How many images it takes at the same time to advantage, one for each thread that asks.

    Raises:
        ModelError: The file is damaged, carries no card of ours, or has other inputs or outputs.
        MissingDependencyError: CUDA was asked for and this ONNX Runtime has none.
    """

    def __init__(self, path: Path, *, device: Device = "auto", many: bool = False) -> None:
        self._path = path
        _refuse_other_files(path)
        providers, processors = _providers(device), _usable_processors()
        apart = many and len(providers) == 1 and path.stat().st_size <= _LARGEST_APART
        self.at_once = processors if apart else 1
        self._session = _open(path, providers, threads=1 if apart else processors)
        self._card = _card(self._session, path)
        _refuse_other_graph(self._session, path)

    @property
    def card(self) -> ModelCard:
        """What is known of the model."""
        return self._card

    @property
    def device(self) -> str:
        """``cuda`` or ``cpu``: where it really runs."""
        return "cuda" if "CUDAExecutionProvider" in self._session.get_providers() else "cpu"

    def detect(self, image: NDArray[np.uint8]) -> Boxes:
        """All candidates on one image, best first; see ``Runtime.detect``."""
        refuse_wrong_image(image)
        try:
            boxes, scores, labels = self._session.run(list(OUTPUTS), {INPUT: np.ascontiguousarray(image)})
            found = Boxes(boxes, labels, scores)
        except Exception as error:  # ONNX Runtime has no common class for what its graphs raise
            if is_out_of_memory(error):
                raise not_enough_memory(f"an image of {image.shape[1]} x {image.shape[0]} pixels", error) from error
            raise ModelError(
                f"the model fails on an image of {image.shape[1]} x {image.shape[0]} pixels ({first_line(error)})",
                file=self._path,
                hint=_EXPORT_AGAIN,
            ) from error
        return checked_boxes(found, self._card, self._path)


def _providers(device: Device) -> list[str]:
    with_cuda = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device == "cuda" and not with_cuda:
        raise MissingDependencyError(
            "this ONNX Runtime cannot use CUDA", hint="install it with: pip install onnxruntime-gpu, or use the CPU"
        )
    return (
        ["CUDAExecutionProvider", "CPUExecutionProvider"] if with_cuda and device != "cpu" else ["CPUExecutionProvider"]
    )


def _refuse_other_files(path: Path) -> None:
    """A model is one file; ONNX Runtime would read any that lies beside it."""
    try:
        elsewhere = has_external_data(path)
    except (ValueError, OSError) as error:
        raise _unusable(path, error) from error
    if elsewhere:
        raise ModelError("keeps weights in other files", file=path, hint=_EXPORT_AGAIN)


def _usable_processors() -> int:
    """Processors this process may use: in a container or under a job scheduler fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _open(path: Path, providers: list[str], threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait by spinning would take the few processors from the image being decoded next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ERRORS_ONLY
    # Without another provider to fall back to, it would try the same again and say so on stdout.
    retries = int(len(providers) > 1)
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers, enable_fallback=retries)
    except Exception as error:  # ONNX Runtime has no common class for what damaged files raise
        if is_out_of_memory(error):
            raise not_enough_memory("this model", error, file=str(path)) from error
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> ModelError:
    return ModelError(f"cannot be opened as an ONNX model ({first_line(error)})", file=path, hint=_EXPORT_AGAIN)


def _card(session: onnxruntime.InferenceSession, path: Path) -> ModelCard:
    try:
        text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
    except UnicodeDecodeError as error:
        raise ModelError("carries text that is not UTF-8", file=path, hint=_EXPORT_AGAIN) from error
    if text is None:
        raise ModelError(
            "carries no fractura card: class names and threshold are not known", file=path, hint=_EXPORT_AGAIN
        )
    return ModelCard.from_json(text, source=path)


def _refuse_other_graph(session: onnxruntime.InferenceSession, path: Path) -> None:
    inputs = [entry.name for entry in session.get_inputs()]
    outputs = {entry.name for entry in session.get_outputs()}
    if inputs != [INPUT] or not outputs.issuperset(OUTPUTS):
        raise ModelError(
            f"has inputs {inputs} and outputs {sorted(outputs)}; needed are '{INPUT}' and {list(OUTPUTS)}",
            file=path,
            hint=_EXPORT_AGAIN,
        )
