"""Which format a file or folder of labelled images is in, and why that is thought."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fractura.core.errors import DataError, FracturaError
from fractura.formats.assembly import SPLITS, split_of
from fractura.formats.coco import is_coco
from fractura.formats.createml import is_createml
from fractura.formats.csv import header_fault
from fractura.formats.image_index import find_voc_folder
from fractura.formats.text_files import read_json
from fractura.formats.text_lines import read_lines
from fractura.formats.tfrecord.frames import stands_for_files
from fractura.formats.yolo.layout import NAME_FILES, find_yaml, is_label_file, is_label_text

_RECORD_ENDINGS = (".tfrecord", ".tfrecords", ".record", ".records")
_ANY = "give a folder or file of Pascal VOC, COCO, YOLO, CreateML, CSV or TFRecord"


@dataclass(frozen=True)
class Guess:
    """A format and its evidence.

    Attributes:
        format: Name of the format; ``splits`` for a folder of ``train``, ``val`` and ``test``.
        path: What to read: the file that describes the images, or the folder.
        why: In a few words.
        others: Formats that are there too and were passed over.
    """

    format: str
    path: Path
    why: str
    others: tuple[str, ...] = ()


def guess_format(path: Path) -> Guess:
    """Find out in which format ``path`` is.

    Raises:
        DataError: There is nothing of this name, or nothing in it looks like labelled images.
    """
    path = Path(path)
    if path.is_dir():
        return _of_folder(path)
    if path.is_file():
        return _of_file(path)
    if stands_for_files(path):
        return Guess("tfrecord", path, "its name stands for TFRecord files")
    raise DataError("there is no such folder or file", file=path, hint="check the path and the spelling")


def _of_file(path: Path) -> Guess:
    ending = path.suffix.lower()
    if ending == ".json":
        document = read_json(path)
        if is_coco(document):
            return Guess("coco", path, "it has COCO's lists of images and categories")
        if is_createml(document):
            return Guess("createml", path, "it is a list of images")
        raise DataError("is JSON, but neither COCO nor CreateML", file=path, hint=_ANY)
    if ending == ".csv":
        return Guess("csv", path, "it ends in .csv")
    if ending in (".yaml", ".yml"):
        return Guess("yolo", path, "it ends in .yaml")
    if ending == ".xml":
        raise DataError("is one annotation file", file=path, hint=f"give the folder: {path.parent}")
    return Guess("tfrecord", path, "it is a file without an ending of another format")


def _of_folder(path: Path) -> Guess:
    try:
        found = [guess for look in (_voc, _yolo, _json, _csv, _records) if (guess := look(path)) is not None]
        if found:
            return Guess(found[0].format, found[0].path, found[0].why, tuple(each.format for each in found[1:]))
        if parts := split_folders(path):
            return Guess("splits", path, "it holds " + ", ".join(folder.name for folder in parts.values()))
    except OSError as error:
        raise DataError(
            f"cannot be listed: {error.strerror or error}", file=path, hint="check that you may read the folder"
        ) from error
    find_voc_folder(path)  # says what is missing, and where annotations lie nearby
    raise DataError("holds nothing that looks like labelled images", file=path, hint=_ANY)


def split_folders(path: Path) -> dict[str, Path]:
    """The folders of ``path`` that are called after splits, if ``train`` is among them; by split, in its order."""
    found: dict[str, Path] = {}
    for entry in sorted(path.iterdir()):
        split = split_of(entry.name)
        if split is not None and entry.is_dir():
            if split in found:
                raise DataError(
                    f"'{found[split].name}' and '{entry.name}' are both folders for {split}",
                    file=path,
                    hint="give one of them, or rename it",
                )
            found[split] = entry
    return {split: found[split] for split in SPLITS if split in found} if "train" in found else {}


def _voc(path: Path) -> Guess | None:
    try:
        folder = find_voc_folder(path)
    except DataError:
        return None
    return Guess("voc", path, f"it holds {len(folder.annotations)} .xml files")


def _yolo(path: Path) -> Guess | None:
    yaml = find_yaml(path)
    if yaml is not None:
        return Guess("yolo", yaml, f"it holds {yaml.name}")
    places = [
        path,
        *(entry for entry in sorted(path.iterdir()) if entry.is_dir() and entry.name.casefold() == "labels"),
    ]
    named = next((place / name for place in places for name in NAME_FILES if (place / name).is_file()), None)
    labels = next((file for place in places for file in sorted(place.iterdir()) if is_label_file(file)), None)
    if labels is None or not (named or is_label_text(labels)):
        return None
    return Guess("yolo", path, f"it holds {named.name if named else labels.name} and text files")


def _json(path: Path) -> Guess | None:
    found = []
    folders = [path, path / "annotations"]
    for folder in folders:
        for file in sorted(folder.glob("*.json")) if folder.is_dir() else []:
            try:
                found.append(_of_file(file))
            except FracturaError:
                continue  # some other JSON
    if len(found) > 1:
        names = ", ".join(each.path.name for each in found[:4])
        raise DataError(f"holds {len(found)} files of annotations: {names}", file=path, hint="give the one you mean")
    return Guess(found[0].format, found[0].path, f"{found[0].path.name}: {found[0].why}") if found else None


def _csv(path: Path) -> Guess | None:
    found = [file for file in sorted(path.glob("*.csv")) if _is_box_table(file)]
    if len(found) > 1:
        names = ", ".join(file.name for file in found[:4])
        raise DataError(f"holds {len(found)} tables of boxes: {names}", file=path, hint="give the one you mean")
    return Guess("csv", found[0], f"{found[0].name} has the columns") if found else None


def _is_box_table(file: Path) -> bool:
    try:
        first = read_lines(file)[0]
    except DataError:
        return False
    return header_fault(first.replace(";", ",") if first.count(";") > first.count(",") else first) is None


def _records(path: Path) -> Guess | None:
    files = [file for file in sorted(path.iterdir()) if file.is_file() and _is_record(file)]
    if not files:
        return None
    if len(files) == 1:
        return Guess("tfrecord", files[0], f"it holds {files[0].name}")
    stems = {file.name.rpartition("-of-")[0].rpartition("-")[0] for file in files}
    if len(stems) == 1 and (stem := stems.pop()):
        return Guess("tfrecord", path / stem, f"it holds the shards of {stem}")
    names = ", ".join(file.name for file in files[:4])
    raise DataError(
        f"holds {len(files)} TFRecord files: {names}", file=path, hint="give the one you mean, or a pattern"
    )


def _is_record(file: Path) -> bool:
    return file.suffix.lower() in _RECORD_ENDINGS or "-of-" in file.name
