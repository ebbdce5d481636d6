"""Options that several commands share, and what the text of an option means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fractura.core.errors import UsageError
from fractura.core.json_text import parse_json
from fractura.core.translation import Code

Rename = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=CLASS", help="A class of the images, and which of the model's it is; may be repeated."),
]
SourceFormat = Annotated[
    Literal[
        "voc",
        "coco",
        "yolo",
        "createml",
        "csv",
        "tfrecord",
        "cvat",
        "labelme",
        "via",
        "label-studio",
        "rsna",
        "vindr",
    ]
    | None,
    typer.Option("--from", help="Format of the labelled images.", show_default="guessed"),
]
Precision = Annotated[
    Literal["float32", "bf16"],
    typer.Option(help="bf16: a model folder multiplies in 16 bits, where the machine does that faster."),
]
ReportLanguage = Annotated[
    Code | None,
    typer.Option("--language", help="Language of the terminal and the report.", show_default="that of the system"),
]
ImageDir = Annotated[
    Path | None,
    typer.Option(
        "--image-dir",
        help="Where the images lie, sub-folders included, if apart from their annotations.",
        show_default="where the format has them",
    ),
]
LabelledImages = Annotated[
    Path | None,
    typer.Option(
        "--data", help="Images with the boxes taken as true; needed for places, or where no column says 'fractured'."
    ),
]
Criterion = Annotated[
    Literal["iou10", "iou30", "iou50", "centre"],
    typer.Option(help="When a place finds a fracture: overlap of 0.1, 0.3, 0.5, or its centre in the box."),
]
PositiveFrom = Annotated[
    float | None,
    typer.Option(
        help="Rating from which an image counts as called fractured: adds sensitivity and specificity.",
        show_default=False,
    ),
]
OnLabelError = Annotated[
    Literal["stop", "skip", "skip-all"],
    typer.Option(
        help="At an unusable image or box: skip leaves the image out, but stops where all boxes or over a tenth of the "
        "images with boxes would be lost; skip-all never stops."
    ),
]
Host = Annotated[str, typer.Option(help="Address to listen on; other than this machine only with a token.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any that is free.")]
Token = Annotated[
    str | None,
    typer.Option(
        envvar="FRACTURA_TOKEN",
        help="Secret that a browser or program must show, 16 letters or more.",
        show_default=False,
    ),
]
NoBrowser = Annotated[bool, typer.Option("--no-browser", help="Only print the address.")]


def names_in(text: str | None) -> list[str] | None:
    """The names in ``a,b,c``, without blanks around them; None for None.

    Raises:
        UsageError: A name is empty.
    """
    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise UsageError(f"a class name is empty in '{text}'", hint="write them as a,b,c")
    return names


def renames(pairs: Sequence[str] | None) -> dict[str, str]:
    """What each ``NAME=CLASS`` says.

    Raises:
        UsageError: One has no equals sign.
    """
    renamed = {}
    for pair in pairs or ():
        name, equals, meant = pair.partition("=")
        if not equals:
            raise UsageError(f"'{pair}' says no class to rename", hint="such as --rename fracture=Fractura")
        renamed[name] = meant
    return renamed


def assignments(texts: Sequence[str] | None) -> dict[str, Any]:
    """What each ``NAME=VALUE`` says; a value is JSON where it can be read as such, else a word.

    Raises:
        UsageError: One has no equals sign.
    """
    return dict(_assignment(text) for text in texts or ())


def _assignment(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"'{text}' is not NAME=VALUE", hint="such as --set ema_decay=0.99")
    try:
        return name.strip(), parse_json(value)
    except ValueError:
        return name.strip(), value


def given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options that the user typed: those that are not None."""
    return {name: value for name, value in values.items() if value is not None}


def option_names(settings: Mapping[str, Any], others: Mapping[str, str]) -> dict[str, str]:
    """The options of settings, for messages: ``--num-steps`` for ``num_steps``, unless ``others`` names another."""
    return {name: others.get(name, "--" + name.replace("_", "-")) for name in settings}
