"""Does the built-in model keep its figures in 8-bit integers, and is it faster? ONNX Runtime, static, per channel.

    python -m benchmarks.integer_weights FracAtlas/train FracAtlas/val [--calibrate 100] [--convolutions-only]

The first set gives the ranges of the activations, the second the metrics with the default views: paired differences by
resampling images. The time of an image is that of one view, as a ratio, both models in turn in one run.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

from fractura import compare_models, load_model, read_dataset
from fractura.imaging.reader import read_radiograph
from fractura.inference.built_in import built_in_model
from fractura.inference.runtimes.onnx import INPUT


class Images(CalibrationDataReader):
    """Some images of a data set, evenly chosen, as the network's input."""

    def __init__(self, data: Path, number: int) -> None:
        records = read_dataset(data).records
        self._records = iter(records[:: max(1, len(records) // number)][:number])

    def get_next(self) -> dict[str, Any] | None:
        """The next image; None after the last."""
        record = next(self._records, None)
        return None if record is None else {INPUT: np.ascontiguousarray(read_radiograph(record.image).pixels)}


def quantise(source: Path, target: Path, images: Images, *, linear: bool) -> int:
    """Write the model with convolutions and linear layers in 8 bits; return how many these are."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "float32.onnx"  # its weights are stored in half precision: converted once, here
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(plain)
        onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        network = onnx.load(plain)
        nodes = [node for node in network.graph.node if node.op_type in ("Conv", "Gemm", "MatMul")]
        for number, node in enumerate(network.graph.node):
            node.name = node.name or f"node_{number}"
        onnx.save(network, plain)
        chosen = [node.name for node in nodes if linear or node.op_type == "Conv"]
        quantize_static(
            plain,
            target,
            images,
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            nodes_to_quantize=chosen,
        )
    return len(chosen)


def main() -> None:
    """Quantise, compare, time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("val", type=Path)
    parser.add_argument("--calibrate", type=int, default=100, help="images that give the ranges")
    parser.add_argument("--convolutions-only", action="store_true", help="leave the linear layers")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "int8.onnx"
        count = quantise(
            built_in_model(),
            target,
            Images(arguments.train, arguments.calibrate),
            linear=not arguments.convolutions_only,
        )
        print(
            f"{count} layers in 8 bits, {target.stat().st_size / 1e6:.1f} MB "
            f"(before: {built_in_model().stat().st_size / 1e6:.1f})"
        )
        models = {"float": load_model(built_in_model()), "8 bits": load_model(target)}
        images = [read_radiograph(each.image).pixels for each in read_dataset(arguments.val).records[:30]]
        times: dict[str, list[float]] = {name: [] for name in models}
        for pixels in images:
            for name, model in models.items():
                start = time.perf_counter()
                model.detect(pixels)
                times[name].append(time.perf_counter() - start)
        float_time, small_time = (statistics.median(each) for each in times.values())
        print(f"time of an image: {small_time / float_time:.2f} x that in float (medians of {len(images)} in turn)")
        compared = compare_models(built_in_model(), target, arguments.val, rounds=1000)
        for row in (["metric", "float", "8 bits", "difference (95 %)", "p"], *compared.rows(0, every=False)):
            print("  ".join(f"{cell!s:>28}" for cell in row))


if __name__ == "__main__":
    main()
