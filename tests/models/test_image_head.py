"""A score for the whole image: what it learns from, and what it does to the scores of detections."""

import pytest
import torch
from support.tiny_faster_rcnn import NOTHING, build, radiograph, target

from fractura.models.faster_rcnn.faster_rcnn import IMAGE_LOSS
from fractura.models.faster_rcnn.image_head import ImageHead
from fractura.models.faster_rcnn.settings import ImageHeadSettings

HEAD = ImageHeadSettings(channels=16, dropout=0.0)
SCORES = torch.tensor([0.9, 0.4, 0.1])


def test_an_image_that_seems_normal_lowers_all_scores():
    changed = ImageHead(2, 8, HEAD).rescore(SCORES, torch.tensor(-2.0))
    assert torch.logit(changed).tolist() == pytest.approx((torch.logit(SCORES) - 1).tolist(), abs=1e-5)


def test_an_image_that_does_not_lifts_its_best_score_only():
    changed = ImageHead(2, 8, HEAD).rescore(SCORES, torch.tensor(2.0))
    assert torch.logit(changed[0]).item() == pytest.approx(torch.logit(SCORES[0]).item() + 1, abs=1e-5)
    assert changed[1:].tolist() == pytest.approx(SCORES[1:].tolist(), abs=1e-6)


def test_weight_zero_and_no_detections_are_left_alone():
    idle = ImageHead(2, 8, HEAD.model_copy(update={"score_weight": 0.0}))
    assert idle.rescore(SCORES, torch.tensor(5.0)).tolist() == pytest.approx(SCORES.tolist(), abs=1e-6)
    assert ImageHead(2, 8, HEAD).rescore(SCORES[:0], torch.tensor(1.0)).shape == (0,)


def test_detections_keep_their_boxes_and_their_order():
    detector, plain = build(image_head=HEAD), build()
    plain.load_state_dict(detector.state_dict(), strict=False)
    for bias in (-3.0, 3.0):
        torch.nn.init.constant_(detector.image_head.decide[-1].bias, bias)
        (found,), (expected,) = detector.detect([radiograph(64, 64)]), plain.detect([radiograph(64, 64)])
        assert found.xyxy.tolist() == expected.xyxy.tolist()
        assert (found.scores[1:] <= found.scores[:-1]).all()
        assert (found.scores[0] > expected.scores[0]) == (bias > 0)


def test_black_around_an_image_changes_little():
    head = ImageHead(1, 8, HEAD)
    torch.nn.init.constant_(head.attend[0].weight, 4.0)
    level = torch.rand(1, 8, 6, 6, generator=torch.Generator().manual_seed(0)) * 3
    wide = torch.nn.functional.pad(level, (0, 6, 0, 6))
    head.embed[0].bias.data.zero_()
    mean_of_wide = head.embed[0](wide).relu().mean()
    assert mean_of_wide < 0.3 * head.embed[0](level).relu().mean()
    assert head([wide]).item() == pytest.approx(head([level]).item(), abs=0.02)


def test_it_learns_from_whether_anything_is_annotated():
    detector = build(image_head=HEAD)
    images, targets = [radiograph(64, 64, 1), radiograph(64, 64, 2)], [target((10, 10, 40, 30, 0)), NOTHING]
    torch.nn.init.constant_(detector.image_head.decide[-1].bias, 4.0)
    both = detector.losses(images, targets)[IMAGE_LOSS].item()
    annotated, normal = (detector.losses([i], [t])[IMAGE_LOSS].item() for i, t in zip(images, targets, strict=True))
    assert annotated < 0.3 < normal
    assert both == pytest.approx((annotated + normal) / 2, rel=1e-4)
    detector.losses(images, targets)[IMAGE_LOSS].backward()
    assert detector.feature_extractor.backbone.stem.weight.grad.abs().sum() > 0


def test_a_detector_without_one_has_neither_weights_nor_loss():
    detector = build()
    assert not [name for name in detector.state_dict() if "image_head" in name]
    assert IMAGE_LOSS not in detector.losses([radiograph(64, 64)], [NOTHING])


@pytest.mark.parametrize(("variant", "blocks", "widths"), [(1, 21, (24, 40, 112, 320)), (2, 21, (24, 48, 120, 352))])
def test_larger_backbones(variant, blocks, widths):
    from fractura.models.faster_rcnn.settings import EfficientNetLiteSettings

    kind = f"efficientnet_lite{variant}_fpn"
    detector = build(feature_extractor=EfficientNetLiteSettings(kind=kind, channels=16, region_channels=24))
    backbone = detector.feature_extractor.backbone
    assert len(backbone.blocks) == blocks
    assert tuple(channels for _, channels in backbone.taps.values()) == widths
    assert [found.shape[2] for found in backbone(torch.zeros(1, 3, 64, 64))] == [16, 8, 4, 2]


def test_skipped_branches_keep_the_mean():
    from fractura.models.faster_rcnn.efficientnet_lite import EfficientNetLite

    backbone = EfficientNetLite(drop_connect=0.5)
    last = next(block for block in reversed(backbone.blocks) if block.residual)
    x = torch.randn(400, last.depthwise.weight.shape[0] // 6, 1, 1, generator=torch.Generator().manual_seed(1))[:1]
    x = x.expand(4000, -1, -1, -1)
    branch = last.eval()(x[:1]) - x[:1]
    skipped = last.train()(x) - x
    assert (skipped.flatten(1).abs().sum(1) == 0).float().mean().item() == pytest.approx(last.dropped, abs=0.05)
    assert torch.allclose(skipped.mean(0), branch[0], atol=0.05 * branch.abs().max().item() + 1e-5)
