"""The table of commands: what ``fractura --help`` lists, and the public function that each command calls.

To add one: write the public function, ``commands/<name>.py`` with a function of the same name that parses, calls it and
prints, and give it a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells expect."""


@dataclass(frozen=True)
class Command:
    """One line of the table.

    Attributes:
        name: As typed; a hyphen is an underscore in the module's and the function's name.
        function: Its function in ``fractura``: what the command does, Python does with it.
        panel: Heading it stands under in the help.
        summary: One line for the list of commands, no full stop.
    """

    name: str
    function: str
    panel: str
    summary: str

    @property
    def module(self) -> str:
        """Module that holds the command."""
        return f"fractura.cli.commands.{self.name.replace('-', '_')}"

    def load(self) -> Callable[..., None]:
        """Import the command's module (only now) and return its function."""
        function: Callable[..., None] = getattr(import_module(self.module), self.name.replace("-", "_"))
        return function


DATA, MODEL, USE = "Data", "Model", "Use"

COMMANDS: tuple[Command, ...] = (
    Command(
        "phantom", "make_phantom_splits", DATA, "Make a small data set of artificial radiographs to try everything on"
    ),
    Command("label", "label", DATA, "Draw and correct boxes in the browser, in LabelImg's files"),
    Command("check", "check_folder", DATA, "Find mistakes in a folder of labelled images"),
    Command("convert", "convert", DATA, "Convert labelled images: VOC, COCO, YOLO, CreateML, CSV, TFRecord"),
    Command("split", "split_folder", DATA, "Divide images into train, validation and test, by patient and by picture"),
    Command(
        "fetch", "fetch_resource", MODEL, "Download a public data set, or a model of the TensorFlow 2 detection zoo"
    ),
    Command(
        "configure",
        "configure_pipeline",
        MODEL,
        "Write or edit a pipeline.config of the TensorFlow Object Detection API",
    ),
    Command("models", "list_models", MODEL, "List the models: sizes, times, licences, where their weights come from"),
    Command("train", "train_model", MODEL, "Train a detector on a folder of labelled images"),
    Command("import-tf", "import_checkpoint", MODEL, "Import a model that TensorFlow's tools trained"),
    Command("evaluate", "evaluate_model", MODEL, "Measure a model on labelled images: AP, FROC, sensitivity, AUC"),
    Command("compare", "compare_models", MODEL, "Models on the same images: differences with intervals and p-values"),
    Command("agree", "compare_readers", MODEL, "Readers on the same images, against each other and against a model"),
    Command(
        "reader-study",
        "analyse_reader_study",
        MODEL,
        "Readers with and without a model: MRMC, AUC, JAFROC, with a page",
    ),
    Command("sample-size", "plan_reader_study", MODEL, "How many readers and images a reader study needs"),
    Command("calibrate", "calibrate_model", MODEL, "Choose a model's threshold for an aim, and calibrate its scores"),
    Command("export", "export_model", MODEL, "Export a trained model to one file that runs without PyTorch"),
    Command("detect", "detect", USE, "Find fractures on images: pictures, JSON, CSV and Pascal VOC"),
    Command("serve", "serve", USE, "Find fractures in the browser, and a REST API for programs"),
    Command("node", "run_node", USE, "A DICOM node: radiographs come from the archive, and results go back to it"),
    Command(
        "doctor", "examine_installation", USE, "Show versions, devices and disk, and what is missing for which command"
    ),
)


def find_command(name: str) -> Command:
    """The command of this name.

    Raises:
        KeyError: No such command.
    """
    return {command.name: command for command in COMMANDS}[name]
