"""Bombs: small files that claim, or unpack to, more than a machine has: pixels, entities, nesting, compression."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import random
import shutil
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from soak.campaign import Attempt, Campaign
from soak.confined import confined, untouched
from soak.hostile_pictures import example, odd_pictures, pictures, png, put, zeros

Make = Callable[[Path, random.Random], list[str] | Callable[[], int | None]]
"""Writes the bomb below a folder, and gives the words of the command that meets it, or a call."""


@dataclass(frozen=True)
class Case:
    """A kind of attack on a format."""

    kind: str
    format: str
    make: Make


SIDES = ((60_000, 60_000), (1, 2**31 - 1), (2**31 - 1, 1), (2**32 - 1, 2**32 - 1), (65_535, 65_535), (9_460, 9_460))


def prepare_bombs(folder: Path) -> Attempt:
    """Draws the cases in turn."""
    from fractura.cli.main import load_command, main

    for name in ("check", "convert", "detect", "train", "evaluate", "import-tf"):
        load_command(name)
    _warm_up(folder / "warm")
    everything = all_bombs()
    random.Random(0).shuffle(everything)  # so that a few tries see a bit of everything
    cases, number = itertools.cycle(everything), itertools.count()

    def attempt(chance: random.Random) -> None:
        case, place = next(cases), folder / str(next(number))
        place.mkdir()
        try:
            call = case.make(place, chance)
            with untouched(place, "out"):
                words = call if isinstance(call, list) else None
                outcome = confined((lambda: main(words)) if words is not None else call, place)
            outcome.holds()
        except Exception as error:
            raise type(error)(f"{case.kind} in {case.format}: {error}") from error
        finally:
            shutil.rmtree(place, ignore_errors=True)

    return attempt


def _warm_up(folder: Path) -> None:
    """What every command imports is imported once, in the parent."""
    from support.tiny_models import write_tiny_onnx

    from fractura.cli.main import main

    put(folder / "images" / "a.png", png(8, 8))
    write_tiny_onnx(folder / "tiny.onnx")
    main(["check", str(folder), "--json"])
    import onnx  # noqa: F401
    import onnxruntime  # noqa: F401
    import pydicom  # noqa: F401
    import yaml  # noqa: F401


def _meet(image: bytes, name: str, folder: Path, chance: random.Random) -> list[str] | Callable[[], int | None]:
    """A command that meets a picture, drawn: each of these reads pixels for another purpose."""
    from support.tiny_models import write_tiny_onnx

    path = put(folder / "data" / "images" / name, image)
    put(folder / "data" / "annotations" / "a.xml", voc(name))
    model = str(write_tiny_onnx(folder / "tiny.onnx"))
    way = chance.choice(["detect", "skip", "tile", "check", "convert", "evaluate", "tfrecord", "served"])
    if way == "served":
        return lambda: _served(path)
    if way == "tfrecord":
        put(folder / "bomb.tfrecord", example(image, **{"image/filename": b"a.png"}))
        return ["convert", "bomb.tfrecord", "out", "--to", "coco", "--json"]
    words = {
        "detect": ["detect", "data", "--model", model, "--output", "out"],
        "skip": ["detect", "data", "--model", model, "--output", "out", "--on-error", "skip", "--json"],
        "tile": ["detect", "data", "--model", model, "--output", "out", "--tile"],
        "check": ["check", "data", "--html", "out/page.html"],
        "convert": ["convert", "data", "out/images.tfrecord", "--to", "tfrecord"],
        "evaluate": ["evaluate", model, "data", "--output", "out", "--no-intervals"],
    }
    return words[way]


def _served(path: Path) -> int:
    """An image that is sent to the server, and its picture asked for."""
    from support.web_places import WRITE, client, model

    with client(mode="serve", model=model(path.parents[2])) as web:
        answer = web.post("/api/detect", headers=WRITE, files=[("images", (path.name, path.read_bytes()))])
        assert answer.status_code < 500, answer.text
        for each in answer.json().get("images", []):
            if each.get("id"):
                assert web.get(f"/api/images/{each['id']}/picture").status_code < 500
        assert web.get("/healthz").status_code == 200
    return 0


# Entities and nesting


def voc(name: str, label: str = "Fractura", *, top: str = "", more: str = "", size: int = 8) -> str:
    """A Pascal VOC file; the arguments go in as they are."""
    return (
        f"{top}<annotation><folder>images</folder><filename>{name}</filename><path>/data/{name}</path>"
        f"<size><width>{size}</width><height>{size}</height><depth>1</depth></size>{more}<object><name>{label}</name>"
        f"<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>{size - 1}</xmax><ymax>{size - 1}</ymax></bndbox></object>"
        "</annotation>"
    )


def _laughs(root: str) -> str:
    entities = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(12))
    return f'<?xml version="1.0"?><!DOCTYPE {root} [<!ENTITY a0 "ha">{entities}]>'


DOCTYPES = {
    "a billion laughs": _laughs,
    "a quadratic blow-up": lambda root: f'<!DOCTYPE {root} [<!ENTITY a12 "{"x" * 100_000}">]>',
    "an external entity": lambda root: f'<!DOCTYPE {root} [<!ENTITY a12 SYSTEM "file:///etc/passwd">]>',
    "a device as entity": lambda root: f'<!DOCTYPE {root} [<!ENTITY a12 SYSTEM "file:///dev/zero">]>',
    "a parameter entity": lambda root: (
        f'<!DOCTYPE {root} [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p; <!ENTITY a12 "x">]>'
    ),
    "an external document type": lambda root: f'<!DOCTYPE {root} SYSTEM "http://127.0.0.1:9/x.dtd">',
    "an attribute of entities": lambda root: _laughs(root)[:-2] + f'<!ATTLIST {root} b CDATA "&a12;">]>',
    "UTF-7": lambda root: '<?xml version="1.0" encoding="utf-7"?>+ADwAIQ-DOCTYPE+AD4-',
}


def _entities(name: str, form: str) -> Make:
    def make(folder: Path, chance: random.Random) -> list[str]:
        put(folder / "data" / "images" / "a.png", png(8, 8))
        root = "annotation" if form == "VOC" else "annotations"
        top, word = DOCTYPES[name](root), "Fractura" if "external doc" in name or name == "UTF-7" else "&a12;"
        text = voc("a.png", word, top=top)
        if form == "CVAT":
            image = '<image name="a.png" width="8" height="8"/>'
            text = f"{top}<annotations><version>1.1</version>{image}{word}</annotations>"
        encoding = "utf-8" if name == "UTF-7" else chance.choice(["utf-8", "utf-16", "utf-8-sig"])
        where = folder / "data" / ("annotations/a.xml" if form == "VOC" else "annotations.xml")
        put(where, text.encode(encoding))
        return [chance.choice(["check", "convert"]), "data", *(["out", "--to", "coco"] if chance.random() < 0 else [])]

    def complete(folder: Path, chance: random.Random) -> list[str]:
        words = make(folder, chance)
        return [*words, "out", "--to", "coco"] if words[0] == "convert" else words

    return complete


def _deep(opening: str, core: str, closing: str, depth: int) -> str:
    return opening * depth + core + closing * depth


DEEP_JSON = {
    "lists": _deep("[", "", "]", 100_000),
    "objects": _deep('{"a":', "1", "}", 100_000),
    "not closed": "[" * 1_000_000,
    "a list of 3 million": "[" + "0," * 3_000_000 + "0]",
    "a number of 2 million digits": '{"images": ' + "9" * 2_000_000 + "}",
    "a key of 8 million letters": '{"' + "k" * 8_000_000 + '": 1}',
    "boxes of a million": '{"images":[{"id":1,"file_name":"a.png","width":8,"height":8}],"categories":[{"id":1,'
    '"name":"a"}],"annotations":['
    + ",".join(['{"id":1,"image_id":1,"category_id":1,"bbox":[1,1,2,2]}'] * 100_000)
    + "]}",
}  # fmt: skip
JSON_PLACES = {
    "COCO": ("data/annotations.json", ["convert", "data/annotations.json", "out", "--to", "voc"]),
    "any JSON": ("data/a.json", ["check", "data"]),
    "labelme": ("data/a.json", ["convert", "data", "out", "--to", "voc", "--from", "labelme"]),
    "VIA": ("data/a.json", ["convert", "data", "out", "--to", "voc", "--from", "via"]),
    "CreateML": ("data/a.json", ["convert", "data/a.json", "out", "--to", "voc", "--from", "createml"]),
    "Label Studio": ("data/a.json", ["convert", "data/a.json", "out", "--to", "voc", "--from", "label-studio"]),
    "split file": ("data/split.json", ["convert", "data", "out", "--to", "coco"]),
    "conversion.json": ("out/conversion.json", ["convert", "data", "out", "--to", "coco", "--overwrite"]),
    "results.json": ("out/results.json", ["detect", "data", "--model", "tiny.onnx", "-o", "out", "--overwrite"]),
    "UNFINISHED.json": ("data/UNFINISHED.json", ["convert", "data", "out", "--to", "coco"]),
    "card": ("model/card.json", ["detect", "data", "--model", "model", "-o", "out"]),
    "settings": ("settings.json", ["train", "data", "--output", "out", "--settings", "settings.json"]),
    "training state": ("out/training.json", ["train", "--resume", "--output", "out"]),
    "evaluation": ("out/evaluation.json", ["evaluate", "tiny.onnx", "data", "-o", "out", "--overwrite"]),
    "safetensors": ("model/weights.safetensors", ["detect", "data", "--model", "model", "-o", "out"]),
}  # fmt: skip


def _json(name: str, form: str) -> Make:
    def make(folder: Path, chance: random.Random) -> list[str]:
        from support.tiny_models import CARD, write_tiny_onnx

        put(folder / "data" / "images" / "a.png", png(8, 8))
        put(folder / "data" / "annotations" / "a.xml", voc("a.png"))
        write_tiny_onnx(folder / "tiny.onnx")
        put(folder / "model" / "weights.safetensors", b"")
        put(folder / "model" / "card.json", CARD.to_json())
        file, words = JSON_PLACES[form]
        text = DEEP_JSON[name].encode()
        put(folder / file, struct.pack("<Q", len(text)) + text if form == "safetensors" else text)
        return words

    return make


DEEP_TEXT = {
    "VOC": ("data/annotations/a.xml", lambda depth: "<annotation>" + "<object>" * depth, ["check", "data"]),
    "VOC of siblings": (
        "data/annotations/a.xml",
        lambda depth: "<annotation>" + "<object/>" * (5 * depth) + "</annotation>",
        ["check", "data"],
    ),
    "VOC of attributes": (
        "data/annotations/a.xml",
        lambda depth: "<annotation " + " ".join(f'a{n}="1"' for n in range(depth)) + "/>",
        ["check", "data"],
    ),
    "CVAT": (
        "data/annotations.xml",
        lambda depth: "<annotations>" + "<image>" * depth,
        ["convert", "data/annotations.xml", "out", "--to", "coco"],
    ),
    "label map": (
        "labels.pbtxt",
        lambda depth: "item {" * depth + "}" * depth,
        ["convert", "data", "out/a.tfrecord", "--to", "tfrecord", "--label-map", "labels.pbtxt"],
    ),
    "label map of strings": (
        "labels.pbtxt",
        lambda depth: "item { id: 1 name: 'Fractura' " + "'' " * depth + "}",  # whole, it lacks no class
        ["convert", "data", "out/a.tfrecord", "--to", "tfrecord", "--label-map", "labels.pbtxt"],
    ),
    "pipeline.config": (
        "pipeline.config",
        lambda depth: "model { faster_rcnn {" * depth,
        ["configure", "pipeline.config", "--num-classes", "2", "--output", "out/pipeline.config"],
    ),
    "pipeline.config of <": (
        "pipeline.config",
        lambda depth: "model < " * depth + "> " * depth,
        ["configure", "pipeline.config", "--num-classes", "2", "--output", "out/pipeline.config"],
    ),
    "YAML": (
        "data/data.yaml",
        lambda depth: "names: " + "[" * depth + "]" * depth,
        ["convert", "data/data.yaml", "out", "--to", "coco"],
    ),
    "YAML of blocks": (
        "data/data.yaml",
        lambda depth: "\n".join(" " * n + "a:" for n in range(min(depth, 300))),
        ["convert", "data/data.yaml", "out", "--to", "coco"],
    ),
    "YAML of aliases": (
        "data/data.yaml",
        lambda depth: "a0: &a0 [x]\n"
        + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(12))
        + "names: *a12\n",
        ["convert", "data/data.yaml", "out", "--to", "coco"],
    ),
    "YAML that holds itself": (
        "data/data.yaml",
        lambda depth: "names: &a [*a, *a]\n",
        ["convert", "data/data.yaml", "out", "--to", "coco"],
    ),
    "YAML of tags": (
        "data/data.yaml",
        lambda depth: "names: !!python/object/apply:os.system ['touch ../outside/owned']\n",
        ["convert", "data/data.yaml", "out", "--to", "coco"],
    ),
    "CSV of a long cell": (
        "data/annotations.csv",
        lambda depth: 'filename,width,height,class,xmin,ymin,xmax,ymax\n"' + "a" * (50 * depth) + '",8,8,a,1,1,2,2\n',
        ["convert", "data/annotations.csv", "out", "--to", "coco"],
    ),
    "CSV of many cells": (
        "data/annotations.csv",
        lambda depth: "filename,width,height,class,xmin,ymin,xmax,ymax\n" + "," * (20 * depth),
        ["convert", "data/annotations.csv", "out", "--to", "coco"],
    ),
    "CSV of a quote": (
        "data/annotations.csv",
        lambda depth: 'filename,width,height,class,xmin,ymin,xmax,ymax\n"' + "a\n" * (20 * depth),
        ["convert", "data/annotations.csv", "out", "--to", "coco"],
    ),
    "split file of many": (
        "data/split.json",
        lambda depth: json.dumps(
            {"fractura_split": 1, "images": {f"{n}.png": {"split": "train"} for n in range(depth)}}
        ),
        ["convert", "data", "out", "--to", "coco"],
    ),
    "YOLO line": (
        "data/labels/a.txt",
        lambda depth: "0 0.5 0.5 0.1 0.1\n" * depth,
        ["convert", "data", "out", "--to", "coco", "--from", "yolo", "--classes", "a"],
    ),
}  # fmt: skip


def _text(form: str) -> Make:
    def make(folder: Path, chance: random.Random) -> list[str]:
        put(folder / "data" / "images" / "a.png", png(8, 8))
        file, text, words = DEEP_TEXT[form]
        if "annotations/a.xml" not in file:
            put(folder / "data" / "annotations" / "a.xml", voc("a.png"))
        put(folder / file, text(chance.choice([1_000, 20_000, 100_000])))
        return words

    return make


def varint(value: int) -> bytes:
    """A number as protobuf packs it."""
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def nested_field(number: int, depth: int, core: bytes = b"") -> bytes:
    """A protobuf message within a message within … ."""
    parts, length = [core], len(core)
    for _ in range(depth):
        head = varint(number << 3 | 2) + varint(length)
        parts.append(head)
        length += len(head)
    return b"".join(reversed(parts))


def _protobuf(form: str) -> Make:
    def make(folder: Path, chance: random.Random) -> list[str]:
        from fractura.formats.tfrecord.frames import write_frame

        depth = chance.choice([200, 5_000, 50_000])
        number = chance.choice([1, 2, 3])
        put(folder / "data" / "images" / "a.png", png(8, 8))
        put(folder / "data" / "annotations" / "a.xml", voc("a.png"))
        bomb = chance.choice(
            [
                nested_field(number, depth),
                varint(number << 3 | 3) * depth + varint(number << 3 | 4) * depth,
                varint(number << 3 | 2) + varint(2**62) + b"x" * 100,
                (varint(number << 3 | 2) + b"\0") * 300_000,
                b"\xff" * 100_000,
            ]
        )
        if form == "TFRecord":
            stream = io.BytesIO()
            write_frame(stream, bomb)
            put(folder / "a.tfrecord", stream.getvalue())
            return ["convert", "a.tfrecord", "out", "--to", "coco"]
        if form == "ONNX":
            put(folder / "model.onnx", bomb)
            return ["detect", "data", "--model", "model.onnx", "-o", "out"]
        if form == "SavedModel":
            put(folder / "model" / "saved_model.pb", bomb)
            put(folder / "model" / "variables" / "variables.index", b"")
            return ["detect", "data", "--model", "model", "-o", "out"]
        put(folder / "ckpt" / "ckpt-1.index", bomb + bytes(48))
        put(folder / "ckpt" / "ckpt-1.data-00000-of-00001", bomb)
        put(folder / "ckpt" / "pipeline.config", "model { faster_rcnn { num_classes: 1 } }")
        return ["import-tf", "ckpt/ckpt-1", "--pipeline-config", "ckpt/pipeline.config", "--output", "out"]

    return make


def _record(form: str) -> Make:
    def make(folder: Path, chance: random.Random) -> list[str]:
        record = example(png(8, 8))
        length = struct.pack("<Q", chance.choice([2**63, 2**40, 2**31]))
        from fractura.formats.tfrecord.frames import masked_crc32c

        content = {
            "gzip": gzip.compress(record * 2) + gzip.compress(bytes(64 << 20)),
            "zlib": zeros(256),
            "a length of 2^63": length + struct.pack("<I", masked_crc32c(length)) + record,
            "zeros": bytes(4 << 20),
        }[form]
        put(folder / "a.tfrecord", content)
        return ["convert", "a.tfrecord", "out", "--to", "coco"]

    return make


# Archives


def zip_bomb(chance: random.Random) -> bytes:
    """A member of 400 MiB, which may claim 1 byte; or the same data claimed by thousands of members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros", "w") as member:
        for _ in range(400):
            member.write(bytes(1 << 20))
    data = bytearray(stream.getvalue())
    kind = chance.choice(["plain", "lying", "overlapping"])
    central = data.rindex(b"PK\1\2")
    if kind == "lying":
        data[central + 24 : central + 28] = struct.pack("<I", 1)
    if kind == "overlapping":
        entry = bytes(data[central : data.rindex(b"PK\5\6")])
        entries = b"".join(entry.replace(b"zeros", f"z{n:04d}".encode()) for n in range(9000))
        tail = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 9000, 9000, len(entries), central, 0)
        data = data[:central] + entries + tail
    return bytes(data)


def _archive(form: str) -> Make:
    def make(folder: Path, chance: random.Random) -> Callable[[], int | None]:
        from support import archives

        if form == "zip":
            file = put(folder / "a.zip", zip_bomb(chance))
        else:
            size = chance.choice([100, 300])
            content = {
                "tar.gz": lambda: archives.bomb(size << 20),
                "tar.gz header": lambda: archives.header_bomb(chance.choice([1 << 30, 1 << 40])),
                "tar.gz of many": lambda: archives.tar_gz(*(archives.member(f"f{n}") for n in range(25_000))),
                "tar.gz of gzips": lambda: gzip.compress(gzip.compress(bytes(200 << 20))),
            }[form]()
            file = put(folder / "a.tar.gz", content)

        def unpack() -> int:
            from fractura.core.errors import DataError
            from fractura.fetch.archive import unpack_archive

            try:
                unpack_archive(file, folder / "out", maximum_size=50 << 20, maximum_files=5000)
            except DataError:
                return 0 if not (folder / "out").exists() else 1
            return 1

        return unpack

    return make


def all_bombs() -> list[Case]:
    """The table: every kind in every format that it can be in."""
    cases = [
        Case("pixels", f"{name} {sides}", lambda f, c, m=make, s=sides, n=name: _meet(m(s), _called(n), f, c))
        for name, make in pictures().items()
        for sides in SIDES
    ]
    for name, build in odd_pictures().items():
        for _ in range(4):
            cases.append(Case("pixels", name, lambda f, c, m=build, n=name: _meet(m(), _called(n), f, c)))
    cases += [
        Case("entities", f"{form}: {name}", _entities(name, form)) for name in DOCTYPES for form in ("VOC", "CVAT")
    ]
    cases += [Case("nesting", f"{form}: {name}", _json(name, form)) for name in DEEP_JSON for form in JSON_PLACES]
    cases += [Case("nesting", form, _text(form)) for form in DEEP_TEXT for _ in range(2)]
    forms = ("TFRecord", "ONNX", "SavedModel", "checkpoint")
    cases += [Case("nesting", f"protobuf of {form}", _protobuf(form)) for form in forms for _ in range(6)]
    cases += [
        Case("compression", f"TFRecord: {form}", _record(form))
        for form in ("gzip", "zlib", "a length of 2^63", "zeros")
    ]
    packed = ("zip", "zip", "zip", "tar.gz", "tar.gz header", "tar.gz of many", "tar.gz of gzips")
    cases += [Case("compression", form, _archive(form)) for form in packed]
    return cases


def _called(format_name: str) -> str:
    return "a.dcm" if format_name.startswith("DICOM") else "a.png"


BOMBS = Campaign(
    name="bombs",
    promise="Files that claim or unpack to more than a machine has (pixels, entities, nesting, compression) end in a "
    "clear error, in a minute and 1.5 GiB",
    prepare=prepare_bombs,
    tries=600,
    found="Pillow's own warning beside our refusal of an image just beyond the limit",
    seconds_per_try=600,
)
