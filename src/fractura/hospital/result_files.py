"""Results for a hospital as files next to the others: DICOM objects for each image, messages for each study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fractura.core.errors import DataError
from fractura.core.files import write_atomically
from fractura.core.json_text import json_text
from fractura.core.reporter import Reporter
from fractura.hospital.device import Device
from fractura.hospital.dicom_results import DICOM_KINDS, dicom_bytes, dicom_results
from fractura.hospital.fhir import FhirVersion, fhir_bundle
from fractura.hospital.hl7 import hl7_message
from fractura.hospital.rules import ImageDescription, ResultKind, Rules
from fractura.hospital.source_image import making_quietly
from fractura.hospital.study_image import StudyImage, study_image
from fractura.hospital.worklist import WORKLIST_FILE, worklist, worklist_csv
from fractura.imaging.reader import is_dicom_file
from fractura.inference.discovery import ImageFile
from fractura.inference.origin import ResultOrigin
from fractura.inference.results import ImageRow

FOLDER = "hospital"
_SUFFIXES: dict[ResultKind, str] = {
    "sr": ".sr.dcm",
    "sc": ".sc.dcm",
    "gsps": ".gsps.dcm",
    "fhir": ".fhir.json",
    "fhir-r5": ".fhir-r5.json",
    "hl7": ".hl7",
}
COMPANIONS = (f"{FOLDER}/{WORKLIST_FILE}", *(f"{FOLDER}/{{name}}{suffix}" for suffix in _SUFFIXES.values()))
"""Files that there may be for an image of this name; those of a study bear the name of its first image."""


class HospitalFiles:
    """Takes results one by one; ``finish`` writes what is about whole studies, and the worklist.

    Args:
        folder: Of all results.
        rules: Which results to write.
        origin: The model and how it was applied.
        device: The installation.
        reporter: Told for which images there is no result, and why.
    """

    def __init__(self, folder: Path, rules: Rules, origin: ResultOrigin, device: Device, reporter: Reporter) -> None:
        self._folder, self._rules, self._origin, self._device = folder, rules, origin, device
        self._reporter = reporter
        self._studies: dict[ResultKind, dict[str, tuple[str, list[StudyImage]]]] = {}
        self._not_dicom = 0

    def add(self, name: str, path: Path, row: ImageRow, pixels: NDArray[np.uint8]) -> None:
        """Write the DICOM objects of an image, and remember it for messages.

        Args:
            name: Of its files.
            path: The image.
            row: Its result.
            pixels: uint8 ``(h, w, 3)``: the image as displayed.
        """
        wanted = self._rules.kinds_for(row)
        if not wanted:
            return
        if not is_dicom_file(path):
            self._not_dicom += 1
            return
        image = path.read_bytes()
        for kind in wanted:
            try:
                if kind in DICOM_KINDS:
                    [made] = dicom_results(image, row, self._origin, self._device, [kind], pixels=pixels).values()
                    write_atomically(self._file(name, kind), dicom_bytes(made))
                else:
                    about = study_image(image, row)
                    studies = self._studies.setdefault(kind, {})
                    studies.setdefault(about.study_uid, (name, []))[1].append(about)
            except DataError as error:
                self._reporter.warn(f"no {kind} for {error}")

    def finish(self, rows: Iterable[ImageRow], *, identifiers: bool = False) -> None:
        """Write messages and worklist.

        Args:
            rows: Of all images.
            identifiers: The worklist says how an archive finds the images.
        """
        for kind, studies in self._studies.items():
            for name, images in studies.values():
                write_atomically(self._file(name, kind), self._message(kind, images))
        listed = worklist_csv(worklist(rows), identifiers=identifiers)
        write_atomically(self._folder / FOLDER / WORKLIST_FILE, listed)
        if self._not_dicom:
            self._reporter.warn(
                f"{self._not_dicom} images are not DICOM and name neither patient nor study: no results for a hospital"
            )

    def _message(self, kind: ResultKind, images: list[StudyImage]) -> str:
        if kind == "hl7":
            return hl7_message(images, self._origin, self._device)
        version: FhirVersion = "R5" if kind == "fhir-r5" else "R4"
        return json_text(fhir_bundle(images, self._origin, self._device, version=version))

    def _file(self, name: str, kind: ResultKind) -> Path:
        return self._folder / FOLDER / f"{name}{_SUFFIXES[kind]}"


def examined_images(images: Iterable[ImageFile], rules: Rules, reporter: Reporter) -> tuple[ImageFile, ...]:
    """The images that rules do not leave out; of the others the reporter says how many there are, and why.

    Raises:
        DataError: The rules leave out all of them.
    """
    kept, left_out = [], Counter[str]()
    for image in images:
        refusal = rules.refusal(_description(image.path))
        if refusal is None:
            kept.append(image)
        else:
            left_out[refusal] += 1
    if left_out:
        reasons = ", ".join(f"{count} by {reason}" for reason, count in left_out.items())
        reporter.say(f"left out by the rules: {reasons}")
    if not kept:
        raise DataError("the rules leave out all images", hint="see the conditions in the table [images]")
    return tuple(kept)


def _description(path: Path) -> ImageDescription:
    """Of a file that is not DICOM, or that cannot be read, nothing is known."""
    if not is_dicom_file(path):
        return ImageDescription()
    from pydicom import dcmread

    try:
        with making_quietly(str(path)):
            return ImageDescription.of(dcmread(path, stop_before_pixels=True, force=True))
    except DataError:
        return ImageDescription()
