"""Faster R-CNN as a whole, on canvases of 64 to 96 pixels: every batch and every image that users have."""

import gc
import json
import weakref

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from support.tiny_faster_rcnn import FIXED, KEEP, KEEP_AND_PAD, NOTHING, build, radiograph, settings, target

from fractura.models import build_from_architecture
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.models.faster_rcnn.settings import EfficientNetLiteSettings

LOSSES = {
    "RPNLoss/localization_loss",
    "RPNLoss/objectness_loss",
    "BoxClassifierLoss/localization_loss",
    "BoxClassifierLoss/classification_loss",
}


def check_losses(losses):
    assert set(losses) == LOSSES
    for name, value in losses.items():
        assert value.ndim == 0, name
        assert torch.isfinite(value), name
        assert value >= 0, name


def backward(detector, losses):
    detector.zero_grad()
    sum(losses.values()).backward()
    gradients = {n: p.grad for n, p in detector.named_parameters() if p.grad is not None}
    assert all(g.isfinite().all() for g in gradients.values())
    return gradients


# -- batches ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("append_groundtruth_boxes", [True, False])
@pytest.mark.parametrize("clip_anchors_to_image", [True, False])
@pytest.mark.parametrize(
    "targets",
    [
        [NOTHING, NOTHING],
        [target((10, 10, 40, 30, 0)), NOTHING],
        [target((0, 0, 120, 80, 0), (119, 79, 120, 80, 0)), target((1, 1, 3, 79, 0))],
        [target(*[(i, i, i + 20, i + 20, 0) for i in range(40)]), NOTHING],  # more boxes than regions sampled
    ],
    ids=["all negative", "one negative", "whole image and single pixel", "crowd"],
)
def test_losses_and_gradients_are_finite(targets, clip_anchors_to_image, append_groundtruth_boxes):
    detector = build(
        clip_anchors_to_image=clip_anchors_to_image, append_groundtruth_boxes=append_groundtruth_boxes
    ).train()
    losses = detector.losses([radiograph(80, 120, 1), radiograph(80, 120, 2)], targets)
    check_losses(losses)
    gradients = backward(detector, losses)
    backbone = gradients["feature_extractor.backbone.stem.weight"]
    assert backbone.abs().sum() > 0
    if all(len(t.boxes) == 0 for t in targets):
        assert losses["RPNLoss/localization_loss"] == 0
        assert losses["BoxClassifierLoss/localization_loss"] == 0
        assert gradients["second_stage_box_head.weight"].abs().sum() == 0
        assert gradients["second_stage_class_head.weight"].abs().sum() > 0
    elif append_groundtruth_boxes:
        assert gradients["second_stage_box_head.weight"].abs().sum() > 0


def test_nothing_proposed_is_no_accident():
    """A first stage so sure of "nothing" that every objectness is 0 gives no regions; losses stay finite."""
    detector = build(append_groundtruth_boxes=False)
    torch.nn.init.zeros_(detector.first_stage_class_head.weight)
    detector.first_stage_class_head.bias.data = torch.tensor([200.0, -200.0] * 6)
    assert len(detector.detect([radiograph(50, 70)])[0]) == 0
    for targets in ([NOTHING], [target((10, 10, 40, 30, 0))]):
        losses = detector.train().losses([radiograph(50, 70)], targets)
        check_losses(losses)
        assert losses["BoxClassifierLoss/classification_loss"] == 0
        backward(detector, losses)


def test_the_loss_of_a_batch_is_the_mean_of_its_images():
    class FirstOnes(FasterRCNN):
        def sampling_priority(self, count, device):
            return torch.linspace(1, 0, count, device=device)

    detector = FirstOnes(settings())
    detector.load_state_dict(build().state_dict())
    images, targets = [radiograph(60, 90, 1), radiograph(90, 60, 2)], [target((10, 10, 40, 30, 0)), NOTHING]
    with torch.no_grad():
        both = detector.losses(images, targets)
        each = [detector.losses([f], [t]) for f, t in zip(images, targets, strict=True)]
    for name in LOSSES:
        assert both[name].item() == pytest.approx((each[0][name] + each[1][name]).item() / 2, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("share", [True, False])
def test_several_classes(share):
    detector = build(num_classes=3, share_box_across_classes=share)
    assert detector.second_stage_box_head.out_features == (4 if share else 12)
    assert detector.second_stage_class_head.out_features == 4
    losses = detector.losses([radiograph(70, 90)], [target((10, 10, 50, 40, 2), (30, 20, 80, 60, 0))])
    check_losses(losses)
    gradients = backward(detector, losses)["second_stage_box_head.weight"].unflatten(0, (-1, 4)).abs().sum((1, 2))
    if share:
        assert gradients[0] > 0
    else:
        assert gradients[0] > 0
        assert gradients[1] == 0, "no box of this class is on the image"
        assert gradients[2] > 0
    (found,) = detector.detect([radiograph(70, 90)])
    assert set(found.labels.tolist()) == {0, 1, 2}
    assert (np.diff(found.scores) <= 0).all()
    for label in range(3):
        kept = found.select(found.labels == label)
        overlaps = kept.iou(kept)
        np.fill_diagonal(overlaps, 0)
        # Suppression comes before clipping, so a little more than its 0.6 is possible at the border.
        inner = (kept.xyxy[:, 0] > 0) & (kept.xyxy[:, 1] > 0) & (kept.xyxy[:, 2] < 90) & (kept.xyxy[:, 3] < 70)
        assert overlaps[inner][:, inner].max(initial=0) <= 0.6 + 1e-4


@pytest.mark.parametrize("share", [True, False])
def test_each_detection_has_the_box_and_score_of_its_class(share):
    """By hand: decode the region's codes of that class, and take the softmax."""
    detector = build(num_classes=2, share_box_across_classes=share, second_stage_nms_iou_threshold=1.0)
    proposals = detector.propose(
        torch.zeros(1, 100, 4), torch.randn(1, 100, 2), torch.tensor([[8.0, 8, 40, 40]] * 100), [(64, 64)]
    )
    generator = torch.Generator().manual_seed(3)
    regions = len(proposals.boxes[0])
    codes = torch.randn(regions, 1 if share else 2, 4, generator=generator) / 5
    logits = torch.randn(regions, 3, generator=generator)
    found = detector.postprocess(codes, logits, proposals, 0, (64, 64))
    count = int(proposals.count[0])
    assert (found.scores > 0).sum() == 2 * count
    assert (found.regions[found.scores > 0] < count).all(), "padding takes no part"
    for box, score, label, region in zip(found.boxes, found.scores, found.labels, found.regions, strict=True):
        if score == 0:
            continue
        assert score == pytest.approx(float(logits[region].softmax(0)[label + 1]), rel=1e-5)
        ty, tx, th, tw = codes[region, 0 if share else label].tolist()
        left, top, right, bottom = proposals.boxes[0, region].tolist()
        y, x = (top + bottom) / 2 + ty / 10 * (bottom - top), (left + right) / 2 + tx / 10 * (right - left)
        high, wide = (bottom - top) * np.exp(th / 5), (right - left) * np.exp(tw / 5)
        assert box.tolist() == pytest.approx([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2], abs=1e-3)


# -- images -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("resizer", [FIXED, KEEP, KEEP_AND_PAD], ids=["fixed", "keep", "keep and pad"])
@pytest.mark.parametrize(
    "size", [(64, 64), (37, 205), (205, 37), (1, 1), (1, 300), (300, 1), (2, 2), (1500, 2000)], ids=str
)
def test_images_of_any_size(size, resizer):
    detector = build(image_resizer=resizer)
    (found,) = detector.detect([radiograph(*size)])
    height, width = size
    assert len(found) > 0 or min(size) == 1, "of an image one pixel high nothing may be left after clipping"
    assert np.isfinite(found.xyxy).all()
    assert (found.xyxy >= 0).all()
    assert (found.xyxy[:, [0, 2]] <= width * (1 + 1e-6)).all()
    assert (found.xyxy[:, [1, 3]] <= height * (1 + 1e-6)).all()
    assert (found.area > 0).all()
    check_losses(detector.losses([radiograph(*size)], [target((0, 0, width, height, 0))]))


@pytest.mark.parametrize("resizer", [FIXED, KEEP, KEEP_AND_PAD], ids=["fixed", "keep", "keep and pad"])
@pytest.mark.parametrize("size", [(64, 64), (60, 90), (200, 128), (33, 210)], ids=str)
def test_annotated_boxes_reach_the_canvas_and_found_ones_come_back(size, resizer, monkeypatch):
    """A second stage that trusts its regions gives the ground-ground-truth box back, in pixels of the image."""
    detector = build(image_resizer=resizer)
    height, width = size
    annotated = target((0.2 * width, 0.3 * height, 0.6 * width, 0.8 * height, 0))
    seen = []
    original = detector.second_stage_losses

    def spy(features, proposals, ground_truths, canvas):
        seen.append((ground_truths[0].boxes[0].clone(), canvas))
        return original(features, proposals, ground_truths, canvas)

    monkeypatch.setattr(detector, "second_stage_losses", spy)
    detector.losses([radiograph(*size)], [annotated])
    ((on_canvas, canvas),) = seen
    window = resizer.resized_size(height, width)
    assert on_canvas.tolist() == pytest.approx(
        [0.2 * window[1], 0.3 * window[0], 0.6 * window[1], 0.8 * window[0]], rel=1e-5
    )
    assert canvas[0] >= window[0]
    assert canvas[1] >= window[1]
    assert canvas[0] % 32 == canvas[1] % 32 == 0

    torch.nn.init.zeros_(detector.second_stage_box_head.weight)
    proposals = detector.propose

    def only_the_annotated_one(*arguments):
        found = proposals(*arguments)
        found.boxes[:], found.scores[:] = 0, 0
        found.boxes[0, 0], found.scores[0, 0], found.count[0] = on_canvas, 1, 1
        return found

    monkeypatch.setattr(detector, "propose", only_the_annotated_one)
    (found,) = detector.detect([radiograph(*size)])
    assert found.xyxy[0] == pytest.approx(annotated.boxes[0].numpy(), rel=1e-4)


@pytest.mark.parametrize("resizer", [KEEP, KEEP_AND_PAD], ids=["keep", "keep and pad"])
def test_a_batch_of_different_images_has_one_canvas(resizer):
    detector = build(image_resizer=resizer)
    images = [radiograph(80, 120, 1), radiograph(120, 80, 2), radiograph(40, 40, 3)]
    canvas, windows = detector.preprocess(images)
    assert canvas.shape == (3, 3, 96, 96)
    assert windows == [(64, 96), (96, 64), (64, 64)]
    for picture, (height, width), one in zip(canvas, windows, images, strict=True):
        assert (picture[:, height:] == 0).all()
        assert (picture[:, :, width:] == 0).all()
        assert picture[:, :height, :width].mean() == pytest.approx(one.float().mean().item(), rel=0.05)
    losses = detector.losses(images, [target((10, 10, 50, 50, 0)), NOTHING, target((5, 5, 30, 30, 0))])
    check_losses(losses)
    backward(detector, losses)


def test_proposals_stay_inside_each_images_window():
    detector = build()
    anchors = detector.anchors(96, 96, torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    codes, logits = (torch.randn(2, len(anchors), k, generator=generator) for k in (4, 2))
    proposals = detector.propose(codes, logits, anchors, [(96, 64), (40, 96)])
    for image_boxes, count, (height, width) in zip(proposals.boxes, proposals.count, [(96, 64), (40, 96)], strict=True):
        assert count > 5
        assert (image_boxes[:, [0, 2]] <= width).all()
        assert (image_boxes[:, [1, 3]] <= height).all()
        assert (image_boxes >= 0).all()
        assert (image_boxes[count:] == 0).all()
    assert (proposals.scores.diff(dim=1) <= 0).all()


@pytest.mark.parametrize("best", [1, 7, 10_000])
def test_only_the_best_anchors_enter_the_first_suppression(best):
    detector = build(first_stage_pre_nms_top_n=best, first_stage_nms_iou_threshold=1.0)
    anchors = detector.anchors(64, 64, torch.device("cpu"))
    logits = torch.randn(1, len(anchors), 2, generator=torch.Generator().manual_seed(0))
    proposals = detector.propose(torch.zeros(1, len(anchors), 4), logits, anchors, [(64, 64)])
    strongest = logits[0].softmax(-1)[:, 1].sort(descending=True).values[: min(best, 20)]
    assert proposals.scores[0, : len(strongest)].tolist() == pytest.approx(strongest.tolist())
    assert int(proposals.count[0]) == len(strongest)


def test_anchors_of_many_image_sizes_do_not_pile_up():
    detector = build(image_resizer=KEEP)
    cpu = torch.device("cpu")
    first = detector.anchors(32, 96, cpu)
    assert detector.anchors(32, 96, cpu) is first, "made once for images of one size"
    gone = weakref.ref(first)
    del first
    assert len(detector.anchors(64, 96, cpu)) == 2 * len(detector.anchors(32, 96, cpu))
    gc.collect()
    assert gone() is None


def test_anchors_made_while_detecting_serve_training():
    detector = build()
    with torch.inference_mode():
        detector.detect([radiograph(50, 50)])
    losses = detector.train().losses([radiograph(50, 50)], [target((10, 10, 40, 40, 0))])
    assert backward(detector, losses)


# -- the protocol ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
def test_detect_leaves_the_mode_as_it_was(training):
    detector = build().train(training)
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    detector.detect([radiograph(50, 70)])
    assert all(module.training is training for module in detector.modules())
    assert all(torch.equal(before[name], value) for name, value in detector.state_dict().items())
    with pytest.raises((RuntimeError, IndexError)):
        detector.detect([torch.zeros(5, 5, dtype=torch.uint8)])
    assert detector.training is training, "after an error, too"


def test_detect_does_not_depend_on_its_company():
    detector = build()
    images = [radiograph(60, 90, 1), radiograph(90, 60, 2)]
    together = detector.detect(images)
    assert together == [detector.detect([one])[0] for one in images]
    assert together[0] != together[1]
    assert detector.detect([]) == []


def test_most_detections():
    detector = build(num_classes=2, max_detections_per_class=4, max_total_detections=6)
    (found,) = detector.detect([radiograph(60, 90)])
    assert len(found) == 6
    assert np.bincount(found.labels).max() <= 4


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"image_resizer": KEEP_AND_PAD, "num_classes": 3, "share_box_across_classes": False},
        {"first_stage_pre_nms_top_n": 50, "initial_crop_size": 3},
    ],
)
def test_the_architecture_and_the_weights_are_all_there_is(tmp_path, changes):
    detector = build(**changes)
    architecture = json.loads(json.dumps(detector.architecture()))
    save_file(detector.state_dict(), tmp_path / "weights.safetensors")
    torch.manual_seed(99)
    other = build_from_architecture(architecture).eval()
    assert other.detect([radiograph(60, 90)]) != detector.detect([radiograph(60, 90)])
    other.load_state_dict(load_file(tmp_path / "weights.safetensors"), strict=True)
    assert other.detect([radiograph(60, 90)]) == detector.detect([radiograph(60, 90)])
    assert other.architecture() == detector.architecture()


def test_the_same_seed_gives_the_same_losses_and_another_samples_others():
    detector = build().train()
    images, targets = [radiograph(64, 64, 1), radiograph(90, 64, 2)], [target((10, 10, 40, 30, 0)), NOTHING]
    values = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        values.append(torch.stack(list(detector.losses(images, targets).values())))
    assert torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2])


@pytest.mark.parametrize("frozen", [0, 3])
def test_frozen_blocks_do_not_learn(frozen):
    detector = build(
        feature_extractor=EfficientNetLiteSettings(channels=16, region_channels=24, frozen_blocks=frozen)
    ).train()
    gradients = backward(detector, detector.losses([radiograph(64, 64)], [target((10, 10, 40, 40, 0))]))
    learning = {name.split(".blocks.")[1].split(".")[0] for name in gradients if ".blocks." in name}
    assert learning == {str(block) for block in range(frozen, 16) if block <= 15}
    assert ("feature_extractor.backbone.stem.weight" in gradients) is (frozen == 0)


def test_it_overfits_one_image():
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 60, (96, 80, 3), dtype=np.uint8)
    pixels[20:50, 30:70] = 220
    image, annotated = torch.from_numpy(pixels), target((30, 20, 70, 50, 0))
    torch.manual_seed(0)
    detector = FasterRCNN(settings()).train()
    optimizer = torch.optim.AdamW(detector.parameters(), lr=3e-3)
    totals = []
    for _ in range(80):
        optimizer.zero_grad()
        total = sum(detector.losses([image], [annotated]).values())
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert np.mean(totals[-5:]) < 0.25 * np.mean(totals[:5])
    (found,) = detector.detect([image])
    assert found.scores[0] > 0.7
    ground_truth = type(found)([[30, 20, 70, 50]], [0])
    assert found.iou(ground_truth)[0, 0] > 0.7
