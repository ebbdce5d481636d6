"""Choose the score from which a mark counts, on validation films, for a stated aim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.core.errors import UsageError
from fractura.evaluation.froc import FALSE, FOUND, LEFT_OUT, Matching, film_scores, match_marks
from fractura.evaluation.metric_names import CRITERION_TEXT, MAIN_CRITERION

LOWEST_THRESHOLD = 0.05
"""A model that finds something only below this score has not learnt yet; its best F1 would be noise."""
WHERE_NOTHING_IS_FOUND = 0.5
AIMS = ("f1", "sensitivity=0.9", "fp_per_image=0.5", "film_sensitivity=0.95", "film_specificity=0.9")
"""An example of each aim."""


@dataclass(frozen=True)
class Aim:
    """What a threshold is chosen for.

    Attributes:
        name: ``f1``: sensitivity and precision are best together; ``sensitivity``: at least such a share of the
            fractures is found, with as few false marks as that takes; ``fp_per_image``: at most so many false marks a
            film on average, with as many fractures found as that allows. A mark finds by ``MAIN_CRITERION``.
            ``film_sensitivity``: at least such a share of the fractured films has a mark, wherever on the film it is,
            with as few marked normal films as that takes; ``film_specificity``: at least such a share of the normal
            films has none, with as many marked fractured films as that allows.
        value: The share or rate; None for ``f1``.
    """

    name: str = "f1"
    value: float | None = None

    @classmethod
    def parse(cls, text: str) -> Aim:
        """Read one of the kinds of ``AIMS``.

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
        shares = ("sensitivity", "film_sensitivity", "film_specificity")
        possible = 0 < value <= 1 if name in shares else name == "fp_per_image" and 0 < value < float("inf")
        if not possible:
            raise UsageError(f"'{text}' is not an aim", hint=f"such as {', '.join(AIMS)}")
        return cls(name, value)

    @property
    def of_films(self) -> bool:
        """It is about films as a whole, not about single fractures."""
        return self.name.startswith("film_")

    def __str__(self) -> str:
        return self.name if self.value is None else f"{self.name}={self.value:g}"


@dataclass(frozen=True)
class Choice:
    """A threshold and what it gives on the films it was chosen on.

    Attributes:
        threshold: The score, 0..1.
        reached: The aim is met.
        found: Boxes found; for an aim of films, fractured films with a mark.
        boxes: Boxes to be found; fractured films.
        false_marks: False marks on all films; normal films with a mark.
        films: Number of films; normal films.
        of_films: The aim is one of films.
    """

    threshold: float
    reached: bool
    found: int
    boxes: int
    false_marks: int
    films: int
    of_films: bool = False

    def __str__(self) -> str:
        start = f"threshold {self.threshold:.4g}"
        if not self.boxes:
            return f"{start}: there is no fracture to find"
        share = f"{self.found / self.boxes:.3f}"
        if self.of_films:
            clear = self.films - self.false_marks
            rest = "there is no normal film"
            if self.films:
                rest = f"leaves {clear / self.films:.3f} ({clear} of {self.films} normal films) without a mark"
            return f"{start} marks {share} ({self.found} of {self.boxes} fractured films), {rest}"
        rate = f", {self.false_marks / self.films:.2f} false marks per film" if self.films else ""
        where = CRITERION_TEXT[MAIN_CRITERION]
        return f"{start} finds {share} ({self.found} of {self.boxes} boxes, {where}){rate}"


def choose_threshold(dataset: Dataset, predictions: Sequence[Boxes], aim: Aim) -> Choice:
    """The score that serves an aim best on these films; where none meets it, the one that comes nearest.

    Args:
        dataset: Films with their boxes.
        predictions: One scored ``Boxes`` per record, not cut at any threshold.
        aim: What to choose for.
    """
    lowest = LOWEST_THRESHOLD if aim.name == "f1" else 0.0
    if aim.of_films:
        matching, units = _match_films(dataset, predictions)
    else:
        matching = match_marks(dataset, [marks.above(lowest) for marks in predictions], MAIN_CRITERION)
        units = len(dataset)
    scores, found, false = matching.curve()
    if not len(scores) or not matching.truths or not found[-1]:
        false_marks = matching.at(WHERE_NOTHING_IS_FOUND)[1]
        return Choice(WHERE_NOTHING_IS_FOUND, False, 0, matching.truths, false_marks, units, aim.of_films)
    if aim.value is None:
        place, reached = int(np.argmax(2 * found / (found + false + matching.truths))), True
    elif aim.name in ("sensitivity", "film_sensitivity"):
        wanted = np.ceil(aim.value * matching.truths - 1e-9)
        reached = bool(found[-1] >= wanted)
        place = int(np.searchsorted(found, min(wanted, found[-1])))
    else:
        allowed = aim.value * units if aim.name == "fp_per_image" else (1 - aim.value) * units + 1e-9
        last = int(np.searchsorted(false, allowed, side="right")) - 1
        reached = last >= 0 and units > 0
        # Going further down than the last one found would only add false marks.
        place = int(np.searchsorted(found, found[last])) if reached else 0
    found_there, false_there = int(found[place]), int(false[place])
    return Choice(float(scores[place]), reached, found_there, matching.truths, false_there, units, aim.of_films)


def _match_films(dataset: Dataset, predictions: Sequence[Boxes]) -> tuple[Matching, int]:
    """Films that have a mark as if each were one mark of the film's score, and the number of normal films.

    A fractured film is found, a normal one false; one with difficult boxes only is neither.
    """
    marked = np.flatnonzero([len(marks) > 0 for marks in predictions])
    positive = np.array([record.is_positive for record in dataset], dtype=bool)
    negative = np.array([record.is_negative for record in dataset], dtype=bool)
    outcome = np.select([positive, negative], [FOUND, FALSE], LEFT_OUT)[marked]
    none = np.full(len(marked), -1)
    matching = Matching(
        film_scores(predictions)[marked], outcome, none, marked, none, int(positive.sum()), len(dataset)
    )
    return matching, int(negative.sum())
