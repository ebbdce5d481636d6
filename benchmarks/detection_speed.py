"""Decode-to-boxes time a film: ONNX Runtime (what `fractura detect` uses) against PyTorch, same model, same films.

    python -m benchmarks.detection_speed [--model FOLDER] [--films FOLDER]

Without a model an untrained one is measured: the work is the same.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from safetensors.torch import save_file

from fractura.detectors import DEFAULT_MODEL, build_detector
from fractura.export import export_model
from fractura.inference import Model, load_model
from fractura.inference.films import find_films
from fractura.model_card import WEIGHTS_FILE, ModelCard, write_card
from fractura.phantom import make_phantoms
from fractura.radiograph import read_radiograph


def untrained(folder: Path) -> Path:
    """A model folder with the default detector as it is built."""
    detector = build_detector(DEFAULT_MODEL, 1)
    folder.mkdir()
    save_file(dict(detector.state_dict()), folder / WEIGHTS_FILE)
    write_card(ModelCard(name="untrained", architecture=detector.architecture(), class_names=("Fractura",)), folder)
    return folder


def milliseconds(model: Model, films: list[Path]) -> list[float]:
    """Decode and detect each film once, after one film of warm-up."""
    model.detect(read_radiograph(films[0]).pixels)
    times = []
    for film in films:
        started = time.perf_counter()
        model.detect(read_radiograph(film).pixels)
        times.append(1000 * (time.perf_counter() - started))
    return times


def main() -> None:
    """Measure both runtimes in turn and print medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="model folder; an untrained one without it")
    parser.add_argument("--films", type=Path, help="folder of films; phantoms without it")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        scratch = Path(name)
        folder = arguments.model or untrained(scratch / "model")
        if arguments.films:
            films = [film.path for film in find_films([arguments.films]).films][:40]
        else:
            films = [record.image for record in make_phantoms(scratch / "films", films=20, seed=5)]
        exported = export_model(folder, output=scratch / "model.onnx", films=films[:4]).output
        torch_times = milliseconds(load_model(folder, device="cpu"), films)
        onnx_times = milliseconds(load_model(exported, device="cpu"), films)
    torch_median, onnx_median = statistics.median(torch_times), statistics.median(onnx_times)
    print(
        f"{len(films)} films, decode to boxes: PyTorch {torch_median:.0f} ms, ONNX Runtime {onnx_median:.0f} ms a film "
        f"(median); ONNX Runtime takes {onnx_median / torch_median:.2f} x PyTorch's time"
    )


if __name__ == "__main__":
    main()
