"""``evaluate_model``: a model measured on labelled images, with its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from fractura.core.calibrator import Calibrator
from fractura.core.dataset import Dataset
from fractura.core.errors import DataError, UsageError
from fractura.core.files import write_atomically
from fractura.core.json_text import json_text
from fractura.core.model_card import ModelCard
from fractura.core.output_folder import refuse_full_folder, unfinished
from fractura.core.reporter import LOG, Reporter
from fractura.evaluation import Evaluation, ImageGroup, evaluate, image_groups
from fractura.evaluation.documents import EvaluationFileDocument
from fractura.evaluation.evaluation_folder import EVALUATION_FILE, holds_evaluation, write_tables
from fractura.evaluation.leakage import Leakage
from fractura.evaluation.manifest import read_manifest
from fractura.evaluation.report import ReportContext, write_report
from fractura.evaluation.report.report import REPORT_FILE
from fractura.evaluation.report.tables import say_without_word
from fractura.evaluation.rows import SUBGROUP_COLUMNS
from fractura.formats.faults import UnusedImagesError
from fractura.imaging.dicom.demographics import Demographics
from fractura.imaging.reader import radiograph_demographics
from fractura.inference import Precision
from fractura.inference.settings import DetectionSettings
from fractura.workflows.labelled import find_candidates, read_labelled
from fractura.workflows.loading import open_model


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelEvaluation:
    """A model measured on images.

    Attributes:
        model: Its path.
        card: Its card.
        data: Where the images are.
        fingerprint: Of the images and their boxes.
        leakage: How many of the images had a part in making the model.
        warnings: What must be known before the metrics are believed.
        evaluation: Everything that was measured.
        report: The page that was written; None without an output folder.
    """

    model: Path
    card: ModelCard
    data: Path
    fingerprint: str
    leakage: Leakage
    warnings: tuple[str, ...]
    evaluation: Evaluation
    report: Path | None = None

    def to_dict(self) -> EvaluationFileDocument:
        """The content of ``evaluation.json``."""
        return {
            "model": {"name": self.card.name, "path": str(self.model)},
            "data": {"path": str(self.data), "fingerprint": self.fingerprint, "overlap": self.leakage.to_dict()},
            "warnings": list(self.warnings),
            **self.evaluation.to_dict(),
        }

    def subgroup_table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows of the main metrics of each subgroup, as text."""
        return ["group", "images", "boxes", *SUBGROUP_COLUMNS.values()], self.evaluation.subgroup_rows()


def evaluate_model(
    model: Path | str,
    data: Path | str,
    output: Path | str | None = None,
    *,
    threshold: float | None = None,
    fast: bool = False,
    precision: Precision = "float32",
    rounds: int = 1000,
    seed: int = 0,
    groups: Path | str | None = None,
    without: Sequence[str] = (),
    prevalence: float | None = None,
    rename: Mapping[str, str] | None = None,
    source_format: str | None = None,
    image_dir: Path | str | None = None,
    language: Literal["en", "es"] = "en",
    overwrite: bool = False,
    reporter: Reporter = LOG,
) -> ModelEvaluation:
    """Measure a model on labelled images. Detections of any other program are measured by ``evaluate``.

    Args:
        model: ``built-in``, a model folder or an exported ``.onnx`` file.
        data: Labelled images, in any format that ``read_dataset`` reads.
        output: Folder for ``evaluation.json``, the tables and the report, new or empty; None writes nothing.
        threshold: Score from which a detection counts, 0..1; by default the model's own.
        fast: Use the whole image only, as ``detect`` does with ``fast``.
        precision: ``bf16`` for a model folder, see ``load_model``.
        rounds: Resamples for the intervals; 0 gives none.
        seed: Of the resamples.
        groups: CSV table of the images whose columns give patients, studies and subgroups.
        without: Columns of that table; the images where one is not 1 are measured on their own, too.
        prevalence: Share of images that are fractured where the model is to be used, above 0 and below 1: predictive
            values and the decision curve are given for it; by default for that of these images.
        rename: For classes of the images the model's class that they mean.
        source_format: Format of ``data``; by default it is guessed.
        image_dir: Where the images lie, if not where the format has them.
        language: Of the report.
        overwrite: Replace an earlier evaluation.
        reporter: Shows warnings and progress.

    Raises:
        DataError: Images or table cannot be read, or results not be written.
        ModelError: The model cannot be used.
        UsageError: ``without`` needs ``groups``, the prevalence is not between 0 and 1, or the output folder is in use.
        MissingDependencyError: What runs the model is not installed.

    Example:
        ``evaluate_model("built-in", "val_images").evaluation.value("AP50")``
    """
    if without and groups is None:
        raise UsageError("--without needs the table of the images", hint="give it with --groups manifest.csv")
    if prevalence is not None and not 0 < prevalence < 1:
        raise UsageError(
            f"a prevalence of {prevalence:g} is not between 0 and 1",
            hint="give the share of images with a fracture where the model is to be used, such as --prevalence 0.1",
        )
    model, data = Path(model), Path(data)
    folder = None if output is None else Path(output)
    refuse = partial(refuse_full_folder, folder, holds_evaluation, overwrite=overwrite)
    refuse()
    loaded = open_model(model, reporter, precision=precision, many=True)
    card = loaded.card
    unused: list[UnusedImagesError] = []
    labelled = read_labelled(
        data,
        card.class_names,
        rename=rename,
        source_format=source_format,
        image_dir=None if image_dir is None else Path(image_dir),
        unused=unused,
        reporter=reporter,
    )
    dataset, parts = _divide(labelled, groups, without, reporter)
    settings = DetectionSettings.of(card, threshold=threshold, fast=fast)
    evaluation = evaluate(
        dataset,
        find_candidates(loaded, dataset, views=settings.views, reporter=reporter),
        threshold=settings.threshold,
        rounds=rounds,
        seed=seed,
        groups=parts,
        calibrator=Calibrator.from_card(card, settings.views),
        prevalence=prevalence,
    )
    context = ReportContext(
        evaluation=evaluation,
        card=card,
        dataset=dataset,
        data_name=str(data),
        views=settings.views,
        unused=Counter({each.reason: each.count for each in unused}),
        people=() if folder is None else _people(dataset, groups),
    )
    result = ModelEvaluation(
        model=model,
        card=card,
        data=data,
        fingerprint=context.fingerprint,
        leakage=context.leakage,
        warnings=tuple(str(warning) for warning in context.warnings),
        evaluation=evaluation,
        report=None if folder is None else folder / REPORT_FILE,
    )
    if folder is not None:
        with unfinished(folder, "evaluate", prepare=refuse):
            write_atomically(folder / EVALUATION_FILE, json_text(result.to_dict()))
            write_tables(evaluation, folder)
            write_report(context, folder, language=language)
        say_without_word(reporter)
    return result


def _people(dataset: Dataset, table: Path | str | None) -> tuple[Demographics, ...]:
    """Age and sex of the person on each image, as the table says, else its DICOM header; they are kept nowhere."""
    known = [Demographics()] * len(dataset) if table is None else read_manifest(Path(table)).demographics(dataset)
    people = []
    for record, person in zip(dataset, known, strict=True):
        try:
            header = radiograph_demographics(record.image if record.span is None else record.read_bytes())
        except DataError:  # changed on the disk since it was measured
            header = Demographics()
        age, sex = header.age if person.age is None else person.age, person.sex or header.sex
        people.append(Demographics(age, sex))
    return tuple(people)


def _divide(
    dataset: Dataset, table: Path | str | None, without: Sequence[str], reporter: Reporter
) -> tuple[Dataset, list[ImageGroup]]:
    """The images with what a table adds to them, and the parts to be measured on their own."""
    if table is None:
        return dataset, image_groups(dataset)
    manifest = read_manifest(Path(table))
    completed = manifest.complete(dataset)
    if missing := manifest.missing(dataset):
        reporter.warn(f"{missing} images have no row in {table}: they are in none of its groups")
    parts = image_groups(completed) + manifest.groups(completed)
    parts += [manifest.without(completed, column) for column in without]
    for part in parts:
        if not part.images.any():
            reporter.say(f"no image is in the group '{part.by}: {part.name}'")
    return completed, parts
