"""What lies in a folder, as plain JSON that a person can compare: one reader for each kind of file.

Nothing here imports the package that is under test: the readers must not move with it.
"""

import hashlib
import json
import re
import struct
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
from PIL import Image

TEXT = {".xml", ".csv", ".txt", ".pbtxt", ".config", ".yaml", ".names", ".md"}
PICTURES = {".png", ".jpg", ".jpeg", ".webp"}
GRID = 6
GREY_LEVELS, ANSWER = "grey_levels", "answers"  # compared more loosely than other numbers: see golden_comparison


def read_folder(root: Path, *, known=()) -> dict:
    """Every file below ``root`` by its relative path, in order; a copy of a ``known`` file is named, not shown."""
    sources = {_digest(path): path for path in known}
    found = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            source = sources.get(_digest(path))
            name = re.sub(r"(events\.out\.tfevents)\..*", r"\1", path.relative_to(root).as_posix())
            found[name] = f"copy of {source.name}" if source else read_file(path)
    return found


def read_file(path: Path):
    """The content of one file, as far as it is the same on every machine."""
    kind = path.suffix.lower()
    if path.name.startswith("events.out.tfevents"):
        return {"tensorboard tags": sorted({tag for frame in frames(path) for tag in _tags(frame)})}
    if kind == ".json":
        return json.loads(path.read_text(encoding="utf-8"))
    if kind in TEXT:
        return path.read_bytes().decode("utf-8").splitlines()
    if kind == ".html":
        return page_text(path.read_text(encoding="utf-8"))
    if kind in PICTURES:
        return _picture(path)
    if ".tfrecord" in path.name:
        return [_example(frame) for frame in frames(path)]
    if kind == ".safetensors":
        return _tensors(path)
    if kind == ".onnx":
        return _graph(path)
    return f"{kind or 'nameless'} file"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _picture(path: Path) -> dict:
    """Format and size, and mean grey levels on a grid: codecs differ in the last bit. Plots are left to matplotlib."""
    with Image.open(path) as picture:
        facts = {"picture": f"{picture.format} {picture.mode} {picture.width} x {picture.height}"}
        if path.parent.name == "plots":
            return {"picture": picture.format}
        levels = np.asarray(picture.convert("L"), float)
    rows = [np.array_split(band, GRID, axis=1) for band in np.array_split(levels, GRID)]
    facts[GREY_LEVELS] = [round(float(cell.mean()), 1) for row in rows for cell in row]
    return facts


class _Text(HTMLParser):
    """The words of a page, block by block; scripts and styles left out."""

    SILENT = frozenset({"script", "style"})
    INLINE = frozenset({"a", "b", "strong", "em", "i", "span", "code", "abbr", "sup", "sub", "time"})

    def __init__(self):
        super().__init__()
        self.lines, self.current, self.silent = [], "", 0

    def break_line(self):
        if words := " ".join(self.current.split()):
            self.lines.append(words)
        self.current = ""

    def handle_starttag(self, tag, attrs):
        self.silent += tag in self.SILENT
        if tag not in self.INLINE:
            self.break_line()
        for name, value in attrs:
            if name == "href" and value and not value.startswith("data:"):
                self.current += f" [{value}] "
            elif name == "alt" and value:
                self.current += f" (picture: {value}) "

    def handle_endtag(self, tag):
        self.silent -= tag in self.SILENT
        if tag not in self.INLINE:
            self.break_line()

    def handle_data(self, data):
        if not self.silent:
            self.current += data


def page_text(html: str) -> list[str]:
    """The text of a page, one line for each block."""
    reader = _Text()
    reader.feed(html)
    reader.break_line()
    return reader.lines


def frames(path: Path) -> list[bytes]:
    """The payloads of a TFRecord file: length, checksum, payload, checksum."""
    data, place, found = path.read_bytes(), 0, []
    while place < len(data):
        (length,) = struct.unpack_from("<Q", data, place)
        found.append(data[place + 12 : place + 12 + length])
        place += length + 16
    return found


def fields(message: bytes) -> list:
    """(number, value) of each field of a protobuf message; values are bytes, or whole numbers."""
    place, found = 0, []

    def varint():
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(message):
        key = varint()
        if key & 7 == 0:
            found.append((key >> 3, varint()))
            continue
        length = {1: 8, 5: 4}.get(key & 7) or varint()
        found.append((key >> 3, message[place : place + length]))
        place += length
    return found


def _example(frame: bytes) -> dict:
    """A tf.train.Example: its features by name; images are told by their length only, as other bytes are."""
    features = {}
    for _, group in fields(frame):
        for _, entry in fields(group):
            pair = dict(fields(entry))
            [(kind, values)] = fields(pair[2])
            features[pair[1].decode()] = _values(kind, values)
    return dict(sorted(features.items()))


def _values(kind: int, message: bytes) -> list:
    if kind == 1:
        values = [value for _, value in fields(message)]
        return [value.decode() if len(value) < 200 and value.isascii() else "<bytes>" for value in values]
    if kind == 2:
        return [number for _, packed in fields(message) for number in np.frombuffer(packed, "<f4").tolist()]
    numbers = [value for _, packed in fields(message) for value in _packed(packed)]
    return numbers


def _packed(value) -> list[int]:
    if isinstance(value, int):
        return [value]
    numbers, current, shift = [], 0, 0
    for byte in value:
        current |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(current)
            current = shift = 0
    return numbers


def _tags(event: bytes) -> list[str]:
    """The tags of a TensorBoard event: Event.summary is field 5, Summary.value field 1, Value.tag field 1."""
    summaries = [value for number, value in fields(event) if number == 5]
    values = [value for summary in summaries for _, value in fields(summary)]
    return [tag.decode() for value in values for number, tag in fields(value) if number == 1]


def _tensors(path: Path) -> dict:
    """Names, number formats and shapes; values depend on the machine that computed them."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    facts = {name: f"{each['dtype']} {each['shape']}" for name, each in header.items() if name != "__metadata__"}
    return {"metadata": header.get("__metadata__", {}), "tensors": dict(sorted(facts.items()))}


def fixed_image() -> np.ndarray:
    """The image that exported graphs are asked about, (120, 160, 3) of uint8."""
    rows, columns = np.mgrid[:120, :160]
    grey = (rows * 7 + columns * 3 + (rows // 20) * (columns // 20) * 11) % 256
    return np.repeat(grey[:, :, None], 3, axis=2).astype(np.uint8)


def _graph(path: Path) -> dict:
    """Inputs, outputs and metadata of an ONNX file, and what it answers on one fixed image."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    answers = session.run(None, {session.get_inputs()[0].name: fixed_image()})
    outputs = {output.name: answer for output, answer in zip(session.get_outputs(), answers, strict=True)}
    order = np.lexsort(next(value for value in outputs.values() if value.ndim == 2).round().T)
    return {
        "metadata": {key: _parsed(value) for key, value in sorted(metadata.items())},
        "inputs": {each.name: f"{each.type} {each.shape}" for each in session.get_inputs()},
        "outputs": {each.name: f"{each.type} {each.shape}" for each in session.get_outputs()},
        ANSWER: {name: value[order].tolist() for name, value in outputs.items()},
    }


def _parsed(text: str):
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
