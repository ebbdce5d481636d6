"""From a folder of bone radiographs to a working fracture detector.

``load_model("built-in").predict("wrist.png")`` finds fractures on an image. Each command of the command line is a
function here: ``fractura evaluate`` is ``evaluate_model``, ``fractura detect`` is ``detect``; the table is in
``fractura.cli.registry``. What goes wrong is raised as a ``FracturaError``:

* ``UsageError``: the call itself is wrong.
* ``DataError``: an image, annotation or folder cannot be used.
* ``ModelError``: a model cannot be used, or training went wrong.
* ``MissingDependencyError``: something must be installed first.
* ``NotEnoughMemoryError``: the machine has too little memory.

Names are imported when they are first used, so that ``import fractura`` is fast and the base install needs no PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fractura.core.boxes import Boxes
    from fractura.core.dataset import Dataset, Record
    from fractura.core.errors import (
        DataError,
        FracturaError,
        MissingDependencyError,
        ModelError,
        NotEnoughMemoryError,
        UsageError,
    )
    from fractura.core.model_card import ModelCard, read_card
    from fractura.core.reporter import Reporter
    from fractura.evaluation import Evaluation, Metric, align_classes, evaluate, metric_text
    from fractura.evaluation.report import ReportContext, write_report
    from fractura.export import ExportResult
    from fractura.fetch import Fetched, FetchedData
    from fractura.formats import Conversion, convert, read_dataset
    from fractura.imaging.reader import Radiograph, read_radiograph
    from fractura.inference import Model, load_model
    from fractura.inference.detect import detect_dataset, detect_images
    from fractura.inference.explanation import explain
    from fractura.inference.prediction import Prediction
    from fractura.inference.results import ImageRow, ResultsDocument
    from fractura.inference.settings import DetectionSettings
    from fractura.node import NodeSettings, NodeStatus, run_node
    from fractura.phantom import Phantom, make_phantom, make_phantom_splits, make_phantoms
    from fractura.quality import CheckReport, check_dataset
    from fractura.quality.splits import Split, split_dataset
    from fractura.tensorflow_od.importing import Imported
    from fractura.tensorflow_od.pipeline_edit import Configured, PipelineChanges, configure_pipeline
    from fractura.training import TrainResult, TrainSettings, train
    from fractura.web.server import label, serve
    from fractura.workflows.agree import ReaderComparison, compare_readers
    from fractura.workflows.calibrate import ModelCalibration, calibrate_model
    from fractura.workflows.check import FolderCheck, check_folder
    from fractura.workflows.compare import ModelComparison, compare_models
    from fractura.workflows.detect import DetectionRun, detect
    from fractura.workflows.doctor import Installation, PackageGroup, examine_installation
    from fractura.workflows.evaluate import ModelEvaluation, evaluate_model
    from fractura.workflows.export import export_model
    from fractura.workflows.fetch import fetch_resource
    from fractura.workflows.import_tf import import_checkpoint
    from fractura.workflows.models import AvailableModels, BuiltInModel, list_models
    from fractura.workflows.reader_study import ReaderStudyResult, analyse_reader_study
    from fractura.workflows.sample_size import StudyPlan, plan_reader_study
    from fractura.workflows.split import FolderSplit, split_folder
    from fractura.workflows.train import train_model

from fractura._version import __version__

_HOMES = {
    # One function for each command
    "analyse_reader_study": "workflows.reader_study",
    "calibrate_model": "workflows.calibrate",
    "check_folder": "workflows.check",
    "compare_models": "workflows.compare",
    "compare_readers": "workflows.agree",
    "configure_pipeline": "tensorflow_od.pipeline_edit",
    "convert": "formats",
    "detect": "workflows.detect",
    "evaluate_model": "workflows.evaluate",
    "examine_installation": "workflows.doctor",
    "export_model": "workflows.export",
    "fetch_resource": "workflows.fetch",
    "import_checkpoint": "workflows.import_tf",
    "label": "web.server",
    "list_models": "workflows.models",
    "make_phantom_splits": "phantom",
    "plan_reader_study": "workflows.sample_size",
    "run_node": "node",
    "serve": "web.server",
    "split_folder": "workflows.split",
    "train_model": "workflows.train",
    # What they return, and what they take
    "AvailableModels": "workflows.models",
    "BuiltInModel": "workflows.models",
    "CheckReport": "quality",
    "Configured": "tensorflow_od.pipeline_edit",
    "Conversion": "formats",
    "DetectionRun": "workflows.detect",
    "ExportResult": "export",
    "Fetched": "fetch",
    "FetchedData": "fetch",
    "FolderCheck": "workflows.check",
    "FolderSplit": "workflows.split",
    "Imported": "tensorflow_od.importing",
    "Installation": "workflows.doctor",
    "ModelCalibration": "workflows.calibrate",
    "ModelComparison": "workflows.compare",
    "ModelEvaluation": "workflows.evaluate",
    "NodeSettings": "node",
    "NodeStatus": "node",
    "PackageGroup": "workflows.doctor",
    "PipelineChanges": "tensorflow_od.pipeline_edit",
    "ReaderComparison": "workflows.agree",
    "ReaderStudyResult": "workflows.reader_study",
    "StudyPlan": "workflows.sample_size",
    "TrainResult": "training",
    "TrainSettings": "training",
    # Models and predictions
    "DetectionSettings": "inference.settings",
    "ImageRow": "inference.results",
    "Model": "inference",
    "ModelCard": "core.model_card",
    "Prediction": "inference.prediction",
    "ResultsDocument": "inference.results",
    "detect_dataset": "inference.detect",
    "detect_images": "inference.detect",
    "explain": "inference.explanation",
    "load_model": "inference",
    "read_card": "core.model_card",
    # Data, and measuring any program's detections
    "Boxes": "core.boxes",
    "Dataset": "core.dataset",
    "Evaluation": "evaluation",
    "Metric": "evaluation",
    "Phantom": "phantom",
    "Radiograph": "imaging.reader",
    "Record": "core.dataset",
    "ReportContext": "evaluation.report",
    "Split": "quality.splits",
    "align_classes": "evaluation",
    "check_dataset": "quality",
    "evaluate": "evaluation",
    "metric_text": "evaluation",
    "make_phantom": "phantom",
    "make_phantoms": "phantom",
    "read_dataset": "formats",
    "read_radiograph": "imaging.reader",
    "split_dataset": "quality.splits",
    "train": "training",
    "write_report": "evaluation.report",
    # Errors and progress
    "DataError": "core.errors",
    "FracturaError": "core.errors",
    "MissingDependencyError": "core.errors",
    "ModelError": "core.errors",
    "NotEnoughMemoryError": "core.errors",
    "Reporter": "core.reporter",
    "UsageError": "core.errors",
}

__all__ = [
    "AvailableModels",
    "Boxes",
    "BuiltInModel",
    "CheckReport",
    "Configured",
    "Conversion",
    "DataError",
    "Dataset",
    "DetectionRun",
    "DetectionSettings",
    "Evaluation",
    "ExportResult",
    "Fetched",
    "FetchedData",
    "FolderCheck",
    "FolderSplit",
    "FracturaError",
    "ImageRow",
    "Imported",
    "Installation",
    "Metric",
    "MissingDependencyError",
    "Model",
    "ModelCalibration",
    "ModelCard",
    "ModelComparison",
    "ModelError",
    "ModelEvaluation",
    "NodeSettings",
    "NodeStatus",
    "NotEnoughMemoryError",
    "PackageGroup",
    "Phantom",
    "PipelineChanges",
    "Prediction",
    "Radiograph",
    "ReaderComparison",
    "ReaderStudyResult",
    "Record",
    "ReportContext",
    "Reporter",
    "ResultsDocument",
    "Split",
    "StudyPlan",
    "TrainResult",
    "TrainSettings",
    "UsageError",
    "__version__",
    "align_classes",
    "analyse_reader_study",
    "calibrate_model",
    "check_dataset",
    "check_folder",
    "compare_models",
    "compare_readers",
    "configure_pipeline",
    "convert",
    "detect",
    "detect_dataset",
    "detect_images",
    "evaluate",
    "evaluate_model",
    "examine_installation",
    "explain",
    "export_model",
    "fetch_resource",
    "import_checkpoint",
    "label",
    "list_models",
    "load_model",
    "make_phantom",
    "make_phantom_splits",
    "make_phantoms",
    "metric_text",
    "plan_reader_study",
    "read_card",
    "read_dataset",
    "read_radiograph",
    "run_node",
    "serve",
    "split_dataset",
    "split_folder",
    "train",
    "train_model",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'fractura' has no attribute {name!r}")
    return getattr(import_module(f"fractura.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
