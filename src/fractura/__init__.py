"""From a folder of bone radiographs to a working fracture detector.

What the command line does, these names do: ``make_phantoms``, ``check_dataset``, ``convert``, ``split_dataset``,
``read_dataset``, ``train``, ``evaluate``, ``export_model``, ``load_model``, ``detect_films``, ``explain``. Each is
imported when it is first used, so that ``import fractura`` costs nothing and the base install needs no PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractura.boxes import Boxes
    from fractura.checks import check_dataset
    from fractura.dataset import Dataset, Record
    from fractura.evaluation import evaluate
    from fractura.export import export_model
    from fractura.formats import convert, read_dataset
    from fractura.inference import load_model
    from fractura.inference.detect import detect_dataset, detect_films
    from fractura.inference.explanation import explain
    from fractura.model_card import ModelCard, read_card
    from fractura.phantom import make_phantoms
    from fractura.radiograph import Radiograph, read_radiograph
    from fractura.report import write_report
    from fractura.splits import split_dataset
    from fractura.training import TrainSettings, train

__version__ = "0.1.0"

_HOMES = {
    "Boxes": "boxes",
    "Dataset": "dataset",
    "ModelCard": "model_card",
    "Radiograph": "radiograph",
    "Record": "dataset",
    "TrainSettings": "training",
    "check_dataset": "checks",
    "convert": "formats",
    "detect_dataset": "inference.detect",
    "detect_films": "inference.detect",
    "evaluate": "evaluation",
    "explain": "inference.explanation",
    "export_model": "export",
    "load_model": "inference",
    "make_phantoms": "phantom",
    "read_card": "model_card",
    "read_dataset": "formats",
    "read_radiograph": "radiograph",
    "split_dataset": "splits",
    "train": "training",
    "write_report": "report",
}

__all__ = [
    "Boxes",
    "Dataset",
    "ModelCard",
    "Radiograph",
    "Record",
    "TrainSettings",
    "__version__",
    "check_dataset",
    "convert",
    "detect_dataset",
    "detect_films",
    "evaluate",
    "explain",
    "export_model",
    "load_model",
    "make_phantoms",
    "read_card",
    "read_dataset",
    "read_radiograph",
    "split_dataset",
    "train",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fractura' has no attribute {name!r}")
    return getattr(import_module(f"fractura.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
