"""From a folder of bone radiographs to a working fracture detector.

What the command line does, these names do: ``make_phantoms``, ``check_dataset``, ``convert``, ``split_dataset``,
``read_dataset``, ``train``, ``evaluate``, ``export_model``, ``load_model``, ``detect_images``, ``explain``. Each is
imported when it is first used, so that ``import fractura`` costs nothing and the base install needs no PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractura.core.boxes import Boxes
    from fractura.core.dataset import Dataset, Record
    from fractura.core.model_card import ModelCard, read_card
    from fractura.evaluation import evaluate
    from fractura.evaluation.report import write_report
    from fractura.export import export_model
    from fractura.formats import convert, read_dataset
    from fractura.imaging.reader import Radiograph, read_radiograph
    from fractura.inference import load_model
    from fractura.inference.detect import detect_dataset, detect_images
    from fractura.inference.explanation import explain
    from fractura.phantom import make_phantoms
    from fractura.quality import check_dataset
    from fractura.quality.splits import split_dataset
    from fractura.training import TrainSettings, train

from fractura._version import __version__

_HOMES = {
    "Boxes": "core.boxes",
    "Dataset": "core.dataset",
    "ModelCard": "core.model_card",
    "Radiograph": "imaging.reader",
    "Record": "core.dataset",
    "TrainSettings": "training",
    "check_dataset": "quality",
    "convert": "formats",
    "detect_dataset": "inference.detect",
    "detect_images": "inference.detect",
    "evaluate": "evaluation",
    "explain": "inference.explanation",
    "export_model": "export",
    "load_model": "inference",
    "make_phantoms": "phantom",
    "read_card": "core.model_card",
    "read_dataset": "formats",
    "read_radiograph": "imaging.reader",
    "split_dataset": "quality.splits",
    "train": "training",
    "write_report": "evaluation.report",
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
    "detect_images",
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
