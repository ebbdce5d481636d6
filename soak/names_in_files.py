"""Hostile names in every file that names images, classes, patients or other files."""

from __future__ import annotations

import csv
import html.parser
import io
import itertools
import json
import random
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import escape

from soak.bombs import voc
from soak.campaign import Attempt, Campaign
from soak.confined import BrokenPromiseError, confined, untouched
from soak.hostile_names import FORMULAS, MARKUP, ODD, all_names
from soak.hostile_pictures import png, put

SIDE = 64
WRITTEN = ("voc", "coco", "yolo", "createml", "csv", "tfrecord")


def check_folder(folder: Path) -> None:
    """See that nothing in what was written is a program, and nothing leads out.

    Raises:
        BrokenPromiseError: Something is.
    """
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise BrokenPromiseError(f"wrote the link {path.name!r}")
        if path.suffix == ".csv":
            check_table(path)
        elif path.suffix in (".html", ".svg"):
            check_page(path)
        elif path.suffix == ".tex" and re.search(r"\\(input|write18|include)\b", path.read_text("utf-8", "replace")):
            raise BrokenPromiseError(f"{path.name} holds a command of TeX")


def check_table(path: Path) -> None:
    """See that no cell is a formula; numbers are none."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        for row in csv.reader(stream):
            for cell in row:
                if cell.startswith(tuple("=+-@\t\r\n")) and not _is_number(cell):
                    raise BrokenPromiseError(f"{path.name} holds the formula {cell[:60]!r}")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


class _Page(html.parser.HTMLParser):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self.feed(path.read_text("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "base", "form"):
            raise BrokenPromiseError(f"{self._path.name} holds <{tag}>")
        for name, value in attributes:
            address = re.sub(r"\s", "", value or "").lower()
            if name.startswith("on") or (name in ("href", "src", "xlink:href") and address.startswith("javascript:")):
                raise BrokenPromiseError(f"{self._path.name} holds {name}={value!r}")
            if name == "src" and not address.startswith("data:") and tag != "a":
                raise BrokenPromiseError(f"{self._path.name} loads {value!r}")

    handle_startendtag = handle_starttag


def check_page(path: Path) -> None:
    """See that a page or picture runs and loads nothing."""
    _Page(path)


# What a file calls its images


def _json_name(name: str) -> str:
    return json.dumps(name)


def _xml_name(name: str) -> str:
    return escape(name, {'"': "&quot;"})


def _coco(folder: Path, name: str, label: str) -> list[str]:
    document = {
        "images": [{"id": 1, "file_name": name, "width": SIDE, "height": SIDE, "path": name, "coco_url": name}],
        "categories": [{"id": 1, "name": label, "supercategory": label}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 30, 30], "area": 900, "iscrowd": 0}],
    }
    put(folder / "data" / "annotations.json", json.dumps(document))
    return ["data/annotations.json"]


def _createml(folder: Path, name: str, label: str) -> list[str]:
    box = {"label": label, "coordinates": {"x": 20, "y": 20, "width": 10, "height": 10}}
    put(folder / "data" / "a.json", json.dumps([{"image": name, "annotations": [box]}]))
    return ["data/a.json"]


def _table(folder: Path, name: str, label: str) -> list[str]:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows(
        [
            ["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax", "patient"],
            [name, SIDE, SIDE, label, 1, 1, 30, 30, label],
        ]
    )
    put(folder / "data" / "annotations.csv", stream.getvalue())
    return ["data/annotations.csv"]


def _rsna(folder: Path, name: str, label: str) -> list[str]:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([["patientId", "x", "y", "width", "height", "Target"], [name, 1, 1, 30, 30, 1]])
    put(folder / "data" / "labels.csv", stream.getvalue())
    return ["data/labels.csv"]


def _vindr(folder: Path, name: str, label: str) -> list[str]:
    stream = io.StringIO(newline="")
    columns = ["image_id", "class_name", "rad_id", "x_min", "y_min", "x_max", "y_max"]
    csv.writer(stream).writerows([columns, [name, label, "R1", 1, 1, 30, 30]])
    put(folder / "data" / "train.csv", stream.getvalue())
    return ["data/train.csv"]


def _voc(folder: Path, name: str, label: str) -> list[str]:
    text = voc(
        _xml_name(name), _xml_name(label), size=SIDE, more=f"<source><database>{_xml_name(name)}</database></source>"
    )
    put(folder / "data" / "annotations" / "x.xml", text)
    return ["data"]


def _cvat(folder: Path, name: str, label: str) -> list[str]:
    box = f'<box label="{_xml_name(label)}" xtl="1" ytl="1" xbr="30" ybr="30"/>'
    image = f'<image id="0" name="{_xml_name(name)}" width="{SIDE}" height="{SIDE}">{box}</image>'
    put(folder / "data" / "annotations.xml", f"<annotations><version>1.1</version>{image}</annotations>")
    return ["data/annotations.xml"]


def _yolo(folder: Path, name: str, label: str) -> list[str]:
    put(folder / "data" / "labels" / "secret.txt", "0 0.5 0.5 0.1 0.1\n")
    base = random.Random(name).choice(["path", "train", "list", "names"])
    lines = {
        "path": f"path: {_json_name(name)}\ntrain: images\n",
        "train": f"train: {_json_name(name)}\n",
        "list": "train: list.txt\n",
        "names": "train: images\n",
    }[base]
    put(folder / "data" / "list.txt", name + "\n")
    put(folder / "data" / "data.yaml", f"{lines}names: [{_json_name(label)}]\n")
    return ["data/data.yaml"]


def _label_studio(folder: Path, name: str, label: str) -> list[str]:
    value = {"x": 10, "y": 20, "width": 25, "height": 50, "rotation": 0, "rectanglelabels": [label]}
    result = {"id": "r", "type": "rectanglelabels", "value": value, "original_width": SIDE, "original_height": SIDE}
    image = random.Random(name).choice(["/data/upload/1/", "/data/local-files/?d=", "", "s3://bucket/"]) + name
    put(
        folder / "data" / "a.json",
        json.dumps([{"id": 1, "data": {"image": image}, "annotations": [{"result": [result]}]}]),
    )
    return ["data/a.json"]


def _via(folder: Path, name: str, label: str) -> list[str]:
    shape = {"name": "rect", "x": 1, "y": 1, "width": 30, "height": 30}
    entry = {
        "filename": name,
        "size": 1,
        "regions": [{"shape_attributes": shape, "region_attributes": {"label": label}}],
    }
    put(folder / "data" / "via.json", json.dumps({f"{name}1": entry}))
    return ["data/via.json"]


def _labelme(folder: Path, name: str, label: str) -> list[str]:
    shape = {"label": label, "points": [[1, 1], [30, 30]], "shape_type": "rectangle", "flags": {}}
    put(folder / "data" / "x.json", json.dumps({"version": "5", "flags": {}, "shapes": [shape], "imagePath": name}))
    return ["data", "--from", "labelme"]


def _tfrecord(folder: Path, name: str, label: str) -> list[str]:
    import numpy as np

    from fractura.formats.tfrecord.example import encode_features, example_from
    from fractura.formats.tfrecord.frames import write_frame

    stream = io.BytesIO()
    for _ in range(2):  # the same name twice
        features = {
            "image/encoded": png(SIDE, SIDE),
            "image/filename": name.encode("utf-8", "surrogateescape"),
            "image/source_id": name.encode("utf-8", "surrogateescape"),
            "image/object/class/text": [label.encode("utf-8", "surrogateescape")],
            "image/object/class/label": np.array([1]),
            **{f"image/object/bbox/{side}": np.array([0.1], np.float32) for side in ("xmin", "ymin")},
            **{f"image/object/bbox/{side}": np.array([0.5], np.float32) for side in ("xmax", "ymax")},
        }  # fmt: skip
        write_frame(stream, example_from(encode_features(features)))
    put(folder / "data" / "a.tfrecord", stream.getvalue())
    return ["data/a.tfrecord"]


def _split_file(folder: Path, name: str, label: str) -> list[str]:
    put(folder / "data" / "annotations" / "secret.xml", voc("secret.png", _xml_name(label), size=SIDE))
    facts = {"split": "train", "patient": label, "view": label}
    put(folder / "data" / "split.json", json.dumps({"fractura_split": 1, "images": {name: facts, "secret.png": facts}}))
    return ["data"]


FORMATS: dict[str, Callable[[Path, str, str], list[str]]] = {
    "VOC": _voc, "COCO": _coco, "CreateML": _createml, "CSV": _table, "RSNA": _rsna, "VinDr": _vindr, "CVAT": _cvat,
    "YOLO": _yolo, "Label Studio": _label_studio, "VIA": _via, "labelme": _labelme, "TFRecord": _tfrecord,
    "split file": _split_file,
}  # fmt: skip


def _manifest_names(folder: Path, name: str) -> list[str]:
    """Files of ours that name files: what lies in an output folder may be somebody else's."""
    digest = "0" * 64
    put(folder / "out" / "conversion.json", json.dumps({"files": {name: digest, "a.txt": digest}}))
    return ["convert", "data", "out", "--to", "coco", "--overwrite"]


def _unfinished_names(folder: Path, name: str) -> list[str]:
    put(
        folder / "out" / "UNFINISHED.json",
        json.dumps({"made_by": "fractura", "command": "detect", "files": [name, "link/secret.png"]}),
    )
    (folder / "out" / "link").symlink_to(folder / "outside")
    return ["detect", "data", "--model", "tiny.onnx", "-o", "out", "--overwrite"]


def _result_names(folder: Path, name: str) -> list[str]:
    rows = [{"image": name, "picture": name, "annotation": name, "explanation": name}]
    put(folder / "out" / "results.json", json.dumps({"made_by": "fractura", "images": rows}))
    (folder / "out" / "pictures").symlink_to(folder / "outside")
    return ["detect", "data", "--model", "tiny.onnx", "-o", "out", "--overwrite"]


def _pipeline_names(folder: Path, name: str) -> list[str]:
    from support.pipeline_files import small_config

    quoted = json.dumps(name)
    config = small_config(folder / "pipeline.config")
    text = config.read_text(encoding="utf-8")
    text = re.sub(
        r'((?:input_path|label_map_path|fine_tune_checkpoint): *)"[^"]*"', lambda found: found[1] + quoted, text
    )
    config.write_bytes(text.encode("utf-8", "surrogateescape"))
    return [
        "configure",
        "pipeline.config",
        "--num-classes",
        "2",
        "--train-record",
        name or "x",
        "--output",
        "out/pipeline.config",
    ]


def _checkpoint_names(folder: Path, name: str) -> list[str]:
    quoted = json.dumps(name)
    put(folder / "ckpt" / "checkpoint", f"model_checkpoint_path: {quoted}\nall_model_checkpoint_paths: {quoted}\n")
    put(folder / "ckpt" / "pipeline.config", "model { faster_rcnn { num_classes: 1 } }")
    return ["import-tf", "ckpt", "--pipeline-config", "ckpt/pipeline.config", "--output", "out"]


OWN = {
    "conversion.json": _manifest_names, "UNFINISHED.json": _unfinished_names, "results.json": _result_names,
    "pipeline.config": _pipeline_names, "checkpoint": _checkpoint_names,
}  # fmt: skip


def prepare_names(folder: Path) -> Attempt:
    """Every hostile name in every format that names files, in turn."""
    from support.tiny_models import write_tiny_onnx

    from fractura.cli.main import load_command, main

    for command in ("check", "convert", "detect", "split", "import-tf", "configure"):
        load_command(command)
    write_tiny_onnx(folder / "tiny.onnx")
    count = len(all_names(folder))
    everything = [(form, number) for number in range(count) for form in (*FORMATS, *OWN)]
    random.Random(0).shuffle(everything)  # so that a few tries see a bit of everything
    table = itertools.cycle(everything)
    numbers = itertools.count()

    def attempt(chance: random.Random) -> None:
        form, index = next(table)
        place = folder / f"{next(numbers)}"
        name, label = all_names(place)[index], chance.choice([*FORMULAS, *MARKUP, *ODD])
        put(place / "outside" / "secret.png", png(SIDE, SIDE))
        put(place / "data" / "images" / "secret.png", png(SIDE, SIDE))
        (place / "data" / "link").symlink_to(place / "outside")
        with suppress(OSError, ValueError):  # where the disk takes the name, the image is there
            put(place / "data" / "images" / name.rsplit("/", 1)[-1], png(SIDE, SIDE))
        shutil.copy(folder / "tiny.onnx", place)
        try:
            if form in FORMATS:
                source = FORMATS[form](place, name, label)
                words = _reading(source, chance)
            else:
                put(place / "data" / "annotations" / "secret.xml", voc("secret.png", size=SIDE))
                words = OWN[form](place, name)
            with untouched(place, "out"):
                outcome = confined(lambda: main(words), place)
            outcome.holds()
            if form in FORMATS and (place / "out").is_dir():
                check_folder(place / "out")
        except Exception as error:
            raise type(error)(f"{name[:80]!r}, class {label[:40]!r} in {form}: {error}") from error
        finally:
            shutil.rmtree(place, ignore_errors=True)

    return attempt


def _reading(source: list[str], chance: random.Random) -> list[str]:
    words = ["--json"] * chance.randrange(2) + ["--on-error", chance.choice(["stop", "skip"])]
    if chance.random() < 0.2:
        return ["split", source[0], "out", "--val", "0", "--test", "0", *words]
    to = chance.choice(WRITTEN)
    return ["convert", source[0], "out/a.tfrecord" if to == "tfrecord" else "out", "--to", to, *source[1:], *words]


NAMES = Campaign(
    name="names-in-files",
    promise="Whatever name stands in an annotation, split, result or configuration file: nothing is read or written "
    "outside, no terminal is steered, no cell is a formula, or there is a clear error",
    prepare=prepare_names,
    tries=3200,
    found="Control characters of names reached the terminal and `--json`; formulas in `annotations.csv`; "
    "names of 300 letters in `conversion.json`, and a `data.yaml` that names the root of the disk, 2 of 300: "
    "`test_nothing_outside_is_touched_whatever_the_folder_says`, `test_a_data_set_is_not_the_whole_machine`; "
    "half a character in a class of Label Studio, 1 of 247: "
    "`test_a_class_of_half_characters_is_named_with_its_file`; "
    "`UNFINISHED.json` and `results.json` in a folder with links deleted files outside it",
    seconds_per_try=600,
)
