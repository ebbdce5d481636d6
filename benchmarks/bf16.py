"""What `--precision bf16` costs and gains: the built-in model's weights in PyTorch, on labelled images.

    python -m benchmarks.bf16 FracAtlas/val

Peer: the same network and images in float32, in turn in one run. Needs a processor with AVX512-BF16 or AMX, or a GPU.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from safetensors.torch import save_file

from benchmarks.contest import keep
from fractura import evaluate, load_model, read_dataset
from fractura.core.boxes import Boxes
from fractura.core.model_card import WEIGHTS_FILE, write_card
from fractura.imaging.reader import read_radiograph
from fractura.inference import Precision
from fractura.inference.built_in import built_in_model
from fractura.models.nms import iou
from fractura.training.exported_weights import read_exported_weights

PRECISIONS: tuple[Precision, ...] = ("bf16", "float32")
METRICS = ("AP50", "AP30", "image_auc")


def main() -> None:
    """Detect with both, compare boxes, scores and metrics."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("val", type=Path)
    data = read_dataset(parser.parse_args().val)
    with TemporaryDirectory() as name:
        card, weights = read_exported_weights(built_in_model())
        save_file(weights, Path(name) / WEIGHTS_FILE)
        write_card(card, Path(name))
        models = {precision: load_model(name, device="cpu", precision=precision) for precision in PRECISIONS}
        print("computes in " + ", ".join(model.precision for model in models.values()))
        found: dict[Precision, list[Boxes]] = {precision: [] for precision in PRECISIONS}
        times: dict[Precision, list[float]] = {precision: [] for precision in PRECISIONS}
        for record in data:
            pixels = read_radiograph(record.image).pixels
            for precision, model in models.items():
                started = time.perf_counter()
                found[precision].append(model.detect(pixels))
                times[precision].append(1000 * (time.perf_counter() - started))
    ours, peer = (found[precision] for precision in PRECISIONS)
    certain = [(a, b) for a, b in zip(ours, peer, strict=True) if len(b) and b.scores[0] >= card.threshold and len(a)]
    scores = [abs(float(a.scores[0]) - float(b.scores[0])) for a, b in certain]
    overlap = [float(iou(*(torch.tensor(each.xyxy[:1]) for each in pair))) for pair in certain]
    print(
        f"best detection of {len(certain)} images above the threshold: score differs by {np.median(scores):.4f} "
        f"(median), {np.quantile(scores, 0.95):.4f} (95 %), {max(scores):.4f} (most); IoU {np.median(overlap):.3f} "
        f"(median), {np.quantile(overlap, 0.05):.3f} (5 %)"
    )
    for metric in METRICS:
        values = [evaluate(data, found[each], rounds=0, threshold=card.threshold).value(metric) for each in PRECISIONS]
        print(f"{metric}: bf16 {values[0]:.4f}, float32 {values[1]:.4f}, difference {values[0] - values[1]:+.4f}")
    what = f"built-in weights in PyTorch, one view, {len(data)} images"
    keep("bf16", what, ("bf16", times["bf16"][2:]), ("float32", times["float32"][2:]), unit="ms")


if __name__ == "__main__":
    main()
