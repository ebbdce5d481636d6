"""``fractura calibrate``: choose a model's threshold for an aim, and learn what its scores are worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from fractura.cli import output as out
from fractura.cli.measuring import Rename
from fractura.core.errors import DataError

if TYPE_CHECKING:
    from fractura.core.boxes import Boxes
    from fractura.core.dataset import Dataset
    from fractura.evaluation.table import Table
    from fractura.evaluation.threshold import Aim, Choice

ROUNDS = 1000
"""Of the bootstrap: the card's metrics have their intervals."""


def calibrate(
    model: Annotated[Path, typer.Argument(help="Model folder or exported .onnx file.")],
    val: Annotated[
        Path, typer.Argument(help="Labelled images that the model was not trained on and is not tested on.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Model folder or .onnx file to write: a copy with the new card.",
            show_default="the model's own card is rewritten",
        ),
    ] = None,
    aim: Annotated[
        str,
        typer.Option(
            help="What the threshold is chosen for: f1, sensitivity=0.9, fp_per_image=0.5, image_sensitivity=0.95 or "
            "image_specificity=0.9."
        ),
    ] = "f1",
    method: Annotated[
        Literal["isotonic", "temperature", "none"], typer.Option(help="How scores become probabilities.")
    ] = "isotonic",
    rename: Rename = None,
    json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Choose a model's threshold on validation images, and calibrate its scores; both are written into its card.

    The built-in model stays as it is: give its copy a name with --output.

    Aims: f1 is where sensitivity and precision are best together; sensitivity=0.9 finds at least that share of the
    fractures; fp_per_image=0.5 allows that many false positives an image. A detection finds a box if it overlaps it
    with IoU 0.3. Of whole images, image_sensitivity=0.95 flags at least that share of the fractured ones, and
    image_specificity=0.9 leaves at least that share of the normal ones without a detection.

    Probabilities hold where fractures are as frequent as on these images.
    """
    from fractura.cli.measuring import predict, read_labelled
    from fractura.core.model_card import ModelCard
    from fractura.evaluation import evaluate
    from fractura.evaluation.calibration import fit_calibrator
    from fractura.evaluation.leakage import refuse_trained_images
    from fractura.evaluation.table import build_table
    from fractura.evaluation.threshold import Aim
    from fractura.inference import load_model
    from fractura.inference.stored_card import refuse_fixed_card, replace_card
    from fractura.inference.views import WHOLE

    wanted = Aim.parse(aim)
    refuse_fixed_card(model, output)
    loaded = load_model(model)
    card = loaded.card
    dataset = read_labelled(val, card.class_names, rename)
    refuse_trained_images(card, dataset, val)
    if not any(record.is_positive for record in dataset):
        raise DataError(
            "none of these images has a fracture to find: no threshold can be chosen",
            file=val,
            hint="add images with boxes; those flagged difficult do not count",
        )
    predictions = predict(loaded, dataset)
    choice = _choose(dataset, predictions, wanted, val)
    fast = _choose(dataset, predict(loaded, dataset, WHOLE), wanted, val) if card.views != WHOLE else None
    table = build_table(dataset, predictions)
    calibrator = None if method == "none" else fit_calibrator(table, method)
    worth = "the scores are not calibrated" if method == "none" else _worth(table, method)
    # Of the raw scores: probabilities are always right on the images they were fitted on.
    evaluation = evaluate(dataset, predictions, threshold=choice.threshold, rounds=ROUNDS, details=False)
    chosen: dict[str, Any] = {
        "threshold": choice.threshold,
        "threshold_aim": str(wanted),
        "threshold_data": dataset.fingerprint(),
        "fast_threshold": None if fast is None else fast.threshold,
        "calibration": None if calibrator is None else calibrator.to_dict(),
    }
    metrics = {**card.metrics, "validation": evaluation.summary()}
    images = {**card.data, "threshold": dataset.describe()}
    new = ModelCard.model_validate({**card.model_dump(), **chosen, "data": images, "metrics": metrics})
    replace_card(model, new, output)
    written = model if output is None else output
    if json:
        out.write_json({"model": str(written), **chosen})
    else:
        out.write_line(f"{wanted}: {choice}")
        if fast is not None:
            out.write_line(f"{wanted}, each image once (--fast): {fast}")
        out.write_line(worth)
        out.write_line(f"threshold before: {card.threshold:.4g}; written into the card of {written}")


def _worth(table: Table, method: str) -> str:
    """A line on what the calibration does to the scores of images it was not fitted on; a warning if it harms them."""
    from fractura.evaluation.calibration import cross_fitted_errors

    try:
        errors = cross_fitted_errors(table, method)
    except DataError:
        return f"{method} calibration: too few images to tell what it is worth on others"
    worse = [f"{what}s" for what, (before, after) in errors.items() if after > before]
    if worse:
        others = "--method none" if method == "temperature" else "--method temperature or --method none"
        out.warn(f"the {method} calibration makes scores of {' and '.join(worse)} worse on other images: try {others}")
    parts = [f"{what}s {before:.3f} before, {after:.3f} after" for what, (before, after) in errors.items()]
    return f"{method} calibration, expected error on images it was not fitted on (5 parts): {'; '.join(parts)}"


def _choose(dataset: Dataset, predictions: list[Boxes], aim: Aim, val: Path) -> Choice:
    """The threshold for an aim.

    Raises:
        DataError: No threshold reaches the aim on these images.
    """
    from fractura.evaluation.threshold import choose_threshold

    choice = choose_threshold(dataset, predictions, aim)
    if not choice.reached:
        raise DataError(
            f"no threshold reaches the aim {aim} here; the nearest: {choice}",
            file=val,
            hint="ask for less, or train the model further; the model is left as it was",
        )
    return choice
