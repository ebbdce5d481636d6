"""Draws packages.svg and data-paths.svg for docs/developers/architecture.md. Usage: python docs/images/architecture.py

The tests compare both with the source tree: a package that is not drawn, and a module that has moved, is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).parent

PACKAGES: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("interfaces", (("cli", "command line"), ("web", "page and REST API"), ("node", "DICOM node"))),
    ("public API", (("workflows", "one function per command, with its result type"),)),
    ("TensorFlow", (("tensorflow_od", "TensorFlow's commands, configuration and checkpoints"),)),
    ("make models", (("training", "settings to weights"), ("export", "ONNX, SavedModel"))),
    ("measure models", (("evaluation", "metrics, intervals, report"),)),
    ("results", (("hospital", "DICOM objects, FHIR, HL7; rules, worklist"),)),
    ("use models", (("inference", "image to detections"),)),
    ("data", (("quality", "checks, splits, duplicates"), ("phantom", "artificial images"))),
    ("files", (("formats", "annotation files to data sets and back"),)),
    (
        "sources",
        (
            ("imaging", "the one reader of pixels; DICOM"),
            ("models", "networks and catalogue"),
            ("fetch", "downloads"),
        ),
    ),
    ("ground", (("core", "boxes, data sets, model card, errors, atomic files"),)),
)
"""Floors from the top down, each with its packages; a package imports only from floors below its own."""

DATA_PATHS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "image → detections",
        (
            ("workflows/detect.py", "views, threshold"),
            ("inference/discovery.py", "paths"),
            ("imaging/reader.py", "Radiograph"),
            ("inference/views.py", "arrays"),
            ("inference/runtimes/onnx.py", "Boxes per view"),
            ("inference/fusion.py", "Boxes"),
            ("inference/results.py", "JSON, CSV, VOC"),
        ),
    ),
    (
        "folder → weights",
        (
            ("formats/voc/reader.py", "Dataset"),
            ("quality/training_data.py", "Dataset, cleaned"),
            ("training/preparation.py", "model, settings"),
            ("training/data.py", "Sample"),
            ("training/step.py", "loss"),
            ("training/trainer.py", "state"),
            ("training/model_folder.py", "weights, card"),
        ),
    ),
    (
        "pipeline.config → checkpoint",
        (
            ("tensorflow_od/model_main_tf2.py", "flags"),
            ("formats/protobuf/text_format.py", "Document"),
            ("tensorflow_od/pipeline_mapping.py", "TrainSettings"),
            ("tensorflow_od/restoring.py", "first weights"),
            ("training/trainer.py", "state"),
            ("tensorflow_od/training_checkpoints.py", "variables"),
            ("tensorflow_od/checkpoint.py", "ckpt-N"),
        ),
    ),
    (
        "box on the page → XML",
        (
            ("web/page/gestures.js", "pointer"),
            ("web/page/editor.js", "box"),
            ("web/page/autosave.js", "request"),
            ("web/routes/annotations.py", "body, etag"),
            ("web/annotation_store.py", "VocObject"),
            ("formats/voc/serializer.py", "bytes"),
            ("core/files.py", "XML file"),
        ),
    ),
    (
        "predictions → report",
        (
            ("evaluation/table.py", "Table"),
            ("evaluation/coco_matching.py", "matches"),
            ("evaluation/measures.py", "metrics of weights"),
            ("evaluation/bootstrap.py", "intervals"),
            ("evaluation/result.py", "Evaluation"),
            ("evaluation/report/context.py", "ReportContext"),
            ("evaluation/report/report.py", "HTML"),
        ),
    ),
)
"""What data passes through: each module, and what it hands on."""

INK, PALE, LINE, ACCENT = "#1f2933", "#f4f6f8", "#9aa5b1", "#2f6f9f"
FONT = "font-family=\"'Segoe UI', 'Helvetica Neue', Arial, sans-serif\""


def packages_svg() -> str:
    """Floors as rows, packages as boxes."""
    width, row, left, gap = 1000, 74, 130, 10
    body = []
    for number, (floor, packages) in enumerate(PACKAGES):
        y = 16 + number * row
        body.append(_text(16, y + 36, floor, size=12, anchor="start", colour=ACCENT))
        side = (width - left - 16 - gap * (len(packages) - 1)) / len(packages)
        for place, (name, role) in enumerate(packages):
            body += _box(left + place * (side + gap), y, side, row - 14, name, role)
    return _svg(width, 16 + len(PACKAGES) * row, "Packages of fractura, by floor", body)


def data_paths_svg() -> str:
    """One row per path: modules as boxes, what they hand on below."""
    width, row, gap = 1240, 112, 22
    body = []
    for number, (title, modules) in enumerate(DATA_PATHS):
        y = 34 + number * row
        body.append(_text(16, y - 10, title, size=14, anchor="start", colour=ACCENT, bold=True))
        side = (width - 32 - gap * (len(modules) - 1)) / len(modules)
        for place, (path, handed) in enumerate(modules):
            x = 16 + place * (side + gap)
            folder, _, name = path.rpartition("/")
            body += _box(x, y, side, 52, name, folder, small=True)
            body.append(_text(x + side / 2, y + 70, handed, size=11, colour=INK))
            if place + 1 < len(modules):
                tip = x + side + gap - 3
                way = f"M{x + side + 3:.1f} {y + 26} H{tip:.1f}"
                body.append(f'<path d="{way}" stroke="{LINE}" marker-end="url(#tip)"/>')
    return _svg(width, 34 + len(DATA_PATHS) * row - 10, "Five data paths through fractura", body)


def _box(x: float, y: float, width: float, height: float, name: str, role: str, *, small: bool = False) -> list[str]:
    frame = f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" rx="6" fill="{PALE}" stroke="{LINE}"/>'
    middle = x + width / 2
    return [
        frame,
        _text(middle, y + height / 2 - 3, name, size=11 if small else 15, colour=INK, bold=True),
        _text(middle, y + height / 2 + 15, role, size=11, colour=INK),
    ]


def _text(x: float, y: float, text: str, *, size: int, anchor: str = "middle", colour: str, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" fill="{colour}"{weight}>{escape(text)}</text>'


def _svg(width: int, height: int, title: str, body: Sequence[str]) -> str:
    shape = 'id="tip" markerWidth="6" markerHeight="6" refX="5" refY="3" orient="auto"'
    tip = f'<marker {shape}><path d="M0 0 L6 3 L0 6 z" fill="{LINE}"/></marker>'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" {FONT}>',
        f"<title>{escape(title)}</title>",
        f"<defs>{tip}</defs>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
        *body,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write both drawings."""
    (HERE / "packages.svg").write_text(packages_svg(), encoding="utf-8")
    (HERE / "data-paths.svg").write_text(data_paths_svg(), encoding="utf-8")


if __name__ == "__main__":
    main()
