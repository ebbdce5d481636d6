"""JSON that one command leaves for the next, and what is typed as settings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from fractura.cli.options import assignments, names_in, renames
from fractura.core.errors import FracturaError
from fractura.core.folder_lock import LOCK_FILE, hold_folder
from fractura.core.output_folder import NOTE_FILE, left_unfinished, refuse_unfinished, unfinished
from fractura.evaluation.evaluation_folder import holds_evaluation
from fractura.evaluation.threshold import Aim
from fractura.formats.writing import conversion_of
from fractura.inference.origin import ResultOrigin
from fractura.inference.result_folder import ResultFolder
from fractura.inference.settings import DetectionSettings
from fractura.phantom.series import MANIFEST, SMALLEST_SIDE, make_phantoms
from fractura.training.settings import TrainSettings
from fractura.workflows.sample_size import plan_reader_study
from fractura.workflows.train import read_settings
from soak.fuzz.harness import Read, Reader, Seed
from soak.fuzz.mutations import change_bytes, change_json, change_text

_JSON = (change_json, change_json, change_json, change_json, change_text, change_bytes)
_ROW = {"image": "a.png", "picture": "pictures/a.jpg", "annotation": "annotations/a.xml", "explanation": None}
_RESULTS = {"made_by": "fractura", "schema_version": 1, "complete": True, "images": [_ROW, _ROW]}
_COMPONENTS = {
    "cases": 50,
    "reader": 0.001,
    "modality_reader": 0.0001,
    "error": 0.002,
    "cov1": 0.001,
    "cov2": 0.0008,
    "cov3": 0.0007,
}
_STUDY = {"figures": [{"figure": "auc", "components": _COMPONENTS}, {"figure": "froc", "components": _COMPONENTS}]}
_SETTINGS = {
    "num_steps": 20,
    "batch_size": 2,
    "learning_rate_base": 0.01,
    "warmup_steps": None,
    "data_augmentation_options": [["random_horizontal_flip", {}]],
    "exponential_decay": {"decay_steps": 10, "decay_factor": 0.5},
    "aim": "sensitivity=0.9",
    "class_names": ["Fractura"],
    "fine_tune_checkpoint": "a/b",
}


def _prepare_documents(folder: Path) -> tuple[Sequence[Seed], Read]:
    from support.tiny_models import CARD

    def place(name: str) -> Path:
        (folder / name).mkdir(exist_ok=True)
        return folder / name

    with unfinished(place("note"), "convert", ["a/b.xml"]):
        note = (folder / "note" / NOTE_FILE).read_bytes()
    size = (SMALLEST_SIDE, SMALLEST_SIDE)
    make_phantoms(folder / "phantoms", images=1, size=size)
    drawn = (folder / "phantoms" / MANIFEST).read_bytes()

    def results(data: bytes) -> object:
        shutil.rmtree(folder / "results", ignore_errors=True)
        (place("results") / "results.json").write_bytes(data)
        with ResultFolder(
            folder / "results",
            ResultOrigin(card=CARD, digest="", settings=DetectionSettings.of(CARD)),
            [],
            overwrite=True,
        ):
            return "overwritten"

    def unfinished_note(data: bytes) -> object:
        (place("noted") / NOTE_FILE).write_bytes(data)
        with suppress(FracturaError):
            refuse_unfinished(folder / "noted")
        return len(left_unfinished(folder / "noted") or ())

    def conversion(data: bytes) -> object:
        (folder / "conversion.json").write_bytes(data)
        return len(conversion_of(folder))

    def evaluation(data: bytes) -> object:
        (folder / "evaluation.json").write_bytes(data)
        return holds_evaluation(folder)

    def study(data: bytes) -> object:
        (folder / "reader_study.json").write_bytes(data)
        return plan_reader_study(folder / "reader_study.json", effect=0.05, readers=(3,)).studies[0].cases

    def phantoms(data: bytes) -> object:
        (folder / "phantoms" / MANIFEST).write_bytes(data)
        return len(make_phantoms(folder / "phantoms", images=1, size=size))

    def lock(data: bytes) -> object:
        (place("locked") / LOCK_FILE).write_bytes(data)
        with hold_folder(folder / "locked", "test"):
            return True

    readers: dict[str, tuple[Callable[[bytes], object], bytes]] = {
        "results.json": (results, json.dumps(_RESULTS).encode()),
        "unfinished": (unfinished_note, note),
        "conversion.json": (
            conversion,
            b'{"format": "voc", "files": {"a/b.xml": "00", "c": "11"}, "class_names": ["x"]}',
        ),
        "evaluation.json": (evaluation, b'{"metrics": {}, "outcomes": []}'),
        "reader_study.json": (study, json.dumps(_STUDY).encode()),
        "phantoms": (phantoms, drawn),
        "lock": (lock, b'{"purpose": "training", "process": 1, "machine": "x", "since": "2026"}'),
    }

    def read(data: bytes, name: str) -> str:
        return f"{name} {readers[name][0](data)}"

    return [Seed(data, name) for name, (_, data) in readers.items()], read


def _prepare_settings(folder: Path) -> tuple[Sequence[Seed], Read]:
    from support.tiny_models import CARD

    path = folder / "settings.json"
    needed = {"data": "d", "output": "o", "model": "m"}

    def read(data: bytes, name: str) -> str:
        if name == "file":
            path.write_bytes(data)
            settings = TrainSettings.create({**needed, **read_settings(path)})
            again = TrainSettings.create(settings.to_dict())
            assert again.to_dict() == settings.to_dict(), "it reads otherwise once written again"
            return f"{settings.schedule_steps > 10} {len(settings.data_augmentation_options)}"
        texts = data.decode("utf-8", "surrogateescape").split("\n")
        if name == "set":
            return str(len(TrainSettings.create({**needed, **assignments(texts)}).data_augmentation_options))
        if name == "names":
            return f"{len(names_in(texts[0]) or ())} {len(renames(texts[1:]))}"
        if name == "views":
            return str(len(DetectionSettings.of(CARD, views=texts).views))
        return str([Aim.parse(text).name for text in texts])

    seeds = [
        Seed(json.dumps(_SETTINGS).encode(), "file"),
        Seed(json.dumps({"settings": {**needed, **_SETTINGS}}).encode(), "file"),
        Seed("\n".join(f"{key}={json.dumps(value)}" for key, value in _SETTINGS.items()).encode(), "set"),
        Seed(b"a,b c,\xc3\xb1\nfracture=Fractura\nx=y", "names"),
        Seed(b"whole\nflipped\ntiles=640", "views"),
        Seed(b"f1\nsensitivity=0.9\nfp_per_image=0.5\nimage_specificity=1", "aims"),
    ]
    return seeds, read


OWN_FILES = (
    Reader(
        "results-json",
        "JSON file of an earlier command",
        _prepare_documents,
        _JSON,
        found="lists and numbers that are not: six exceptions (`test_damaged_documents.py`)",
    ),
    Reader(
        "cli-settings",
        "file of settings or option",
        _prepare_settings,
        _JSON,
        found="half a character in an error (`test_printable.py`)",
    ),
)
