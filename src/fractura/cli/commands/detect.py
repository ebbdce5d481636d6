"""``fractura detect``: images in, detections out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from fractura.cli import output as out
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
    label_map: Annotated[
        Path | None, typer.Option(help="Class names of a SavedModel from the TensorFlow tools (.pbtxt).")
    ] = None,
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
        label_map=label_map,
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
    if all(image["error"] is not None for image in run.document["images"]):
        raise DataError("none of the images could be read", hint="see the lines above for each of them")


def _write(run: DetectionRun) -> None:
    from fractura.inference.answer import threshold_text

    document = run.document
    rows: list[tuple[object, ...]] = []
    for image in document["images"]:
        if image["error"] is not None:
            rows.append((image["image"], "not read", *[None] * 5))
            continue
        best = image["detections"][0] if image["detections"] else None
        found = (None, None) if best is None else (best["class"], _number(best["score"]))
        whole = (_number(image["image_probability"]), _number(image["image_score"]))
        rows.append((image["image"], f"fracture {image['answer']}", *whole, len(image["detections"]), *found))
    if not document["calibrated"]:  # scores are no probabilities: the column would be empty
        rows = [(*row[:2], *row[3:]) for row in rows]
    numeric = ["probability", "image score", "detections", "score"]
    head = ["image", "answer", *(numeric[:1] if document["calibrated"] else []), *numeric[1:3], "best", "score"]
    out.write_table(head, rows, numeric=[name for name in numeric if name in head])
    read = [image for image in document["images"] if image["error"] is None]
    detected, left = sum(bool(image["detections"]) for image in read), len(document["images"]) - len(read)
    out.say(
        f"{detected} of {len(read)} images have detections; "
        + threshold_text(document["threshold"], document["sensitivity"])
        + (f"; {left} images could not be read" if left else "")
        + f"; results are in {run.folder}"
    )


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"
