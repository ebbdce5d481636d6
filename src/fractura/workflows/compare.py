"""``compare_models``: two or more models on the same images, with their report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.core.model_card import ModelCard
from fractura.core.output_folder import refuse_full_folder, unfinished
from fractura.core.reporter import LOG, Reporter
from fractura.evaluation import metric_text
from fractura.evaluation.comparison import MAIN, MAIN_TEXT, Comparison, compare, corrected
from fractura.evaluation.leakage import Leakage
from fractura.evaluation.manifest import read_manifest
from fractura.evaluation.report.comparison_report import (
    COMPARISON_FILE,
    ComparisonContext,
    holds_comparison,
    write_comparison,
)
from fractura.evaluation.report.tables import say_without_word
from fractura.inference import load_model
from fractura.workflows.labelled import find_candidates, read_labelled


@dataclass(frozen=True, kw_only=True)
class ModelComparison:
    """Models measured on the same images, each compared with the first.

    Attributes:
        models: Their paths, the first one's first.
        cards: Their cards.
        data: Where the images are.
        leakages: How many of the images had a part in making each model.
        warnings: What must be known before the metrics are believed.
        comparisons: Of each other model with the first: metrics, differences, intervals, p-values and tests.
        report: The page that was written; None without an output folder.
    """

    models: tuple[Path, ...]
    cards: tuple[ModelCard, ...]
    data: Path
    leakages: tuple[Leakage, ...]
    warnings: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    report: Path | None = None

    @property
    def comparison(self) -> Comparison:
        """Of the second model with the first."""
        return self.comparisons[0]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: the second model against the first, and under ``also`` each further one."""
        return {
            "first": str(self.models[0]),
            "second": str(self.models[1]),
            "data": str(self.data),
            "overlap": {"first": self.leakages[0].to_dict(), "second": self.leakages[1].to_dict()},
            "warnings": list(self.warnings),
            **self.comparison.to_dict(),
            "also": [
                {"second": str(path), "overlap": leakage.to_dict(), **comparison.to_dict()}
                for path, leakage, comparison in zip(
                    self.models[2:], self.leakages[2:], self.comparisons[1:], strict=True
                )
            ],
        }

    def rows(self, number: int = 0, *, every: bool = False) -> list[list[str | None]]:
        """The metrics as text: name, first, second, difference with its interval, p-value; None where not defined.

        Args:
            number: Which of ``comparisons``.
            every: All metrics, with their full names; else the main ones, in few words.
        """
        differences = self.comparisons[number].differences
        names = {key: metric_text(key) for key in differences} if every else MAIN
        rows = []
        for key, name in names.items():
            each = differences[key]
            interval = None if each.low is None else f"{each.difference:+.3f} ({each.low:+.3f} to {each.high:+.3f})"
            first, second, p = (
                None if value is None else f"{value:.3f}" for value in (each.first, each.second, each.p)
            )
            rows.append([name, first, second, interval, p])
        return rows

    def test_lines(self, number: int = 0) -> list[str]:
        """The tests of whole images, a line each."""
        comparison, lines = self.comparisons[number], []
        auc = comparison.delong
        if auc is not None and auc.p is not None:
            lines.append(f"image AUC, DeLong: {auc.difference:+.3f} ({auc.low:+.3f} to {auc.high:+.3f}), p {auc.p:.3f}")
        for key, test in comparison.mcnemar.items():
            lines.append(
                f"{key.replace('_', ' ')}, McNemar: right in the first only {test.first}, in the second only "
                f"{test.second}, exact p {test.p_exact:.3f}, mid-p {test.p_mid:.3f}"
            )
            if test.p_clustered is not None:
                lines.append(f"{key.replace('_', ' ')}, images of a patient or study as a cluster: p {test.p:.3f}")
        return lines

    def legend(self) -> tuple[str, str]:
        """What the main metrics' short names mean, and how many metrics there are besides."""
        return MAIN_TEXT, f"{len(self.comparison.differences) - len(MAIN)} more metrics with --all"


def compare_models(
    first: Path | str,
    second: Path | str,
    data: Path | str,
    output: Path | str | None = None,
    *,
    also: Sequence[Path | str] = (),
    rounds: int = 1000,
    seed: int = 0,
    groups: Path | str | None = None,
    rename: Mapping[str, str] | None = None,
    language: Literal["en", "es"] = "en",
    overwrite: bool = False,
    reporter: Reporter = LOG,
) -> ModelComparison:
    """Compare models on the same images, each from its own threshold: paired bootstrap, McNemar, DeLong, Holm.

    Args:
        first: ``built-in``, a model folder or an exported ``.onnx`` file.
        second: Another model; the differences are its metrics less the first one's.
        data: Labelled images, in any format that ``read_dataset`` reads.
        output: Folder for ``comparison.html``, ``.json``, ``.csv`` and the plots, new or empty; None writes nothing.
        also: Further models to be compared with the first; Holm's correction counts them all.
        rounds: Resamples for intervals and p-values.
        seed: Of the resamples.
        groups: CSV table of the images that names their patients.
        rename: For classes of the images the models' class that they mean.
        language: Of the page.
        overwrite: Replace an earlier comparison.
        reporter: Shows warnings and progress.

    Raises:
        DataError: Images or table cannot be read, or results not be written.
        ModelError: A model cannot be used.
        UsageError: There is no such class to rename, or the output folder is in use.
        MissingDependencyError: What runs a model is not installed.

    Example:
        ``compare_models("built-in", "my_model", "val_images").comparison.differences["AP50"].p``
    """
    folder = None if output is None else Path(output)
    refuse = partial(refuse_full_folder, folder, holds_comparison, overwrite=overwrite)
    refuse()
    paths, data = tuple(Path(path) for path in (first, second, *also)), Path(data)
    models = [load_model(path, many=True) for path in (first, second, *also)]
    cards = tuple(model.card for model in models)
    sets: list[Dataset] = []
    for number, card in enumerate(cards):
        known = [sets[earlier] for earlier in range(number) if cards[earlier].class_names == card.class_names]
        sets.append(known[0] if known else read_labelled(data, card.class_names, rename=rename, reporter=reporter))
    if groups is not None:
        manifest = read_manifest(Path(groups))
        sets = [manifest.complete(dataset) for dataset in sets]
    candidates = [
        find_candidates(model, dataset, reporter=reporter) for model, dataset in zip(models, sets, strict=True)
    ]
    comparisons = corrected(
        [
            compare(
                (sets[0], candidates[0]),
                (sets[other], candidates[other]),
                thresholds=(cards[0].threshold, cards[other].threshold),
                rounds=rounds,
                seed=seed,
            )
            for other in range(1, len(models))
        ]
    )
    leakages = tuple(Leakage.of(card, dataset) for card, dataset in zip(cards, sets, strict=True))
    context = ComparisonContext(
        models=paths, cards=cards, dataset=sets[0], data_name=str(data), leakages=leakages, comparisons=comparisons,
        alike=_alike(cards, candidates),
    )  # fmt: skip
    result = ModelComparison(
        models=paths,
        cards=cards,
        data=data,
        leakages=leakages,
        warnings=tuple(str(warning) for warning in context.warnings),
        comparisons=comparisons,
        report=None if folder is None else folder / COMPARISON_FILE,
    )
    if folder is not None:
        with unfinished(folder, "compare", prepare=refuse):
            write_comparison(context, result.to_dict(), folder, language=language)
        say_without_word(reporter)
    return result


def _alike(cards: Sequence[ModelCard], candidates: Sequence[Sequence[Boxes]]) -> tuple[int, ...]:
    """The models after the first that give its very detections."""
    return tuple(
        number
        for number in range(1, len(cards))
        if cards[number].class_names == cards[0].class_names and candidates[number] == candidates[0]
    )
