"""What the golden runs start from: phantoms, images labelled by hand, tiny models; each made when first asked for."""

import contextlib
import io
import json
import os
import re
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from support.dicom_images import dicom
from support.tiny_models import CARD, write_tiny_onnx

from fractura.cli.main import main
from golden.comparison import normalise
from golden.files import read_folder

# name, boxes as (class, xmin, ymin, xmax, ymax); the tiny models detection 20,20-100,60, 0,0-40,10 and 100,50-200,100.
LABELLED = (
    ("a", (("Fractura", 20, 20, 100, 60),)),
    ("b", ()),
    ("c", (("Fractura", 24, 18, 96, 64), ("yeso", 0, 0, 40, 10))),
    ("d", (("Fractura", 120, 10, 180, 40),)),
    ("e", ()),
    ("f", (("Fractura", 102, 52, 198, 98),)),
    ("g", (("yeso", 2, 1, 38, 11),)),
    ("h", ()),
)
SECOND_READING = (
    ("a", (("Fractura", 22, 22, 98, 58),)),
    ("b", (("Fractura", 60, 60, 90, 90),)),
    ("c", (("Fractura", 20, 20, 100, 60),)),
    ("d", ()),
    ("e", ()),
    ("f", (("Fractura", 110, 60, 190, 98),)),
    ("g", (("yeso", 2, 1, 38, 11),)),
)
os.environ["FRACTURA_LANGUAGE"] = "en"
os.environ["FRACTURA_DEVICE_UID"] = "2.25.20260131"
WIDTH, HEIGHT = 200, 100
CLASSES = ("Fractura", "yeso")
_HELP_OPTION = re.compile(r"^│\s+(?:\*\s+)?((?:-{1,2}[A-Za-z][\w-]*[\s,/]+)+)")


def image(path: Path, seed: int) -> None:
    """Soft bright shapes on black, 200 x 100; no two seeds give the same brightness."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shapes = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (6, 12), dtype=np.uint8))
    smooth = np.asarray(shapes.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)) / 255
    Image.fromarray((smooth**3 * (120 + 15 * (seed % 10))).astype(np.uint8)).save(path)


def voc(name: str, boxes=(), *, width=WIDTH, height=HEIGHT) -> str:
    """A Pascal VOC file as LabelImg writes it."""
    lines = ["<annotation>", "\t<folder>images</folder>", f"\t<filename>{name}</filename>"]
    lines += ["\t<source>", "\t\t<database>Unknown</database>", "\t</source>", "\t<size>"]
    sides = (("width", width), ("height", height), ("depth", 1))
    lines += [f"\t\t<{side}>{value}</{side}>" for side, value in sides]
    lines += ["\t</size>", "\t<segmented>0</segmented>"]
    for label, *corners in boxes:
        lines += ["\t<object>", f"\t\t<name>{label}</name>", "\t\t<pose>Unspecified</pose>"]
        lines += ["\t\t<truncated>0</truncated>", "\t\t<difficult>0</difficult>", "\t\t<bndbox>"]
        pairs = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
        lines += [f"\t\t\t<{side}>{value}</{side}>" for side, value in pairs]
        lines += ["\t\t</bndbox>", "\t</object>"]
    return "\n".join([*lines, "</annotation>", ""])


def label(folder: Path, images) -> None:
    """Images and their annotations, in the two folders that the package expects."""
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    for number, (name, boxes) in enumerate(images):
        image(folder / "images" / f"{name}.png", number)
        (folder / "annotations" / f"{name}.xml").write_text(voc(f"{name}.png", boxes), encoding="utf-8")


def tiny_model(path: Path, *, scores=(0.3, 0.9, 0.5), **card) -> None:
    """A model of three fixed detections whose scores grow with the image's mean brightness."""
    write_tiny_onnx(
        path,
        card=CARD.model_copy(update={"class_names": CLASSES, "views": ("whole", "flipped"), "threshold": 0.28, **card}),
    )
    model = onnx.load(path)
    [fixed] = [node for node in model.graph.node if node.output == ["scores"]]
    model.graph.node.remove(fixed)
    model.graph.initializer.remove(next(each for each in model.graph.initializer if each.name == "fixed_scores"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(50, np.float32), "scale"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(scores, np.float32), "highest_scores"))
    model.graph.node.extend(
        [
            helper.make_node("Cast", ["image"], ["levels"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["levels"], ["mean"], keepdims=0),
            helper.make_node("Div", ["mean", "scale"], ["brightness"]),
            helper.make_node("Mul", ["highest_scores", "brightness"], ["products"]),
            helper.make_node("Min", ["products", "highest_scores"], ["scores"]),
        ]
    )
    onnx.save(model, path)


class Workshop:
    """One folder for all golden runs; every command runs in it, with relative paths."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def run(self, *words: str, folder: str | None = None, known=()) -> dict:
        """One command: its words, its exit code, the JSON that it prints, and what it leaves in ``folder``."""
        with contextlib.chdir(self.place):
            code, printed = captured(*words)
        document = {"command": " ".join(words), "exit_code": code}
        if printed and "--json" in words:
            document["printed"] = json.loads(printed)
        elif printed:
            document["printed_lines"] = len(printed.splitlines())
        if folder is not None:
            left = self.place / folder
            sources = [path for each in known for path in sorted((self.place / each).rglob("*")) if path.is_file()]
            document["files"] = read_folder(left, known=sources) if left.is_dir() else {left.name: "missing"}
            for name, content in document["files"].items():
                if content == document.get("printed"):
                    document["printed"] = f"the same as {name}"
        return normalise(document, self.place)

    @cached_property
    def phantoms(self) -> dict:
        """Ten phantoms in ``phantoms/train`` and ``phantoms/val``, by the command itself."""
        sizes = ["--images", "6", "--val-images", "4", "--short-side", "192", "--long-side", "224"]
        words = ["phantom", "phantoms", *sizes, "--seed", "3", "--workers", "1", "--json"]
        return self.run(*words, folder="phantoms")

    @cached_property
    def labelled(self) -> str:
        """Eight images labelled by hand, and the table of their patients."""
        label(self.place / "labelled", LABELLED)
        rows = ["image,patient,hardware,site"]
        rows += [f"{name}.png,{number // 2},{number % 3 // 2},north" for number, (name, _) in enumerate(LABELLED)]
        (self.place / "images.csv").write_text("\n".join([*rows, ""]), encoding="utf-8")
        return "labelled"

    @cached_property
    def second_reading(self) -> str:
        """The same images, one less, read by another."""
        label(self.place / "second", SECOND_READING)
        return "second"

    @cached_property
    def model(self) -> str:
        """The tiny model."""
        tiny_model(self.place / "tiny.onnx")
        return "tiny.onnx"

    @cached_property
    def other_model(self) -> str:
        """Another one, with lower scores for fractures."""
        tiny_model(self.place / "other.onnx", scores=(0.45, 0.35, 0.5), name="other", threshold=0.3)
        return "other.onnx"

    @cached_property
    def dicom_image(self) -> str:
        """A 12-bit DICOM image."""
        values = np.arange(64 * 80, dtype=np.uint16).reshape(64, 80) % 4096
        (self.place / "dicom").mkdir()
        (self.place / "dicom" / "deep.dcm").write_bytes(dicom(values, bits=12))
        return "dicom"

    @cached_property
    def training(self) -> dict:
        """Two steps of a tiny detection transformer on the phantoms."""
        from support.tiny_transformers import save_folder

        assert self.phantoms["exit_code"] == 0
        save_folder(self.place / "pretrained", "rt_detr_v2")
        words = ["train", "phantoms/train", "--val", "phantoms/val", "--output", "model", "--model", "hf:pretrained"]
        words += ["--batch-size", "2", "--device", "cpu", "--workers", "0", "--num-steps", "2", "--set", "log_every=1"]
        return self.run(*words, "--json", folder="model")

    @cached_property
    def trained(self) -> str:
        """The trained model with another head: two steps leave scores that tie, and ties fall anywhere."""
        from safetensors.torch import load_file, save_file
        from torch import Generator, randn

        assert self.training["exit_code"] == 0
        file = self.place / "model" / "weights.safetensors"
        weights = load_file(file)
        generator = Generator().manual_seed(5)
        for name in sorted(weights):
            if weights[name].ndim == 2 and weights[name].shape[0] == 1:
                weights[name] = randn(weights[name].shape, generator=generator)
            elif weights[name].shape == (1,):
                weights[name] = weights[name] * 0
        save_file(weights, file)
        return "model"


def captured(*words: str) -> tuple[int, str]:
    """Exit code of a command line, and what it wrote to stdout."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        code = main(list(words))
    return code, printed.getvalue()


def options(command: str) -> dict:
    """Arguments and option names of a command, from its help."""
    columns, os.environ["COLUMNS"] = os.environ.get("COLUMNS"), "400"
    try:
        code, text = captured(command, "--help")
    finally:
        if columns is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = columns
    assert code == 0, command
    [usage] = [line for line in text.splitlines() if "Usage:" in line]
    names = [" ".join(found[1].split()) for line in text.splitlines() if (found := _HELP_OPTION.match(line))]
    return {"arguments": [word.strip("{}[].") for word in usage.split()[4:]], "options": names}
