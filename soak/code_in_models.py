"""Models that would run a program of their own, or read other files."""

from __future__ import annotations

import io
import itertools
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from soak.bombs import voc
from soak.campaign import Attempt, Campaign
from soak.confined import BrokenPromiseError, confined, untouched
from soak.hostile_pictures import png, put
from soak.names_in_files import SIDE


def prepare_code(folder: Path) -> Attempt:
    """Models that would run a program of their own, or read a file of ours."""
    from fractura.cli.main import load_command, main

    for command in ("detect", "train", "import-tf", "export"):
        load_command(command)
    import torch  # noqa: F401

    numbers, kinds = itertools.count(), itertools.cycle(CODE)

    def attempt(chance: random.Random) -> None:
        place, kind = folder / str(next(numbers)), next(kinds)
        put(place / "outside" / "secret.bin", b"mine" * 100)
        put(place / "data" / "images" / "a.png", png(SIDE, SIDE))
        put(place / "data" / "annotations" / "a.xml", voc("a.png", size=SIDE))
        try:
            words = CODE[kind](place, chance)
            with untouched(place, "out"):
                outcome = confined(lambda: main(words), place)
            outcome.holds()
            if outcome.code == 0:
                raise BrokenPromiseError("it was taken")
        except Exception as error:
            raise type(error)(f"{kind}: {error}") from error
        finally:
            shutil.rmtree(place, ignore_errors=True)

    return attempt


class _Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self._path),)


def _pickle(place: Path, chance: random.Random) -> bytes:
    import pickle

    import torch

    bad = {"model": _Touch(place / "owned"), "step": 1}
    if chance.random() < 0.5:
        return pickle.dumps(bad)
    stream = io.BytesIO()
    torch.save(bad, stream, _use_new_zipfile_serialization=chance.random() < 0.7)
    return stream.getvalue()


def _model_folder(place: Path, weights: bytes) -> None:
    from support.tiny_models import CARD

    put(place / "model" / "card.json", CARD.to_json())
    put(place / "model" / "weights.safetensors", weights)


def _pickled_weights(place: Path, chance: random.Random) -> list[str]:
    _model_folder(place, _pickle(place, chance))
    return ["detect", "data", "--model", "model", "--output", "out"]


def _pickled_start(place: Path, chance: random.Random) -> list[str]:
    file = chance.choice(
        ["start.pt", "start.pth", "start.safetensors", "start/weights.safetensors", "start/pytorch_model.bin"]
    )
    put(place / file, _pickle(place, chance))
    return ["train", "data", "--output", "out", "--num-steps", "1", "--device", "cpu", "--set",
            f"fine_tune_checkpoint={file.split('/')[0]}"]  # fmt: skip


def _pickled_model(place: Path, chance: random.Random) -> list[str]:
    put(place / "model.pt", _pickle(place, chance))
    return ["detect", "data", "--model", "model.pt", "--output", "out"]


def _pickled_hub(place: Path, chance: random.Random) -> list[str]:
    put(place / "hub" / "pytorch_model.bin", _pickle(place, chance))
    put(
        place / "hub" / "config.json",
        json.dumps(
            {
                "model_type": chance.choice(["rt_detr_v2", "d_fine", "custom"]),
                "auto_map": {"AutoModel": "code.Model"},
                "architectures": ["Model"],
            }
        ),
    )
    put(place / "hub" / "code.py", f"import os; os.mkdir({str(place / 'owned')!r})\nclass Model: pass\n")
    put(place / "hub" / "preprocessor_config.json", "{}")
    return ["train", "data", "--output", "out", "--num-steps", "1", "--device", "cpu", "--model", "hf:hub"]


def _pickled_state(place: Path, chance: random.Random) -> list[str]:
    for file in ("state.safetensors", "last/state.safetensors", "state.pt"):
        put(place / "out" / file, _pickle(place, chance))
    put(place / "out" / "training.json", "{}")
    return ["train", "data", "--resume", "--output", "out", "--device", "cpu"]


def _onnx(place: Path, change: Callable[[object], None]) -> list[str]:
    import onnx
    from support.tiny_models import write_tiny_onnx

    model = onnx.load(write_tiny_onnx(place / "model.onnx"))
    change(model)
    (place / "model.onnx").write_bytes(model.SerializeToString())
    return ["detect", "data", "--model", "model.onnx", "--output", "out"]


def _external_data(place: Path, chance: random.Random) -> list[str]:
    location = chance.choice(
        [
            "../outside/secret.bin",
            str(place / "outside" / "secret.bin"),
            "/etc/passwd",
            "/dev/zero",
            "outside/secret.bin",
            "link",
            "",
        ]
    )
    (place / "link").symlink_to("/etc/passwd")

    def change(model: object) -> None:
        tensor = next(each for each in model.graph.initializer if each.name == "shares")
        tensor.ClearField("raw_data")
        tensor.data_location = 1
        for key, value in (("location", location), ("offset", "0"), ("length", "48")):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value

    return _onnx(place, change)


def _custom_operator(place: Path, chance: random.Random) -> list[str]:
    domain = chance.choice(["evil", "ai.onnx.contrib", "com.microsoft.extensions"])

    def change(model: object) -> None:
        model.graph.node[0].domain = domain
        model.graph.node[0].op_type = chance.choice(["PythonOp", "Run", "System"])
        entry = model.opset_import.add()
        entry.domain, entry.version = domain, 1

    return _onnx(place, change)


def _huge_tensor(place: Path, chance: random.Random) -> list[str]:
    sides = chance.choice([(2**40, 4), (-1, 4), (2**31, 2**31), (10**9, 4)])

    def change(model: object) -> None:
        tensor = next(each for each in model.graph.initializer if each.name == "shares")
        tensor.ClearField("dims")
        tensor.dims.extend(sides)

    return _onnx(place, change)


def _saved_model(place: Path, chance: random.Random) -> list[str]:
    put(place / "model" / "saved_model.pb", _pickle(place, chance))
    put(place / "model" / "variables" / "variables.index", b"x")
    put(place / "model" / "assets" / "run.py", "import os; os.mkdir('owned')")
    return ["detect", "data", "--model", "model", "--output", "out"]


def _lying_safetensors(place: Path, chance: random.Random) -> list[str]:
    head = chance.choice(
        [
            {"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}},
            {"a": {"dtype": "F32", "shape": [1], "data_offsets": [-4, 0]}},
            {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 4]}},
            {f"{n}": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for n in range(50_000)},
        ]
    )
    text = json.dumps(head).encode()
    _model_folder(place, len(text).to_bytes(8, "little") + text + bytes(4))
    return ["detect", "data", "--model", "model", "--output", "out"]


CODE: dict[str, Callable[[Path, random.Random], list[str]]] = {
    "a pickle for weights": _pickled_weights,
    "a pickle to start from": _pickled_start,
    "a pickle as a model": _pickled_model,
    "a pickle from the hub": _pickled_hub,
    "a pickle for a state": _pickled_state,
    "external data": _external_data,
    "a custom operator": _custom_operator,
    "a huge tensor": _huge_tensor,
    "a SavedModel": _saved_model,
    "safetensors that lie": _lying_safetensors,
}


CODE_IN_MODELS = Campaign(
    name="code-in-models",
    promise="A model file runs no code and reads no other file",
    prepare=prepare_code,
    tries=300,
    found="an ONNX model read a file beside it, 2 of 69: `test_a_model_reads_no_other_file_not_even_one_beside_it`",
    seconds_per_try=600,
)
