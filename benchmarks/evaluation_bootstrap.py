"""Intervals of every metric: time and memory for many images, against the plain loop over resamples.

The peer does what one writes without this package: for each resample a COCO document of the images drawn (repeated ones
under new numbers), faster-coco-eval for AP and AR, scikit-learn for the AUC of images. It gives 13 metrics; ours is
timed for all of its metrics (AP, FROC by four criteria, rates, AUC, calibration). The peer runs for few rounds; the
best of them is multiplied by the rounds of ours, and its one-time preparation is added once.

    python -m benchmarks.evaluation_bootstrap [--images 10000] [--rounds 1000] [--detections 30] [--peer-rounds 3]
"""

import argparse
import contextlib
import io
import resource
import sys
import time
from pathlib import Path

import numpy as np
from faster_coco_eval import COCO
from faster_coco_eval.core.faster_eval_api import COCOeval_faster
from sklearn.metrics import roc_auc_score

from benchmarks.contest import keep
from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.core.image_score import image_score
from fractura.evaluation import evaluate

SIDE = 1000
FRACTURED = 0.2


def make_case(images: int, detections: int, seed: int) -> tuple[Dataset, list[Boxes]]:
    """Images of which a fifth have one to three boxes, with about ``detections`` detections each, some of them near the
    boxes."""
    random = np.random.default_rng(seed)
    records, predictions = [], []
    for image in range(images):
        count = int(random.integers(1, 4)) if random.random() < FRACTURED else 0
        corner = random.uniform(0, 800, (count, 2))
        boxes = np.hstack([corner, corner + random.uniform(20, 150, (count, 2))])
        near = boxes[np.repeat(np.arange(count), 3)] + random.normal(0, 12, (3 * count, 4))
        corner = random.uniform(0, 800, (int(random.poisson(max(detections - len(near), 0))), 2))
        far = np.hstack([corner, corner + random.uniform(20, 150, (len(corner), 2))])
        found = np.vstack([near, far])
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 1)
        scores = np.concatenate([random.beta(2, 2, len(near)), random.beta(1, 8, len(far))])
        predictions.append(Boxes(found, np.zeros(len(found)), scores))
        records.append(Record(Path(f"{image}.png"), SIDE, SIDE, Boxes(boxes, np.zeros(count)), patient=str(image // 2)))
    return Dataset(("fracture",), tuple(records)), predictions


def peak_megabytes() -> float:
    """Most memory this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def peer_round(
    data: Dataset, ground_truth: list[list[dict]], found: list[list[dict]], scores: np.ndarray, chosen: np.ndarray
) -> None:
    """One resample by faster-coco-eval and scikit-learn."""
    documents = []
    for source in (ground_truth, found):
        annotations = [
            {**entry, "image_id": copy + 1} for copy, image in enumerate(chosen.tolist()) for entry in source[image]
        ]
        for number, entry in enumerate(annotations, start=1):
            entry["id"] = number
        images = [{"id": copy + 1, "width": SIDE, "height": SIDE} for copy in range(len(chosen))]
        categories = [{"id": 1, "name": "fracture"}]
        documents.append(COCO({"images": images, "categories": categories, "annotations": annotations}))
    evaluator = COCOeval_faster(documents[0], documents[1], iouType="bbox")
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator.run()
    positive = np.array([not record.is_negative for record in data])
    roc_auc_score(positive[chosen], scores[chosen])


def peer(data: Dataset, predictions: list[Boxes], rounds: int) -> tuple[float, float]:
    """Seconds of the preparation and of one round."""
    started = time.perf_counter()

    def entries(boxes: Boxes) -> list[dict]:
        rows = []
        for row, (left, top, right, bottom) in enumerate(boxes.xyxy.astype(float).tolist()):
            entry = {"category_id": 1, "bbox": [left, top, right - left, bottom - top], "iscrowd": 0}
            entry["area"] = (right - left) * (bottom - top)
            rows.append(entry if boxes.scores is None else {**entry, "score": float(boxes.scores[row])})
        return rows

    ground_truth, found = (
        [entries(record.boxes) for record in data],
        [entries(detections) for detections in predictions],
    )
    scores = np.array([image_score(detections) for detections in predictions])
    prepared = time.perf_counter() - started
    random = np.random.default_rng(0)
    patients = len(data) // 2
    times = []
    for _ in range(rounds):
        drawn = random.integers(0, patients, patients)
        chosen = (2 * drawn[:, None] + np.arange(2)).ravel()
        started = time.perf_counter()
        peer_round(data, ground_truth, found, scores, chosen)
        times.append(time.perf_counter() - started)
    return prepared, min(times)


def main() -> None:
    """Time ours, then the peer, and keep both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--detections", type=int, default=30, help="detections an image, mean")
    parser.add_argument("--peer-rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    data, predictions = make_case(options.images - options.images % 2, options.detections, options.seed)
    before = peak_megabytes()
    started, worked = time.perf_counter(), time.process_time()
    evaluation = evaluate(data, predictions, threshold=0.4, rounds=options.rounds, details=False)
    ours, work = time.perf_counter() - started, time.process_time() - worked
    after = peak_megabytes()
    prepared, one_round = peer(data, predictions, options.peer_rounds)
    theirs = prepared + one_round * options.rounds
    what = f"{options.rounds} resamples of {len(data):,} images, {sum(map(len, predictions)):,} detections"
    memory = f"peak {before:.0f} to {after:.0f} MB"
    print(f"{what}: {len(evaluation.metrics)} metrics, {work:.1f} s of processor time, {memory}")
    peer_name = f"loop over faster-coco-eval and scikit-learn, 13 metrics, {options.peer_rounds} rounds scaled up"
    keep("evaluate-intervals", what, ("fractura", [ours]), (peer_name, [theirs]))


if __name__ == "__main__":
    main()
