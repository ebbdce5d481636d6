"""Readers of models and their parts: card, ONNX, safetensors, SavedModel, the state of a training."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np

from fractura.core.calibrator import Calibrator
from fractura.core.model_card import METADATA_KEY, read_card, write_card
from fractura.evaluation.leakage import Leakage, fingerprint_of
from fractura.inference.answer import measured_sensitivity
from fractura.inference.built_in import built_in_model
from fractura.inference.domain import Domain
from fractura.inference.settings import DetectionSettings
from fractura.web.operating_points import operating_points, validation_images
from soak.fuzz.harness import Read, Reader, Seed
from soak.fuzz.mutations import change_bytes, change_json, change_protobuf, change_text
from soak.fuzz.seeds import small_dataset

_JSON = (change_json, change_json, change_json, change_json, change_text, change_bytes)


def _prepare_card(folder: Path) -> tuple[Sequence[Seed], Read]:
    import onnx
    from support.tiny_models import CARD

    path = folder / "card.json"
    dataset = small_dataset(folder / "images")
    image = np.zeros((30, 40, 3), np.uint8)
    properties = {each.key: each.value for each in onnx.load(built_in_model()).metadata_props}
    built_in = json.loads(properties[METADATA_KEY])
    short = {
        **built_in,
        "domain": None,
        "data": {"train": dataset.describe(), "val": None, "start": dataset.describe()},
    }
    short["calibration"] = {
        "method": "isotonic",
        "detection": {"x": [0, 1], "y": [0.1, 0.9]},
        "image": {"x": [0, 1], "y": [0, 1]},
    }
    froc = {name: curve[:5] for name, curve in built_in["metrics"]["validation"]["curves"]["froc"]["iou30"].items()}
    short["metrics"] = {"validation": {**built_in["metrics"]["validation"], "curves": {"froc": {"iou30": froc}}}}
    domain = {"name": "d", "architecture": {"name": "d"}, "class_names": ["d"], "domain": built_in["domain"]}
    seeds = [Seed(json.dumps(each).encode()) for each in (CARD.model_dump(mode="json"), short, domain)]

    def read(data: bytes, _name: str) -> str:
        path.write_bytes(data)
        card = read_card(path)
        write_card(card, folder)
        assert read_card(path) == card, "it reads otherwise once written again"
        settings = DetectionSettings.of(card)
        domain = Domain.from_card(card)
        said = [
            Calibrator.from_card(card, card.views) is None,
            domain is None or domain.warning(image, "WRIST") is None,
            measured_sensitivity(card, settings) is None,
            len(operating_points(card)),
            validation_images(card) is None,
            card.trained_on is None,
            fingerprint_of(card, "train") is None,
            Leakage.of(card, dataset).to_dict(),
        ]
        return str(said)

    return seeds, read


def _prepare_onnx(folder: Path) -> tuple[Sequence[Seed], Read]:
    import onnx
    from onnx import TensorProto, helper
    from support.tiny_models import write_tiny_onnx

    path = folder / "model.onnx"
    image = np.zeros((6, 8, 3), np.uint8)
    seeds = [Seed(write_tiny_onnx(path).read_bytes())] * 4
    model = onnx.load(path)
    large = model.graph.initializer[1]
    large.data_location = TensorProto.EXTERNAL
    large.external_data.add(key="location", value="../../etc/passwd")
    seeds.append(Seed(model.SerializeToString()))
    model = onnx.load_from_string(seeds[0].data)
    model.graph.node[4].op_type, model.graph.node[4].domain = "Custom", "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    seeds.append(Seed(model.SerializeToString()))

    def read(data: bytes, _name: str) -> str:
        from fractura.inference.runtimes.onnx import OnnxModel

        path.write_bytes(data)
        model = OnnxModel(path, device="cpu")
        found = model.detect(image)
        return f"{model.card.class_names} {len(found)}"

    return seeds, read


def _prepare_weights(folder: Path) -> tuple[Sequence[Seed], Read]:
    import torch
    from safetensors.torch import save
    from support.tiny_models import CARD
    from torch import nn

    from fractura.inference.runtimes import torch as runtime

    def build(_: object = None) -> nn.Module:
        return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))

    model = build()
    torch.set_num_threads(1)
    path = folder / "weights.safetensors"
    seeds = [Seed(_unframed(save(model.state_dict()))), Seed(save(model.state_dict()), "file")]

    def read(data: bytes, name: str) -> str:
        path.write_bytes(data if name == "file" else _framed(data))
        with patch.object(runtime, "build_from_architecture", build):
            state = runtime.load_detector(CARD, folder).state_dict()
        return f"{len(state)} {all(bool(torch.isfinite(value.float()).all()) for value in state.values())}"

    return seeds, read


def _unframed(data: bytes) -> bytes:
    """The header of a safetensors file without its length, and the tensors behind a line feed."""
    length = int.from_bytes(data[:8], "little")
    return data[8 : 8 + length].rstrip() + b"\n" + data[8 + length :]


def _framed(data: bytes) -> bytes:
    header, _, values = data.partition(b"\n")
    return len(header).to_bytes(8, "little") + header + values


def _change_header(data: bytes, draw: object, others: Sequence[bytes]) -> bytes:
    """Damage to the JSON of a safetensors file without its length."""
    header, end, values = data.partition(b"\n")
    return change_json(header, draw, [other.partition(b"\n")[0] for other in others]) + end + values  # type: ignore[arg-type]


def _change_state(data: bytes, draw: object, others: Sequence[bytes]) -> bytes:
    """Damage to the JSON in the JSON of a training state."""
    header, end, values = data.partition(b"\n")
    try:
        document = json.loads(header)
        inner = document["__metadata__"]["fractura_training_state"].encode()
        document["__metadata__"]["fractura_training_state"] = change_json(inner, draw, []).decode()  # type: ignore[arg-type]
        return json.dumps(document).encode() + end + values
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _change_header(data, draw, others)


def _prepare_training_state(folder: Path) -> tuple[Sequence[Seed], Read]:
    import torch
    from torch import nn

    from fractura.training.settings import TrainSettings
    from fractura.training.state import STATE_FILE, RunIdentity, RunProgress, load_state
    from fractura.training.store import STATE_FOLDER, RunState, StateStore, stored_settings

    torch.set_num_threads(1)
    settings = TrainSettings.create({"data": "d", "output": "o", "model": "m"}).to_dict()
    identity = RunIdentity(settings=settings, data="f", val=None, architecture={"name": "m"}, class_names=["Fractura"])
    validation = {"step": 1, "metrics": {"ap50": 0.5}, "best": True}
    progress = RunProgress(step=2, best={"ap50": 0.5}, best_step=1, validations=[validation], skipped_images={"a": "b"})

    def fresh(kind: str) -> RunState:
        model, average = nn.Linear(2, 1), nn.Linear(2, 1)
        optimizer: torch.optim.Optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        if kind == "adam":
            optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
        model(torch.ones(1, 2)).sum().backward()
        return RunState(
            output=folder,
            detector=model,  # type: ignore[arg-type]
            average=average,
            optimizer=optimizer,
            scaler=torch.amp.GradScaler("cpu", enabled=True) if kind == "adam" else None,
            progress=progress,
            identity=identity,
        )

    path, store, seeds = folder / STATE_FOLDER / STATE_FILE, StateStore(), []
    for kind in ("sgd", "adam"):
        state = fresh(kind)
        state.optimizer.step()
        store.save(state)
        seeds += [Seed(_unframed(path.read_bytes()), kind), Seed(path.read_bytes(), f"{kind} file")]

    def read(data: bytes, name: str) -> str:
        path.write_bytes(data if name.endswith("file") else _framed(data))
        TrainSettings.create(stored_settings(folder))
        saved = load_state(folder / STATE_FOLDER)
        state = fresh(name.split()[0])
        restored = store.restore(state)
        state.optimizer.step()  # what was restored must do for the next step
        assert restored.progress.validations_without_gain >= 0
        json.dumps(saved.header.model_dump(mode="json"))
        return f"{restored.num_steps is None} {len(restored.progress.validations)}"

    return seeds, read


_WRITE_SAVED_MODEL = """
import sys
import tensorflow as tf


class Detector(tf.Module):
    def __init__(self):
        super().__init__()
        self.scores = tf.Variable([0.9, 0.5])

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.uint8)])
    def __call__(self, input_tensor):
        boxes = tf.constant([[[0.1, 0.1, 0.5, 0.6], [0.2, 0.2, 0.9, 0.8]]])
        return {
            "detection_boxes": boxes,
            "detection_scores": self.scores[None] + 0 * tf.cast(tf.reduce_sum(input_tensor[..., :1]), tf.float32),
            "detection_classes": tf.constant([[1.0, 1.0]]),
            "num_detections": tf.constant([2.0]),
        }


detector = Detector()
tf.saved_model.save(detector, sys.argv[1], signatures=detector.__call__)
"""


def _prepare_saved_model(folder: Path) -> tuple[Sequence[Seed], Read]:
    """TensorFlow writes the model in a process of its own: one that has it loaded cannot be forked safely."""
    model = folder / "saved_model"
    subprocess.run([sys.executable, "-c", _WRITE_SAVED_MODEL, str(model)], check=True, capture_output=True)
    names = ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001", "fingerprint.pb")
    files = {name: (model / name).read_bytes() for name in names if (model / name).is_file()}
    image = np.zeros((6, 8, 3), np.uint8)

    def read(data: bytes, name: str) -> str:
        from fractura.inference.runtimes.saved_model import SavedModel

        (model / name).write_bytes(data)
        try:
            found = SavedModel(folder, device="cpu")
            return f"{found.card.class_names} {len(found.detect(image))}"
        finally:
            (model / name).write_bytes(files[name])

    return [Seed(files["saved_model.pb"], "saved_model.pb")] * 6 + [
        Seed(data, name) for name, data in files.items()
    ], read


MODELS = (
    Reader(
        "card",
        "model card",
        _prepare_card,
        _JSON,
        found="curves, digests and numbers that are not: five exceptions (`test_damaged_cards.py`)",
    ),
    Reader(
        "onnx",
        "ONNX model",
        _prepare_onnx,
        (change_protobuf, change_protobuf, change_protobuf, change_bytes),
        found="ONNX Runtime said on stdout that it tried again (`test_a_damaged_file_leaves_stdout_alone`)",
    ),
    Reader(
        "safetensors",
        "file of weights",
        _prepare_weights,
        (_change_header, _change_header, change_bytes),
    ),
    Reader(
        "training-state",
        "state of a training",
        _prepare_training_state,
        (_change_state, _change_state, _change_state, _change_header, change_bytes),
        found="tensors, groups, scaler that do not fit, some noticed a step later (`test_damaged_state.py`)",
    ),
    Reader(
        "saved-model",
        "SavedModel",
        _prepare_saved_model,
        (change_protobuf, change_protobuf, change_protobuf, change_bytes),
        tries=2_000,  # TensorFlow takes a fifth of a second to load the smallest
        seconds=120,
    ),
)
