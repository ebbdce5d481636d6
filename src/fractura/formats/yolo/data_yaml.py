"""``data.yaml``, which names the classes and the folders of a YOLO data set.

Values stay the text that they are written as: a class called ``no`` or ``1`` is a name, not a boolean or a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fractura.core.errors import DataError
from fractura.formats.text_files import read_text

if TYPE_CHECKING:
    from yaml.nodes import Node

YAML_EXTENSIONS = (".yaml", ".yml")
_USUAL = ("data.yaml", "data.yml", "dataset.yaml")
_LARGEST = 1 << 17
_SPLIT_KEYS = {"train": "train", "val": "val", "valid": "val", "test": "test"}
_WANTED = frozenset({"names", "nc", "path", *_SPLIT_KEYS})
_NOT_PLAIN_TEXT = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
Value = str | list[str] | dict[str, str]


@dataclass(frozen=True)
class Entry:
    """One key of the top level.

    Attributes:
        value: Text, a list of texts, or texts by key.
        line: Where it is, from 1.
    """

    value: Value
    line: int


@dataclass(frozen=True)
class DataYaml:
    """What the file says.

    Attributes:
        path: The file.
        class_names: Name of each id; ids may have gaps. None if they are not named.
        base: What the folders are relative to, as written; empty if that is the file's folder.
        places: Folder or list of images of each split, as written, with its line.
    """

    path: Path
    class_names: dict[int, str] | None
    base: str
    places: tuple[tuple[str, str, int], ...]


def find_data_yaml(folder: Path) -> Path | None:
    """The ``data.yaml`` of a folder: under that name, else the one YAML file that has names."""
    for name in _USUAL:
        if (folder / name).is_file():
            return folder / name
    candidates = [file for file in sorted(folder.iterdir()) if file.suffix.lower() in YAML_EXTENSIONS]
    found = [file for file in candidates if file.is_file() and _has_names(file)]
    return found[0] if len(found) == 1 else None


def read_data_yaml(path: Path) -> DataYaml:
    """Read the file.

    Raises:
        DataError: It cannot be read, is not YAML, or one of its values is not what it must be; names the line.
    """
    entries = read_entries(path)
    base = entries.get("path")
    places = [
        (text, split, entries[key].line)
        for key, split in _SPLIT_KEYS.items()
        if key in entries
        for text in _texts(entries[key].value)
    ]
    written = base.value if base is not None and isinstance(base.value, str) else ""
    return DataYaml(path, _class_names(entries, path), written, tuple(places))


def read_entries(path: Path, wanted: frozenset[str] = _WANTED) -> dict[str, Entry]:
    """The keys ``wanted`` of a file, their values as text.

    Raises:
        DataError: The file cannot be read, is too large, is not YAML, or the value of a wanted key is nested; names the
            line.
    """
    import yaml

    text = read_text(path, limit=_LARGEST)
    try:
        # compose, not load: nothing is constructed from tags, and scalars keep their text. The pure Python parser
        # raises RecursionError where libyaml's would overflow the stack.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        position = getattr(error, "problem_mark", None)
        raise DataError(
            f"is not YAML: {getattr(error, 'problem', None) or str(error).splitlines()[0]}",
            file=path,
            place=None if position is None else f"line {position.line + 1}",
            hint="correct it, or export the data set again",
        ) from error
    except (ValueError, OverflowError) as error:  # an escape for a letter that Unicode does not have
        raise DataError(f"is not YAML: {error}", file=path, hint="correct it, or export the data set again") from error
    except RecursionError as error:
        raise DataError("is nested too deeply", file=path, hint="give the data.yaml of the data set") from error
    return {key: Entry(_value(node, path), line) for key, (node, line) in _pairs(root, path).items() if key in wanted}


def _pairs(node: Node | None, path: Path) -> dict[str, tuple[Node, int]]:
    """The values of a mapping by their keys, each with the line of its key; empty for anything else."""
    from yaml.nodes import MappingNode, ScalarNode

    found: dict[str, tuple[Node, int]] = {}
    for key, value in node.value if isinstance(node, MappingNode) else ():
        line = key.start_mark.line + 1
        problem = None if isinstance(key, ScalarNode) else "a key must be text"
        if problem is None and key.value in found:
            problem = f"'{key.value}' is there twice"
        if problem is not None:
            raise DataError(problem, file=path, place=f"line {line}", hint="correct it, or export the data set again")
        found[key.value] = value, line
    return found


def _value(node: Node, path: Path) -> Value:
    from yaml.nodes import MappingNode, ScalarNode, SequenceNode

    def text(each: Node) -> str:
        if isinstance(each, ScalarNode):
            return str(each.value)
        raise DataError(
            "lists inside lists are not expected here",
            file=path,
            place=f"line {each.start_mark.line + 1}",
            hint="write it plainly, such as: names: [fracture, metal]",
        )

    if isinstance(node, SequenceNode):
        return [text(each) for each in node.value]
    if isinstance(node, MappingNode):
        return {key: text(each) for key, (each, _) in _pairs(node, path).items()}
    return text(node)


def _has_names(file: Path) -> bool:
    try:
        return "names" in read_entries(file)
    except DataError:
        return False


def _texts(value: Value) -> list[str]:
    texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return [text for text in texts if text and text.casefold() not in ("null", "~", "none")]


def _class_names(entries: dict[str, Entry], file: Path) -> dict[int, str] | None:
    entry = entries.get("names")
    if entry is None:
        return None
    value = entry.value
    place = f"line {entry.line}"
    if isinstance(value, str):
        raise DataError("'names' is not a list", file=file, place=place, hint="write: names: [fracture, metal]")
    if isinstance(value, list):
        numbered = dict(enumerate(value))
    else:
        bad = next((key for key in value if not (key.isascii() and key.isdigit() and len(key) < 9)), None)
        if bad is not None:
            raise DataError(f"'{bad}' is not a class number", file=file, place=place, hint="number the names from 0")
        numbered = {int(key): name for key, name in value.items()}
        if len(numbered) < len(value):
            raise DataError("a class number is there twice", file=file, place=place, hint="number the names from 0")
    if any(not name for name in numbered.values()):
        raise DataError("a class has no name", file=file, place=place, hint="name every class")
    refuse_repeated(numbered.values(), file)
    count = entries.get("nc")
    if count is not None and count.value != str(len(numbered)):
        raise DataError(
            f"'nc' says {count.value} classes, 'names' has {len(numbered)}",
            file=file,
            place=f"line {count.line}",
            hint="correct nc, or the list of names",
        )
    return dict(sorted(numbered.items()))


def refuse_repeated(names: Iterable[str], file: Path) -> None:
    """See that a file names no class twice.

    Raises:
        DataError: It does.
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(f"the class '{name}' is there twice", file=file, hint="give each class a name of its own")
        seen.add(name)


def data_yaml(class_names: Sequence[str], splits: Sequence[str]) -> str:
    """The ``data.yaml`` of a folder with ``images`` and ``labels``; each split has a folder of its name in both."""
    # no 'path': Ultralytics then uses the folder of this file, wherever it is moved to
    lines = ["# written by fractura; the images of a split lie in images/<split>, their boxes in labels/<split>"]
    lines += [f"{split}: images/{split}" for split in splits]
    lines += [f"nc: {len(class_names)}", "names:" if class_names else "names: []"]
    lines += [f"  {number}: {yaml_text(name)}" for number, name in enumerate(class_names)]
    return "\n".join(lines) + "\n"


def yaml_text(text: str) -> str:
    """``text`` as a YAML value that every reader takes for this very text: plain if it is plain, else quoted.

    Examples:
        >>> yaml_text("fracture"), yaml_text("no")
        ('fracture', '"no"')
    """
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*", text) and text.casefold() not in _NOT_PLAIN_TEXT:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'
