"""``plan_reader_study``: how many readers and images a reader study needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fractura.core.errors import DataError, UsageError, suggest_name
from fractura.core.files import read_file
from fractura.core.json_text import parse_json
from fractura.core.reporter import LOG, Reporter
from fractura.evaluation.reader_study import FIGURES, Components, analyse, figures_of, power_of, smallest_study
from fractura.evaluation.reader_study.power import ALPHA, GENERALISATIONS
from fractura.workflows.reader_study import Criterion, read_study

READERS = tuple(range(3, 13))
_LARGEST = 1e9
"""Above any number of images and any variance of shares."""


@dataclass(frozen=True, kw_only=True)
class PlannedStudy:
    """A number of readers, and the images that they need.

    Attributes:
        readers: Their number.
        cases: Fewest images that the figure is measured on (of sensitivity the fractured, of specificity the normal
            ones), by to whom the result is to apply (see ``Analysis``); None where no number is enough.
        power: What each of these numbers reaches; None where no number is enough.
    """

    readers: int
    cases: dict[str, int | None]
    power: dict[str, float | None]


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """How many readers and images a reader study of two modalities needs.

    Attributes:
        figure: The figure of merit.
        components: Its variance components in the pilot study.
        effect: The difference that is to be found.
        power: The chance to find it.
        alpha: Two-sided level of the test.
        studies: One for each number of readers.
    """

    figure: str
    components: Components
    effect: float
    power: float
    alpha: float
    studies: tuple[PlannedStudy, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def rows(self) -> list[list[str | None]]:
        """Readers and the images they need, as text: for random readers and cases, fixed readers, fixed cases."""
        return [
            [str(each.readers), *(None if cases is None else str(cases) for cases in each.cases.values())]
            for each in self.studies
        ]


def plan_reader_study(
    pilot: Path | str,
    data: Path | str | None = None,
    *,
    effect: float,
    figure: str = "auc",
    readers: Sequence[int] = READERS,
    power: float = 0.8,
    alpha: float = ALPHA,
    criterion: Criterion = "iou30",
    positive_from: float | None = None,
    reporter: Reporter = LOG,
) -> StudyPlan:
    """Plan a reader study from the variance components of a pilot study (Hillis, Obuchowski and Berbaum 2011).

    Args:
        pilot: The table of ratings of a smaller study, see ``analyse_reader_study``, or the ``reader_study.json`` of
            one.
        data: The images with the boxes taken as true, where the table needs them.
        effect: The difference of the figure with and without the model that is to be found, such as 0.05.
        figure: ``auc``, ``wafroc``, ``jafroc``, ``sensitivity`` or ``specificity``.
        readers: Numbers of readers to plan for, each 2 or more.
        power: The chance to find the effect if it is there.
        alpha: Two-sided level of the test.
        criterion: When a place finds a fracture.
        positive_from: Rating from which an image counts as called fractured.
        reporter: Shows warnings.

    Raises:
        DataError: The pilot study cannot be read, or does not have two readers.
        UsageError: A number is out of range, or the pilot study does not have the figure.

    Example:
        ``plan_reader_study("pilot.csv", effect=0.05).studies[0].cases["random_readers_random_cases"]``
    """
    if not effect or abs(effect) >= 1 or not 0 < power < 1 or not 0 < alpha < 1 or min(readers, default=0) < 2:
        raise UsageError(
            "effect, power and alpha lie between 0 and 1, and a study has two readers or more",
            hint="such as --effect 0.05 --power 0.8 --alpha 0.05 --readers 5",
        )
    pilot = Path(pilot)
    found = _from_document(pilot) if pilot.suffix.casefold() == ".json" else None
    if found is None:
        study = read_study(pilot, data, criterion, reporter)
        found = {
            each.name: analyse(each, study.modalities, study.readers).components
            for each in figures_of(study, positive_from=positive_from)
        }
    if figure not in found:
        raise UsageError(
            f"the pilot study has no figure '{figure}'",
            hint=suggest_name(figure, found)
            if figure not in FIGURES
            else f"it has {', '.join(found)}; places need --data, sensitivity and specificity --positive-from",
        )
    components = found[figure]
    if components.modality_reader is None:
        raise DataError("has one reader only: how much readers differ is not known", file=pilot)
    return StudyPlan(
        figure=figure,
        components=components,
        effect=effect,
        power=power,
        alpha=alpha,
        studies=tuple(_planned(components, number, effect, power, alpha) for number in readers),
    )


def _planned(components: Components, readers: int, effect: float, power: float, alpha: float) -> PlannedStudy:
    cases = {
        to: smallest_study(components, readers=readers, effect=effect, power=power, alpha=alpha, to=to)
        for to in GENERALISATIONS
    }
    reached = {
        to: None
        if number is None
        else power_of(components, readers=readers, cases=number, effect=effect, alpha=alpha, to=to)
        for to, number in cases.items()
    }
    return PlannedStudy(readers=readers, cases=cases, power=reached)


def _from_document(path: Path) -> dict[str, Components]:
    """The components by figure in the document that ``analyse_reader_study`` writes."""
    try:
        document = parse_json(read_file(path))
        return {str(each["figure"]): _components(each["components"]) for each in document["figures"]}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"is not a reader_study.json: {type(error).__name__}: {error}",
            file=path,
            hint="fractura reader-study RATINGS --output FOLDER writes one",
        ) from error


def _components(written: dict[str, Any]) -> Components:
    """The components as a document has them.

    Raises:
        TypeError: One is missing, unknown or not a number.
        ValueError: One is not finite, or there were no images.
    """
    for word, value in written.items():
        if value is None and word in ("reader", "modality_reader"):
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"'{word}' is not a number")
        if not abs(value) <= _LARGEST:  # nor is NaN
            raise ValueError(f"'{word}' is out of range")
    found = Components(**written)
    if found.cases < 1:
        raise ValueError("'cases' is not above 0")
    return found
