"""Faster R-CNN Inception ResNet V2 640x640, 300 proposals, one image on the CPU, against TensorFlow.

    python -m benchmarks.inception_detection [--rounds 2]

Minutes. One set of weights is exported to ONNX and to a SavedModel, which TensorFlow runs; both see the same image and
must find the same boxes; PyTorch runs them in bf16, too. Each runs in a process of its own, so that memory is its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from safetensors.torch import save_file

from benchmarks.contest import keep
from fractura.core.model_card import WEIGHTS_FILE, ModelCard, write_card
from fractura.export import export_model
from fractura.models.faster_rcnn.family import named_settings
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.phantom import make_phantoms

NAME = "faster_rcnn_inception_resnet_v2_640x640"
_HEAD = """
import json, resource, sys, time
import numpy as np
image = np.load(sys.argv[2])
started = time.perf_counter()
"""
_TAIL = """
loaded = time.perf_counter() - started
run(image)
times = []
for _ in range(3):
    started = time.perf_counter()
    boxes, scores = run(image)
    times.append(time.perf_counter() - started)
print(json.dumps({"load": loaded, "seconds": sorted(times)[1], "gigabytes":
    resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, "best": float(np.max(scores, initial=0))}))
"""
_OURS = (
    _HEAD
    + """
from fractura.inference import load_model
model = load_model(sys.argv[1], device="cpu", precision=sys.argv[3])
def run(image):
    found = model.detect(image)
    return found.xyxy, found.scores
"""
    + _TAIL
)
_TENSORFLOW = (
    _HEAD
    + """
import tensorflow as tf
model = tf.saved_model.load(sys.argv[1])
function = model.signatures["serving_default"]
def run(image):
    found = function(tf.constant(image[None]))
    return found["detection_boxes"].numpy(), found["detection_scores"].numpy()
"""
    + _TAIL
)


def measured(script: str, model: Path, image: Path, precision: str = "float32") -> dict[str, float]:
    """One process: load, one run of warm-up, the median of three."""
    words = ["-c", script, str(model), str(image), precision]
    done = subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Export, run in turn, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    rounds = parser.parse_args().rounds
    with TemporaryDirectory() as name:
        scratch = Path(name)
        torch.manual_seed(0)
        detector = FasterRCNN(named_settings(NAME, 1)).eval()
        folder = scratch / "model"
        folder.mkdir()
        save_file(dict(detector.state_dict()), folder / WEIGHTS_FILE)
        write_card(ModelCard(name="untrained", architecture=detector.architecture(), class_names=("Fractura",)), folder)
        del detector
        pictures = [record.image for record in make_phantoms(scratch / "images", images=2, seed=5)]
        image = scratch / "image.npy"
        np.save(image, np.random.default_rng(0).integers(0, 255, (640, 640, 3), dtype=np.uint8))
        started = time.perf_counter()
        onnx = export_model(folder, output=scratch / "model.onnx", images=pictures[:1]).output
        print(f"export to ONNX, parity check included: {time.perf_counter() - started:.0f} s", flush=True)
        started = time.perf_counter()
        saved = export_model(folder, output=scratch / "saved", images=pictures[:1]).output
        print(f"export to a SavedModel, parity check included: {time.perf_counter() - started:.0f} s", flush=True)
        found: dict[str, list[dict[str, float]]] = {"ONNX Runtime": [], "PyTorch in bf16": [], "TensorFlow": []}
        for _ in range(rounds):
            found["ONNX Runtime"].append(measured(_OURS, onnx, image))
            found["TensorFlow"].append(measured(_TENSORFLOW, saved, image))
            found["PyTorch in bf16"].append(measured(_OURS, folder, image, "bf16"))
        peer = found.pop("TensorFlow")
        print("best scores: " + ", ".join(f"{values[0]['best']:.4f}" for values in (*found.values(), peer)))
        for name, ours in found.items():
            for key, unit, goal, said in (
                ("seconds", "s", 1.5, "time"),
                ("load", "s", None, "load"),
                ("gigabytes", "GB", None, "peak memory"),
            ):
                keep(
                    f"inception-detection-{key}-{name}",
                    f"`{NAME}`, 300 proposals, one image: {said}",
                    (name, [each[key] for each in ours]),
                    ("TensorFlow", [each[key] for each in peer]),
                    unit=unit,
                    goal=goal,
                )


if __name__ == "__main__":
    main()
