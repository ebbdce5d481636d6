"""Which class a box of a TFRecord has: ``class/text`` through the label map, else ``class/label``.

Follows tensorflow/models research/object_detection/data_decoders/tf_example_decoder.py:452-466 (text wins where there
is a label map) with one difference: a name the label map lacks is an error here, and -1 there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fractura.core.errors import DataError
from fractura.formats.label_map import MAXIMUM_ID, LabelMap, LabelMapItem, label_map_of


@dataclass(frozen=True)
class AnnotatedClasses:
    """The classes of one record's boxes as written.

    Attributes:
        texts: One per box, or empty.
        ids: One per box, or empty.
    """

    texts: tuple[str, ...]
    ids: tuple[int, ...]


class ClassReader:
    """Turns texts and ids into labels, and counts where the two disagree.

    Args:
        records: All records; they are examined only where ``label_map`` is None.
        label_map: None takes the classes from the records.
        file: For errors.

    Raises:
        DataError: There is no label map and the ids are out of range.
    """

    def __init__(self, records: Iterable[AnnotatedClasses], label_map: LabelMap | None, file: Path) -> None:
        self._file = file
        self.notes: list[DataError] = []
        self._disagreements: Counter[tuple[str, int, int]] = Counter()
        self._has_label_map = label_map is not None
        self._label_map = self._found_in(records) if label_map is None else label_map
        self._ids = self._label_map.ids
        self._known = set(self._ids.values())

    @property
    def class_names(self) -> tuple[str, ...]:
        """In label order."""
        return self._label_map.class_names

    def labels(self, annotated: AnnotatedClasses) -> list[int]:
        """The label of each box of a record: its id minus 1.

        Raises:
            DataError: A text or an id is not in the label map.
        """
        if annotated.texts:
            found = [self._label_map.id_of(text) for text in annotated.texts]
            for text, by_text, by_label in zip(annotated.texts, found, annotated.ids, strict=False):
                if by_text != by_label and self._has_label_map:
                    self._disagreements[text, by_text, by_label] += 1
        else:
            found = list(annotated.ids)
            if unknown := sorted(set(found) - self._known):
                raise DataError(
                    f"the class id {unknown[0]} is not in the label map",
                    hint=f"its ids are {', '.join(map(str, sorted(self._known)))}",
                )
        return [number - 1 for number in found]

    def disagreements(self) -> list[DataError]:
        """One line for each pair of text and id that do not belong together."""
        return [
            DataError(
                f"'{text}' has the id {by_text}, but class/label says {by_label}, in {count} boxes",
                file=self._file,
                hint="the text counts, as in TensorFlow with a label map",
            )
            for (text, by_text, by_label), count in sorted(self._disagreements.items())
        ]

    def _found_in(self, records: Iterable[AnnotatedClasses]) -> LabelMap:
        """A label map from what the records say: by id where texts and ids belong together, else by alphabet."""
        pairs: set[tuple[str, int]] = set()
        texts: set[str] = set()
        ids: set[int] = set()
        for annotated in records:
            texts.update(annotated.texts)
            ids.update(() if annotated.texts else annotated.ids)
            pairs.update(zip(annotated.texts, annotated.ids, strict=False))
        if out_of_range := [number for number in sorted(ids) if not 1 <= number <= MAXIMUM_ID]:
            raise DataError(
                f"class ids must be 1 to {MAXIMUM_ID}, and {out_of_range[0]} is there",
                file=self._file,
                hint="write the file again with ids from 1",
            )
        if not texts:
            if ids:
                self.notes.append(
                    DataError(
                        "holds class ids without names; they are called 'class 1' and so on",
                        file=self._file,
                        hint="give the label map that belongs to it",
                    )
                )
            return LabelMap(tuple(LabelMapItem(number, f"class {number}") for number in sorted(ids)))
        if _belong_together(pairs, texts, ids):
            return LabelMap(tuple(LabelMapItem(number, text) for text, number in sorted(pairs, key=lambda p: p[1])))
        if ids:
            raise DataError(
                "some boxes have only a class id and others only a name that shares its id",
                file=self._file,
                hint="give the label map that belongs to it",
            )
        self.notes.append(
            DataError(
                f"class/label does not tell its {len(texts)} classes apart; their names count, in alphabetical order",
                file=self._file,
                hint="give the label map that belongs to it, so that ids do not depend on what is in the file",
            )
            if pairs
            else DataError(
                "holds class names without ids; they count in alphabetical order",
                file=self._file,
                hint="give the label map that belongs to it",
            )
        )
        return label_map_of(sorted(texts))


def _belong_together(pairs: set[tuple[str, int]], texts: set[str], lonely_ids: Sequence[int] | set[int]) -> bool:
    """True if each text has one id of its own, in range, and every id without a text is one of these."""
    numbers = {number for _, number in pairs}
    return (
        {text for text, _ in pairs} == texts
        and len(pairs) == len(texts) == len(numbers)
        and all(1 <= number <= MAXIMUM_ID for number in numbers)
        and set(lonely_ids) <= numbers
    )
