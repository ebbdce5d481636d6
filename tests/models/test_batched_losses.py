"""The losses of a whole batch at once are those of its images one by one."""

import pytest
import torch
from support.tiny_faster_rcnn import FIXED, build

from fractura.models.detector import Target
from fractura.models.faster_rcnn.batched_losses import BatchTargets, batched_losses, padded_targets
from fractura.models.faster_rcnn.settings import ImageHeadSettings

HEAD = ImageHeadSettings(channels=16, dropout=0.0)
BOXES = [
    [[4.0, 6.0, 30.0, 40.0], [35.0, 30.0, 60.0, 62.0], [5.0, 8.0, 28.0, 38.0]],
    [],
    [[20.0, 20.0, 44.0, 31.0]],
]


def priority(count):
    return torch.rand(count, generator=torch.Generator().manual_seed(count))


@pytest.mark.parametrize("few", [False, True])
def test_batch_agrees_with_its_images_one_by_one(few):
    changes = {"first_stage_minibatch_size": 8, "second_stage_batch_size": 6} if few else {}
    detector = build(first_stage_pre_nms_top_n=60, image_resizer=FIXED, image_head=HEAD, **changes)
    detector.sampling_priority = lambda count, device: priority(count)
    images = [torch.randint(0, 255, (64, 64, 3), dtype=torch.uint8) for _ in BOXES]
    targets = [
        Target(torch.tensor(boxes).reshape(-1, 4), torch.zeros(len(boxes), dtype=torch.int64)) for boxes in BOXES
    ]
    # Padded boxes join no image's candidates, so each image is asked for alone: same candidates, same priorities.
    for image, target in zip(images, targets, strict=True):
        expected = detector.losses([image], [target])
        count = len(target.boxes)
        padded = padded_targets(detector.settings, [target])
        canvas, _ = detector.preprocess([image])

        def draw(images, candidates, device, count=count):
            shift = 0 if count or candidates > 60 else 1
            values = priority(candidates - shift)
            return torch.cat([torch.zeros(shift), values])[None].expand(images, -1)

        found = batched_losses(detector, canvas, padded, draw)
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            assert found[name].item() == pytest.approx(value.item(), rel=1e-4, abs=1e-6), name


def test_padding_and_company_change_nothing():
    detector = build(first_stage_pre_nms_top_n=60, image_head=HEAD)
    detector.settings = detector.settings.model_copy(
        update={"first_stage_minibatch_size": 10_000, "second_stage_batch_size": 200, "append_groundtruth_boxes": False}
    )
    canvas = torch.rand(3, 3, 64, 64) * 255
    boxes, real = torch.zeros(3, 5, 4), torch.zeros(3, 5, dtype=torch.bool)
    for place, annotated in enumerate(BOXES):
        boxes[place, : len(annotated)] = torch.tensor(annotated).reshape(-1, 4)
        real[place, : len(annotated)] = True
    together = batched_losses(detector, canvas, BatchTargets(boxes, torch.zeros(3, 5, dtype=torch.int64), real))
    alone = [
        batched_losses(
            detector,
            canvas[place : place + 1],
            BatchTargets(
                boxes[place : place + 1, :3],
                torch.zeros(1, 3, dtype=torch.int64),
                real[place : place + 1, :3],
            ),
        )
        for place in range(3)
    ]
    for name, value in together.items():
        mean = sum(each[name].item() for each in alone) / 3
        assert value.item() == pytest.approx(mean, rel=1e-3, abs=1e-6), name


def test_other_settings_are_refused():
    detector = build(clip_anchors_to_image=False)
    nothing = BatchTargets(torch.zeros(1, 1, 4), torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1).bool())
    with pytest.raises(ValueError, match="whole batch"):
        batched_losses(detector, torch.zeros(1, 3, 64, 64), nothing)


def test_targets_are_padded_unless_their_weights_would_be_ignored():
    settings = build(first_stage_pre_nms_top_n=60).settings
    targets = [Target(torch.tensor(boxes).reshape(-1, 4), torch.ones(len(boxes)).long()) for boxes in BOXES]
    padded = padded_targets(settings, targets)
    assert padded.boxes.shape == (3, 3, 4)
    assert padded.real.tolist() == [[True] * 3, [False] * 3, [True, False, False]]
    assert padded.boxes[padded.real].tolist() == [box for boxes in BOXES for box in boxes]
    weighted = Target(targets[0].boxes, targets[0].labels, torch.tensor([1.0, 0.5, 1.0]))
    assert padded_targets(settings, [weighted, targets[1]]) is None
    assert padded_targets(build(clip_anchors_to_image=False).settings, targets) is None
