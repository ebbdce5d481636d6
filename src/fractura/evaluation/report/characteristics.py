"""Table 1 of a paper: whose images were measured, and what they show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from fractura.evaluation.report.context import ReportContext
from fractura.evaluation.report.language import DASH, Language
from fractura.imaging.dicom.demographics import Demographics

_FACTS = {"body part": "body_part", "view": "view", "laterality": "laterality"}
"""What a record says, by its name for readers."""


@dataclass(frozen=True)
class Characteristic:
    """A row of the table.

    Attributes:
        name: What is counted.
        cells: Of all, of those with a fracture, and of the normal ones.
    """

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class _Item:
    """An image or a patient: which kind, and what is known of it."""

    positive: bool
    negative: bool
    age: float | None
    facts: Mapping[str, str | None]


def characteristics(context: ReportContext, language: Language) -> list[Characteristic]:
    """Numbers of images and patients; age and sex (by patient where known, else by image); body part, view and side."""
    _, images, people = language.gettext, _images(context), _people(context)
    rows = [Characteristic(_("Images"), tuple(str(len(part)) for part in _parts(images)))]
    if context.evaluation.patients is not None:
        rows.append(Characteristic(_("Patients"), tuple(str(len(part)) for part in _parts(people))))
    ages = [[person.age for person in part if person.age is not None] for part in _parts(people)]
    rows.append(Characteristic(_("Age in years, median (quartiles)"), tuple(_median(part, language) for part in ages)))
    unknown = [len(part) - len(known) for part, known in zip(_parts(people), ages, strict=True)]
    if unknown[0]:
        cells = tuple(_share(count, len(part), language) for count, part in zip(unknown, _parts(people), strict=True))
        rows.append(Characteristic(_("{what}: not known", what=_("Age")), cells))
    sexes = {"F": _("female"), "M": _("male"), "O": _("other")}
    rows += _rows(_("Sex"), "sex", people, language, names=sexes)
    for fact in _FACTS:
        rows += _rows(_(fact).capitalize(), fact, images, language)
    return rows


def _images(context: ReportContext) -> list[_Item]:
    records = context.dataset.records
    people = context.people or (Demographics(),) * len(records)
    return [
        _Item(
            record.is_positive,
            record.is_negative,
            person.age,
            {"sex": person.sex, **{name: getattr(record, field) for name, field in _FACTS.items()}},
        )
        for record, person in zip(records, people, strict=True)
    ]


def _people(context: ReportContext) -> list[_Item]:
    """Patients, where known; an image whose patient is not known is one of its own."""
    patients: dict[str | int, list[_Item]] = {}
    for number, (record, item) in enumerate(zip(context.dataset.records, _images(context), strict=True)):
        patients.setdefault(number if record.patient is None else record.patient, []).append(item)
    return [
        _Item(
            any(item.positive for item in items),
            all(item.negative for item in items),
            next((item.age for item in items if item.age is not None), None),
            {"sex": _agreed(item.facts["sex"] for item in items)},
        )
        for items in patients.values()
    ]


def _agreed(values: Iterable[str | None]) -> str | None:
    """The one value that is known; None where the images of a patient contradict each other."""
    known = {value for value in values if value}
    return known.pop() if len(known) == 1 else None


def _parts(items: Sequence[_Item]) -> tuple[list[_Item], list[_Item], list[_Item]]:
    """All, those with a fracture, and the normal ones."""
    return list(items), [item for item in items if item.positive], [item for item in items if item.negative]


def _rows(
    heading: str, fact: str, items: Sequence[_Item], language: Language, names: Mapping[str, str] | None = None
) -> list[Characteristic]:
    """One for each value, the most frequent first, and one for what is not known."""
    counts = Counter(item.facts[fact] for item in items)
    values = sorted(counts, key=lambda value: (value is None, -counts[value], value or ""))
    unknown = language.gettext("not known")
    return [
        Characteristic(
            f"{heading}: {unknown if value is None else (names or {}).get(value, value)}",
            tuple(
                _share(sum(item.facts[fact] == value for item in part), len(part), language) for part in _parts(items)
            ),
        )
        for value in values
    ]


def _share(count: int, of: int, language: Language) -> str:
    return f"{count} ({language.percent(count / of)})" if of else str(count)


def _median(ages: Sequence[float], language: Language) -> str:
    if not ages:
        return DASH
    low, middle, high = (language.number(each, 0) for each in np.quantile(ages, [0.25, 0.5, 0.75]).tolist())
    return f"{middle} ({low}{DASH}{high})"
