"""Suppression against a greedy loop in plain Python, and against ONNX Runtime's own operator."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from fractura.core.boxes import pairwise_iou
from fractura.models.nms import iou, nms

UNLIMITED = 10_000


def overlap(first, second):
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (first, second)]
    return width * height / (sum(areas) - width * height)


def greedy(boxes, scores, iou_threshold, score_threshold, most):
    """The definition: by falling score (ties: lower index), keep what no kept box overlaps by more."""
    kept = []
    for index in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        free = all(overlap(boxes[index], boxes[k]) <= iou_threshold for k in kept)
        if free and scores[index] > score_threshold and len(kept) < most:
            kept.append(index)
    return kept


def ours(boxes, scores, iou_threshold=0.5, score_threshold=0.0, most=UNLIMITED):
    """Kept indices of one group and class."""
    found = nms(
        torch.tensor(boxes, dtype=torch.float32).reshape(1, -1, 4),
        torch.tensor(scores, dtype=torch.float32).reshape(1, 1, -1),
        iou_threshold,
        score_threshold,
        most,
    )
    assert found.dtype == torch.int64
    assert (found[:, :2] == 0).all()
    return found[:, 2].tolist()


def random_boxes(count, seed, side=100.0):
    generator = np.random.default_rng(seed)
    corners = generator.uniform(0, side, (count, 2))
    return np.concatenate([corners, corners + generator.uniform(1, side / 3, (count, 2))], axis=1).astype(np.float32)


candidate = st.tuples(
    st.integers(0, 12), st.integers(0, 12), st.integers(0, 8), st.integers(0, 8), st.sampled_from([0.0, 0.25, 0.5, 1.0])
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(candidate, max_size=14),
    st.sampled_from([0.0, 0.3, 0.5, 0.7, 1.0]),
    st.sampled_from([0.0, 0.25, 0.6]),
    st.integers(1, 6),
)
def test_it_is_the_greedy_loop_ties_included(rows, iou_threshold, score_threshold, most):
    boxes = [[x, y, x + w, y + h] for x, y, w, h, _ in rows]
    scores = [row[4] for row in rows]
    assert ours(boxes, scores, iou_threshold, score_threshold, most) == greedy(
        boxes, scores, iou_threshold, score_threshold, most
    )


@pytest.mark.parametrize(("most", "expected"), [(7, 7), (1200, 1200), (UNLIMITED, 1500)])
@pytest.mark.parametrize("side", [60.0, 800.0])
def test_more_boxes_than_one_block(side, most, expected):
    boxes = random_boxes(3000, seed=1, side=side)
    boxes[:, 2:] = boxes[:, :2] + np.random.default_rng(2).uniform(10, 30, (3000, 2))
    scores = np.random.default_rng(3).permutation(3000) / 3000
    # The same definition, a column at a time: each kept box strikes out what it overlaps.
    struck, wanted = np.zeros(3000, dtype=bool), []
    for index in np.argsort(-scores):
        if not struck[index] and scores[index] > 0 and len(wanted) < most:
            wanted.append(int(index))
            struck |= pairwise_iou(boxes[index : index + 1], boxes)[0] > 0.4
    assert ours(boxes, scores, 0.4, most=most) == wanted
    assert side == 60.0 or len(wanted) >= expected, "later blocks must be reached"


def test_a_chain_frees_every_second_box():
    """Each overlaps only its neighbours: what is suppressed no longer suppresses."""
    boxes = [[10 * i, 0, 10 * i + 30, 10] for i in range(0, 9)]
    assert ours(boxes, [1 - i / 10 for i in range(9)], 0.45) == [0, 2, 4, 6, 8]


def test_the_score_threshold_is_strict_and_the_iou_threshold_is_not():
    boxes = [[0, 0, 10, 10], [0, 0, 10, 5], [50, 50, 60, 60]]
    assert ours(boxes, [0.9, 0.8, 0.5], 0.5, score_threshold=0.5) == [0, 1], "an overlap of exactly 0.5 stays"
    assert ours(boxes, [0.9, 0.8, 0.5], 0.499) == [0, 2]
    assert ours(boxes, [0.0, 0.0, 0.0]) == []


def test_the_iou_threshold_is_the_same_across_blocks():
    far = [[1000 + 20 * i, 0, 1010 + 20 * i, 10] for i in range(1100)]
    boxes = [[0, 0, 10, 10], *far, [0, 0, 10, 5]]
    scores = [1 - i / 2000 for i in range(len(boxes))]
    assert len(ours(boxes, scores, 0.5)) == 1102
    assert len(ours(boxes, scores, 0.499)) == 1101


def test_boxes_without_area_suppress_nothing():
    boxes = [[5, 5, 5, 5], [5, 5, 5, 5], [0, 0, 10, 10]]
    assert ours(boxes, [0.9, 0.8, 0.7], 0.0) == [0, 1, 2]


def test_overlap_of_squares_and_of_boxes_without_area():
    """A square of one pixel, inside one of four, and two that hold nothing."""
    boxes = torch.tensor([[0.0, 0, 1, 1], [0.0, 0, 2, 2], [7.0, 7, 7, 7]])
    assert iou(boxes, boxes).tolist() == [[1, 0.25, 0], [0.25, 1, 0], [0, 0, 0]]


def test_nothing_in_nothing_out():
    assert ours(np.zeros((0, 4)), []) == []


def test_scores_that_are_no_numbers_do_not_take_part():
    assert ours([[0, 0, 1, 1], [5, 5, 6, 6]], [float("nan"), 0.5]) == [1]


@pytest.mark.parametrize(("groups", "classes"), [(1, 3), (3, 1), (2, 2)])
def test_groups_and_classes_do_not_touch_one_another(groups, classes):
    boxes = np.stack([random_boxes(40, seed) for seed in range(groups)])
    scores = np.random.default_rng(9).random((groups, classes, 40)).astype(np.float32)
    found = nms(torch.from_numpy(boxes), torch.from_numpy(scores), 0.3, 0.1, 5).tolist()
    assert found == [
        [group, label, index]
        for group in range(groups)
        for label in range(classes)
        for index in greedy(boxes[group].tolist(), scores[group, label].tolist(), 0.3, 0.1, 5)
    ]


def onnx_operator(iou_threshold, score_threshold, most):
    constants = {
        "most": (TensorProto.INT64, most),
        "iou": (TensorProto.FLOAT, iou_threshold),
        "lowest": (TensorProto.FLOAT, score_threshold),
    }
    graph = helper.make_graph(
        [helper.make_node("NonMaxSuppression", ["boxes", "scores", *constants], ["chosen"])],
        "suppression",
        [
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["groups", "n", 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["groups", "classes", "n"]),
        ],
        [helper.make_tensor_value_info("chosen", TensorProto.INT64, ["m", 3])],
        [helper.make_tensor(name, kind, [1], [value]) for name, (kind, value) in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("iou_threshold", "score_threshold", "most"), [(0.7, 0.0, 300), (0.4, 0.2, 20), (0.0, 0.0, 5)])
def test_it_is_the_operator_that_is_exported(seed, iou_threshold, score_threshold, most):
    boxes = np.stack([random_boxes(400, 10 * seed + group) for group in range(2)])
    generator = np.random.default_rng(seed)
    scores = generator.permutation(2 * 3 * 400).reshape(2, 3, 400).astype(np.float32) / 2400
    expected = onnx_operator(iou_threshold, score_threshold, most).run(None, {"boxes": boxes, "scores": scores})[0]
    found = nms(torch.from_numpy(boxes), torch.from_numpy(scores), iou_threshold, score_threshold, most)
    assert len(expected) > 20
    assert found.tolist() == expected.tolist()


def test_half_precision_is_computed_in_full():
    boxes, scores = random_boxes(200, 5), np.random.default_rng(5).permutation(200) / 200
    halves = torch.tensor(boxes).half(), torch.tensor(scores).half()
    expected = nms(halves[0].float()[None], halves[1].float()[None, None], 0.5, 0.0, 50)
    assert torch.equal(nms(halves[0][None], halves[1][None, None], 0.5, 0.0, 50), expected)
