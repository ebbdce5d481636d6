"""What evaluation writes for TensorBoard, against the figures of pycocotools, which TensorFlow's evaluator calls."""

import contextlib
import io

import numpy as np
import pytest
from PIL import Image
from support.coco_tags import COCO_TAGS
from support.training_fakes import FakeDetector

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.imaging.reader import read_record
from fractura.tensorflow_od.evaluation import _measure
from fractura.tensorflow_od.pipeline_mapping import EvalConfig
from fractura.training.logging import Events

SETTINGS = EvalConfig(
    num_visualizations=0,
    min_score_threshold=0.5,
    max_num_boxes_to_visualize=20,
    eval_interval_secs=1,
    use_moving_averages=False,
)


class Near(FakeDetector):
    """Finds each box of an image a little beside its place, and some that are not there, with random classes."""

    def __init__(self, images):
        super().__init__(num_classes=2)
        self._images = iter(images)
        self._random = np.random.default_rng(5)

    def detect(self, images):
        boxes = next(self._images).boxes
        beside = np.repeat(boxes.xyxy, 3, axis=0) + self._random.normal(0, 3, (3 * len(boxes), 4))
        first, last = np.minimum(beside[:, :2], beside[:, 2:]), np.maximum(beside[:, :2], beside[:, 2:])
        ordered = np.concatenate([first, last], axis=1)
        scores = np.sort(self._random.uniform(0.1, 1, len(ordered)))[::-1]
        return [Boxes(ordered.clip(0, 200), self._random.integers(0, 2, len(ordered)), scores)]


def images_with(folder, sizes):
    """Two images for each size, with three boxes of about that size and two classes."""
    random = np.random.default_rng(3)
    records = []
    for number, size in enumerate(np.repeat(sizes, 2)):
        Image.new("L", (200, 200), number).save(folder / f"{number}.png")
        corner = random.uniform(0, 190 - size, (3, 2))
        boxes = Boxes(np.concatenate([corner, corner + random.uniform(0.9, 1, (3, 2)) * size], 1), [0, 1, 0])
        records.append(Record(folder / f"{number}.png", 200, 200, boxes))
    return Dataset(("a", "b"), tuple(records))


def cocos_figures(data):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rows(boxes, image):
        for corners, label in zip(boxes.xyxy.astype(float), boxes.labels.tolist(), strict=True):
            width, height = corners[2:] - corners[:2]
            yield {
                "image_id": image,
                "category_id": label + 1,
                "bbox": [corners[0], corners[1], width, height],
                "area": width * height,
                "iscrowd": 0,
            }

    truth, detector, found = COCO(), Near(data), []
    annotations = [row for image, record in enumerate(data, 1) for row in rows(record.boxes, image)]
    truth.dataset = {
        "images": [{"id": image} for image in range(1, len(data) + 1)],
        "categories": [{"id": 1}, {"id": 2}],
        "annotations": [{**row, "id": number} for number, row in enumerate(annotations, 1)],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        for image in range(1, len(data) + 1):
            [boxes] = detector.detect([])
            found += [
                {**row, "score": float(score)} for row, score in zip(rows(boxes, image), boxes.scores, strict=True)
            ]
        measured = COCOeval(truth, truth.loadRes(found), "bbox")
        measured.evaluate()
        measured.accumulate()
        measured.summarize()
    return dict(zip(COCO_TAGS, measured.stats.tolist(), strict=True))


@pytest.mark.parametrize(
    ("sizes", "undefined"),
    [((20,), {"(medium)", "(large)"}), ((20, 120), {"(medium)"}), ((20, 60, 120), set())],
)
def test_figures_and_their_tags_are_tensorflows(tmp_path, sizes, undefined):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    data = images_with(tmp_path, sizes)
    events = Events(tmp_path / "events")
    _measure(Near(data), data, SETTINGS, events, 700, read_record)
    events.close()
    read = EventAccumulator(str(tmp_path / "events"))
    read.Reload()
    expected = cocos_figures(data)
    assert {tag.split()[-1] for tag, value in expected.items() if value == -1} == undefined
    assert 0 < expected["DetectionBoxes_Precision/mAP"] < 1
    for tag, value in expected.items():
        [event] = read.Scalars(tag)
        assert (event.step, event.value) == (700, pytest.approx(value, abs=1e-6)), tag
