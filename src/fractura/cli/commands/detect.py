"""``fractura detect``: images in, detections out."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fractura.cli import output as out
from fractura.core.errors import DataError

if TYPE_CHECKING:
    from fractura.core.model_card import ModelCard


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
    fast: Annotated[bool, typer.Option("--fast", help="Look at each image once, whole: quicker, less sure.")] = False,
    tile: Annotated[
        bool, typer.Option("--tile", help="Look at large images in overlapping tiles, too: for small fractures.")
    ] = False,
    tile_size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Side of a tile; implies --tile.", show_default="1536")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Draw where the evidence for the detections lies: some seconds an image.")
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
    from fractura.inference import load_model
    from fractura.inference.detect import detect_images
    from fractura.inference.discovery import find_images
    from fractura.inference.explanation import explain as evidence_for
    from fractura.inference.results import DEFAULT_FOLDER, ResultFolder, free_folder
    from fractura.inference.views import TILE_SIZE, WHOLE, known_views

    found = find_images(paths)
    if found.passed_over:
        kinds = ", ".join(f"{count} {kind}" for kind, count in found.passed_over.items())
        out.say(f"passed over, for not being images: {kinds}")
    loaded = load_model(model, label_map=label_map)
    card = loaded.card
    _introduce(card)
    views = WHOLE if fast else card.views
    if tile or tile_size is not None:
        views = known_views((*views, f"tiles={TILE_SIZE if tile_size is None else tile_size}"))
    if threshold is None:
        threshold = card.threshold if not fast or card.fast_threshold is None else card.fast_threshold
    folder = output or (Path(DEFAULT_FOLDER) if overwrite else free_folder(Path(DEFAULT_FOLDER)))
    inputs = [path for path in paths if path.is_dir()]
    with ResultFolder(folder, card, threshold, views, found.images, inputs=inputs, overwrite=overwrite) as results:
        detections = detect_images(
            loaded, found.images, threshold, views=views, on_error=on_error, problems=results.problems
        )
        with out.progress(detections, description="detecting", total=len(found.images)) as shown:
            for prediction in shown:
                detected = explain and len(prediction.boxes) > 0
                heat = evidence_for(loaded, prediction.pixels, prediction.boxes, views) if detected else None
                results.add(prediction, heat)
    for problem in results.problems:
        out.warn(f"skipped {problem}")
    document = results.to_dict()
    if json:
        out.write_json(document)
    else:
        _print(document, folder)
    if show and document["images"]:
        _open(folder / document["images"][0]["picture"])
    if not document["images"]:
        raise DataError("none of the images could be read", hint="see the lines above for each of them")


def _introduce(card: ModelCard) -> None:
    """Which model it is, on what terms, and what it is not for."""
    terms = f"; {card.licence.removesuffix('.')}." if card.licence else "."
    warning = "" if "medical device" in terms else " A research tool, not a medical device."
    out.say(f"model {card.name}{terms}{warning}")


def _print(document: dict[str, Any], folder: Path) -> None:
    rows = []
    for image in document["images"]:
        best = image["detections"][0] if image["detections"] else {"class": None, "score": None}
        score = None if best["score"] is None else f"{best['score']:.3f}"
        rows.append((image["image"], f"{image['image_score']:.3f}", len(image["detections"]), best["class"], score))
    out.write_table(
        ["image", "image score", "detections", "best", "score"], rows, numeric=["image score", "detections", "score"]
    )
    detected = sum(bool(image["detections"]) for image in document["images"])
    out.say(
        f"{detected} of {len(document['images'])} images have detections at threshold {document['threshold']:g}"
        + (f"; {len(document['skipped'])} images skipped" if document["skipped"] else "")
        + f"; results are in {folder}"
    )


def _open(picture: Path) -> None:
    """Show a picture; where there is no screen, say so and go on."""
    screen = sys.platform in ("win32", "darwin") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    if not screen or not webbrowser.open(picture.resolve().as_uri()):
        out.warn(f"no viewer could be opened here; the picture is {picture}")
