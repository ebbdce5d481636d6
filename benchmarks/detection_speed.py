"""Decode-to-boxes time an image: ONNX Runtime (what `fractura detect` uses) against PyTorch, same model, same images.

    python -m benchmarks.detection_speed [--model MODEL] [--images FOLDER]

Without a model an untrained one is measured: the work is the same. An `.onnx` file, or `built-in`, has no PyTorch peer:
then the image examined once (`detect --fast`) is the peer of the views that its card names.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from safetensors.torch import save_file

from fractura.core.model_card import WEIGHTS_FILE, ModelCard, write_card
from fractura.export import export_model
from fractura.imaging.reader import read_radiograph
from fractura.inference import Model, load_model
from fractura.inference.discovery import find_images
from fractura.inference.views import WHOLE, detect_in_views
from fractura.models import DEFAULT_MODEL, build_detector
from fractura.phantom import make_phantoms


def untrained(folder: Path) -> Path:
    """A model folder with the default detector as it is built."""
    detector = build_detector(DEFAULT_MODEL, 1)
    folder.mkdir()
    save_file(dict(detector.state_dict()), folder / WEIGHTS_FILE)
    write_card(ModelCard(name="untrained", architecture=detector.architecture(), class_names=("Fractura",)), folder)
    return folder


def milliseconds(model: Model, images: list[Path], views: Sequence[str] = WHOLE) -> list[float]:
    """Decode and look at each image once, after one image of warm-up."""
    detect_in_views(model, read_radiograph(images[0]).pixels, views)
    times = []
    for image in images:
        started = time.perf_counter()
        detect_in_views(model, read_radiograph(image).pixels, views)
        times.append(1000 * (time.perf_counter() - started))
    return times


def print_against_pytorch(folder: Path, images: list[Path], scratch: Path) -> None:
    """Measure both runtimes in turn and print medians and their ratio."""
    exported = export_model(folder, output=scratch / "model.onnx", images=images[:4]).output
    torch_median = statistics.median(milliseconds(load_model(folder, device="cpu"), images))
    onnx_median = statistics.median(milliseconds(load_model(exported, device="cpu"), images))
    print(
        f"{len(images)} images, decode to boxes: PyTorch {torch_median:.0f} ms, ONNX Runtime {onnx_median:.0f} ms an "
        f"image "
        f"(median); ONNX Runtime takes {onnx_median / torch_median:.2f} x PyTorch's time"
    )


def print_views(file: Path, images: list[Path]) -> None:
    """Measure one look and the card's views in turn and print medians and their ratio."""
    model = load_model(file, device="cpu")
    once = statistics.median(milliseconds(model, images))
    views = statistics.median(milliseconds(model, images, model.card.views))
    print(
        f"{len(images)} images, decode to boxes: one look {once:.0f} ms, {', '.join(model.card.views)} {views:.0f} ms "
        f"an image (median); the card's views take {views / once:.2f} x the time of one look"
    )


def main() -> None:
    """Choose model and images, measure, print one line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="model folder, .onnx file or built-in; an untrained one without it")
    parser.add_argument("--images", type=Path, help="folder of images; phantoms without it")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        scratch = Path(name)
        if arguments.images:
            images = [image.path for image in find_images([arguments.images]).images][:40]
        else:
            images = [record.image for record in make_phantoms(scratch / "images", images=20, seed=5)]
        if arguments.model is None or arguments.model.is_dir():
            print_against_pytorch(arguments.model or untrained(scratch / "model"), images, scratch)
        else:
            print_views(arguments.model, images)


if __name__ == "__main__":
    main()
