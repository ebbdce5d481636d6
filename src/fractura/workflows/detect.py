"""``detect``: images and folders in, a folder of results out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fractura.core.errors import FracturaError
from fractura.core.model_card import ModelCard
from fractura.core.reporter import LOG, Reporter, track
from fractura.hospital.device import installed_device
from fractura.hospital.result_files import COMPANIONS, HospitalFiles, examined_images
from fractura.hospital.rules import Rules, read_rules, with_kinds
from fractura.inference import Precision
from fractura.inference.answer import threshold_text
from fractura.inference.detect import OnError, detect_images
from fractura.inference.discovery import find_images
from fractura.inference.explanation import explain as evidence_for
from fractura.inference.origin import ResultOrigin
from fractura.inference.result_folder import DEFAULT_FOLDER, ResultFolder, free_folder
from fractura.inference.results import ResultsDocument
from fractura.inference.settings import DetectionSettings
from fractura.workflows.loading import open_model

_MOST_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class DetectionRun:
    """What ``detect`` wrote.

    Attributes:
        folder: Holds ``results.json``, ``results.csv``, ``pictures/``, ``annotations/`` and, if asked for,
            ``explanations/`` and ``hospital/``.
        document: The content of ``results.json``.
        problems: Of the images that were skipped.
    """

    folder: Path
    document: ResultsDocument
    problems: tuple[FracturaError, ...]

    @property
    def has_read_nothing(self) -> bool:
        """True if none of the images could be read."""
        return all(image["error"] is not None for image in self.document["images"])

    @property
    def columns(self) -> list[str]:
        """Of ``rows``; there are probabilities only where the model is calibrated."""
        probability = ["probability"] if self.document["calibrated"] else []
        return ["image", "answer", *probability, "image score", "detections", "best", "score"]

    @property
    def numeric(self) -> list[str]:
        """The columns that hold numbers."""
        return [name for name in self.columns if name not in ("image", "answer", "best")]

    def rows(self) -> list[tuple[object, ...]]:
        """A row for each image, the answer for the whole image first; None where there is nothing to say."""
        rows: list[tuple[object, ...]] = []
        for image in self.document["images"]:
            if image["error"] is not None:
                rows.append((image["image"], "not read", *[None] * (len(self.columns) - 2)))
                continue
            best = image["detections"][0] if image["detections"] else None
            found = (None, None) if best is None else (best["class"], _number(best["score"]))
            probability = [_number(image["image_probability"])] if self.document["calibrated"] else []
            whole = (f"fracture {image['answer']}", *probability, _number(image["image_score"]))
            rows.append((image["image"], *whole, len(image["detections"]), *found))
        return rows

    def summary(self) -> str:
        """One line on all images."""
        document = self.document
        read = [image for image in document["images"] if image["error"] is None]
        detected, left = sum(bool(image["detections"]) for image in read), len(document["images"]) - len(read)
        return (
            f"{detected} of {len(read)} images have detections; "
            + threshold_text(document["threshold"], document["sensitivity"])
            + (f"; {left} images could not be read" if left else "")
            + f"; results are in {self.folder}"
        )

    def to_dict(self) -> ResultsDocument:
        """The content of ``results.json``."""
        return self.document

    @property
    def first_picture(self) -> Path | None:
        """The first image with its detections drawn; None where no image could be read."""
        pictures = (row["picture"] for row in self.document["images"])
        return next((self.folder / picture for picture in pictures if picture is not None), None)


def detect(
    paths: Sequence[Path | str],
    model: Path | str = "built-in",
    output: Path | str | None = None,
    *,
    threshold: float | None = None,
    fast: bool = False,
    tile: bool | int = False,
    explain: bool = False,
    identifiers: bool = False,
    hospital: Sequence[str] | None = None,
    rules: Path | str | None = None,
    label_map: Path | str | None = None,
    precision: Precision = "float32",
    on_error: OnError = "stop",
    overwrite: bool = False,
    reporter: Reporter = LOG,
) -> DetectionRun:
    """Find fractures on images, and write pictures, JSON, CSV and Pascal VOC files.

    For predictions in memory there are ``load_model(...).predict`` and ``detect_images``.

    Args:
        paths: Images and folders of images.
        model: ``built-in``, a model folder, an exported ``.onnx`` file or a SavedModel folder.
        output: Folder for the results, new or empty; by default ``fractura-results`` or the next free name after it.
        threshold: Lowest score of a detection, 0..1; by default the model's own.
        fast: Use the whole image only: about twice as fast, less accurate.
        tile: Use overlapping tiles as well; a number is their side in pixels.
        explain: Draw the evidence for the detections, too.
        identifiers: Write study, series and SOP instance UID and accession number of DICOM images into the results.
            Without it, nothing that leads to a patient leaves the files.
        hospital: Results for a hospital as well, for images that are DICOM: ``sr``, ``sc`` and ``gsps`` (structured
            report, secondary capture, presentation state), ``fhir``, ``fhir-r5`` and ``hl7`` (messages). They name the
            patient. With them comes a worklist, the most probable fractures first.
        rules: A TOML file that says which images are examined and which results for a hospital are written; see
            ``fractura.hospital.rules``. ``hospital`` goes before its kinds.
        label_map: Class names of a SavedModel without a card of ours.
        precision: ``bf16`` for a model folder, see ``load_model``.
        on_error: ``stop`` at the first image that cannot be read, or ``skip`` it.
        overwrite: Replace the results of an earlier run.
        reporter: Shows remarks and progress.

    Raises:
        DataError: A path does not exist, an image cannot be read (``stop``), or the folder cannot be written.
        ModelError: The model cannot be used.
        UsageError: The settings are not possible, or the output folder is in use.
        MissingDependencyError: What runs the model is not installed.

    Example:
        ``detect(["radiographs/"], output="found").document["images"]``
    """
    files = [Path(path) for path in paths]
    found = find_images(files)
    if found.passed_over:
        kinds = ", ".join(f"{count} {kind}" for kind, count in found.passed_over.items())
        reporter.say(f"passed over, for not being images: {kinds}")
    wanted = None if rules is None else read_rules(rules)
    if wanted is not None:
        found = replace(found, images=examined_images(found.images, wanted, reporter))
    if hospital is not None:
        wanted = with_kinds(wanted or Rules(), hospital)
    names = None if label_map is None else Path(label_map)
    loaded = open_model(model, reporter, label_map=names, precision=precision, many=len(found.images) > 1)
    card = loaded.card
    _introduce(card, reporter)
    settings = DetectionSettings.of(card, threshold=threshold, fast=fast, tile=tile)
    usual = Path(DEFAULT_FOLDER)
    folder = Path(output) if output is not None else usual if overwrite else free_folder(usual)
    inputs = [path for path in files if path.is_dir()]
    origin = ResultOrigin(card=card, digest=loaded.digest, settings=settings)
    with ResultFolder(
        *(folder, origin, found.images),
        inputs=inputs,
        overwrite=overwrite,
        identifiers=identifiers,
        companions=COMPANIONS,
    ) as results:
        sent = None if wanted is None else HospitalFiles(folder, wanted, origin, installed_device(), reporter)
        predictions = detect_images(loaded, found.images, settings, on_error=on_error, problems=results.problems)
        for prediction in track(reporter, predictions, "detecting", len(found.images)):
            heat = None
            if explain and len(prediction.boxes):
                heat = evidence_for(loaded, prediction.image, prediction.boxes, settings.views)
            row = results.add(prediction, heat)
            if sent is not None and prediction.path is not None:
                sent.add(prediction.name, prediction.path, row, prediction.image)
        if sent is not None:
            sent.finish(results.to_dict()["images"], identifiers=identifiers)
    for problem in results.problems:
        reporter.warn(f"skipped {problem}")
    _warn_of_others(results.to_dict(), reporter)
    return DetectionRun(folder=folder, document=results.to_dict(), problems=tuple(results.problems))


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"


def _warn_of_others(document: ResultsDocument, reporter: Reporter) -> None:
    """Say which images are outside what the model was trained on, a few of them by name."""
    outside: dict[str, list[str]] = {}
    for image in document["images"]:
        if image["warning"] is not None:
            outside.setdefault(image["warning"], []).append(image["image"])
    for warning, images in outside.items():
        for name in images[:_MOST_NAMED]:
            reporter.warn(f"{name}: {warning}")
        if len(images) > _MOST_NAMED:
            reporter.warn(f"{len(images)} images in all: {warning}")


def _introduce(card: ModelCard, reporter: Reporter) -> None:
    """Say which model it is, on what terms, and what it is not for."""
    terms = f"; {card.licence.removesuffix('.')}." if card.licence else "."
    warning = "" if "medical device" in terms else " A research tool, not a medical device."
    reporter.say(f"model {card.name}{terms}{warning}")
