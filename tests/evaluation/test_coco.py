"""AP and AR equal pycocotools, COCO's own program."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from support.evaluation_images import dataset, detections, image, random_case

from fractura.core.boxes import Boxes
from fractura.evaluation.coco_metrics import average_precision

TWELVE = [
    *("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"),
    *("AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"),
]


def reference(data, predictions, ious=None):
    """COCO's twelve metrics by pycocotools, from documents written here and not by the code under test."""

    def document(boxes_of, score):
        rows = []
        for image_index, record in enumerate(data.records):
            boxes = boxes_of(image_index, record)
            for row, (x0, y0, x1, y1) in enumerate(boxes.xyxy.astype(float).tolist()):
                entry = {"id": len(rows) + 1, "image_id": image_index + 1, "category_id": int(boxes.labels[row]) + 1}
                entry |= {"bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)}
                entry |= {"score": float(boxes.scores[row])} if score else {}
                entry["iscrowd"] = 0 if score else int(record.flags[row].difficult)
                rows.append(entry)
        coco = COCO()
        coco.dataset = {
            "images": [{"id": index + 1, "width": 200, "height": 200} for index in range(len(data))],
            "categories": [{"id": index + 1, "name": name} for index, name in enumerate(data.class_names)],
            "annotations": rows,
        }
        coco.createIndex()
        return coco

    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = COCOeval(document(lambda _, r: r.boxes, False), document(lambda i, _: predictions[i], True), "bbox")
        if ious is not None:
            evaluator.params.iouThrs = np.array(ious)
        evaluator.evaluate()
        evaluator.accumulate()
        if ious is None:
            evaluator.summarize()
            return evaluator
    return evaluator


@pytest.mark.parametrize("block", range(10))
def test_every_metric_equals_pycocotools_on_200_random_cases(block):
    for seed in range(20 * block, 20 * block + 20):
        images, classes = 1 + seed % 13, 1 + seed % 3
        data, predictions = random_case(
            seed, images=images, classes=classes, difficult=seed % 4 > 0, score_steps=20 if seed % 3 == 0 else None
        )
        if seed % 10 == 0:
            predictions[0] = detections()
        got = average_precision(data, predictions)
        evaluator = reference(data, predictions)
        for name, expected in zip(TWELVE, evaluator.stats, strict=True):
            assert got[name] == (None if expected == -1 else pytest.approx(expected, abs=1e-9)), (seed, name)
        if classes > 1:
            for label, name in enumerate(data.class_names):
                expected = mean(evaluator.eval["precision"][:, :, label, 0, -1])
                assert got[f"AP/{name}"] == (None if expected is None else pytest.approx(expected, abs=1e-9)), seed


def mean(cells):
    defined = cells[cells > -1]
    return float(defined.mean()) if defined.size else None


@pytest.mark.parametrize("seed", range(12))
def test_the_loose_overlaps_equal_pycocotools(seed):
    data, predictions = random_case(seed + 100)
    got = average_precision(data, predictions)
    precision = reference(data, predictions, ious=[0.1, 0.3]).eval["precision"]
    for index, name in enumerate(["AP10", "AP30"]):
        assert got[name] == pytest.approx(mean(precision[index, :, :, 0, -1]), abs=1e-9)
        for label, class_name in enumerate(data.class_names):
            assert got[f"{name}/{class_name}"] == pytest.approx(mean(precision[index, :, label, 0, -1]), abs=1e-9)


def test_more_detections_than_count():
    random = np.random.default_rng(0)
    corner = random.uniform(0, 150, (150, 2))
    crowded = Boxes(np.hstack([corner, corner + 40]), [0] * 150, random.random(150))
    data = dataset(image([[20, 20, 60, 60], [100, 100, 140, 140]]), image([[50, 50, 90, 95]], name="b"))
    got = average_precision(data, [crowded, crowded])
    for name, expected in zip(TWELVE, reference(data, [crowded, crowded]).stats, strict=True):
        assert got[name] == (None if expected == -1 else pytest.approx(expected, abs=1e-9)), name


def test_boxes_on_the_border_between_two_sizes_and_equal_overlaps():
    # 32 x 32 and 96 x 96 belong to both sizes; the detection overlaps both boxes alike
    data = dataset(image([[0, 0, 32, 32], [32, 0, 64, 32]]), image([[0, 0, 96, 96]], name="b"))
    found = [
        detections((16, 0, 48, 32, 0.9), (0, 0, 32, 32, 0.8)),
        detections((0, 0, 96, 96, 0.7), (0, 0, 31, 32, 0.6)),
    ]
    got = average_precision(data, found)
    evaluator = reference(data, found)
    for name, expected in zip(TWELVE, evaluator.stats, strict=True):
        assert got[name] == (None if expected == -1 else pytest.approx(expected, abs=1e-9)), name
    precision = reference(data, found, ious=[0.1, 0.3]).eval["precision"]
    assert got["AP30"] == pytest.approx(mean(precision[1, :, :, 0, -1]), abs=1e-9)


def test_perfect_detections_give_one_and_a_loose_hit_counts_only_loosely():
    data = dataset(image([[10, 10, 60, 60]]), image([], name="b.png"))
    perfect = average_precision(data, [detections((10, 10, 60, 60, 0.9)), detections()])
    assert [perfect[name] for name in ("AP", "AP50", "AP75", "AP10")] == pytest.approx([1.0] * 4)
    # a strip of the box: IoU 0.2
    loose = average_precision(data, [detections((10, 10, 20, 60, 0.9)), detections()])
    assert (loose["AP10"], loose["AP30"]) == (pytest.approx(1.0), 0.0)


def test_a_difficult_box_is_neither_rewarded_nor_punished():
    boxes = [[10, 10, 60, 60], [100, 100, 150, 150]]
    data = dataset(image(boxes, difficult=[False, True]))
    without = average_precision(data, [detections((10, 10, 60, 60, 0.5))])
    with_it = average_precision(data, [detections((100, 100, 150, 150, 0.9), (10, 10, 60, 60, 0.5))])
    assert without["AP50"] == with_it["AP50"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("data", "predictions", "expected"),
    [
        (dataset(), [], None),
        (dataset(image(), image(name="b")), [detections(), detections()], None),
        (dataset(image(), image(name="b")), [detections((1, 1, 9, 9, 0.5)), detections()], None),
        (dataset(image([[1, 1, 90, 90]])), [detections()], 0.0),
        (dataset(image([[1, 1, 90, 90]])), [detections((100, 100, 120, 120, 0.5))], 0.0),
        (dataset(image([[1, 1, 90, 90]], difficult=[True])), [detections((1, 1, 90, 90, 0.5))], None),
    ],
    ids=["no images", "nothing at all", "no boxes", "no detections", "no match", "only difficult"],
)
def test_extremes_are_defined(data, predictions, expected):
    got = average_precision(data, predictions)
    assert got["AP50"] == got["AP"] == expected
    assert got["AP_small"] is None
