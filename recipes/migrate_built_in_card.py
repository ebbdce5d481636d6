"""Give the built-in model's card the vocabulary of today, once: `film` became `image`, `mark` became `detection`.

    python recipes/migrate_built_in_card.py src/fractura/inference/built_in/fracture_detector.onnx

The network and every value stay as they are; only the names of keys change. A card that has the new names already is
left alone. The recipe `built_in_model.py` writes new models with the new names.
"""

import json
import sys
from pathlib import Path
from typing import Any

import onnx

from fractura.core.files import write_atomically
from fractura.core.model_card import METADATA_KEY, ModelCard

RENAMED = {
    "false_marks_per_film": "false_positives_per_image",
    "false_marks_per_normal_film": "false_positives_per_normal_image",
    "figures": "metrics",
    "film": "image",
    "film_digests": "image_digests",
    "films": "images",
    "mark": "detection",
    "marks": "detections",
    **{f"film_{name}": f"image_{name}" for name in ("auc", "brier", "ece", "npv", "ppv", "sensitivity", "specificity")},
    **{f"mark_{name}": f"detection_{name}" for name in ("brier", "ece")},
}


def renamed(value: Any) -> Any:
    """The same JSON value with every old key under its new name."""
    if isinstance(value, dict):
        return {RENAMED.get(key, key): renamed(item) for key, item in value.items()}
    return [renamed(item) for item in value] if isinstance(value, list) else value


def main(file: Path) -> None:
    """Rewrite the card inside an ONNX file."""
    model = onnx.load(file)
    (entry,) = [entry for entry in model.metadata_props if entry.key == METADATA_KEY]
    old = json.loads(entry.value)
    new = renamed(old)
    if new == old:
        print("nothing to rename")
        return
    entry.value = ModelCard.model_validate(new).model_dump_json()
    write_atomically(file, model.SerializeToString())
    print(f"{file}: card rewritten")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
