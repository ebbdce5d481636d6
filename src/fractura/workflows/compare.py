"""``compare_models``: two models on the same images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fractura.core.model_card import ModelCard
from fractura.core.reporter import LOG, Reporter
from fractura.evaluation import metric_text
from fractura.evaluation.comparison import MAIN, MAIN_TEXT, Comparison, compare
from fractura.evaluation.leakage import Leakage
from fractura.evaluation.manifest import read_manifest
from fractura.inference import load_model
from fractura.workflows.labelled import find_candidates, read_labelled


@dataclass(frozen=True, kw_only=True)
class ModelComparison:
    """Two models measured on the same images.

    Attributes:
        models: Their paths, the first one's first.
        cards: Their cards.
        data: Where the images are.
        leakages: How many of the images had a part in making each model.
        warnings: What must be known before the metrics are believed.
        comparison: Metrics, differences, intervals and p-values.
    """

    models: tuple[Path, Path]
    cards: tuple[ModelCard, ModelCard]
    data: Path
    leakages: tuple[Leakage, Leakage]
    warnings: tuple[str, ...]
    comparison: Comparison

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "first": str(self.models[0]),
            "second": str(self.models[1]),
            "data": str(self.data),
            "overlap": dict(zip(("first", "second"), (leakage.to_dict() for leakage in self.leakages), strict=True)),
            "warnings": list(self.warnings),
            **self.comparison.to_dict(),
        }

    def rows(self, *, every: bool = False) -> list[tuple[str, str | None, str | None, str | None, str | None]]:
        """The metrics as text: name, first, second, difference with its interval, p-value; None where not defined.

        Args:
            every: All metrics, with their full names; else the main ones, in few words.
        """
        names = {key: metric_text(key) for key in self.comparison.differences} if every else MAIN
        rows = []
        for key, name in names.items():
            each = self.comparison.differences[key]
            interval = None if each.low is None else f"{each.difference:+.3f} ({each.low:+.3f} to {each.high:+.3f})"
            first, second, p = (
                None if value is None else f"{value:.3f}" for value in (each.first, each.second, each.p)
            )
            rows.append((name, first, second, interval, p))
        return rows

    def legend(self) -> str:
        """What the main metrics' short names mean."""
        return f"{MAIN_TEXT}; {len(self.comparison.differences) - len(MAIN)} more metrics with --all"


def compare_models(
    first: Path | str,
    second: Path | str,
    data: Path | str,
    *,
    rounds: int = 1000,
    seed: int = 0,
    groups: Path | str | None = None,
    rename: Mapping[str, str] | None = None,
    reporter: Reporter = LOG,
) -> ModelComparison:
    """Compare two models on the same images by a paired bootstrap, each from its own threshold.

    Args:
        first: ``built-in``, a model folder or an exported ``.onnx`` file.
        second: The other model; the differences are its metrics less the first one's.
        data: Labelled images, in any format that ``read_dataset`` reads.
        rounds: Resamples for intervals and p-values.
        seed: Of the resamples.
        groups: CSV table of the images that names their patients.
        rename: For classes of the images the models' class that they mean.
        reporter: Shows warnings and progress.

    Raises:
        DataError: Images or table cannot be read.
        ModelError: A model cannot be used.
        UsageError: There is no such class to rename.
        MissingDependencyError: What runs a model is not installed.

    Example:
        ``compare_models("built-in", "my_model", "val_images").comparison.differences["AP50"].p``
    """
    models, data = [load_model(path) for path in (first, second)], Path(data)
    cards = (models[0].card, models[1].card)
    sets = [read_labelled(data, cards[0].class_names, rename=rename, reporter=reporter)]
    same_classes = cards[0].class_names == cards[1].class_names
    sets.append(
        sets[0] if same_classes else read_labelled(data, cards[1].class_names, rename=rename, reporter=reporter)
    )
    if groups is not None:
        manifest = read_manifest(Path(groups))
        sets = [manifest.complete(dataset) for dataset in sets]
    candidates = [
        find_candidates(model, dataset, reporter=reporter) for model, dataset in zip(models, sets, strict=True)
    ]
    comparison = compare(
        (sets[0], candidates[0]),
        (sets[1], candidates[1]),
        thresholds=(cards[0].threshold, cards[1].threshold),
        rounds=rounds,
        seed=seed,
    )
    leakages = (Leakage.of(cards[0], sets[0]), Leakage.of(cards[1], sets[1]))
    warnings = [
        f"the {which} model: {warning}"
        for which, leakage in zip(("first", "second"), leakages, strict=True)
        for warning in leakage.warnings(own_threshold=True, calibrated=False)
    ]
    if same_classes and candidates[0] == candidates[1]:
        differ = "" if cards[0].threshold == cards[1].threshold else "; they differ in their thresholds alone"
        warnings.append(f"both give the very same detections on every image: they are the same model{differ}")
    return ModelComparison(
        models=(Path(first), Path(second)),
        cards=cards,
        data=data,
        leakages=leakages,
        warnings=tuple(warnings),
        comparison=comparison,
    )
