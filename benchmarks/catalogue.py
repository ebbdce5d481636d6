"""The catalogue's metrics: weights, file size, time an image with ONNX Runtime; and how good trained models are.

    python -m benchmarks.catalogue [--images FOLDER] [MODEL...]

A MODEL is a name of the catalogue, a trained-model folder or an exported .onnx file; without any, all of the catalogue.
Models by name are built without a network, with random weights: the work is the same. With --images (labelled, not
those trained on) trained models are measured on them as well, with bootstrap intervals.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import onnx
import onnxruntime
from PIL import Image

from fractura.core.model_card import METADATA_KEY, ModelCard
from fractura.core.reporter import LOG
from fractura.evaluation import evaluate, metric_text
from fractura.export.graph import write_graph
from fractura.imaging.reader import read_radiograph
from fractura.inference import Model, load_model
from fractura.models import Detector, build_detector, build_untrained, model_names
from fractura.models.catalogue import find_model
from fractura.phantom import make_phantoms
from fractura.workflows.labelled import find_candidates, read_labelled

METRICS = {"AP50": "AP50", "froc/iou10/0.5": "found", "image_auc": "image AUC"}
"""What is measured of trained models, and its heading."""
SIZE = (373, 454)
ROUNDS = 7


def build(name: str) -> Detector:
    """The detector of a catalogue name, with whatever weights there are without a network."""
    return build_detector(name, 1) if find_model(name).hub_id is None else build_untrained(name)


def export_untrained(name: str, file: Path) -> int:
    """Write the graph of a catalogue name, with a card; returns the number of its weights."""
    detector = build(name).eval()
    write_graph(detector, file)
    graph = onnx.load(file)
    card = ModelCard(name=name, architecture=detector.architecture(), class_names=("Fractura",))
    onnx.helper.set_model_props(graph, {METADATA_KEY: card.to_json()})
    onnx.save(graph, file)
    return sum(p.numel() for p in detector.parameters())


def make_image(folder: Path) -> Path:
    """One phantom as a JPEG of the size that most images of FracAtlas have."""
    record = next(iter(make_phantoms(folder, images=1)))
    image = folder / "image.jpg"
    with Image.open(record.image) as picture:
        picture.resize(SIZE).save(image, quality=93)
    return image


def usable_processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def milliseconds(model: Model, image: Path) -> tuple[float, float]:
    """From file to boxes, the best of several rounds after one to warm up: time passed, and time of all processors.

    The second hardly changes when other programs keep the machine busy.
    """
    passed, used = [], []
    for _ in range(ROUNDS + 1):
        started, started_used = time.perf_counter(), time.process_time()
        model.detect(read_radiograph(image).pixels)
        passed.append(1000 * (time.perf_counter() - started))
        used.append(1000 * (time.process_time() - started_used))
    return min(passed[1:]), min(used[1:])


def weights_of(path: Path) -> int | None:
    """Number of weights of a trained model folder; None where it cannot be known."""
    if not path.is_dir():
        return None
    from fractura.core.model_card import read_card
    from fractura.inference.runtimes.torch import load_detector

    return sum(p.numel() for p in load_detector(read_card(path), path).parameters())


def measure(model: Model, images: Path) -> list[str]:
    """The metrics of ``METRICS`` as text, with 95 % intervals."""
    data = read_labelled(images, model.card.class_names, reporter=LOG)
    candidates = find_candidates(model, data, reporter=LOG)
    evaluation = evaluate(data, candidates, threshold=model.card.threshold, rounds=1000, details=False)
    return [evaluation.metrics[key].to_text() for key in METRICS]


def print_table(rows: Sequence[Sequence[str | None]]) -> None:
    """Print rows with their columns aligned; None is a dash."""
    cells = [["–" if cell is None else cell for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure one model after the other, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--images", type=Path, help="labelled images to measure trained models on")
    chosen = parser.parse_args(arguments)
    known = model_names()
    rows = []
    with TemporaryDirectory() as name:
        image = make_image(Path(name) / "image")
        for model in chosen.models or known:
            untrained = model in known
            file = Path(name) / f"{model}.onnx" if untrained else Path(model)
            weights = export_untrained(model, file) if untrained else weights_of(file)
            loaded = load_model(file)
            size = sum(part.stat().st_size for part in ([file] if file.is_file() else file.glob("*.safetensors")))
            metrics = measure(loaded, chosen.images) if chosen.images and not untrained else [None] * len(METRICS)
            passed, used = milliseconds(loaded, image)
            rows.append(
                [
                    model if untrained else file.name,
                    "random" if untrained else "trained",
                    None if weights is None else f"{weights:,}",
                    f"{size / 1e6:.1f}",
                    f"{passed:.0f}",
                    f"{used:.0f}",
                    *metrics,
                ]
            )
            print(f"{model}: {passed:.0f} ms, {used:.0f} ms of processors", flush=True)
            if untrained:
                file.unlink()
    columns = ["model", "values", "weights", "MB", "ms", "processor ms"]
    if chosen.images:
        columns += METRICS.values()
    print_table([columns, *([*row[: len(columns)]] for row in rows)])
    print(
        f"ms: JPEG of {SIZE[0]} x {SIZE[1]} to boxes, best of {ROUNDS}, {usable_processors()} processors, ONNX Runtime"
    )
    print(
        f"ONNX Runtime {onnxruntime.__version__} (model folders: PyTorch). Random weights do the work of trained ones."
    )
    if chosen.images:
        print("; ".join(f"{heading}: {metric_text(key)}" for key, heading in METRICS.items()), "(95 % intervals)")


if __name__ == "__main__":
    main()
