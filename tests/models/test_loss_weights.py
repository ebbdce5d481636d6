"""Losses of boxes with weights, of several classes with boxes of their own, against TensorFlow's.

The golden was computed by the Object Detection API's own functions (``FasterRCNNMetaArch._loss_rpn``,
``_sample_box_classifier_batch`` and ``_loss_box_classifier``) on random numbers, with samplers that take the lowest
index first.
"""

import numpy as np
import pytest
import torch
from support.reference_weights import REFERENCE
from support.tiny_faster_rcnn import settings

from fractura.models.detector import Target
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.models.faster_rcnn.matching import IGNORED, UNMATCHED, match
from fractura.models.faster_rcnn.regions import Proposals
from fractura.training.optimization import clip_by_global_norm, set_learning_rate
from fractura.training.tensorflow_optimizers import TensorFlowMomentum

NAMES = (
    "RPNLoss/localization_loss", "RPNLoss/objectness_loss", "BoxClassifierLoss/localization_loss",
    "BoxClassifierLoss/classification_loss",
)  # fmt: skip
GOLDEN = np.load(REFERENCE / "goldens" / "weighted_losses.npz")


def array(name):
    return torch.from_numpy(GOLDEN[name])


def xyxy(name):
    """TensorFlow's y, x, y, x to ours."""
    return array(name)[..., [1, 0, 3, 2]].contiguous()


class GoldenSecondStage(FasterRCNN):
    """Takes the golden's codes and logits for those of the second stage."""

    def sampling_priority(self, count, device):
        return torch.linspace(1, 0.1, count, dtype=torch.float64, device=device)

    def crop(self, features, boxes, canvas):
        self.sampled = boxes
        return features

    def predict_second_stage(self, crops):
        return self.second_stage


def build():
    detector = GoldenSecondStage(
        settings(
            num_classes=3,
            share_box_across_classes=False,
            append_groundtruth_boxes=False,
            first_stage_minibatch_size=32,
            first_stage_matched_threshold=0.7,
            second_stage_batch_size=16,
        )
    )
    detector.second_stage = array("refined_encodings"), array("class_logits")
    return detector


def losses_of(detector, kind, encodings, objectness):
    targets = [
        Target(xyxy(f"boxes_{i}"), array(f"labels_{i}"), array(f"weights_{i}") if kind == "weighted" else None)
        for i in (0, 1)
    ]
    losses = detector.first_stage_losses(encodings, objectness, xyxy("anchors"), targets)
    boxes = xyxy("proposals")
    proposals = Proposals(boxes, torch.ones(boxes.shape[:2]), array("num_proposals"))
    return losses | detector.second_stage_losses(torch.zeros(0), proposals, targets, (64, 64))


@pytest.mark.parametrize("kind", ["weighted", "plain"])
def test_all_four_losses_are_tensorflows(kind):
    detector = build()
    losses = losses_of(detector, kind, array("encodings"), array("objectness"))
    assert torch.equal(detector.sampled, xyxy(f"{kind}/sampled_boxes"))
    for name, loss in losses.items():
        assert loss.item() == pytest.approx(float(GOLDEN[f"{kind}/Loss/{name}"]), rel=1e-5), name
    assert len(losses) == 4


def test_several_steps_are_tensorflows():
    """Codes and logits are the weights; each step has another learning rate, and its gradient is clipped."""
    detector = build()
    weights = [torch.nn.Parameter(array(n)) for n in ("encodings", "objectness", "refined_encodings", "class_logits")]
    detector.second_stage = weights[2:]
    optimizer = TensorFlowMomentum(weights, lr=1.0, momentum=0.9)
    for rate, expected in zip(GOLDEN["steps/rates"].tolist(), GOLDEN["steps/losses"].tolist(), strict=True):
        losses = losses_of(detector, "weighted", *weights[:2])
        assert [losses[name].item() for name in NAMES] == pytest.approx(expected, rel=1e-5)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        clip_by_global_norm(weights, 0.1)
        set_learning_rate(optimizer, rate)
        optimizer.step()


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([1.0, 1.0], [0, UNMATCHED, 1]),
        ([0.0, 1.0], [IGNORED, UNMATCHED, 1]),
        ([1.0, 0.0], [0, UNMATCHED, UNMATCHED]),  # only the force of a box that counts made it positive
        ([0.0, 0.0], [IGNORED, UNMATCHED, UNMATCHED]),
    ],
)
def test_what_matches_a_box_without_weight_is_ignored(weights, expected):
    ground_truth = torch.tensor([[0.0, 0, 10, 10], [20, 0, 30, 10]])
    candidates = torch.tensor([[0.0, 0, 10, 9], [50, 0, 60, 10], [20, 0, 30, 2]])
    found = match(ground_truth, candidates, matched=0.7, unmatched=0.3, force=True, weights=torch.tensor(weights))
    assert found.tolist() == expected
