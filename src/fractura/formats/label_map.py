"""Label maps of the TensorFlow Object Detection API: class names and their ids, from 1 (``.pbtxt``, or ``.txt``)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from fractura.core.errors import DataError, nearest_name, suggest_name
from fractura.core.files import write_atomically
from fractura.formats.protobuf.text_format import Field, Message, Scalar, parse, read_text
from fractura.formats.protobuf.text_format_edit import quoted
from fractura.formats.protobuf.text_format_tokens import whole_number

MAXIMUM_ID = 10_000  # A model has one output per id up to the highest; a higher id is a typo.

_EXAMPLE = "an item looks like this: item { id: 1 name: 'fracture' }"
_QUOTE = "'"
_BACKGROUND = "background"
_USED = ("id", "name", "display_name")
_NOT_USED = ("keypoints", "ancestor_ids", "descendant_ids", "frequency", "instance_count")
"""Fields of TensorFlow's label maps that say nothing about boxes."""


@dataclass(frozen=True)
class LabelMapItem:
    """One class.

    Attributes:
        id: From 1; the label inside fractura is ``id - 1``.
        name: What ``image/object/class/text`` holds; may be a code such as ``/m/01g317``.
        display_name: The name to show; empty if the file has none. Where several classes share one, their names follow
            it: ``Wrist (/m/aa1)``.
        line: Where it starts in the file; 0 if it does not come from one.
    """

    id: int
    name: str
    display_name: str = ""
    line: int = 0

    @property
    def title(self) -> str:
        """The name to show, as in TensorFlow's category index."""
        return self.display_name or self.name


@dataclass(frozen=True)
class LabelMap:
    """The classes of a label map.

    Attributes:
        items: In the order of the file.
        file: Where it was read from, if anywhere.
        notes: What was ignored, one line each.
    """

    items: tuple[LabelMapItem, ...]
    file: Path | None = None
    notes: tuple[str, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """The name of each label: position ``id - 1``. A missing id is called ``unused 7``."""
        titles = {item.id: item.title for item in self.items}
        return tuple(titles.get(i, f"unused {i}") for i in range(1, max(titles, default=0) + 1))

    @property
    def ids(self) -> dict[str, int]:
        """Every name and display name with its id."""
        return {name: item.id for item in self.items for name in (item.name, item.display_name) if name}

    def id_of(self, name: str) -> int:
        """The id of a name or display name.

        >>> label_map_of(["fracture", "implant"]).id_of("implant")
        2

        Raises:
            DataError: It is not in the label map; the error suggests the nearest name.
        """
        found = self.ids.get(name)
        if found is None:
            nearest = nearest_name(name, self.ids)
            hint = f"did you mean '{nearest}'? If not, add an item" if nearest else "add an item for it"
            raise DataError(f"the class '{name}' is not in the label map", file=self.file, hint=hint)
        return found

    def extended(self, class_names: Sequence[str]) -> LabelMap:
        """This label map with missing names appended; existing ids do not change.

        >>> label_map_of(["fracture"]).extended(["implant", "fracture"]).class_names
        ('fracture', 'implant')
        """
        items, highest = list(self.items), max((item.id for item in self.items), default=0)
        known = set(self.ids)
        for name in class_names:
            if name not in known:
                highest += 1
                known.add(name)
                items.append(LabelMapItem(highest, name, name))
        return LabelMap(tuple(items), self.file, self.notes)

    def to_text(self) -> str:
        """The label map in the layout that is usual for the Object Detection API."""
        return "\n".join(_item_text(item) for item in self.items)


def read_label_map(path: Path | str) -> LabelMap:
    """Read a label map, whatever its extension.

    An item of id 0 called ``background`` is left out, as TensorFlow does.

    Raises:
        DataError: The file cannot be read or parsed, has no items or an unknown field, an id is 0, negative, missing or
            duplicated, or a name is missing or duplicated; the error names the line.
    """
    file = Path(path)
    document = parse(read_text(file), file)
    notes: list[str] = []
    items: list[LabelMapItem] = []
    for entry in document.root.fields:
        place = f"line {entry.line}"
        if entry.name != "item":
            raise DataError(
                f"'{entry.name}' is not a field of label maps", file=file, place=place, hint=_other_hint(entry.name)
            )
        if not isinstance(entry.value, Message):
            raise DataError("'item' needs braces", file=file, place=place, hint=_EXAMPLE)
        item = _item(entry, entry.value, file, notes)
        if item.id:
            items.append(item)
        else:
            notes.append(f"{place}: the item of id 0, '{item.title}', is not a class: the background needs no item")
    if not items:
        raise DataError("has no items", file=file, hint=_EXAMPLE)
    items = _told_apart(items)
    _refuse_doubles(items, file)
    return LabelMap(tuple(items), file, tuple(notes))


def _other_hint(name: str) -> str:
    if name in ("model", "train_config", "train_input_reader", "eval_config", "eval_input_reader"):
        return "this is a pipeline.config: give the label map"
    return f"did you mean 'item'? {_EXAMPLE}" if nearest_name(name, ["item"]) else _EXAMPLE


def _told_apart(items: Sequence[LabelMapItem]) -> list[LabelMapItem]:
    """The items; display names that several classes share are followed by the class's own name."""
    shown = Counter(item.display_name for item in items if item.display_name)
    return [
        replace(item, display_name=f"{item.display_name} ({item.name})")
        if item.name and item.name != item.display_name and shown[item.display_name] > 1
        else item
        for item in items
    ]


def label_map_of(class_names: Sequence[str]) -> LabelMap:
    """A new label map: ids from 1 in the order of ``class_names``.

    >>> label_map_of(["fracture", "implant"]).ids
    {'fracture': 1, 'implant': 2}
    """
    return LabelMap(()).extended(class_names)


def write_label_map(label_map: LabelMap, path: Path | str) -> None:
    """Write ``label_map`` to ``path``.

    Raises:
        DataError: The file cannot be written.
    """
    write_atomically(Path(path), label_map.to_text())


def update_label_map(path: Path | str, class_names: Sequence[str]) -> LabelMap:
    """Add missing ``class_names`` to the label map at ``path``; nothing is renumbered.

    A file that has them all is not touched; otherwise its comments and order are preserved.

    Raises:
        DataError: The existing file is not a valid label map, or cannot be written.
    """
    file = Path(path)
    if not file.exists():
        label_map = LabelMap((), file).extended(class_names)
        write_label_map(label_map, file)
        return label_map
    old = read_label_map(file)
    label_map = old.extended(class_names)
    added = label_map.items[len(old.items) :]
    if added:
        text = read_text(file)
        newline = "\r\n" if "\r\n" in text else "\n"
        new = "".join(newline + _item_text(item).replace("\n", newline) for item in added)
        write_atomically(file, text + ("" if text.endswith("\n") else newline) + new)
    return label_map


def _item_text(item: LabelMapItem) -> str:
    lines = ["item {", f"  id: {item.id}"]
    if item.name:
        lines.append(f"  name: {quoted(item.name, like=_QUOTE)}")
    if item.display_name:
        lines.append(f"  display_name: {quoted(item.display_name, like=_QUOTE)}")
    return "\n".join([*lines, "}", ""])


def _item(entry: Field, message: Message, file: Path, notes: list[str]) -> LabelMapItem:
    place = f"line {entry.line}"
    for field in message.fields:
        if field.name in _NOT_USED:
            notes.append(f"line {field.line}: '{field.name}' is not used")
        elif field.name not in _USED:
            raise DataError(
                f"'{field.name}' is not a field of an item",
                file=file,
                place=f"line {field.line}",
                hint="the braces of the item before it are not closed"
                if field.name == "item"
                else suggest_name(field.name, (*_USED, *_NOT_USED)),
            )
    name, display_name = (_text_of(message.last(key), file) for key in ("name", "display_name"))
    if not name and not display_name:
        raise DataError("the item has no name", file=file, place=place, hint=_EXAMPLE)
    number = message.last("id")
    if number is None:
        raise DataError(f"the item '{name or display_name}' has no id", file=file, place=place, hint=_EXAMPLE)
    return LabelMapItem(_id_of(number, file, {name, display_name}), name, display_name, entry.line)


def _text_of(field: Field | None, file: Path) -> str:
    if field is None:
        return ""
    if not isinstance(field.value, Scalar) or field.value.kind != "string":
        raise DataError(f"'{field.name}' needs quotes", file=file, place=f"line {field.line}", hint=_EXAMPLE)
    return field.value.text


def _id_of(field: Field, file: Path, names: set[str]) -> int:
    place = f"line {field.line}"
    text = field.value.text if isinstance(field.value, Scalar) and field.value.kind == "number" else ""
    try:
        number = whole_number(text)
    except ValueError:
        raise DataError("the id is not a whole number", file=file, place=place, hint=_EXAMPLE) from None
    except DataError as error:
        raise DataError(f"the id {error.problem}", file=file, place=place, hint=error.hint) from None
    if number == 0 and _BACKGROUND in names:
        return 0
    if number == 0:
        raise DataError(
            "id 0 means background in TensorFlow",
            file=file,
            place=place,
            hint="start at 1; the background needs no item",
        )
    if not 0 < number <= MAXIMUM_ID:
        raise DataError(f"the id {number} is not in 1 to {MAXIMUM_ID}", file=file, place=place)
    return number


def _refuse_doubles(items: Sequence[LabelMapItem], file: Path) -> None:
    ids: dict[int, LabelMapItem] = {}
    names: dict[str, LabelMapItem] = {}
    for item in items:
        place = f"line {item.line}"
        if item.id in ids:
            first = ids[item.id]
            raise DataError(
                f"the id {item.id} is used twice: '{first.title}' (line {first.line}) and '{item.title}'",
                file=file,
                place=place,
                hint="give each class its own id",
            )
        ids[item.id] = item
        for name in {item.name, item.display_name} - {""}:
            if name in names:
                raise DataError(
                    f"the name '{name}' is used twice (first on line {names[name].line})",
                    file=file,
                    place=place,
                    hint="give each class its own name",
                )
            names[name] = item
