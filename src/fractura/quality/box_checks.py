"""Checks of the boxes."""

from __future__ import annotations

from collections.abc import Iterator

from fractura.core.boxes import Boxes
from fractura.formats.faults import ROUNDING, over_edge, reading_fault
from fractura.formats.voc.annotation import VocObject
from fractura.quality.registry import Fault, Severity, check
from fractura.quality.snapshot import AnnotationFile, Snapshot

# A slip of the mouse leaves a box of a few pixels; the smallest real fracture box of FracAtlas is 7 pixels wide.
TINY_SIDE = 5.0
# The largest real fracture box of FracAtlas covers 6 % of its image.
HUGE_SHARE = 0.5
SAME_BOX_IOU = 0.9
_AGAIN = "open the image in the labelling tool and draw the box again"


@check("boxes.invalid", Severity.ERROR, "boxes outside the image or without area")
def invalid(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a box."""
    for file, number, each, (width, height) in _boxes(snapshot):
        problem = reading_fault(each.corners, width, height)
        if problem is not None:
            yield Fault(problem, file.path, f"object {number}", _AGAIN)


@check("boxes.over_edge", Severity.WARNING, "boxes that reach a few pixels over the edge of the image")
def over_the_edge(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a box; they are cut where the images are used."""
    for file, number, each, (width, height) in _boxes(snapshot):
        reach = over_edge(each.corners, width, height)
        if reach > ROUNDING and reading_fault(each.corners, width, height) is None:
            problem = f"box reaches {reach:.3g} pixels over the edge of the image of {width}x{height}; it is cut there"
            yield Fault(problem, file.path, f"object {number}", "examine whether it sits right")


@check("boxes.tiny", Severity.WARNING, "boxes of a few pixels, most likely a slip of the mouse")
def tiny(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a box."""
    for file, number, each, _ in _boxes(snapshot):
        width, height = each.xmax - each.xmin, each.ymax - each.ymin
        if 0 < min(width, height) < TINY_SIDE:
            problem = f"box is only {width:g}x{height:g} pixels"
            yield Fault(problem, file.path, f"object {number}", "remove it if it was a slip of the mouse")


@check("boxes.huge", Severity.WARNING, "boxes that cover most of the image")
def huge(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a box."""
    for file, number, each, (width, height) in _boxes(snapshot):
        share = (each.xmax - each.xmin) * (each.ymax - each.ymin) / (width * height)
        if share > HUGE_SHARE and reading_fault(each.corners, width, height) is None:
            problem = f"box covers {share:.0%} of the image"
            yield Fault(problem, file.path, f"object {number}", "draw it around the fracture alone")


@check("boxes.duplicate", Severity.WARNING, "the same box twice")
def duplicate(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding for each box that repeats an earlier one of its class."""
    for file in snapshot.annotations:
        objects = () if file.annotation is None else file.annotation.objects
        if len(objects) < 2:
            continue
        boxes = Boxes([each.corners for each in objects], [0] * len(objects))
        overlap = boxes.iou(boxes)
        for j, each in enumerate(objects):
            same = [i for i in range(j) if objects[i].name == each.name and overlap[i, j] >= SAME_BOX_IOU]
            if same:
                problem = f"box repeats object {file.numbers[same[0]]}"
                yield Fault(problem, file.path, f"object {file.numbers[j]}", "remove one of the two")


def _boxes(snapshot: Snapshot) -> Iterator[tuple[AnnotationFile, int, VocObject, tuple[int, int]]]:
    """Every box whose image's size is known: its file, its number there, itself, width and height of the image."""
    for file in snapshot.annotations:
        if file.annotation is not None and file.image is not None and file.image.size is not None:
            for number, each in zip(file.numbers, file.annotation.objects, strict=True):
                yield file, number, each, file.image.size
