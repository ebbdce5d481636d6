"""Readers of annotation formats, the split file and the manifest of images."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from fractura.core.dataset import Dataset
from fractura.core.errors import FracturaError
from fractura.evaluation.manifest import read_manifest
from fractura.evaluation.reader_study.ratings import read_reader_study
from fractura.formats.assembly import ReadOptions
from fractura.formats.coco import coco_bytes
from fractura.formats.createml import createml_bytes
from fractura.formats.csv import csv_bytes
from fractura.formats.faults import Faults
from fractura.formats.registry import FORMATS
from fractura.formats.split_file import read_split_file, split_file_of
from fractura.formats.voc import parse_voc, voc_bytes
from soak.fuzz.harness import Read, Reader, Seed
from soak.fuzz.mutations import change_bytes, change_json, change_text
from soak.fuzz.seeds import shared_files, small_dataset, with_facts

_MODES = ("stop", "skip", "skip-all")
_JSON = (change_json, change_json, change_json, change_json, change_text, change_bytes)
_TEXT = (change_text, change_text, change_text, change_bytes)
_EVERY = 8
"""Of this many data sets that are read, one is written and read again."""


def is_sound(dataset: Dataset) -> None:
    """See what every reader promises of what it gives.

    Raises:
        AssertionError: It does not hold.
    """
    for record in dataset:
        assert isinstance(record.image, Path)
        assert len(record.flags) in (0, len(record.boxes))
        xyxy = record.boxes.xyxy
        assert np.isfinite(xyxy).all(), xyxy
        assert (record.boxes.width > 0).all(), xyxy
        assert (record.boxes.height > 0).all(), xyxy
        assert (xyxy >= 0).all(), xyxy
        assert (xyxy <= [record.width, record.height] * 2).all(), xyxy
        assert ((record.boxes.labels >= 0) & (record.boxes.labels < len(dataset.class_names))).all()


def comes_back(name: str, dataset: Dataset, folder: Path) -> None:
    """Write a data set in a format, read that, and compare.

    Raises:
        AssertionError: It cannot be read, or is another data set.
    """
    plan = FORMATS[name].plan
    assert plan is not None
    shutil.rmtree(folder, ignore_errors=True)
    try:
        files = list(plan(dataset))
    except FracturaError:  # a class name that the format has no way to write
        return
    for file in files:
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.image.read_bytes() if file.image is not None else file.content or b"")
    source = folder / FORMATS[name].describes if FORMATS[name].describes else folder
    try:
        again = FORMATS[name].read(source, ReadOptions(), Faults("stop"))
    except FracturaError as error:
        raise AssertionError(f"what is written cannot be read: {error}") from error
    there = {record.name: record for record in again}
    assert there.keys() == {record.name for record in dataset}, "other images"
    for record in dataset:
        same = there[record.name]
        names = [dataset.class_names[label] for label in record.boxes.labels]
        assert names == [again.class_names[label] for label in same.boxes.labels], "other classes"
        assert np.allclose(record.boxes.xyxy, same.boxes.xyxy, atol=1e-3), "other boxes"


def _data_set(
    format_name: str, ending: str, seeds: Callable[[Dataset], Iterable[Seed]]
) -> Callable[[Path], tuple[Sequence[Seed], Read]]:
    """One file that describes the images of a folder."""

    def prepare(folder: Path) -> tuple[Sequence[Seed], Read]:
        images = folder / "images"
        dataset = small_dataset(images)
        path, again = folder / f"annotations{ending}", folder / "again"

        def read(data: bytes, _name: str) -> str:
            path.write_bytes(data)
            number = zlib.crc32(data)
            faults = Faults(_MODES[number % 3])
            found = FORMATS[format_name].read(path, ReadOptions(image_dir=images), faults)
            is_sound(found)
            if FORMATS[format_name].plan is not None and number % _EVERY == 0:
                comes_back(format_name, found, again)
            said = sorted({type(each).__name__ + each.problem[-20:] for each in (*faults.faults, *faults.notes)})
            return f"{len(found)} {sum(len(record.boxes) for record in found)} {said}"

        return list(seeds(dataset)), read

    return prepare


def _one(data: bytes, *shared: str) -> list[Seed]:
    return [Seed(data), *shared_files(*shared)]


def _coco(dataset: Dataset) -> list[Seed]:
    foreign = json.loads(coco_bytes(dataset))
    foreign["annotations"][0] |= {"iscrowd": 1, "segmentation": [[1, 2, 3, 4, 5, 6]]}
    foreign["categories"].insert(0, {"id": 0, "name": "all", "supercategory": "none"})
    foreign["categories"][1]["supercategory"] = "all"
    return [
        *_one(coco_bytes(with_facts(dataset)), "cases/data/coco/*/*.json", "cases/data/reports/*info*/*.json"),
        Seed(json.dumps(foreign).encode()),
        Seed(
            json.dumps({**foreign, "images": [{**each, "id": str(each["id"])} for each in foreign["images"]]}).encode()
        ),
    ]


_LABELME = {
    "version": "5.0",
    "flags": {"normal": False},
    "shapes": [
        {"label": "Fractura", "points": [[1, 2], [11, 12]], "shape_type": "rectangle"},
        {"label": "luxación", "points": [[5, 7], [12, 7], [9, 14]], "shape_type": "polygon"},
        {"label": "luxación", "points": [[12, 8], [12, 11]], "shape_type": "circle"},
    ],
    "imagePath": "a.png",
    "imageHeight": 16,
    "imageWidth": 24,
}
_LABEL_STUDIO = [
    {
        "id": 1,
        "data": {"image": "/data/local-files/?d=images/a.png", "note": "x"},
        "annotations": [
            {
                "ground_truth": True,
                "result": [
                    {
                        "id": "r1",
                        "type": "rectanglelabels",
                        "original_width": 24,
                        "original_height": 16,
                        "value": {"x": 10, "y": 10, "width": 40, "height": 50, "rotation": 0, "rectanglelabels": ["F"]},
                    },
                    {"id": "r2", "type": "ellipse", "value": {"x": 50, "y": 50, "radiusX": 20, "radiusY": 10}},
                    {"id": "r2", "type": "labels", "value": {"x": 50, "y": 50, "labels": ["luxación"]}},
                    {
                        "id": "r3",
                        "type": "polygonlabels",
                        "value": {"points": [[1, 1], [50, 9], [9, 60]], "polygonlabels": ["F"]},
                    },
                    {"id": "c", "type": "choices", "value": {"choices": ["positive"]}},
                ],
            }
        ],
        "file_upload": "0a1b2c3d-a.png",
    },
    {"id": 2, "data": {"image": "https://x/mu%C3%B1eca%202.png"}, "annotations": [{"result": []}]},
]
_LABEL_STUDIO_MIN = [
    {"image": "a.png", "label": [{"x": 1, "y": 1, "width": 9, "height": 9, "rectanglelabels": ["F"]}], "annotator": 1}
]
_VIA = {
    "_via_settings": {},
    "_via_img_metadata": {
        "a.png123": {
            "filename": "a.png",
            "size": 123,
            "regions": [
                {
                    "shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 10, "height": 10},
                    "region_attributes": {"label": "Fractura"},
                },
                {
                    "shape_attributes": {"name": "ellipse", "cx": 9, "cy": 8, "rx": 4, "ry": 3, "theta": 0.5},
                    "region_attributes": {"label": {"Fractura": True, "x": False}},
                },
                {
                    "shape_attributes": {"name": "polygon", "all_points_x": [1, 9, 4], "all_points_y": [1, 2, 9]},
                    "region_attributes": {"label": "yeso"},
                },
            ],
            "file_attributes": {},
        },
        "b": {"filename": "muñeca 2.png", "regions": {}},
    },
}
_CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version>
<meta><task><labels><label><name>Fractura</name></label><label><name>yeso 2</name></label></labels></task></meta>
<image id="0" name="a.png" subset="Train" width="24" height="16">
<box label="Fractura" xtl="1.5" ytl="2" xbr="11" ybr="12" rotation="10"><attribute name="x">1</attribute></box>
<polygon label="yeso 2" points="1,1;9,2;4.5,9" z_order="0"></polygon>
<ellipse label="Fractura" cx="9" cy="8" rx="4" ry="3"/>
<mask label="Fractura" rle="1, 2" left="3" top="4" width="5" height="6"/>
</image>
<image id="1" name="muñeca 2.png" width="16" height="20"><tag label="normal"/></image>
</annotations>
"""
_RSNA = "patientId,x,y,width,height,Target\na,1,2,10,10,1\na,4.5,3,8,9,1\nmuñeca 2,,,,,0\n"
_VINDR = (
    "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\na,R1,Fractura,1,2,11,12\na,R2,yeso 2,4.5,3,12,12\n"
    "muñeca 2,R1,No finding,,,,\n"
)
_STUDY = "reader,modality,image,rating,fractured,x,y,w,h\n" + "".join(
    f"{reader},{modality},{image},{rating},{int(image > 'i2')},,,,\n"
    for reader in "ab"
    for modality in ("without", "with")
    for image, rating in (("i1", 1), ("i2", ""), ("i3", 3.5), ("i4", 5))
)
_MANIFEST = (
    "image,patient,split,body_part,view,laterality,cast,age,sex\na.png,p1,train,WRIST,AP,L,yes,034Y,F\n"
    "x/b.png,p2,,,,,0,5,m\n"
)


def _prepare_yolo(folder: Path) -> tuple[Sequence[Seed], Read]:
    dataset = small_dataset(folder / "written")
    data, again = folder / "data", folder / "again"
    files = {}
    for file in FORMATS["yolo"].plan(dataset):  # type: ignore[misc]
        files[file.path] = file.image.read_bytes() if file.image is not None else file.content or b""
        (data / file.path).parent.mkdir(parents=True, exist_ok=True)
        (data / file.path).write_bytes(files[file.path])
    texts = {path: content for path, content in files.items() if not path.endswith(".png")}
    (label,) = [path for path in texts if path.endswith("a.txt")]
    seeds = [Seed(content, path) for path, content in texts.items() if content]
    seeds += [
        Seed(b"0 0.1 0.1 0.5 0.1 0.5 0.6 0.1 0.6\n1 0.5 0.5 0.25 0.25\n", label),
        Seed(b"0 0.5 0.5 0.4 0.4 0.9\n", label),
        Seed(b"train: [images/train]\nval: images/train # x\nnames: ['a', \"b\", c]\nnc: 3\npath: .\n", "data.yaml"),
        *(
            Seed(each.data, label)
            for each in shared_files("cases/data/yolo/*/labels/*.txt", "cases/data/yolo/*/obj/*.txt")
        ),
        *(Seed(each.data, label) for each in shared_files("cases/data/yolo/*/train/labelTxt/*.txt")),
        *(Seed(each.data, "data.yaml") for each in shared_files("cases/data/yolo/*/data.yaml")),
    ]

    def read(content: bytes, name: str) -> str:
        (data / name).write_bytes(content)
        number = zlib.crc32(content)
        try:
            found = FORMATS["yolo"].read(data, ReadOptions(), Faults(_MODES[number % 3]))
            is_sound(found)
            if number % _EVERY == 0:
                comes_back("yolo", found, again)
            return f"{len(found)} {sum(len(record.boxes) for record in found)} {len(found.class_names)}"
        finally:
            (data / name).write_bytes(texts[name])

    return seeds, read


def _prepare_voc(folder: Path) -> tuple[Sequence[Seed], Read]:
    dataset = small_dataset(folder / "written")
    data, again = folder / "data", folder / "again"
    seeds = []
    for file in FORMATS["voc"].plan(dataset):  # type: ignore[misc]
        (data / file.path).parent.mkdir(parents=True, exist_ok=True)
        content = file.image.read_bytes() if file.image is not None else file.content or b""
        (data / file.path).write_bytes(content)
        if file.path.endswith("a.xml"):
            path = data / file.path
            text = content.decode()
            seeds += [
                Seed(content),
                Seed(b"\xff\xfe" + text.encode("utf-16-le")),
                Seed(text.replace("\n", "\r\n").encode("latin-1")),
                Seed(b"\xef\xbb\xbf<?xml version='1.0' encoding='UTF-8'?>\n" + content),
            ]

    def read(content: bytes, _name: str) -> str:
        path.write_bytes(content)
        number = zlib.crc32(content)
        try:
            annotation = parse_voc(content, "a.xml")
        except FracturaError:
            annotation = None
        assert annotation is None or voc_bytes(annotation) == content, "saving what was not changed changes the file"
        found = FORMATS["voc"].read(data, ReadOptions(), Faults(_MODES[number % 3]))
        is_sound(found)
        if number % _EVERY == 0:
            comes_back("voc", found, again)
        return f"{len(found)} {sum(len(record.boxes) for record in found)}"

    return [*seeds, *shared_files("cases/data/voc/*/*.xml", "cases/data/reports/**/*.xml", "data/**/*.xml")][:60], read


def _prepare_split(folder: Path) -> tuple[Sequence[Seed], Read]:
    split = split_file_of(with_facts(small_dataset(folder / "images")), {"seed": 1, "shares": [0.8, 0.1, 0.1]})
    assert split is not None
    path = folder / "split.json"

    def read(data: bytes, _name: str) -> str:
        path.write_bytes(data)
        found = read_split_file(path)
        path.write_bytes(found.to_bytes())
        assert read_split_file(path) == found, "it reads otherwise once written again"
        return f"{len(found.images)} {len(found.made)}"

    return [Seed(split.to_bytes())], read


def _prepare_table(text: str, read_table: Callable[[Path], object]) -> Callable[[Path], tuple[Sequence[Seed], Read]]:
    def prepare(folder: Path) -> tuple[Sequence[Seed], Read]:
        path = folder / "table.csv"

        def read(data: bytes, _name: str) -> str:
            path.write_bytes(data)
            return str(read_table(path))

        return [Seed(text.encode()), Seed(text.replace(",", ";").encode("utf-8-sig"))], read

    return prepare


def _manifest(path: Path) -> int:
    dataset = small_dataset(path.parent / "images")
    manifest = read_manifest(path)
    manifest.groups(dataset)
    manifest.demographics(dataset)
    return len(manifest.rows)


def _json(document: object, *shared: str) -> Callable[[Dataset], list[Seed]]:
    return lambda _: _one(json.dumps(document, ensure_ascii=False, indent=1).encode(), *shared)


def _table(text: str) -> Callable[[Dataset], list[Seed]]:
    return lambda _: [Seed(text.encode()), Seed(text.replace(",", ";").encode("utf-8-sig"))]


ANNOTATIONS = (
    Reader("voc", "Pascal VOC file", _prepare_voc, _TEXT),
    Reader(
        "coco",
        "COCO file",
        _data_set("coco", ".json", _coco),
        _JSON,
        found="a bad box of an image that is not listed: IndexError (`test_damaged_annotations.py`)",
    ),
    Reader(
        "createml",
        "CreateML file",
        _data_set("createml", ".json", lambda data: _one(createml_bytes(data), "cases/data/createml/*/*.json")),
        _JSON,
    ),
    Reader(
        "yolo",
        "file of a YOLO data set",
        _prepare_yolo,
        _TEXT,
        traced=("fractura", "yaml"),
        found="letters that Unicode does not have: ValueError (`test_damaged_annotations.py`)",
    ),
    Reader(
        "csv",
        "table of boxes",
        _data_set("csv", ".csv", lambda data: _one(csv_bytes(with_facts(data)), "cases/data/csv/*/*.csv")),
        _TEXT,
    ),
    Reader(
        "labelme",
        "labelme file",
        _data_set("labelme", ".json", _json(_LABELME, "cases/data/reports/labelme*/*.json")),
        _JSON,
    ),
    Reader(
        "label-studio",
        "Label Studio export",
        _data_set("label-studio", ".json", lambda data: [*_json(_LABEL_STUDIO)(data), *_json(_LABEL_STUDIO_MIN)(data)]),
        _JSON,
        found="ids, addresses and numbers that are none: four exceptions (`test_damaged_annotations.py`)",
    ),
    Reader(
        "via",
        "VIA file",
        _data_set("via", ".json", lambda data: [*_json(_VIA)(data), *_json(_VIA["_via_img_metadata"])(data)]),
        _JSON,
        found="regions that are not a list: TypeError (`test_damaged_annotations.py`)",
    ),
    Reader(
        "cvat",
        "CVAT file",
        _data_set("cvat", ".xml", lambda _: _one(_CVAT.encode(), "cases/data/reports/cvat*/*.xml")),
        _TEXT,
    ),
    Reader(
        "rsna",
        "RSNA table",
        _data_set("rsna", ".csv", _table(_RSNA)),
        _TEXT,
        found="columns that are missing: KeyError (`test_damaged_annotations.py`)",
    ),
    Reader(
        "vindr",
        "VinDr table",
        _data_set("vindr", ".csv", _table(_VINDR)),
        _TEXT,
        found="columns that are missing: StopIteration (`test_damaged_annotations.py`)",
    ),
    Reader(
        "split",
        "split.json",
        _prepare_split,
        _JSON,
        found="1e999 was read as infinity, 4 of 38,365 (`test_a_number_beyond_all_numbers_is_not_read_as_infinity`)",
    ),
    Reader("manifest", "manifest of images", _prepare_table(_MANIFEST, _manifest), _TEXT),
    Reader(
        "ratings",
        "table of a reader study",
        _prepare_table(_STUDY, lambda path: len(read_reader_study(path).images)),
        _TEXT,
    ),
)
