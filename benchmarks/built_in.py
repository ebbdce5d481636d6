"""Every figure of the built-in model in one command, as its card and docs/developers/model-log.md have them.

    python -m benchmarks.built_in FracAtlas/val
    python -m benchmarks.built_in FracAtlas/val --write src/fractura/inference/built_in/fracture_detector.onnx

First the metrics with their intervals, with the default views and with one (`--fast`); then those of one view under ten
fixed changes of style. `--write` puts the second table and the known limits into a model's card.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.robustness import COLUMNS, print_table
from fractura import align_classes, evaluate_model, load_model, read_dataset
from fractura.core.files import write_atomically
from fractura.core.model_card import METADATA_KEY, ModelCard
from fractura.inference.views import WHOLE

METRICS = ("AP50", "AP30", "froc/iou10/0.5", "image_auc", "image_sensitivity", "image_specificity")
LIMITS = (
    "Wrists of adults: on a foreign set of them the model before this one found little (AP at IoU 0.3 0.10, AUC 0.67); "
    "this one has not been measured there.",
    "Photographs of a radiograph or a screen taken with a phone: of six tried with the model before this one, "
    "two were answered rightly.",
    "Its boxes were 1.65 times too large on images of other hospitals (measured with the model before this one).",
    "Grain: under the noise of the benchmark's `grainy` it keeps less than half of its AP at IoU 0.3.",
    "Fractures beside metal: in its training images only fractured limbs show metal, so metal alone may alarm it.",
    "Children, spine, skull, ribs and chest: none or few in its training images.",
)
"""What is known to go wrong, for people who rely on the model."""


def main() -> None:
    """Measure, print, and with ``--write`` complete a card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="FracAtlas's validation images")
    parser.add_argument("--model", default="built-in")
    parser.add_argument("--rounds", type=int, default=1000, help="resamples for the intervals")
    parser.add_argument(
        "--write", type=Path, metavar="ONNX", help="a model whose card gets the limits and the second table"
    )
    arguments = parser.parse_args()
    for fast in (False, True):
        metrics = evaluate_model(arguments.model, arguments.data, fast=fast, rounds=arguments.rounds).evaluation.metrics
        print("one view (--fast)" if fast else "default views")
        for key in METRICS:
            print(f"  {key:<20} {metrics[key].to_text()}", flush=True)
    model = load_model(arguments.model)
    dataset = align_classes(read_dataset(arguments.data), model.card.class_names)
    table = print_table(model, dataset, WHOLE)
    if arguments.write:
        complete(arguments.write, {name: dict(zip(COLUMNS, row, strict=True)) for name, row in table.items()})


def complete(file: Path, robustness: dict[str, dict[str, float]]) -> None:
    """Put a table of robustness and the known limits into the card inside an ONNX file; nothing else changes."""
    import onnx

    network = onnx.load(file)
    (entry,) = [each for each in network.metadata_props if each.key == METADATA_KEY]
    card = json.loads(entry.value)
    rounded = {name: {key: round(value, 4) for key, value in row.items()} for name, row in robustness.items()}
    card["metrics"]["robustness"] = rounded
    card["limits"] = LIMITS
    entry.value = ModelCard.model_validate(card).model_dump_json()
    write_atomically(file, network.SerializeToString())
    print(f"{file}: card completed")


if __name__ == "__main__":
    main()
