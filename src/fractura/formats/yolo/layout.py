"""Where the parts of a YOLO data set are: class names, images, and the text file of each image.

``data.yaml`` (``names``, ``path``, ``train``, ``val``, ``test``) as Ultralytics and Roboflow write it, or
``classes.txt`` as LabelImg does (or darknet's ``obj.names``). An image's text file has its name and lies where the last
folder called ``images`` of the image's path is called ``labels``, else next to the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fractura.core.errors import DataError
from fractura.formats.image_index import ImageIndex, plain_name
from fractura.formats.text_files import read_lines
from fractura.formats.yolo.data_yaml import YAML_EXTENSIONS, find_data_yaml, read_data_yaml, refuse_repeated

NAME_FILES = ("classes.txt", "obj.names")


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


def find_layout(path: Path) -> YoloLayout:
    """Find all parts of a data set.

    Args:
        path: Its folder, or its ``data.yaml``.

    Raises:
        DataError: There is no such folder, the YAML cannot be read, or a folder that it names is not there.
    """
    if path.is_dir():
        yaml = find_data_yaml(path)
    elif path.suffix.lower() in YAML_EXTENSIONS and path.is_file():
        yaml = path
    else:
        problem = "is not a YOLO folder or data.yaml" if path.exists() else "there is no such file or folder"
        raise DataError(problem, file=path, hint="give the folder, or its data.yaml")
    if yaml is None:
        return _layout_without_yaml(path)
    found = read_data_yaml(yaml)
    base = yaml.parent
    if found.base:
        written = Path(found.base)
        base = written if written.is_absolute() and written.is_dir() else base / written
        base = base if base.is_dir() else yaml.parent  # a path of another machine: the images lie next to the file
    places: list[tuple[Path, str | None]] = [
        (_place(text, base, yaml, line), split) for text, split, line in found.places
    ]
    return _layout(yaml, found.class_names, places or [(base, None)], base)


def find_names_file(folder: Path) -> Path | None:
    """``classes.txt`` or ``obj.names`` of a folder; LabelImg writes ``classes.txt`` next to the text files."""
    places = [folder, *label_folders(folder)]
    return next((place / name for place in places for name in NAME_FILES if (place / name).is_file()), None)


def _layout_without_yaml(folder: Path) -> YoloLayout:
    names_file = find_names_file(folder)
    names = None if names_file is None else dict(enumerate(_names_in(names_file)))
    return _layout(names_file, names, [(folder, None)], folder)


def label_folders(folder: Path) -> list[Path]:
    """The folders of a folder that are called ``labels``."""
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
    refuse_repeated(names, file)
    return names


def _place(text: str, base: Path, yaml: Path, line: int) -> Path:
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
        place=f"line {line}",
        hint=f"correct it, or put the images into {base / plain}",
    )


def _layout(
    source: Path | None, names: dict[int, str] | None, places: Sequence[tuple[Path, str | None]], base: Path
) -> YoloLayout:
    images: list[YoloImage] = []
    labels: set[Path] = set()
    for place, split in places:
        if place.is_file():  # a list of images, one a line
            index = ImageIndex.below([base])
            for number, line in enumerate(read_lines(place), start=1):
                if line.strip():
                    try:
                        image = index.find(line.strip())
                    except DataError as fault:
                        raise DataError(fault.problem, file=place, place=f"line {number}", hint=fault.hint) from fault
                    images.append(_image(image, base, split))
            continue
        images.extend(_image(image, base, split) for image in ImageIndex.below([place]).images)
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
            mirrored = root.joinpath(*below[:place], "labels", *below[place + 1 :]).with_suffix(".txt")
            if mirrored.parent.is_dir():
                return mirrored
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
