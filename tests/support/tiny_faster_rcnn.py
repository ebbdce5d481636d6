"""A Faster R-CNN of a few thousand weights, with images and ground truth of its size."""

import torch

from fractura.models.detector import Target
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.models.faster_rcnn.settings import AnchorSettings, EfficientNetLiteSettings, FasterRCNNSettings
from fractura.models.resizer import FixedShapeResizer, KeepAspectRatioResizer

FIXED = FixedShapeResizer(height=64, width=64, antialias=True)
KEEP = KeepAspectRatioResizer(min_dimension=64, max_dimension=96, antialias=True)
KEEP_AND_PAD = KeepAspectRatioResizer(min_dimension=64, max_dimension=96, pad_to_max_dimension=True)


def settings(**changes):
    values = {
        "name": "tiny",
        "num_classes": 1,
        "image_resizer": FIXED,
        "feature_extractor": EfficientNetLiteSettings(channels=16, region_channels=24, frozen_blocks=0),
        "anchors": AnchorSettings(
            strides=(8, 16), base_sizes=(24.0, 48.0), offsets=(4.0, 8.0), scales=(0.7, 1.0), aspect_ratios=(0.5, 1, 2)
        ),
        "clip_anchors_to_image": True,
        "first_stage_box_predictor_depth": 16,
        "first_stage_minibatch_size": 32,
        "first_stage_matched_threshold": 0.5,
        "first_stage_max_proposals": 20,
        "initial_crop_size": 5,
        "append_groundtruth_boxes": True,
        "second_stage_batch_size": 12,
        **changes,
    }
    return FasterRCNNSettings(**values)


def build(seed=0, **changes):
    torch.manual_seed(seed)
    detector = FasterRCNN(settings(**changes))
    # Fresh heads give every region nearly the same score; spread them, so that order and suppression matter.
    for head in (detector.first_stage_class_head, detector.second_stage_class_head, detector.second_stage_box_head):
        torch.nn.init.normal_(head.weight, std=0.3)
    return detector.eval()


def radiograph(height, width, seed=0):
    return torch.randint(0, 256, (height, width, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def target(*rows):
    """Rows of left, top, right, bottom, label."""
    table = torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)
    return Target(table[:, :4].contiguous(), table[:, 4].long())


NOTHING = target()
