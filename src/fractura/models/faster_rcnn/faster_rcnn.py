"""Faster R-CNN as the TensorFlow 2 Object Detection API computes it.

Follows tensorflow/models research/object_detection meta_architectures/faster_rcnn_meta_arch.py, stage by stage; each
stage is a method of its own, so that each can be compared with the reference separately.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fractura.models.detector import Detector, Target
from fractura.models.faster_rcnn import box_coder, matching
from fractura.models.faster_rcnn.anchors import clip, grid_anchors, inside
from fractura.models.faster_rcnn.backbones import build_backbone
from fractura.models.faster_rcnn.batched_losses import batched_losses, padded_targets
from fractura.models.faster_rcnn.crop import crop_and_resize
from fractura.models.faster_rcnn.image_head import ImageHead
from fractura.models.faster_rcnn.losses import (
    IMAGE_LOSS,
    classification_loss,
    localization_loss,
    masked_sum,
    regularization_loss,
)
from fractura.models.faster_rcnn.regions import Proposals, RegionDetections, class_scores, clip_sort_pad, take
from fractura.models.faster_rcnn.settings import FasterRCNNSettings
from fractura.models.nms import nms
from fractura.models.resizer import resize

REGULARIZATION_LOSS = "regularization_loss"


class FasterRCNN(Detector):
    """Two-stage detector: proposals from feature maps, then a class and a better box for each.

    Args:
        settings: The architecture.
    """

    heeds_weights = True

    def __init__(self, settings: FasterRCNNSettings) -> None:
        super().__init__()
        self.settings = settings
        self.feature_extractor = build_backbone(settings)
        depth, per_location = settings.first_stage_box_predictor_depth, settings.anchors.per_location
        self.first_stage_conv = nn.Conv2d(self.feature_extractor.channels, depth, 3, padding=1)
        self.first_stage_box_head = nn.Conv2d(depth, per_location * 4, 1)
        self.first_stage_class_head = nn.Conv2d(depth, per_location * 2, 1)
        for layer in (self.first_stage_conv, self.first_stage_box_head, self.first_stage_class_head):
            nn.init.trunc_normal_(layer.weight, std=0.01, a=-0.02, b=0.02)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # it has one
        boxes_per_region = 1 if settings.share_box_across_classes else settings.num_classes
        self.second_stage_box_head = nn.Linear(self.feature_extractor.region_channels, boxes_per_region * 4)
        self.second_stage_class_head = nn.Linear(self.feature_extractor.region_channels, settings.num_classes + 1)
        for dense in (self.second_stage_box_head, self.second_stage_class_head):
            nn.init.xavier_uniform_(dense.weight)
            nn.init.zeros_(dense.bias)
        self.image_head: ImageHead | None = None
        if settings.image_head is not None:
            maps, channels = len(settings.anchors.strides), self.feature_extractor.channels
            self.image_head = ImageHead(maps, channels, settings.image_head)
        self._anchors: tuple[tuple[int, int], Tensor] | None = None

    def architecture(self) -> dict[str, Any]:
        """See ``Detector``."""
        return self.settings.model_dump(mode="json")

    # -- first stage -------------------------------------------------------------------------------------------------

    def preprocess(self, images: Sequence[Tensor]) -> tuple[Tensor, list[tuple[int, int]]]:
        """Images to one canvas batch float32 ``(n, 3, h, w)`` of 0..255, and each image's (height, width) on it."""
        resized = [resize(image, self.settings.image_resizer) for image in images]
        height = max(canvas.shape[1] for canvas, _ in resized)
        width = max(canvas.shape[2] for canvas, _ in resized)
        multiple = self.feature_extractor.canvas_multiple
        # Rounded up without negative numbers, whose quotients ONNX rounds towards zero.
        height, width = ((side + multiple - 1) // multiple * multiple for side in (height, width))
        padded = [F.pad(c, (0, width - c.shape[2], 0, height - c.shape[1])) for c, _ in resized]
        batch = torch.stack(padded)
        layout = torch.channels_last if batch.is_cuda else self.feature_extractor.memory_format
        return batch.contiguous(memory_format=layout), [size for _, size in resized]

    def anchors(self, height: int, width: int, device: torch.device) -> Tensor:
        """All anchors of a canvas: float32 ``(n, 4)`` xyxy in pixels, not clipped; finest map first."""
        # Only the last canvas is cached: if images keep their aspect ratio there are hundreds of canvases.
        if self._anchors is not None and self._anchors[0] == (height, width) and self._anchors[1].device == device:
            return self._anchors[1]
        settings = self.settings.anchors
        grids = zip(settings.strides, settings.base_sizes, settings.offsets, strict=True)
        anchors = torch.cat(
            [
                grid_anchors(
                    (height + stride - 1) // stride,
                    (width + stride - 1) // stride,
                    stride=stride,
                    base_size=size,
                    scales=settings.scales,
                    aspect_ratios=settings.aspect_ratios,
                    offset=offset,
                )
                for stride, size, offset in grids
            ]
        )
        anchors = anchors.to(device)
        self._anchors = (height, width), anchors
        return anchors

    def predict_first_stage(self, features: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Box codes float32 ``(n, anchors, 4)`` and logits ``(n, anchors, 2)``, background first, of feature maps."""
        codes, logits = [], []
        for level in self._with_anchors(features):
            hidden = F.relu6(self.first_stage_conv(level))
            codes.append(self.first_stage_box_head(hidden).permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, 4)))
            logits.append(self.first_stage_class_head(hidden).permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, 2)))
        return torch.cat(codes, dim=1).float(), torch.cat(logits, dim=1).float()

    def _with_anchors(self, features: Sequence[Tensor]) -> Sequence[Tensor]:
        """The maps that have anchors; a finer one only serves to crop regions from."""
        return features[-len(self.settings.anchors.strides) :]

    def image_logits(self, features: Sequence[Tensor]) -> Tensor:
        """The image head's log-odds that an image shows anything: all feature maps to float32 ``(n,)``."""
        assert self.image_head is not None
        logits: Tensor = self.image_head(self._with_anchors(features))
        return logits

    @torch.no_grad()
    def propose(self, codes: Tensor, logits: Tensor, anchors: Tensor, windows: Sequence[tuple[int, int]]) -> Proposals:
        """Decode, suppress, clip to each image's window, best first, pad to ``first_stage_max_proposals``."""
        settings = self.settings
        boxes = box_coder.decode(codes, anchors)
        scores = logits.softmax(dim=-1)[..., 1]
        found = []
        for image_boxes, image_scores, window in zip(boxes, scores, windows, strict=True):
            if settings.first_stage_pre_nms_top_n is not None and settings.first_stage_pre_nms_top_n < len(
                image_scores
            ):
                image_scores, best = image_scores.topk(settings.first_stage_pre_nms_top_n)
                image_boxes = image_boxes[best]
            kept = nms(
                image_boxes[None],
                image_scores[None, None],
                settings.first_stage_nms_iou_threshold,
                settings.first_stage_nms_score_threshold,
                settings.first_stage_max_proposals,
            )[:, 2]
            found.append(
                clip_sort_pad(image_boxes[kept], image_scores[kept], window, settings.first_stage_max_proposals)
            )
        padded_boxes, padded_scores = torch.stack([b for b, _, _ in found]), torch.stack([s for _, s, _ in found])
        return Proposals(padded_boxes, padded_scores, (padded_scores > 0).sum(dim=1))

    # -- second stage ------------------------------------------------------------------------------------------------

    def crop(self, features: Tensor, boxes: Tensor, canvas: tuple[int, int]) -> Tensor:
        """Regions ``(n, regions, 4)`` (canvas pixels) of the finest map: ``(n * regions, channels, size, size)``.

        They are resampled to ``initial_crop_size`` and max-pooled to ``region_size``.
        """
        height, width = canvas
        # Not divided by one tensor of the sides: an exported graph would keep those of the traced image.
        fractions = torch.stack(
            [boxes[..., 0] / width, boxes[..., 1] / height, boxes[..., 2] / width, boxes[..., 3] / height], dim=-1
        )
        crops = crop_and_resize(features, fractions, self.settings.initial_crop_size)
        kernel, stride = self.settings.maxpool_kernel_size, self.settings.maxpool_stride
        pooled = F.max_pool2d(crops, kernel, stride) if max(kernel, stride) > 1 else crops
        return pooled.contiguous(memory_format=torch.channels_last) if pooled.is_cuda else pooled

    def predict_second_stage(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Box codes float32 ``(regions, 1 or classes, 4)`` and logits ``(regions, 1 + classes)`` of crops."""
        vectors = self.feature_extractor.box_classifier_features(crops)
        codes = self.second_stage_box_head(self._dropped(vectors)).unflatten(1, (-1, 4))
        return codes.float(), self.second_stage_class_head(self._dropped(vectors)).float()

    def _dropped(self, vectors: Tensor) -> Tensor:
        """Drawn anew for each layer, as in TensorFlow."""
        if not self.settings.use_dropout:
            return vectors
        return F.dropout(vectors, 1 - self.settings.dropout_keep_probability, self.training)

    def postprocess(
        self, codes: Tensor, logits: Tensor, proposals: Proposals, image: int, window: tuple[int, int]
    ) -> RegionDetections:
        """Detections on one image of the batch from its ``regions`` codes and logits."""
        settings = self.settings
        real = torch.arange(len(logits), device=logits.device) < proposals.count[image]
        boxes = box_coder.decode(codes, proposals.boxes[image][:, None, :]).transpose(0, 1)
        scores = torch.where(real[:, None], class_scores(logits, settings.score_converter), 0.0).T
        # Boxes shared by all classes are one group of many classes; otherwise each class is its own group.
        grouped = scores[None] if settings.share_box_across_classes else scores[:, None]
        kept = nms(
            boxes,
            grouped,
            settings.second_stage_nms_iou_threshold,
            settings.second_stage_nms_score_threshold,
            settings.max_detections_per_class,
        )
        labels, regions = kept[:, 0] + kept[:, 1], kept[:, 2]
        top_boxes, top_scores, order = clip_sort_pad(
            boxes[kept[:, 0], regions], scores[labels, regions], window, settings.max_total_detections
        )
        return RegionDetections(top_boxes, top_scores, take(labels, order), take(regions, order))

    # -- the protocol ------------------------------------------------------------------------------------------------

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """See ``Detector``."""
        canvas, windows = self.preprocess([image])
        size = (canvas.shape[2], canvas.shape[3])
        features = self.feature_extractor.proposal_features(canvas)
        codes, logits = self.predict_first_stage(features)
        # Detection decodes against clipped anchors whatever clip_anchors_to_image says (reference :891-894).
        proposals = self.propose(codes, logits, clip(self.anchors(*size, canvas.device), *size), windows)
        box_codes, class_logits = self.predict_second_stage(self.crop(features[0], proposals.boxes, size))
        found = self.postprocess(box_codes, class_logits, proposals, 0, windows[0])
        height, width = windows[0]
        across, down = image.shape[1] / width, image.shape[0] / height
        boxes = torch.stack(
            [
                found.boxes[:, 0] * across,
                found.boxes[:, 1] * down,
                found.boxes[:, 2] * across,
                found.boxes[:, 3] * down,
            ],
            dim=1,
        )
        real = found.scores > 0
        scores = found.scores[real]
        if self.settings.score_converter == "IDENTITY":
            scores = scores.sigmoid()  # in the same order, but 0..1 as all scores of fractura
        if self.image_head is not None:
            scores = self.image_head.rescore(scores, self.image_logits(features)[0])
        return boxes[real], scores, found.labels[real]

    def losses(self, images: Sequence[Tensor], targets: Sequence[Target]) -> dict[str, Tensor]:
        """See ``Detector``; names are TensorFlow's TensorBoard tags."""
        canvas, windows = self.preprocess(images)
        size = (canvas.shape[2], canvas.shape[3])
        ground_truths = [_on_canvas(t, i.shape, w) for t, i, w in zip(targets, images, windows, strict=True)]
        if canvas.is_cuda and all(window == size for window in windows):
            padded = padded_targets(self.settings, ground_truths)
            if padded is not None:
                return batched_losses(self, canvas, padded)
        features = self.feature_extractor.proposal_features(canvas)
        codes, logits = self.predict_first_stage(features)
        anchors = self.anchors(*size, canvas.device)
        if self.settings.clip_anchors_to_image:
            anchors = clip(anchors, *size)
        else:
            whole = inside(anchors, *size)
            anchors, codes, logits = anchors[whole], codes[:, whole], logits[:, whole]
        losses = self.first_stage_losses(codes, logits, anchors, ground_truths) | self.regularization_losses()
        if self.image_head is not None:
            positive = torch.tensor([len(each.boxes) > 0 for each in ground_truths], device=canvas.device)
            losses[IMAGE_LOSS] = self.image_head.loss(self.image_logits(features), positive)
        proposals = self.propose(codes.detach(), logits.detach(), anchors, windows)
        return losses | self.second_stage_losses(features[0], proposals, ground_truths, size)

    def sampling_priority(self, count: int, device: torch.device) -> Tensor:
        """Random float32 ``(count,)`` in 0..1: candidates with the highest are sampled first."""
        return torch.rand(count, device=device)

    def first_stage_losses(
        self, codes: Tensor, logits: Tensor, anchors: Tensor, ground_truths: Sequence[Target]
    ) -> dict[str, Tensor]:
        """Localization and objectness loss of a batch, from the codes and logits of its anchors."""
        settings = self.settings
        localization, objectness = [], []
        for image_codes, image_logits, ground_truth in zip(codes, logits, ground_truths, strict=True):
            matches = matching.match(
                ground_truth.boxes,
                anchors,
                matched=settings.first_stage_matched_threshold,
                unmatched=settings.first_stage_unmatched_threshold,
                force=True,
                weights=ground_truth.weights,
            )
            positive = matches >= 0
            sampled = matching.sample(
                positive,
                matches == matching.UNMATCHED,
                size=settings.first_stage_minibatch_size,
                positive_fraction=settings.first_stage_positive_balance_fraction,
                priority=self.sampling_priority(len(anchors), anchors.device),
            )
            count = sampled.sum().clamp(min=1)
            wanted = matching.box_targets(ground_truth, anchors, matches)
            # As in TensorFlow, weights other than 0 do not change the objectness loss.
            away = localization_loss(image_codes, wanted) * matching.loss_weights(ground_truth, matches)
            localization.append(masked_sum(away, sampled & positive) / count)
            objectness.append(masked_sum(classification_loss(image_logits, positive.long()), sampled) / count)
        return {
            "RPNLoss/localization_loss": torch.stack(localization).mean()
            * settings.first_stage_localization_loss_weight,
            "RPNLoss/objectness_loss": torch.stack(objectness).mean() * settings.first_stage_objectness_loss_weight,
        }

    def regularization_losses(self) -> dict[str, Tensor]:
        """The loss of ``first_stage_regularizer``; empty without one."""
        settings = self.settings.first_stage_regularizer
        if not settings.weight:
            return {}
        layers = (self.first_stage_conv, self.first_stage_box_head, self.first_stage_class_head)
        loss = regularization_loss([layer.weight for layer in layers], settings.kind, settings.weight)
        return {REGULARIZATION_LOSS: loss}

    def sample_regions(self, proposals: Proposals, ground_truths: Sequence[Target]) -> tuple[Tensor, Tensor, Tensor]:
        """The regions that the second stage learns from.

        Returns:
            boxes float32 ``(n, second_stage_batch_size, 4)`` in canvas pixels, padded with zero boxes; int64
            ``(n, size)`` matched ground truth or ``UNMATCHED``; bool ``(n, size)``: which are not padding.
        """
        settings = self.settings
        size = settings.second_stage_batch_size
        boxes, matches, real = [], [], []
        for image, ground_truth in enumerate(ground_truths):
            candidates = proposals.boxes[image][: int(proposals.count[image])]
            if settings.append_groundtruth_boxes:
                candidates = torch.cat([ground_truth.boxes, candidates])
            threshold = settings.second_stage_matched_threshold
            matched = matching.match(
                ground_truth.boxes,
                candidates,
                matched=threshold,
                unmatched=threshold,
                force=False,
                weights=ground_truth.weights,
            )
            sampled = matching.sample(
                matched >= 0,
                matched == matching.UNMATCHED,
                size=size,
                positive_fraction=settings.second_stage_balance_fraction,
                priority=self.sampling_priority(len(candidates), candidates.device),
            )
            chosen = sampled.nonzero()[:, 0]
            padding = size - len(chosen)
            boxes.append(F.pad(candidates[chosen], (0, 0, 0, padding)))
            matches.append(F.pad(matched[chosen], (0, padding), value=matching.UNMATCHED))
            real.append(torch.arange(size, device=candidates.device) < len(chosen))
        return torch.stack(boxes), torch.stack(matches), torch.stack(real)

    def second_stage_losses(
        self, features: Tensor, proposals: Proposals, ground_truths: Sequence[Target], canvas: tuple[int, int]
    ) -> dict[str, Tensor]:
        """Localization and classification loss of a batch, from its proposals."""
        settings = self.settings
        regions, matches, real = self.sample_regions(proposals, ground_truths)
        codes, logits = self.predict_second_stage(self.crop(features, regions, canvas))
        codes = codes.reshape(*regions.shape[:2], *codes.shape[1:])
        logits = logits.reshape(*regions.shape[:2], *logits.shape[1:])
        localization, classification = [], []
        for image, ground_truth in enumerate(ground_truths):
            positive = matches[image] >= 0
            classes = matching.class_targets(ground_truth, matches[image])
            chosen = torch.zeros_like(classes) if settings.share_box_across_classes else (classes - 1).clamp(min=0)
            image_codes = codes[image][torch.arange(len(chosen), device=chosen.device), chosen]
            wanted = matching.box_targets(ground_truth, regions[image], matches[image])
            count = real[image].sum().clamp(min=1)
            weights = matching.loss_weights(ground_truth, matches[image])
            away = localization_loss(image_codes, wanted) * weights
            wrong = classification_loss(logits[image], classes) * weights
            localization.append(masked_sum(away, positive & real[image]) / count)
            classification.append(masked_sum(wrong, real[image]) / count)
        return {
            "BoxClassifierLoss/localization_loss": torch.stack(localization).mean()
            * settings.second_stage_localization_loss_weight,
            "BoxClassifierLoss/classification_loss": torch.stack(classification).mean()
            * settings.second_stage_classification_loss_weight,
        }


def _on_canvas(target: Target, image: torch.Size, window: tuple[int, int]) -> Target:
    down, across = window[0] / image[0], window[1] / image[1]
    return Target(target.boxes * target.boxes.new_tensor([across, down, across, down]), target.labels, target.weights)
