"""The table of commands: what ``fractura --help`` lists, and where each command lives.

To add one: write ``commands/<name>.py`` with a function of the same name and give it a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Command:
    """One line of the table.

    Attributes:
        name: As typed; a hyphen is an underscore in the module's and the function's name.
        panel: Heading it stands under in the help.
        summary: One line for the list of commands, no full stop.
    """

    name: str
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
    Command("phantom", DATA, "Make a small data set of artificial radiographs to try everything on"),
    Command("label", DATA, "Draw and correct boxes in the browser, in LabelImg's files"),
    Command("check", DATA, "Look for mistakes in a folder of labelled images"),
    Command("convert", DATA, "Turn labelled images into another format: VOC, COCO, YOLO, CreateML, CSV, TFRecord"),
    Command("split", DATA, "Divide images into train, validation and test, by patient and by look"),
    Command("fetch", MODEL, "Download a public data set, or a model of the TensorFlow 2 detection zoo"),
    Command("configure", MODEL, "Write or edit a pipeline.config of the TensorFlow Object Detection API"),
    Command("models", MODEL, "List the models: sizes, times, licences, where their weights come from"),
    Command("train", MODEL, "Train a detector on a folder of labelled images"),
    Command("import-tf", MODEL, "Bring over a model that TensorFlow's tools trained"),
    Command("evaluate", MODEL, "Measure a model on labelled images: AP, FROC, sensitivity, AUC"),
    Command("compare", MODEL, "Two models on the same images: differences with intervals and p-values"),
    Command("agree", MODEL, "Two readers on the same images, against each other and against a model"),
    Command("calibrate", MODEL, "Choose a model's threshold for an aim, and calibrate its scores"),
    Command("export", MODEL, "Turn a trained model into one file that runs without PyTorch"),
    Command("detect", USE, "Find fractures on images: pictures, JSON, CSV and Pascal VOC"),
    Command("serve", USE, "Find fractures in the browser, and a REST API for programs"),
)


def find_command(name: str) -> Command:
    """The command of this name.

    Raises:
        KeyError: No such command.
    """
    return {command.name: command for command in COMMANDS}[name]
