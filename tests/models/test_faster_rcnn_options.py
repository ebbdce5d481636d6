"""What TensorFlow's configs ask for beside the zoo's own: regularisation, dropout, other scores."""

import pytest
import torch
from support.tiny_faster_rcnn import NOTHING, build, radiograph, target

from fractura.models.faster_rcnn import tensorflow_weights
from fractura.models.faster_rcnn.batched_losses import BatchTargets, batched_losses
from fractura.models.faster_rcnn.faster_rcnn import REGULARIZATION_LOSS
from fractura.models.faster_rcnn.losses import regularization_loss
from fractura.models.faster_rcnn.regions import Proposals, class_scores

KERNELS = ("first_stage_conv", "first_stage_box_head", "first_stage_class_head")


@pytest.mark.parametrize(
    ("kind", "by_hand"), [("l2", lambda w: 0.05 * w.square().sum()), ("l1", lambda w: 0.1 * w.abs().sum())]
)
def test_the_first_stages_kernels_are_regularised(kind, by_hand):
    plain, regular = build(), build(first_stage_regularizer={"kind": kind, "weight": 0.1})
    images, targets = [radiograph(64, 64)], [target((10, 12, 30, 40, 0))]
    found = []
    for detector in (plain, regular):
        torch.manual_seed(0)
        found.append(detector.train().losses(images, targets))
    before, after = found
    loss = after.pop(REGULARIZATION_LOSS)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    kernels = [getattr(regular, name).weight for name in KERNELS]
    assert loss.item() == pytest.approx(sum(by_hand(kernel).item() for kernel in kernels), rel=1e-5)
    loss.backward()
    learning = {name for name, parameter in regular.named_parameters() if parameter.grad is not None}
    assert learning == {f"{name}.weight" for name in KERNELS}


def test_the_losses_of_a_whole_batch_are_regularised_too():
    detector = build(first_stage_regularizer={"weight": 0.1}, first_stage_pre_nms_top_n=100)
    nothing = BatchTargets(torch.zeros(1, 1, 4), torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1, dtype=bool))
    canvas, _ = detector.preprocess([radiograph(64, 64)])
    expected = detector.losses([radiograph(64, 64)], [NOTHING])[REGULARIZATION_LOSS]
    assert batched_losses(detector, canvas, nothing)[REGULARIZATION_LOSS] == expected


@pytest.mark.slow
def test_regularisation_is_that_of_keras(tensorflow):
    """builders/hyperparams_builder.py:328-348 halves the weight of l2."""
    kernel = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    regularizers = tensorflow.keras.regularizers
    for kind, theirs in {"l1": regularizers.L1(0.3), "l2": regularizers.L2(0.3 * 0.5)}.items():
        ours = regularization_loss([kernel, kernel], kind, 0.3).item()
        assert ours == pytest.approx(2 * float(theirs(kernel.numpy())), rel=1e-5)


def test_dropout_in_training_only(monkeypatch):
    detector = build(use_dropout=True, dropout_keep_probability=0.75)
    monkeypatch.setattr(detector.feature_extractor, "box_classifier_features", lambda crops: torch.ones(len(crops), 24))
    # Each layer shows some of the values that it gets.
    detector.second_stage_box_head.load_state_dict({"weight": torch.eye(24)[:4], "bias": torch.zeros(4)})
    detector.second_stage_class_head.load_state_dict({"weight": torch.eye(24)[:2], "bias": torch.zeros(2)})
    with torch.no_grad():
        codes, logits = detector.eval().predict_second_stage(torch.zeros(5000))
        assert torch.equal(codes, torch.ones(5000, 1, 4))
        assert torch.equal(logits, torch.ones(5000, 2))
        torch.manual_seed(0)
        codes, logits = detector.train().predict_second_stage(torch.zeros(5000))
    assert sorted(set(codes.flatten().tolist())) == pytest.approx([0, 1 / 0.75])
    assert (codes > 0).float().mean().item() == pytest.approx(0.75, abs=0.02)
    differ = (codes[:, 0, :2] > 0) != (logits > 0)  # each layer has its own draws
    assert differ.float().mean().item() == pytest.approx(2 * 0.75 * 0.25, abs=0.02)


@pytest.mark.parametrize(
    ("converter", "by_hand"),
    [
        ("SOFTMAX", [[0.6652409, 0.2447284], [0.0, 1.0]]),
        ("SIGMOID", [[0.8807971, 0.7310586], [0.0, 1.0]]),
        ("IDENTITY", [[2.0, 1.0], [-50.0, 50.0]]),
    ],
)
def test_scores_of_the_classes(converter, by_hand):
    logits = torch.tensor([[0.0, 2.0, 1.0], [-50.0, -50.0, 50.0]])
    assert torch.allclose(class_scores(logits, converter), torch.tensor(by_hand), atol=1e-6)


@pytest.mark.parametrize(("converter", "expected"), [("SIGMOID", [0.9525741, 0.8807971]), ("IDENTITY", [3.0, 2.0])])
def test_detections_have_converted_scores(converter, expected):
    detector = build(score_converter=converter, second_stage_nms_score_threshold=0.5)
    regions = torch.tensor([[0.0, 0, 20, 20], [30, 30, 60, 60], [0, 40, 20, 60], [0.0, 0, 0, 0]])
    logits = torch.tensor([[0.0, 2.0], [5.0, 3.0], [0.0, -1.0], [0.0, 9.0]])  # the last region is padding
    proposals = Proposals(regions[None], torch.tensor([[0.9, 0.8, 0.7, 0.0]]), torch.tensor([3]))
    found = detector.postprocess(torch.zeros(4, 1, 4), logits, proposals, 0, (64, 64))
    assert found.scores[:3].tolist() == pytest.approx([*expected, 0.0])
    assert found.regions[:2].tolist() == [1, 0]


def test_what_detect_gives_is_between_0_and_1():
    logits, probabilities = (build(score_converter=name) for name in ("IDENTITY", "SIGMOID"))
    [found], [other] = (detector.detect([radiograph(64, 64)]) for detector in (logits, probabilities))
    assert 0 < len(found) < len(other)  # a logit must be above 0 to count
    assert found.scores.min() > 0.5
    assert found.scores.tolist() == pytest.approx(other.scores[: len(found)].tolist())


def test_dropout_shifts_the_layers_of_tensorflows_second_stage():
    plain, dropping = (tensorflow_weights.names("resnet50_v1", dropout=dropout) for dropout in (False, True))
    assert list(plain.values()) == list(dropping.values())
    moved = {ours: theirs for theirs, ours in dropping.items() if theirs not in plain}
    head = "_mask_rcnn_box_predictor"
    assert moved == {
        "second_stage_box_head.weight": f"{head}/_box_prediction_head/_box_encoder_layers/2/kernel",
        "second_stage_box_head.bias": f"{head}/_box_prediction_head/_box_encoder_layers/2/bias",
        "second_stage_class_head.weight": f"{head}/_class_prediction_head/_class_predictor_layers/2/kernel",
        "second_stage_class_head.bias": f"{head}/_class_prediction_head/_class_predictor_layers/2/bias",
    }
