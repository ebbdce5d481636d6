"""Where the parts of a YOLO data set are: class names, images, and the text file of each image.

``data.yaml`` (``names``, ``path``, ``train``, ``val``, ``test``) as Ultralytics and Roboflow write it, ``classes.txt``
as LabelImg does, or darknet's ``.data`` and ``.names``. An image's text file has its name and lies where the last
folder called ``images`` of the image's path is called ``labels``, else next to the image.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from fractura.core.errors import DataError
from fractura.formats.assembly import some_of, split_of
from fractura.formats.image_index import ImageIndex, plain_name
from fractura.formats.text_files import read_lines
from fractura.formats.yolo.data_yaml import YAML_EXTENSIONS, DataYaml, find_data_yaml, read_data_yaml, refuse_repeated

NAME_FILES = ("classes.txt", "obj.names")
_NUMBER = re.compile(r"[+-]?[\d.]+(?:[eE][+-]?\d+)?", re.ASCII)


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
        notes: What people should know of it.
    """

    source: Path | None
    class_names: dict[int, str] | None
    images: tuple[YoloImage, ...]
    label_files: tuple[Path, ...]
    notes: tuple[DataError, ...] = ()


def find_layout(path: Path, image_dir: Path | None = None) -> YoloLayout:
    """Find all parts of a data set.

    Args:
        path: Its folder, or its ``data.yaml``.
        image_dir: Where the images lie if they are apart from the text files: each text file then has the image of its
            name there, and an image without text file is not used.

    Raises:
        DataError: There is no such folder, the YAML cannot be read, no folder that it names is there, or not one image
            of a split has a text file.
    """
    layout = _find_layout(path) if image_dir is None else find_layout_apart(path, image_dir)
    for split in dict.fromkeys(image.split for image in layout.images):
        _refuse_without_labels([image for image in layout.images if image.split == split], split)
    return layout


def _find_layout(path: Path) -> YoloLayout:
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
    base = _base(yaml, found)
    places: list[tuple[Path, str | None]] = []
    absent: list[DataError] = []
    for text, split, line in found.places:
        place = find_place(text, base, yaml)
        if place is not None:
            places.append((place, split))
            continue
        absent.append(
            DataError(
                f"'{text}' for {split} is not there",
                file=yaml,
                place=f"line {line}",
                hint=f"correct it, or put the images into {base / text.replace('../', '')}",
            )
        )
    if absent and not places:
        raise absent[0]
    layout = _layout(yaml, found.class_names, places or [(base, None)], base)
    return replace(layout, notes=tuple(absent))


def _base(yaml: Path, found: DataYaml) -> Path:
    if not found.base:
        return yaml.parent
    written = Path(found.base)
    base = written if written.is_absolute() and written.is_dir() else yaml.parent / written
    # A path of another machine: the images lie next to the file.
    return base if base.is_dir() and not _is_root(base) else yaml.parent


def find_layout_apart(path: Path, image_dir: Path) -> YoloLayout:
    """Find the text files below ``path`` and their images below ``image_dir``, by their names."""
    folder = path if path.is_dir() else path.parent
    yaml = find_data_yaml(path) if path.is_dir() else path
    names_file = yaml or find_names_file(folder)
    names = None
    if names_file is not None:
        names = read_data_yaml(yaml).class_names if yaml else dict(enumerate(_names_in(names_file)))
    files = [file for file in sorted(folder.rglob("*.txt")) if is_label_file(file) and is_label_text(file)]
    index = ImageIndex.below([image_dir])
    images = []
    for file in files:
        image = index.own(file)
        if image is not None:
            index.found.add(image)
            split = next((found for part in file.relative_to(folder).parts if (found := split_of(part))), None)
            images.append(YoloImage(image, file, image_dir, split))
    notes = []
    if unused := index.unused:
        notes.append(
            DataError(
                f"{len(unused)} images have no text file and are not used: {some_of([each.name for each in unused])}",
                file=image_dir,
                hint="label them; an image on which nothing is broken needs an empty text file",
            )
        )
    return YoloLayout(names_file, names, tuple(images), tuple(files), tuple(notes))


def _refuse_without_labels(images: Sequence[YoloImage], split: str | None) -> None:
    """See that at least one image has a text file: else the labels lie elsewhere, and all would pass for negative."""
    if not images or any(image.labels.is_file() for image in images):
        return
    first = images[0]
    above = first.image.parent if first.root not in first.image.parents else first.root
    elsewhere = sorted({file.parent for file in above.rglob("*.txt") if is_label_file(file)})
    there = ", ".join(f"'{folder}'" for folder in elsewhere[:3])
    raise DataError(
        f"none of the {len(images)} images{f' of {split}' if split else ''} has a text file; looked for "
        f"{' and '.join(map(str, _label_places(first)))}",
        file=first.image.parent,
        hint=(f"text files lie in {there}: move them there; " if there else "put the text files there; ")
        + "an image on which nothing is broken needs an empty text file",
    )


def find_names_file(folder: Path) -> Path | None:
    """The file of class names: the one that darknet's ``.data`` names, ``classes.txt``, or the only ``.names``."""
    if (data := find_darknet_data(folder)) is not None and (named := _darknet_place(data, "names")) is not None:
        return named
    places = [folder, *label_folders(folder)]
    found = next((place / name for place in places for name in NAME_FILES if (place / name).is_file()), None)
    others = sorted(file for place in places for file in place.glob("*.names"))
    return others[0] if found is None and len(others) == 1 else found


def find_darknet_data(folder: Path) -> Path | None:
    """Darknet's file of the parts of a data set: the only one that ends in ``.data`` and says ``names = …``."""
    found = [file for file in sorted(folder.glob("*.data")) if file.is_file() and "names" in _darknet_parts(file)]
    return found[0] if len(found) == 1 else None


def _darknet_parts(data: Path) -> dict[str, str]:
    try:
        pairs = [line.partition("=") for line in read_lines(data) if "=" in line]
    except DataError:
        return {}
    return {key.strip(): value.strip() for key, _, value in pairs}


def _darknet_place(data: Path, key: str) -> Path | None:
    text = _darknet_parts(data).get(key)
    return None if not text else find_place(text, data.parent, data)


def _layout_without_yaml(folder: Path) -> YoloLayout:
    names_file = find_names_file(folder)
    names = None if names_file is None else dict(enumerate(_names_in(names_file)))
    places: list[tuple[Path, str | None]] = []
    if (data := find_darknet_data(folder)) is not None:
        lists = [(_darknet_place(data, key), split) for key, split in (("train", "train"), ("valid", "val"))]
        places = [(place, split) for place, split in lists if place is not None]
    return _layout(names_file, names, places or [(folder, None)], folder)


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


def find_place(text: str, base: Path, source: Path) -> Path | None:
    """A folder or list that ``source`` names; None if it is not there.

    Roboflow writes ``../train/images`` where it means ``train/images``, and a path of another machine ends like the
    right one.
    """
    written = text.replace("\\", "/")
    parts = [part for part in written.split("/") if part not in ("", ".", "..")]
    is_foreign = written.startswith("/") or (len(written) > 1 and written[1] == ":")
    ends = ["/".join(parts[start:]) for start in range(len(parts) if is_foreign else min(1, len(parts)))]
    for below in (written, *ends):
        for folder in (base, source.parent):
            try:
                if (folder / below).exists() and not _is_root(folder / below):
                    return folder / below
            except (OSError, ValueError):
                continue
    return None


def _is_root(path: Path) -> bool:
    """Below it lies every file of the machine: no data set, and hours of reading."""
    resolved = path.resolve()
    return resolved == Path(resolved.anchor)


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
    files = tuple(sorted(labels))
    return YoloLayout(source, names, _with_spelled_labels(images, files), files)


def _with_spelled_labels(images: Sequence[YoloImage], files: Sequence[Path]) -> tuple[YoloImage, ...]:
    """The images, each with the text file that bears its name percent-encoded, or in another spelling, if need be."""
    spelled: dict[tuple[Path, str], list[Path]] = {}
    own = {image.labels for image in images}
    for file in files:
        if file not in own:
            spelled.setdefault((file.parent, plain_name(unquote(file.stem))), []).append(file)
    found = []
    for image in images:
        others = spelled.get((image.labels.parent, plain_name(unquote(image.labels.stem))), [])
        found.append(replace(image, labels=others[0]) if len(others) == 1 and not image.labels.is_file() else image)
    return tuple(found)


def _image(image: Path, base: Path, split: str | None) -> YoloImage:
    return YoloImage(image, label_file_of(image, base), base, split)


def label_file_of(image: Path, base: Path) -> Path:
    """The text file of an image, there or not: in ``labels``, or next to it if only that is there, or no ``labels``."""
    mirrored, beside = _mirrored(image, base), image.with_suffix(".txt")
    if mirrored is None or not mirrored.parent.is_dir() or (not mirrored.is_file() and beside.is_file()):
        return beside
    return mirrored


def _label_places(image: YoloImage) -> list[Path]:
    mirrored = _mirrored(image.image, image.root)
    return [*([] if mirrored is None else [mirrored]), image.image.with_suffix(".txt")]


def _mirrored(image: Path, base: Path) -> Path | None:
    """Where the text file of an image lies if the folder ``images`` has one called ``labels`` next to it."""
    below = image.relative_to(base).parts if image.is_relative_to(base) else image.parts
    root = image.parents[len(below) - 1] if image.is_relative_to(base) else Path()
    for place in reversed(range(len(below) - 1)):
        if plain_name(below[place]) == "images":
            return root.joinpath(*below[:place], "labels", *below[place + 1 :]).with_suffix(".txt")
    return None


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
    """True if every line of a file could be a box or an outline; one without lines can be a negative image."""
    try:
        words = [line.split() for line in read_lines(file) if line.strip()]
    except DataError:
        return False
    return all(
        line[0].isdigit() and (len(line) == 5 or (len(line) >= 7 and all(_NUMBER.fullmatch(word) for word in line)))
        for line in words
    )
