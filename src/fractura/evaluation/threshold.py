"""Choose the score from which a mark counts, on validation films, for a stated aim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fractura.boxes import Boxes
from fractura.dataset import Dataset
from fractura.errors import UsageError
from fractura.evaluation.figures import CRITERION_TEXT, MAIN_CRITERION
from fractura.evaluation.froc import match_marks

LOWEST_THRESHOLD = 0.05
"""A model that finds something only below this score has not learnt yet; its best F1 would be noise."""
WHERE_NOTHING_IS_FOUND = 0.5
AIMS = ("f1", "sensitivity=0.9", "fp_per_image=0.5")
"""An example of each aim."""


@dataclass(frozen=True)
class Aim:
    """What a threshold is chosen for.

    Attributes:
        name: ``f1``: sensitivity and precision are best together; ``sensitivity``: at least such a share of the
            fractures is found, with as few false marks as that takes; ``fp_per_image``: at most so many false marks a
            film on average, with as many fractures found as that allows. A mark finds by ``MAIN_CRITERION``.
        value: The share or rate; None for ``f1``.
    """

    name: str = "f1"
    value: float | None = None

    @classmethod
    def parse(cls, text: str) -> Aim:
        """Read ``f1``, ``sensitivity=0.9`` or ``fp_per_image=0.5``.

        Raises:
            UsageError: It is none of these, or the value is impossible.
        """
        name, equals, number = text.strip().partition("=")
        if name == "f1" and not equals:
            return cls()
        try:
            value = float(number)
        except ValueError:
            value = float("nan")
        possible = {"sensitivity": 0 < value <= 1, "fp_per_image": 0 < value < float("inf")}
        if not possible.get(name, False):
            raise UsageError(f"'{text}' is not an aim", hint=f"such as {', '.join(AIMS)}")
        return cls(name, value)

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}={self.value:g}"


@dataclass(frozen=True)
class Choice:
    """A threshold and what it gives on the films it was chosen on.

    Attributes:
        threshold: The score, 0..1.
        reached: The aim is met.
        found: Boxes found.
        boxes: Boxes to be found.
        false_marks: False marks on all films.
        films: Number of films.
    """

    threshold: float
    reached: bool
    found: int
    boxes: int
    false_marks: int
    films: int

    def __str__(self) -> str:
        if not self.boxes:
            return f"threshold {self.threshold:.4g}: there is no fracture to find"
        rate = f", {self.false_marks / self.films:.2f} false marks per film" if self.films else ""
        where = CRITERION_TEXT[MAIN_CRITERION]
        found = f"{self.found / self.boxes:.3f} ({self.found} of {self.boxes} boxes, {where})"
        return f"threshold {self.threshold:.4g} finds {found}{rate}"


def choose_threshold(dataset: Dataset, predictions: Sequence[Boxes], aim: Aim) -> Choice:
    """The score that serves an aim best on these films; where none meets it, the one that comes nearest.

    Args:
        dataset: Films with their boxes.
        predictions: One scored ``Boxes`` per record, not cut at any threshold.
        aim: What to choose for.
    """
    lowest = LOWEST_THRESHOLD if aim.name == "f1" else 0.0
    matching = match_marks(dataset, [marks.above(lowest) for marks in predictions], MAIN_CRITERION)
    scores, found, false = matching.curve()
    if not len(scores) or not matching.truths or not found[-1]:
        return Choice(WHERE_NOTHING_IS_FOUND, False, 0, matching.truths, matching.at(0.5)[1], len(dataset))
    if aim.name == "f1":
        place, reached = int(np.argmax(2 * found / (found + false + matching.truths))), True
    elif aim.name == "sensitivity":
        assert aim.value is not None
        reached = bool(found[-1] >= aim.value * matching.truths)
        place = int(np.searchsorted(found, min(np.ceil(aim.value * matching.truths - 1e-9), found[-1])))
    else:
        assert aim.value is not None
        last = int(np.searchsorted(false, aim.value * len(dataset), side="right")) - 1
        reached = last >= 0
        # Going further down than the last box found would only add false marks.
        place = int(np.searchsorted(found, found[last])) if reached else 0
    return Choice(float(scores[place]), reached, int(found[place]), matching.truths, int(false[place]), len(dataset))
