"""How should a model look at images? Every choice of views is measured on labelled images, with what it costs.

    python -m benchmarks.views MODEL DATA [--images 100]

Each view is looked through once; the choices are then fused from what was found. For each choice: average precision at
IoU 0.5 and 0.3, sensitivity at half a false positive per image (IoU 0.1), the AUC of images by their best box (the rule
in `fractura.core.image_score`), by the three best together (1 - product of 1 - score) and by the mean of the two best,
and the median milliseconds from pixels to boxes, also as a multiple of those of `whole`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset
from fractura.evaluation import align_classes, evaluate
from fractura.formats import read_dataset
from fractura.imaging.reader import read_radiograph
from fractura.inference import Model, load_model
from fractura.inference.fusion import ViewResult, fuse
from fractura.inference.views import detect_in_parts, parts_of

CHOICES = (
    ("whole",),
    ("flipped",),
    ("tiles",),
    ("whole", "flipped"),
    ("whole", "tiles"),
    ("whole", "flipped", "tiles"),
    ("whole", "flipped", "tiles", "flipped_tiles"),
)
VIEWS = CHOICES[-1]
FALSE_POSITIVES = "froc/iou10/0.5"


@dataclass(frozen=True)
class Seen:
    """What one view shows of one image, and the seconds it takes."""

    found: ViewResult
    seconds: float


def look_through_all(model: Model, dataset: Dataset) -> dict[str, list[Seen]]:
    """Every image through every view, image by image: what else runs on the machine slows all views alike."""
    seen: dict[str, list[Seen]] = {view: [] for view in VIEWS}
    for record in dataset.records:
        pixels = read_radiograph(record.image).pixels
        for view in VIEWS:
            started = time.perf_counter()
            shown = detect_in_parts(model, pixels, parts_of(view, record.width, record.height))
            seen[view].append(Seen(shown, time.perf_counter() - started))
    return seen


def together(best: NDArray[np.float32]) -> float:
    """At least one of the three best is right, if they were independent."""
    return float(1 - np.prod(1 - best[:3].astype(np.float64)))


def auc(dataset: Dataset, scores: list[float]) -> float:
    """Of images with a box against images without; images with difficult boxes only are neither."""
    positive = np.array([record.is_positive for record in dataset.records])
    counted = positive | np.array([record.is_negative for record in dataset.records])
    return float(roc_auc_score(positive[counted], np.array(scores)[counted]))


def measured(dataset: Dataset, predictions: list[Boxes]) -> list[float]:
    """The metrics of one choice, as the table has them."""
    metrics = evaluate(dataset, predictions, details=False).metrics
    values = [metrics[key].value for key in ("AP50", "AP30", FALSE_POSITIVES, "image_auc")]
    scores = [np.sort(boxes.scores)[::-1] for boxes in predictions if boxes.scores is not None]
    two_best = [float(best[:2].sum() / 2) for best in scores]
    return [float("nan") if value is None else value for value in values] + [
        auc(dataset, [together(best) for best in scores]),
        auc(dataset, two_best),
    ]


def main() -> None:
    """Measure every choice and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="model folder, .onnx file, or built-in")
    parser.add_argument("data", type=Path, help="labelled images")
    parser.add_argument("--images", type=int, help="about so many images, evenly chosen; all of them without it")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    dataset = align_classes(read_dataset(arguments.data), model.card.class_names)
    step = max(len(dataset) // arguments.images, 1) if arguments.images else 1
    dataset = Dataset(dataset.class_names, dataset.records[::step])
    seen = look_through_all(model, dataset)
    headings = ("AP50", "AP30", "S@0.5", "AUC", "AUC 3", "AUC 2", "ms", "x time")
    print(f"{len(dataset)} images\n{'views':<38}" + "".join(f"{heading:>8}" for heading in headings))
    whole = 0.0
    for views in CHOICES:
        images = list(zip(*(seen[view] for view in views), strict=True))
        # One look is not fused: these are the model's own boxes.
        view_results = [[each.found for each in image] for image in images]
        predictions = [image[0].boxes if len(image) == 1 else fuse(image) for image in view_results]
        milliseconds = 1000 * statistics.median(sum(each.seconds for each in image) for image in images)
        whole = whole or milliseconds
        values = "".join(f"{value:>8.3f}" for value in measured(dataset, predictions))
        print(f"{', '.join(views):<38}{values}{milliseconds:>8.0f}{milliseconds / whole:>8.1f}")


if __name__ == "__main__":
    main()
