"""Where the parts of a YOLO data set are: class names, images, and the text file of each image.

``data.yaml`` (``names``, ``path``, ``train``, ``val``, ``test``) as Ultralytics and Roboflow write it, or
``classes.txt`` as LabelImg does (or darknet's ``obj.names``). An image's text file has its name and lies where the last
folder called ``images`` of the image's path is called ``labels``, else beside the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fractura.core.errors import DataError
from fractura.formats.name_index import ImageIndex, plain_name
from fractura.formats.text_lines import read_lines
from fractura.formats.yolo.plain_yaml import Entry, read_plain_yaml

NAME_FILES = ("classes.txt", "obj.names")
_YAML = (".yaml", ".yml")
_WANTED = frozenset({"names", "nc", "path", "train", "val", "valid", "test"})
_SPLIT_KEYS = {"train": "train", "val": "val", "valid": "val", "test": "test"}


@dataclass(frozen=True)
class YoloImage:
    """An image and the text file that belongs to it, there or not."""

    image: Path
    labels: Path
    root: Path
    split: str | None


@dataclass(frozen=True)
class YoloLayout:
    """A YOLO data set before its labels are read.

    Attributes:
        source: The file that names the classes; None if there is none.
        class_names: Name of each id; ids may have gaps. None if they are not named.
        images: In the order of splits and names.
        label_files: Text files that are there, the images' and others.
    """

    source: Path | None
    class_names: dict[int, str] | None
    images: tuple[YoloImage, ...]
    label_files: tuple[Path, ...]


def find_yaml(folder: Path) -> Path | None:
    """The ``data.yaml`` of a folder: under that name, else the one YAML file that has names."""
    for name in ("data.yaml", "data.yml", "dataset.yaml"):
        if (folder / name).is_file():
            return folder / name
    found = [
        file
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in _YAML and file.is_file() and "names" in _entries_or_none(file)
    ]
    return found[0] if len(found) == 1 else None


def _entries_or_none(file: Path) -> dict[str, Entry]:
    try:
        return read_plain_yaml(file, _WANTED)
    except DataError:
        return {}


def find_layout(path: Path) -> YoloLayout:
    """Find all parts of a data set.

    Args:
        path: Its folder, or its ``data.yaml``.

    Raises:
        DataError: There is no such folder, the YAML cannot be read, or a folder that it names is not there.
    """
    if path.is_dir():
        yaml = find_yaml(path)
    elif path.suffix.lower() in _YAML and path.is_file():
        yaml = path
    else:
        problem = "is not a YOLO folder or data.yaml" if path.exists() else "there is no such file or folder"
        raise DataError(problem, file=path, hint="give the folder, or its data.yaml")
    folder = path if path.is_dir() else path.parent
    if yaml is None:
        names_file = next((folder / name for name in NAME_FILES if (folder / name).is_file()), None)
        if names_file is None:  # LabelImg writes it beside the text files
            names_file = next(
                (f / "classes.txt" for f in _label_folders(folder) if (f / "classes.txt").is_file()), None
            )
        names = None if names_file is None else dict(enumerate(_names_in(names_file)))
        return _layout(names_file, names, [(folder, None)], folder)
    entries = read_plain_yaml(yaml, _WANTED)
    names = _yaml_names(entries, yaml)
    base = yaml.parent
    if (entry := entries.get("path")) is not None and isinstance(entry.value, str) and entry.value:
        written = Path(entry.value)
        base = written if written.is_absolute() and written.is_dir() else base / written
        base = base if base.is_dir() else yaml.parent  # a path of another machine: the images lie beside the file
    places: list[tuple[Path, str | None]] = []
    for key, split in _SPLIT_KEYS.items():
        for text in _texts(entries.get(key)):
            places.append((_place(text, base, yaml, entries[key]), split))
    return _layout(yaml, names, places or [(base, None)], base)


def _label_folders(folder: Path) -> list[Path]:
    return [entry for entry in sorted(folder.iterdir()) if entry.is_dir() and entry.name.casefold() == "labels"]


def _names_in(file: Path) -> list[str]:
    names = [line.strip() for line in read_lines(file)]
    while names and not names[-1]:
        names.pop()
    for number, name in enumerate(names, start=1):
        if not name:
            raise DataError(
                "a class has no name", file=file, place=f"line {number}", hint="one name a line; the first has id 0"
            )
    return _different(names, file)


def _different(names: list[str], file: Path) -> list[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataError(f"the class '{name}' is there twice", file=file, hint="give each class a name of its own")
        seen.add(name)
    return names


def _yaml_names(entries: dict[str, Entry], file: Path) -> dict[int, str] | None:
    entry = entries.get("names")
    if entry is None:
        return None
    value = entry.value
    place = f"line {entry.line}"
    if isinstance(value, str):
        raise DataError("'names' is no list", file=file, place=place, hint="write: names: [fracture, metal]")
    if isinstance(value, list):
        numbered = dict(enumerate(value))
    else:
        bad = next((key for key in value if not (key.isascii() and key.isdigit() and len(key) < 9)), None)
        if bad is not None:
            raise DataError(f"'{bad}' is no class number", file=file, place=place, hint="number the names from 0")
        numbered = {int(key): name for key, name in value.items()}
        if len(numbered) < len(value):
            raise DataError("a class number is there twice", file=file, place=place, hint="number the names from 0")
    if any(not name for name in numbered.values()):
        raise DataError("a class has no name", file=file, place=place, hint="name every class")
    _different(list(numbered.values()), file)
    count = entries.get("nc")
    if count is not None and count.value != str(len(numbered)):
        raise DataError(
            f"'nc' says {count.value} classes, 'names' has {len(numbered)}",
            file=file,
            place=f"line {count.line}",
            hint="correct nc, or the list of names",
        )
    return dict(sorted(numbered.items()))


def _texts(entry: Entry | None) -> list[str]:
    if entry is None or isinstance(entry.value, dict):
        return []
    texts = [entry.value] if isinstance(entry.value, str) else entry.value
    return [text for text in texts if text and text.casefold() not in ("null", "~", "none")]


def _place(text: str, base: Path, yaml: Path, entry: Entry) -> Path:
    """A folder or list that a split names; Roboflow writes ``../train/images`` where it means ``train/images``."""
    written = text.replace("\\", "/")
    plain = written
    while plain.startswith("../"):
        plain = plain[3:]
    for candidate in (base / written, yaml.parent / written, base / plain, yaml.parent / plain):
        try:
            if candidate.exists():
                return candidate
        except (OSError, ValueError):
            continue
    raise DataError(
        f"'{text}' is not there",
        file=yaml,
        place=f"line {entry.line}",
        hint=f"correct it, or put the images into {base / plain}",
    )


def _layout(
    source: Path | None, names: dict[int, str] | None, places: Sequence[tuple[Path, str | None]], base: Path
) -> YoloLayout:
    images: list[YoloImage] = []
    labels: set[Path] = set()
    for place, split in places:
        if place.is_file():  # a list of images, one a line
            index = ImageIndex([base])
            for number, line in enumerate(read_lines(place), start=1):
                if line.strip():
                    try:
                        image = index.find(line.strip())
                    except DataError as fault:
                        raise DataError(fault.problem, file=place, place=f"line {number}", hint=fault.hint) from fault
                    images.append(_image(image, base, split))
            continue
        images.extend(_image(image, base, split) for image in ImageIndex([place]).images)
    lists = {place.resolve() for place, _ in places}
    for folder in {image.labels.parent for image in images}:
        if folder.is_dir():
            labels.update(file for file in folder.iterdir() if is_label_file(file) and file.resolve() not in lists)
    return YoloLayout(source, names, tuple(images), tuple(sorted(labels)))


def _image(image: Path, base: Path, split: str | None) -> YoloImage:
    return YoloImage(image, label_file_of(image, base), base, split)


def label_file_of(image: Path, base: Path) -> Path:
    """The text file of an image."""
    below = image.relative_to(base).parts if image.is_relative_to(base) else image.parts
    root = image.parents[len(below) - 1] if image.is_relative_to(base) else Path()
    for place in reversed(range(len(below) - 1)):
        if plain_name(below[place]) == "images":
            beside = root.joinpath(*below[:place], "labels", *below[place + 1 :]).with_suffix(".txt")
            if beside.parent.is_dir():
                return beside
    return image.with_suffix(".txt")


def is_label_file(file: Path) -> bool:
    """True if a file may hold the labels of an image."""
    return (
        file.suffix.lower() == ".txt"
        and file.name.casefold() not in NAME_FILES
        and not file.name.startswith(".")
        and not file.name.casefold().startswith("readme")
        and file.is_file()
    )


def is_label_text(file: Path) -> bool:
    """True if every line of a file could be a box; a file without lines can be a negative image."""
    try:
        words = [line.split() for line in read_lines(file) if line.strip()]
    except DataError:
        return False
    return all(len(line) == 5 and line[0].isdigit() for line in words)
