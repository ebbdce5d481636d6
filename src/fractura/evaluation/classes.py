"""Bring the classes of a data set into a model's order, by name."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError, FracturaError, UsageError, nearest_name, suggest_name

_logger = logging.getLogger(__name__)


def match_names(names: Iterable[str], known: Sequence[str]) -> dict[str, str]:
    """Which of the known classes each name means.

    Names that differ only in case and surrounding blanks are the same. If none is known, a single name means the single
    known class: a model that knows one class, and images with boxes of one, are about the same thing.

    Args:
        names: Names to match.
        known: Names to match them with.

    Returns:
        The known name of each name; names that match none are left out.

    Examples:
        >>> match_names(["fracture ", "cast"], ["Fracture", "implant"])
        {'fracture ': 'Fracture'}
        >>> match_names(["fractura"], ["Fracture"])
        {'fractura': 'Fracture'}
    """
    names = list(names)
    spelled = {_plain(name): name for name in known} | {name: name for name in known}
    found = {name: spelled.get(name, spelled.get(_plain(name), "")) for name in names}
    if not any(found.values()) and len(known) == 1 and len({_plain(name) for name in names}) == 1:
        return dict.fromkeys(names, known[0])
    return {name: meant for name, meant in found.items() if meant}


def align_classes(
    dataset: Dataset,
    class_names: Sequence[str],
    *,
    renamed: Mapping[str, str] | None = None,
    problems: list[FracturaError] | None = None,
) -> Dataset:
    """The data set with its labels in the order of a model's class names, which are found as ``match_names`` does.

    Classes that the model knows and the data lacks are fine; so are names in the data that no box has.

    Args:
        dataset: Images with their boxes.
        class_names: The model's.
        renamed: For names in the data the model's class that they mean; several may mean one.
        problems: Gets a remark for each class that is taken for one of another name; without it they are logged as
            warnings.

    Raises:
        DataError: A class that has boxes is not among ``class_names``; the nearest right name is given.
        UsageError: A name in ``renamed`` is not among those it should be among.
    """
    counts = {name: count for name, count in dataset.boxes_by_class.items() if count}
    renamed = dict(renamed or {})
    for name, meant in renamed.items():
        for word, words in ((name, dataset.class_names), (meant, class_names)):
            if word not in words:
                raise UsageError(f"there is no class '{word}' to rename", hint=suggest_name(word, words))
    taken = match_names(counts, class_names) | renamed
    for name, count in counts.items():
        if name not in taken:
            near = nearest_name(name, class_names) or class_names[0]
            raise DataError(
                f"{count} boxes are of the class '{name}', which the model does not know",
                file=dataset.root,
                hint=f"it knows {', '.join(class_names)}; say which it is, such as --rename '{name}={near}'",
            )
        if name not in renamed and _plain(name) != _plain(taken[name]):
            remark = DataError(
                f"{count} boxes of the class '{name}' are taken for the only class known, '{taken[name]}'",
                file=dataset.root,
            )
            if problems is None:
                _logger.warning("%s", remark)
            else:
                problems.append(remark)
    words = tuple(taken.get(name, name) for name in dataset.class_names)
    return replace(dataset, class_names=words).with_class_names(tuple(class_names))


def join_classes(
    datasets: Sequence[Dataset], problems: list[FracturaError], *, renamed: Mapping[str, str] | None = None
) -> list[Dataset]:
    """Data sets whose boxes different people or models drew, with one list of classes.

    Names that differ only in case and surrounding blanks are the same. If each has boxes of at most one class, that is
    the same class in all, whatever its name.

    Args:
        datasets: Images with their boxes.
        problems: As in ``align_classes``.
        renamed: For names in some of the data the class that they mean.

    Raises:
        UsageError: A name in ``renamed`` is not among the names of the data.
    """
    renamed = dict(renamed or {})
    every = list(chain.from_iterable(each.class_names for each in datasets))
    for word in chain.from_iterable(renamed.items()):
        if word not in every:
            raise UsageError(f"there is no class '{word}' to rename", hint=suggest_name(word, every))
    used = [[renamed.get(name, name) for name, count in each.boxes_by_class.items() if count] for each in datasets]
    known: dict[str, str] = {}
    for name in chain.from_iterable(used):
        known.setdefault(_plain(name), name)
    renamed = {name: known[_plain(meant)] for name, meant in renamed.items() if _plain(meant) in known}
    single = all(len({_plain(name) for name in names}) <= 1 for names in used)
    names = tuple(known.values())[: 1 if single else None]
    return [
        align_classes(
            each,
            names,
            renamed={name: meant for name, meant in renamed.items() if name in each.class_names},
            problems=problems,
        )
        for each in datasets
    ]


def _plain(name: str) -> str:
    return name.strip().casefold()
