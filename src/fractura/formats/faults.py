"""What makes a box, an image's size or a class name unusable, and what a reader does about it.

Readers stop at these faults or skip the image; the checks list them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from fractura.core.errors import DataError, FracturaError, UsageError, nearest_name

OnError = Literal["stop", "skip", "skip-all"]
"""``skip`` stops all the same where too many boxes would be lost; ``skip-all`` never does."""
ROUNDING = 1.0
"""LabelImg rounds to whole pixels and counts from 1, so a box along the border may lie this far outside."""
EDGE, EDGE_SHARE = 10.0, 0.02
"""Pixels, or share of the image's longer side, that a box may reach over the edge, where a reader cuts it."""
MOST_LOST = 0.1
"""Share of the images with boxes that ``skip`` may leave out."""

_logger = logging.getLogger(__name__)


class Faults:
    """What is wrong, gathered or raised at once.

    Args:
        on_error: ``stop`` raises the first fault; ``skip`` and ``skip-all`` keep it and go on.
    """

    def __init__(self, on_error: OnError) -> None:
        self.stops = on_error == "stop"
        self._any_loss = on_error == "skip-all"
        self._lost: set[Hashable] = set()
        self.faults: list[FracturaError] = []
        self.notes: list[FracturaError] = []

    def add(self, fault: DataError, *, image: Hashable = None, boxes: bool = True) -> None:
        """An image or entry that cannot be used.

        Args:
            fault: What is wrong with it.
            image: Tells the image that is left out from others, where several faults may be about one.
            boxes: The image may have had boxes.

        Raises:
            DataError: It, with ``stop``.
        """
        if self.stops:
            raise fault
        self.faults.append(fault)
        if boxes:
            self._lost.add((fault.file, fault.place, len(self.faults)) if image is None else image)

    def add_open_end(self, fault: DataError) -> None:
        """What cannot be used, with an unknown number of images behind it.

        Raises:
            DataError: It, unless any loss is wanted.
        """
        if not self._any_loss:
            raise fault
        self.add(fault)

    def lose(self, image: Hashable) -> None:
        """Count an image with boxes that is left out because of another one's fault."""
        self._lost.add(image)

    def refuse_loss(self, kept: int) -> None:
        """See that not all boxes are left out, nor more than a tenth of the images with boxes.

        Args:
            kept: Number of images with boxes that are used.

        Raises:
            DataError: They are, and the caller did not ask for that.
        """
        lost = len(self._lost)
        if self._any_loss or not lost or (kept and lost <= MOST_LOST * (lost + kept)):
            return
        first = self.faults[0]
        raise DataError(
            f"{lost} of {lost + kept} images with boxes would be left out; the first fault is: {first.problem}",
            file=first.file,
            place=first.place,
            hint="correct them, or leave them out all the same: --on-error skip-all",
        )

    def note(self, remark: DataError) -> None:
        """Something people should know though nothing is left out."""
        self.notes.append(remark)

    def report(self, problems: list[FracturaError] | None) -> None:
        """Hand all of it over; without ``problems`` as warnings in the log."""
        if problems is not None:
            problems.extend([*self.faults, *self.notes])
            return
        for each in (*self.faults, *self.notes):
            _logger.warning("%s", each)

    def nothing_left(self, what: str, empty: str, file: Path) -> DataError:
        """The error where nothing can be used.

        Args:
            what: ``image`` or ``record``.
            empty: What to say where there is nothing at all.
            file: What was read.
        """
        if not self.faults:
            return DataError(empty, file=file, hint="give the file or folder that describes labelled images")
        first = self.faults[0]
        problem = f"no {what} can be used; the first fault is: {first.problem}"
        return DataError(problem, file=first.file, place=first.place, hint=first.hint)


NOT_ANNOTATED = "not annotated"
"""Why images are not used: nothing says what is on them."""


class UnusedImagesError(DataError):
    """Images that were found and do not belong to the data set.

    Attributes:
        count: Number of images.
        reason: Why, in two or three words.
    """

    def __init__(self, problem: str, *, count: int, reason: str, file: Path | None, hint: str) -> None:
        super().__init__(problem, file=file, hint=hint)
        self.count, self.reason = count, reason


def placed(fault: DataError, file: Path, place: str | None) -> DataError:
    """``fault`` with file and place, where it does not name its own."""
    if fault.file is not None and fault.place is not None:
        return fault
    return DataError(fault.problem, file=fault.file or file, place=fault.place or place, hint=fault.hint)


@contextmanager
def located(file: Path, place: str | None) -> Iterator[None]:
    """A fault that is raised inside gets file and place, where it does not name its own; see ``placed``."""
    try:
        yield
    except DataError as fault:
        raise placed(fault, file, place) from fault


def box_fault(
    corners: Sequence[float], width: int, height: int, *, margin: float = ROUNDING, smallest: float = 0.0
) -> str | None:
    """What is wrong with a box on an image of this size; None if it can be used.

    Args:
        corners: Left, top, right, bottom in pixels.
        width: Of the image.
        height: Of the image.
        margin: Pixels that a corner may lie outside the image.
        smallest: Pixels that each side of the part on the image must have.

    Examples:
        >>> box_fault((5, 5, 20, 20), 64, 48)
        >>> box_fault((20, 5, 5, 20), 64, 48)
        'box (20, 5, 5, 20) has no area'
        >>> box_fault((60, 5, 70, 20), 64, 48)
        'box (60, 5, 70, 20) lies outside the image of 64x48'
    """
    left, top, right, bottom = (float(value) for value in corners)
    box = f"box ({left:g}, {top:g}, {right:g}, {bottom:g})"
    if not all(math.isfinite(value) for value in (left, top, right, bottom)):
        return f"{box} has coordinates that are not finite"
    if right <= left or bottom <= top:
        return f"{box} has no area"
    if min(right - left, bottom - top) < smallest:
        return f"{box} is thinner than {smallest:g} pixel"
    inside = min(min(right, width) - max(left, 0), min(bottom, height) - max(top, 0))
    if min(left, top) < -margin or right > width + margin or bottom > height + margin or inside <= 0:
        return f"{box} lies outside the image of {width}x{height}"
    if inside < smallest:
        return f"{box} has less than {smallest:g} pixel on the image of {width}x{height}"
    return None


def reading_fault(corners: Sequence[float], width: int, height: int) -> str | None:
    """What is wrong with a box as another program wrote it; None if it can be used, cut at the image's edge.

    A box may reach a few pixels over the edge, by as much as half of it at most: programs round, pad and scale.

    Args:
        corners: Left, top, right, bottom in pixels.
        width: Of the image.
        height: Of the image.

    Examples:
        >>> reading_fault((40, 50, 322, 140), 320, 240)
        >>> reading_fault((40, 50, 380, 140), 320, 240)
        'box (40, 50, 380, 140) lies outside the image of 320x240'
    """
    problem = box_fault(corners, width, height)
    if problem is None or box_fault(corners, width, height, margin=max(EDGE, EDGE_SHARE * max(width, height))):
        return problem
    left, top, right, bottom = (float(value) for value in corners)
    seen = (min(right, width) - max(left, 0)) * (min(bottom, height) - max(top, 0))
    return None if seen >= 0.5 * (right - left) * (bottom - top) else problem


def over_edge(corners: Sequence[float], width: int, height: int) -> float:
    """Pixels by which a box reaches over the image's edge.

    Examples:
        >>> over_edge((40, 50, 322, 140), 320, 240)
        2.0
    """
    left, top, right, bottom = (float(value) for value in corners)
    return max(0.0, -left, -top, right - width, bottom - height)


def size_fault(
    written: tuple[int | None, int | None], size: tuple[int, int], *, orientation: int = 1
) -> tuple[str, str] | None:
    """Problem and hint if the size that a file states is not the image's displayed size, else None.

    Args:
        written: Width and height as the file states them; None if it does not.
        size: Width and height of the image as displayed.
        orientation: The image's EXIF orientation.
    """
    if written == size:
        return None
    width, height = size
    if written == (height, width) and orientation >= 5:
        return (
            f"says {height}x{width}, but the image is displayed as {width}x{height}: the boxes were drawn before the "
            "image was turned (EXIF orientation)",
            "draw the boxes again on the image as it is displayed",
        )
    if written == (height, width):
        return (
            f"says {height}x{width}, but the image is {width}x{height}: width and height are swapped, and nothing in "
            "the image says that it is displayed turned",
            "examine the boxes: if they sit right, swap width and height in the file; if not, the image was turned "
            "after it was labelled",
        )
    says = "does not say its width and height" if None in written else f"says {written[0]}x{written[1]}"
    return (
        f"{says}, but the image is {width}x{height}",
        "check that the annotation belongs to this image; if the boxes sit right, correct width and height",
    )


def unknown_class(name: str, class_names: Sequence[str], place: str | None = None) -> DataError:
    """The fault of a class name that is not one of those given."""
    nearest = nearest_name(name, class_names)
    meant = f"did you mean '{nearest}'? Otherwise add" if nearest else "rename it, or add"
    return DataError(
        f"unknown class '{name}'; known are {', '.join(class_names) or 'none'}",
        place=place,
        hint=f"{meant} '{name}' to the class names",
    )


def refuse_repeated_names(class_names: Sequence[str] | None) -> None:
    """See that no class name is given twice.

    Raises:
        UsageError: One is.
    """
    if class_names is not None and len(set(class_names)) < len(class_names):
        raise UsageError(f"class names must differ: {list(class_names)}", hint="take the repeated name out")
