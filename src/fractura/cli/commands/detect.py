"""``fractura detect``: images in, detections out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fractura.cli import output as out
from fractura.cli.options import Precision
from fractura.core.errors import DataError

if TYPE_CHECKING:
    from fractura import DetectionRun


def detect(
    paths: Annotated[list[Path], typer.Argument(metavar="IMAGE|FOLDER...", help="Images, and folders of images.")],
    model: Annotated[
        Path, typer.Option("--model", "-m", help="Model folder, exported .onnx file or SavedModel folder.")
    ] = Path("built-in"),
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the results: new or empty.",
            show_default="fractura-results, or the next free fractura-results-2, -3, …",
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Lowest score that counts.", show_default="the model's own")
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Use each whole image, once: faster, less accurate.")] = False,
    tile: Annotated[
        bool, typer.Option("--tile", help="Use overlapping tiles of large images as well: for small fractures.")
    ] = False,
    tile_size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Side of a tile; implies --tile.", show_default="1536")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Draw where the evidence for the detections lies: some seconds an image.")
    ] = False,
    identifiers: Annotated[
        bool,
        typer.Option(
            "--identifiers", help="Write study, series and SOP instance UID and accession number of DICOM images."
        ),
    ] = False,
    hospital: Annotated[
        str | None,
        typer.Option(
            metavar="KINDS",
            help="Results for a hospital, too, which name the patient: sr, sc, gsps (DICOM), fhir, fhir-r5, hl7; as "
            "sr,sc.",
            show_default=False,
        ),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(help="Which images are examined, and which results for a hospital written (.toml)."),
    ] = None,
    label_map: Annotated[
        Path | None, typer.Option(help="Class names of a SavedModel from the TensorFlow tools (.pbtxt).")
    ] = None,
    precision: Precision = "float32",
    show: Annotated[bool, typer.Option("--show", help="Open the first picture in the system's viewer.")] = False,
    on_error: Annotated[
        Literal["stop", "skip"], typer.Option(help="What to do with an image that cannot be read.")
    ] = "stop",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results of an earlier run.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print results.json instead of a table.")] = False,
) -> None:
    """Find fractures on images: pictures with boxes, results.json, results.csv and Pascal VOC files.

    The Pascal VOC files open in LabelImg and can be corrected there. A research tool, not a medical device.
    """
    from fractura import detect

    run = detect(
        paths,
        model,
        output,
        threshold=threshold,
        fast=fast,
        tile=tile if tile_size is None else tile_size,
        explain=explain,
        identifiers=identifiers,
        hospital=None if hospital is None else hospital.split(","),
        rules=rules,
        label_map=label_map,
        precision=precision,
        on_error=on_error,
        overwrite=overwrite,
        reporter=out.CONSOLE,
    )
    if json:
        out.write_json(run.to_dict())
    else:
        _write(run)
    if show and run.first_picture is not None:
        out.open_picture(run.first_picture)
    if run.has_read_nothing:
        raise DataError("none of the images could be read", hint="see the lines above for each of them")


def _write(run: DetectionRun) -> None:
    out.write_table(run.columns, run.rows(), numeric=run.numeric)
    out.say(run.summary())
