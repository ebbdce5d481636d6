"""A folder of results: pictures with the detections drawn, Pascal VOC files, ``results.json`` and ``results.csv``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fractura.core.errors import FracturaError, UsageError
from fractura.core.files import write_atomically
from fractura.core.json_text import json_object_in, json_text
from fractura.core.leftovers import holds_nothing
from fractura.core.output_folder import is_inside, left_unfinished, refuse_full_folder, unfinished
from fractura.core.printable import printable
from fractura.formats.voc.serializer import write_voc_file
from fractura.imaging.reader import radiograph_identifiers
from fractura.inference.discovery import ImageFile
from fractura.inference.origin import MADE_BY, ResultOrigin
from fractura.inference.prediction import Prediction, save_picture
from fractura.inference.render import draw_heat, with_caption
from fractura.inference.results import (
    CSV_FILE,
    JSON_FILE,
    ImageRow,
    ResultsDocument,
    failed_row,
    results_csv,
    results_document,
    unreadable,
    voc_annotation,
)

PICTURES, ANNOTATIONS, EXPLANATIONS = "pictures", "annotations", "explanations"
DEFAULT_FOLDER = "fractura-results"


class ResultFolder:
    """Takes predictions one by one and writes their files.

    Use it in a ``with`` block: ``results.json`` and ``results.csv`` are written at its end, also if an error ends it,
    with ``"complete": false`` then.

    Args:
        folder: New, empty, or (with ``overwrite``) holding the results of an earlier run, which are removed.
        origin: The model that detects, its views and threshold.
        images: All images of this run; the folder must be apart from them.
        inputs: Folders the images were searched in; the results must not lie in one.
        overwrite: Replace the results of an earlier run.
        identifiers: Write the identifiers of DICOM images, see ``fractura.imaging.dicom.DicomIdentifiers``.
        companions: Further files that others may write for an image, such as ``hospital/{name}.sr.dcm``.

    Attributes:
        problems: What was skipped; give it to ``detect_images``.

    Raises:
        UsageError: The folder is one of the inputs, lies inside one, holds an image, or is not empty.
        DataError: The folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        origin: ResultOrigin,
        images: Iterable[ImageFile],
        *,
        inputs: Iterable[Path] = (),
        overwrite: bool = False,
        identifiers: bool = False,
        companions: Sequence[str] = (),
    ) -> None:
        self._folder, self._origin, self._identifiers = folder, origin, identifiers
        self._rows: list[ImageRow] = []
        self.problems: list[FracturaError] = []
        self._told = 0
        self._complete = False
        images = list(images)
        _refuse_mixing(folder, [image.path for image in images], inputs)
        self._companions = tuple(companions)
        self._stale = _replaceable(folder, self._companions, overwrite=overwrite)
        self._overwrite = overwrite
        self._written = ExitStack()
        self._files = tuple(_files_of(images, companions))

    def __enter__(self) -> Self:
        with ExitStack() as stack:  # which lets the folder go if the rest fails
            names = {*self._files, *self._stale}
            stack.enter_context(unfinished(self._folder, "detect", names, prepare=self._examine))
            for name in self._stale:  # noted as unfinished before the first is gone
                (self._folder / name).unlink(missing_ok=True)
            self._written = stack.pop_all()
        return self

    def _examine(self) -> None:
        """Once more, when nobody else writes there."""
        self._stale = _replaceable(self._folder, self._companions, overwrite=self._overwrite)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._complete = kind is None
        with self._written:  # ends well after an error, too: results.json says that it is not complete
            write_atomically(self._folder / JSON_FILE, json_text(self.to_dict()))
            rows = results_csv(self._rows, self._origin, identifiers=self._identifiers)
            write_atomically(self._folder / CSV_FILE, rows)

    def add(self, prediction: Prediction, heat: NDArray[np.float32] | None = None) -> ImageRow:
        """Write picture and annotation of one image. Returns its entry of ``results.json``.

        Args:
            prediction: From ``detect_images``.
            heat: The evidence for its detections, from ``explain``; None leaves that picture out.
        """
        picture, annotation = f"{PICTURES}/{prediction.name}.jpg", f"{ANNOTATIONS}/{prediction.name}.xml"
        self._add_problems()
        asked = self._identifiers and prediction.path
        row = prediction.to_dict(radiograph_identifiers(asked) if asked else None)
        row["picture"], row["annotation"] = printable(picture), printable(annotation)
        prediction.save(self._folder / picture)
        if heat is not None:
            explanation = f"{EXPLANATIONS}/{prediction.name}.jpg"
            row["explanation"] = printable(explanation)
            drawn = draw_heat(prediction.image, heat, prediction.boxes)
            captioned = with_caption(drawn, "evidence for the detections", scale=("none", "most"))
            save_picture(captioned, self._folder / explanation)
        path = prediction.path or Path(prediction.name)
        write_voc_file(
            voc_annotation(row, path.name, self._origin, path.absolute().parent.name), self._folder / annotation
        )
        self._rows.append(row)
        return row

    def to_dict(self) -> ResultsDocument:
        """The content of ``results.json``."""
        self._add_problems()
        return results_document(self._rows, self._origin, complete=self._complete)

    def _add_problems(self) -> None:
        """Rows of the images that could not be read since the last one that could."""
        for problem in self.problems[self._told :]:
            self._rows.append(failed_row(problem.file or "", unreadable(problem)))
        self._told = len(self.problems)


def _files_of(images: Iterable[ImageFile], companions: Sequence[str]) -> Iterator[str]:
    """All that a run may write."""
    for image in images:
        yield from (each.format(name=image.name) for each in companions)
        yield f"{ANNOTATIONS}/{image.name}.xml"
        yield from (f"{place}/{image.name}.jpg" for place in (PICTURES, EXPLANATIONS))
    yield from (JSON_FILE, CSV_FILE)


def free_folder(folder: Path) -> Path:
    """``folder`` if it does not exist yet or is empty, else the first of ``folder-2``, ``folder-3``, … that does."""
    number, chosen = 1, folder
    while chosen.exists() and not (chosen.is_dir() and holds_nothing(chosen)):
        number += 1
        chosen = folder.with_name(f"{folder.name}-{number}")
    return chosen


def _refuse_mixing(folder: Path, images: Iterable[Path], inputs: Iterable[Path]) -> None:
    target = folder.resolve()
    for given in inputs:
        root = given.resolve()
        if root.is_dir() and target.is_relative_to(root):
            raise UsageError(
                f"the results would lie among the images of {given}",
                file=folder,
                hint=f"choose a folder outside of it, such as {root.parent / (root.name + '-results')}",
            )
    for image in images:
        if Path(os.path.realpath(image)).is_relative_to(target):
            raise UsageError(f"holds an image of this run ({image})", file=folder, hint="choose another output folder")


def _replaceable(folder: Path, companions: Iterable[str], *, overwrite: bool) -> frozenset[str]:
    """The files of an earlier run; a folder with anything else in it is refused."""
    earlier = _earlier_results(folder)
    refuse_full_folder(folder, lambda _: earlier is not None, overwrite=overwrite)
    names = set(left_unfinished(folder) or ())
    for row in earlier or []:
        for kind, place in (("picture", PICTURES), ("annotation", ANNOTATIONS), ("explanation", EXPLANATIONS)):
            # The name alone: whatever the file says, nothing outside our own folders is touched.
            name = f"{place}/{Path(str(row.get(kind) or '')).name}"
            if is_inside(folder, name) and (folder / name).is_file():
                names.add(name)
        stem = Path(str(row["picture"])).stem
        for each in companions:
            name = each.format(name=stem)
            if is_inside(folder, name) and (folder / name).is_file():
                names.add(name)
    return frozenset(names)


def _earlier_results(folder: Path) -> list[dict[str, Any]] | None:
    """The images of an earlier run's ``results.json``; None if there is none of ours."""
    document = json_object_in(folder / JSON_FILE)
    if document is None or document.get("made_by") != MADE_BY:
        return None
    images = document.get("images")
    rows = images if isinstance(images, list) else []
    return [row for row in rows if isinstance(row, dict) and row.get("picture")]
