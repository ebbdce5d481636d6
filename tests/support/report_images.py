"""Images on the disk with detections, some right and some wrong, under names that would love to be HTML."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags, Dataset, Record
from fractura.core.model_card import ModelCard
from fractura.evaluation import evaluate, image_groups
from fractura.evaluation.report import ReportContext, write_report

HOSTILE = '<script>alert("x")</script>&.png'
HOSTILE_CLASS = "<b>frac|ture"
CLASS_NAMES = (HOSTILE_CLASS, "cast")
SIZE = (150, 120)
THRESHOLD = 0.4
CARD = ModelCard(
    name="<i>tiny</i>",
    architecture={"name": "constant", "image_resizer": {"kind": "fixed_shape_resizer", "height": 64, "width": 64}},
    class_names=CLASS_NAMES,
    threshold=THRESHOLD,
    threshold_aim="f1",
    threshold_data="0" * 64,
    data={"train": {"fingerprint": "1" * 64, "images": 9, "negatives": 4, "boxes": {"cast": 5}}},
    settings={"num_steps": 7, "seed": 3, "data_augmentation_options": [{"name": "random_horizontal_flip"}]},
    versions={"torch": "9.9.9"},
)


def images(folder, *, count=16, positive=True, negative=True):
    """Images with random grey levels; every second one has a box, one of them a difficult one."""
    random = np.random.default_rng(5)
    records = []
    for number in range(count):
        path = Path(folder) / f"{number}.png"
        Image.fromarray(random.integers(0, 255, (SIZE[1], SIZE[0]), np.uint8)).save(path)
        boxes, flags = [], ()
        if positive and (number % 2 == 0 or not negative):
            left, top = random.uniform(5, 80, 2)
            boxes, flags = [[left, top, left + 40, top + 30]], (BoxFlags(difficult=number == 6),)
        records.append(
            Record(
                image=path,
                width=SIZE[0],
                height=SIZE[1],
                boxes=Boxes(boxes, [number % 4 // 2] * len(boxes)),
                flags=flags,
                name=HOSTILE if number == 0 else f"image {number}.png",
                patient=f"patient {number // 2}",
                body_part="WRIST" if number < count // 2 else "$x_{1} <u>",
            )
        )
    return Dataset(class_names=CLASS_NAMES, records=tuple(records), root=Path(folder))


def detections(dataset, *, seed=1):
    """On every third image nothing right; a stray detection on each, of any score."""
    random = np.random.default_rng(seed)
    found = []
    for number, record in enumerate(dataset):
        boxes = [corners for corners in record.boxes.xyxy.tolist() if number % 3]
        labels = record.boxes.labels.tolist()[: len(boxes)]
        left, top = random.uniform(0, 90, 2)
        rows, classes = [*boxes, [left, top, left + 30, top + 20]], [*labels, 0]
        found.append(Boxes(rows, classes, random.uniform(0.05, 0.95, len(rows))))
    return found


def measure(dataset, predictions, *, rounds=60, threshold=THRESHOLD):
    return evaluate(dataset, predictions, threshold=threshold, rounds=rounds, groups=image_groups(dataset))


def report(folder, dataset, predictions, *, card=CARD, language="en", **more):
    """Write evaluation.json and the report; gives the page's file."""
    evaluation = measure(dataset, predictions, **more)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps(evaluation.to_dict()), encoding="utf-8")
    return write_report(context_of(evaluation, dataset, card, data_name="<em>images</em>"), folder, language=language)


def context_of(evaluation, dataset, card=CARD, *, data_name="images"):
    """An evaluation with what belongs to it."""
    return ReportContext(evaluation=evaluation, card=card, dataset=dataset, data_name=data_name, views=("whole",))


def without_image(dataset, number):
    """The data set with one image that is no longer there."""
    records = list(dataset.records)
    records[number] = replace(records[number], image=Path("gone.png"))
    return replace(dataset, records=tuple(records))
