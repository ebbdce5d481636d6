"""Boxes that people drew on images that are sent for detection, sent along as Pascal VOC files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fractura.core.errors import DataError
from fractura.formats.image_index import ImageIndex
from fractura.formats.validation import size_fault
from fractura.formats.voc.model import VocAnnotation, VocObject
from fractura.formats.voc.parser import parse_voc


@dataclass(frozen=True)
class GroundTruth:
    """What people drew on an image.

    Attributes:
        annotation: The file that belongs to it, if one was sent and can be read.
        fault: Why the file cannot be read.
    """

    annotation: VocAnnotation | None = None
    fault: str | None = None

    @property
    def boxes(self) -> tuple[VocObject, ...] | None:
        """The boxes; None where nothing is known, which is not the same as none."""
        return None if self.annotation is None else self.annotation.objects

    def problem_for(self, width: int, height: int) -> str | None:
        """Why the boxes cannot be shown on an image of this size."""
        if self.annotation is None:
            return self.fault
        fault = size_fault(self.annotation.size, (width, height))
        return None if fault is None else f"the annotation {fault[0]}"


def match_ground_truths(images: Sequence[str], files: Sequence[tuple[str, bytes]]) -> list[GroundTruth]:
    """Find each image's annotation among the files, by the rules for folders.

    Args:
        images: Names of the images.
        files: Names and bytes of the Pascal VOC files.

    Returns:
        One an image.
    """
    matcher = ImageIndex(tuple(Path(name) for name in images))
    found: dict[str, GroundTruth] = {}
    for name, data in files:
        try:
            annotation = parse_voc(data, name)
        except DataError as error:
            image = matcher.match(Path(name), None)
            ground_truth = GroundTruth(fault=f"{error.place}: {error.problem}" if error.place else error.problem)
        else:
            image = matcher.match(Path(name), annotation.filename)
            ground_truth = GroundTruth(annotation)
        if image is not None:
            found.setdefault(image.name, ground_truth)
    return [found.get(name, GroundTruth()) for name in images]
