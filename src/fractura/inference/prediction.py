"""``Prediction``: what a model found on one image, ready to be read, drawn and saved."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fractura.core.boxes import Boxes
from fractura.core.calibrator import Calibrator
from fractura.core.errors import UsageError
from fractura.core.files import write_atomically
from fractura.imaging.dicom import DicomIdentifiers
from fractura.inference.answer import Answer, Sensitivity, answer_text, image_answer, threshold_text
from fractura.inference.results import ImageRow, image_row
from fractura.inference.settings import DetectionSettings

if TYPE_CHECKING:
    from PIL import Image

_JPEG_QUALITY = 92


@dataclass(frozen=True, eq=False, kw_only=True)
class Prediction:
    """What a model found on one image. In a notebook it shows itself.

    Attributes:
        name: Of the image; unique among the images that were found together.
        path: Its file; None for an image that was given as pixels.
        image: uint8 ``(h, w, 3)``: its pixels as displayed.
        boxes: Detections from the threshold up, best first, cut to the image, in pixels of ``image``.
        image_score: How surely there is a fracture anywhere on it, 0..1, whatever the threshold.
        class_names: What the labels of ``boxes`` stand for.
        settings: The views and the threshold that were used.
        calibrator: Turns scores into probabilities; None where the model's card has none for these views.
        sensitivity: Of the model at this threshold, for whole images; None where it was not measured.
        warning: That the image is outside what the model was trained on, and why; see ``fractura.inference.domain``.
    """

    name: str
    path: Path | None
    image: NDArray[np.uint8] = field(repr=False)
    boxes: Boxes
    image_score: float
    class_names: tuple[str, ...]
    settings: DetectionSettings
    calibrator: Calibrator | None = field(repr=False, default=None)
    sensitivity: Sensitivity | None = field(repr=False, default=None)
    warning: str | None = None

    @property
    def width(self) -> int:
        """Pixels, as displayed."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Pixels, as displayed."""
        return int(self.image.shape[0])

    @property
    def probabilities(self) -> NDArray[np.float64] | None:
        """Probability of each of ``boxes`` to lie on a fracture, ``(n,)`` in 0..1; None without a calibration."""
        if self.calibrator is None or self.boxes.scores is None:
            return None
        return self.calibrator.detections(self.boxes.scores)

    @property
    def image_probability(self) -> float | None:
        """Probability that the image shows a fracture, 0..1; None without a calibration."""
        return None if self.calibrator is None else float(self.calibrator.images([self.image_score])[0])

    @property
    def answer(self) -> Answer:
        """What the model says of the image as a whole; see ``fractura.inference.answer``."""
        return image_answer(self.image_score, self.image_probability, self.settings.threshold)

    def to_dict(self, identifiers: DicomIdentifiers | None = None) -> ImageRow:
        """The image's entry in ``results.json``, without the files that ``fractura detect`` writes for it.

        Args:
            identifiers: Of a DICOM image, where somebody asked for them.
        """
        return image_row(
            self.path or self.name,
            self.boxes,
            size=(self.width, self.height),
            image_score=self.image_score,
            class_names=self.class_names,
            threshold=self.settings.threshold,
            calibrator=self.calibrator,
            identifiers=identifiers,
            warning=self.warning,
        )

    def plot(self, *, note: str | None = None) -> Image.Image:
        """The image with its detections drawn, above the answer for the whole image, as ``detect`` writes it.

        Args:
            note: A further line below the answer.
        """
        from fractura.inference.render import draw_boxes, with_caption

        count = f"{len(self.boxes) or 'no'} detection{'' if len(self.boxes) < 2 else 's'}"
        answer = answer_text(self.answer, self.image_score, self.image_probability)
        measured = f"{count}; {threshold_text(self.settings.threshold, self.sensitivity)}"
        drawn = draw_boxes(self.image, self.boxes, self.class_names, probabilities=self.probabilities)
        lines = (self.warning, answer, measured, note)
        return with_caption(drawn, *(line for line in lines if line))

    def save(self, file: Path | str) -> None:
        """Write the drawn image to a ``.jpg`` or ``.png`` file.

        Raises:
            UsageError: The file has another extension.
            DataError: It cannot be written.
        """
        save_picture(self.plot(), Path(file))

    def _repr_png_(self) -> bytes:
        """What notebooks show."""
        return _encoded(self.plot(), "PNG")


def save_picture(picture: Image.Image, file: Path) -> None:
    """Write a drawn image, atomically.

    Raises:
        UsageError: The file's extension is neither ``.jpg`` nor ``.png``.
        DataError: It cannot be written.
    """
    kind = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}.get(file.suffix.lower())
    if kind is None:
        raise UsageError("a picture is saved as .jpg or .png", file=file)
    write_atomically(file, _encoded(picture, kind))


def _encoded(picture: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    options = {"quality": _JPEG_QUALITY, "subsampling": 0} if kind == "JPEG" else {}
    picture.save(stream, kind, **options)
    return stream.getvalue()
