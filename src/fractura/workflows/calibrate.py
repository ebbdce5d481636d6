"""``calibrate_model``: choose a model's threshold for an aim, and turn its scores into probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.core.model_card import ModelCard
from fractura.core.reporter import LOG, Reporter
from fractura.evaluation import evaluate
from fractura.evaluation.calibration import cross_fitted_errors, fit_calibrator
from fractura.evaluation.leakage import refuse_trained_images
from fractura.evaluation.table import Table, build_table
from fractura.evaluation.threshold import Aim, Choice, choose_threshold
from fractura.inference import load_model
from fractura.inference.stored_card import refuse_fixed_card, replace_card
from fractura.inference.views import WHOLE
from fractura.workflows.labelled import find_candidates, read_labelled

Method = Literal["isotonic", "temperature", "none"]
ROUNDS = 1000
"""Of the bootstrap: the card's metrics have their intervals."""


@dataclass(frozen=True, kw_only=True)
class ModelCalibration:
    """What ``calibrate_model`` chose and wrote.

    Attributes:
        model: Whose card was written.
        before: The card as it was.
        card: The card as it is now.
        aim: What the threshold was chosen for.
        choice: The threshold for the card's views, and what it gives on the images.
        fast_choice: The same for the whole image alone; None where the card's views are that already.
        method: How scores become probabilities.
        errors: Expected calibration error of ``image`` and ``detection`` scores on images the calibration was not
            fitted on, before and after; None without a calibration, or where there are too few images to tell.
    """

    model: Path
    before: ModelCard
    card: ModelCard
    aim: Aim
    choice: Choice
    fast_choice: Choice | None
    method: Method
    errors: Mapping[str, tuple[float, float]] | None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: what was written into the card."""
        return {"model": str(self.model), **_chosen(self.card)}


def calibrate_model(
    model: Path | str,
    data: Path | str,
    output: Path | str | None = None,
    *,
    aim: str = "f1",
    method: Method = "isotonic",
    rename: Mapping[str, str] | None = None,
    reporter: Reporter = LOG,
) -> ModelCalibration:
    """Choose a model's threshold on validation images, and calibrate its scores; both go into its card.

    Args:
        model: Model folder or exported ``.onnx`` file; ``built-in`` needs an ``output``.
        data: Labelled images that the model was not trained on and is not tested on.
        output: Model folder or ``.onnx`` file to write, a copy with the new card; by default the model's own card is
            rewritten.
        aim: See ``fractura.evaluation.threshold.Aim``.
        method: ``isotonic``, ``temperature`` or ``none``.
        rename: For classes of the images the model's class that they mean.
        reporter: Shows warnings and progress.

    Raises:
        DataError: The model was trained on some of the images, none has a fracture, no threshold reaches the aim (the
            model is left as it was), the images cannot be read, or the model cannot be written.
        ModelError: The model cannot be read or its card not be replaced.
        UsageError: There is no such aim or class, or ``output`` does not fit the model.
        MissingDependencyError: What runs or rewrites the model is not installed.

    Example:
        ``calibrate_model("built-in", "val_images", "mine.onnx", aim="image_sensitivity=0.95").choice.threshold``
    """
    model, data = Path(model), Path(data)
    output = None if output is None else Path(output)
    wanted = Aim.parse(aim)
    refuse_fixed_card(model, output)
    loaded = load_model(model, many=True)
    card = loaded.card
    dataset = read_labelled(data, card.class_names, rename=rename, reporter=reporter)
    refuse_trained_images(card, dataset, data)
    _refuse_without_fractures(dataset, data)
    candidates = find_candidates(loaded, dataset, reporter=reporter)
    choice, fast = _choose(dataset, candidates, wanted, data), None
    if card.views != WHOLE:
        seen_whole = find_candidates(loaded, dataset, views=WHOLE, reporter=reporter)
        fast = _choose(dataset, seen_whole, wanted, data)
    table = build_table(dataset, candidates)
    calibrator = None if method == "none" else fit_calibrator(table, method)
    errors = _errors(table, method, reporter)
    # Of the raw scores: probabilities are always right on the images they were fitted on.
    evaluation = evaluate(dataset, candidates, threshold=choice.threshold, rounds=ROUNDS, details=False)
    new = ModelCard.model_validate(
        {
            **card.model_dump(),
            "threshold": choice.threshold,
            "threshold_aim": str(wanted),
            "threshold_data": dataset.fingerprint(),
            "fast_threshold": None if fast is None else fast.threshold,
            "calibration": None if calibrator is None else calibrator.to_dict(),
            "data": {**card.data, "threshold": dataset.describe()},
            "metrics": {**card.metrics, "validation": evaluation.summary()},
        }
    )
    replace_card(model, new, output)
    return ModelCalibration(
        model=model if output is None else output,
        before=card,
        card=new,
        aim=wanted,
        choice=choice,
        fast_choice=fast,
        method=method,
        errors=errors,
    )


def _chosen(card: ModelCard) -> dict[str, Any]:
    names = ("threshold", "threshold_aim", "threshold_data", "fast_threshold", "calibration")
    return {name: getattr(card, name) for name in names}


def _refuse_without_fractures(dataset: Dataset, data: Path) -> None:
    if not any(record.is_positive for record in dataset):
        raise DataError(
            "none of these images has a fracture to find: no threshold can be chosen",
            file=data,
            hint="add images with boxes; those flagged difficult do not count",
        )


def _choose(dataset: Dataset, candidates: list[Boxes], aim: Aim, data: Path) -> Choice:
    choice = choose_threshold(dataset, candidates, aim)
    if not choice.reached:
        raise DataError(
            f"no threshold reaches the aim {aim} here; the nearest: {choice}",
            file=data,
            hint="ask for less, or train the model further; the model is left as it was",
        )
    return choice


def _errors(table: Table, method: Method, reporter: Reporter) -> dict[str, tuple[float, float]] | None:
    """What the calibration does to images it was not fitted on; a warning where it does harm."""
    if method == "none":
        return None
    try:
        errors = cross_fitted_errors(table, method)
    except DataError:
        return None
    worse = [f"{what}s" for what, (before, after) in errors.items() if after > before]
    if worse:
        others = "--method none" if method == "temperature" else "--method temperature or --method none"
        reporter.warn(
            f"the {method} calibration makes scores of {' and '.join(worse)} worse on other images: try {others}"
        )
    return dict(errors)
