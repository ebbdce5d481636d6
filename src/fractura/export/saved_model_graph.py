"""Faster R-CNN as a TensorFlow module with the signature of the Object Detection API's exporter.

The network comes from ``models`` through ``AtenGraph``; resizing, cropping and suppression around it are TensorFlow's
own operations, as in TensorFlow's exports. Follows tensorflow/models research/object_detection
exporter_lib_v2.py:131-281 and meta_architectures/faster_rcnn_meta_arch.py. Boxes are (top, left, bottom, right) here.
No operation is newer than TensorFlow 2.15.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fractura.export.aten_tensorflow import AtenGraph
from fractura.models.faster_rcnn.anchors import grid_anchors
from fractura.models.faster_rcnn.box_coder import SCALES
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.models.faster_rcnn.settings import FasterRCNNSettings
from fractura.models.layers import fold_norms
from fractura.models.resizer import KeepAspectRatioResizer

_SCORES = {"SOFTMAX": tf.nn.softmax, "SIGMOID": tf.sigmoid, "IDENTITY": tf.identity}


class _FirstStage(nn.Module):
    def __init__(self, detector: FasterRCNN) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, canvas: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.detector.feature_extractor.proposal_features(canvas)
        return features[0], *self.detector.predict_first_stage(features)


class _SecondStage(nn.Module):
    def __init__(self, detector: FasterRCNN) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        return self.detector.predict_second_stage(crops)


class FasterRCNNModule(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """The module that is saved, once it has a ``__call__``: maps one image to the exporter's eight float32 outputs.

    Args:
        detector: In evaluation mode, on the CPU.

    Attributes:
        weights: The network's variables, with batch norm folded in.

    Raises:
        ModelError: The network has no translation.
    """

    def __init__(self, detector: FasterRCNN) -> None:
        super().__init__(name="faster_rcnn")
        self._settings = settings = detector.settings
        self.weights: dict[str, tf.Variable] = {}
        folded = fold_norms(detector)
        extractor = folded.feature_extractor
        self._multiple = extractor.canvas_multiple
        self._cells = [_anchors_of_one_cell(settings, level) for level in range(len(settings.anchors.strides))]
        regions, size = settings.first_stage_max_proposals, settings.region_size
        canvas = torch.zeros(1, 3, *self._whole(*settings.image_resizer.canvas_size(640, 640)))
        self._first_stage = AtenGraph("first_stage", _FirstStage(folded), canvas)
        crops = torch.zeros(regions, extractor.channels, size, size)
        self._second_stage = AtenGraph("second_stage", _SecondStage(folded), crops)

    def detect(self, pixels: Any) -> dict[str, Any]:
        """The outputs for float32 ``(1, height, width, 3)``.

        Rows beyond ``num_detections`` are padding; boxes are fractions of the image.
        """
        canvas, window = self._preprocess(pixels)
        size = tf.cast(tf.shape(canvas)[1:3], tf.float32)
        features, codes, logits = self._first_stage(canvas, self._store)
        regions, count = self._propose(codes[0], logits[0], size, window)
        box_codes, class_logits = self._second_stage(self._crop(features, regions / tf.tile(size, [2])), self._store)
        return self._postprocess(box_codes, class_logits, regions, count, window)

    def _store(self, name: str, value: NDArray[np.float32]) -> tf.Variable:
        if name not in self.weights:
            # Outside the function being traced: variables belong to the module and outlive it.
            with tf.init_scope():
                self.weights[name] = tf.Variable(value, trainable=False, name=name)
        assert self.weights[name].shape == value.shape
        return self.weights[name]

    def _preprocess(self, image: Any) -> tuple[Any, Any]:
        """The canvas ``(1, height, width, 3)``, and the image's height and width on it: float32 ``(2,)``."""
        resizer = self._settings.image_resizer
        if isinstance(resizer, KeepAspectRatioResizer):
            size = _size_keeping_aspect(tf.shape(image)[1:3], resizer)
        else:
            size = tf.constant([resizer.height, resizer.width])
        if resizer.antialias:
            rows = _triangle_weights(tf.shape(image)[1], size[0])
            columns = _triangle_weights(tf.shape(image)[2], size[1])
            resized = tf.einsum("yh,nhwc->nywc", rows, image)
            resized = tf.einsum("xw,nywc->nyxc", columns, resized)
        else:
            resized = tf.raw_ops.ResizeBilinear(images=image, size=size, align_corners=False, half_pixel_centers=False)
        height, width = self._canvas_size(size)
        canvas = tf.pad(resized, [[0, 0], [0, height - size[0]], [0, width - size[1]], [0, 0]])
        known = [side if isinstance(side, int) else None for side in (height, width)]
        return tf.ensure_shape(canvas, [1, *known, 3]), tf.cast(size, tf.float32)

    def _whole(self, height: Any, width: Any) -> tuple[Any, Any]:
        """Both sides rounded up to multiples of what the backbone needs."""
        return -(-height // self._multiple) * self._multiple, -(-width // self._multiple) * self._multiple

    def _canvas_size(self, image: Any) -> tuple[Any, Any]:
        """Height and width of the canvas for an image resized to int32 ``(2,)``; numbers if they are always the
        same."""
        resizer = self._settings.image_resizer
        if isinstance(resizer, KeepAspectRatioResizer) and not resizer.pad_to_max_dimension:
            return self._whole(image[0], image[1])
        return self._whole(*resizer.canvas_size(1, 1))

    def _anchors(self, canvas: Any) -> Any:
        """All anchors, clipped to the canvas of float32 ``(height, width)``: finest map first, by row, column."""
        levels = []
        for stride, cell in zip(self._settings.anchors.strides, self._cells, strict=True):
            rows, columns = (tf.range(0.0, canvas[axis], stride) for axis in (0, 1))
            corner = tf.stack(tf.meshgrid(rows, columns, indexing="ij"), axis=2)
            levels.append(tf.reshape(tf.tile(corner, [1, 1, 2])[:, :, None, :] + cell, [-1, 4]))
        return _clip(tf.concat(levels, 0), canvas)

    def _propose(self, codes: Any, logits: Any, canvas: Any, window: Any) -> tuple[Any, Any]:
        """Regions float32 ``(first_stage_max_proposals, 4)`` in pixels of the canvas, and how many are real."""
        settings = self._settings
        boxes, scores = _decode(codes, self._anchors(canvas)), tf.nn.softmax(logits)[:, 1]
        most = settings.first_stage_pre_nms_top_n
        if most is not None:
            scores, best = tf.math.top_k(scores, tf.minimum(most, tf.shape(scores)[0]))
            boxes = tf.gather(boxes, best)
        kept = tf.image.non_max_suppression(
            boxes,
            scores,
            settings.first_stage_max_proposals,
            settings.first_stage_nms_iou_threshold,
            settings.first_stage_nms_score_threshold,
        )
        boxes, scores, _ = _clip_sort_pad(
            tf.gather(boxes, kept), tf.gather(scores, kept), window, settings.first_stage_max_proposals
        )
        return boxes, tf.math.count_nonzero(scores > 0, dtype=tf.int32)

    def _crop(self, features: Any, regions: Any) -> Any:
        """Crop each region, in fractions of the canvas, with aligned corners, and pool the crops.

        Returns:
            ``(regions, size, size, channels)``.
        """
        size = self._settings.initial_crop_size
        kernel, stride = self._settings.maxpool_kernel_size, self._settings.maxpool_stride
        sides = tf.cast(tf.shape(features)[1:3], tf.float32)
        # Corners at the far border may be rounded slightly beyond it, where TensorFlow reads zeros: one more row and
        # column, copies of the last, keep them on the map.
        wider = tf.pad(features, [[0, 0], [0, 1], [0, 1], [0, 0]], "SYMMETRIC")
        fractions = regions * tf.tile((sides - 1) / sides, [2])
        crops = tf.image.crop_and_resize(wider, fractions, tf.zeros([regions.shape[0]], tf.int32), [size, size])
        return tf.nn.max_pool2d(crops, kernel, stride, "VALID") if max(kernel, stride) > 1 else crops

    def _postprocess(self, codes: Any, logits: Any, regions: Any, count: Any, window: Any) -> dict[str, Any]:
        settings = self._settings
        probabilities = _SCORES[settings.score_converter](logits)
        real = tf.range(regions.shape[0]) < count
        scores = tf.where(real[:, None], probabilities[:, 1:], 0.0)
        boxes = _decode(codes, regions[:, None, :])  # (regions, 1 or classes, 4)
        found: list[tuple[Any, Any, Any, Any]] = []
        for label in range(settings.num_classes):
            own = boxes[:, 0 if settings.share_box_across_classes else label]
            kept = tf.image.non_max_suppression(
                own,
                scores[:, label],
                settings.max_detections_per_class,
                settings.second_stage_nms_iou_threshold,
                settings.second_stage_nms_score_threshold,
            )
            found.append((tf.gather(own, kept), tf.gather(scores[:, label], kept), tf.zeros_like(kept) + label, kept))
        all_boxes, all_scores, labels, rows = (tf.concat(each, 0) for each in zip(*found, strict=True))
        top_boxes, top_scores, order = _clip_sort_pad(all_boxes, all_scores, window, settings.max_total_detections)
        kept_rows = _padded(rows, order)
        multiclass = tf.where((top_scores > 0)[:, None], tf.gather(probabilities, kept_rows), 0.0)
        if settings.share_box_across_classes:
            raw = boxes[:, 0]
        else:
            raw = tf.gather(boxes, tf.argmax(probabilities[:, 1:], axis=1), axis=1, batch_dims=1)
        fractions = tf.tile(window, [2])
        outputs = {
            "detection_boxes": top_boxes / fractions,
            "detection_scores": top_scores,
            "detection_classes": _padded(labels, order) + 1,  # from 1, in padding too
            "detection_multiclass_scores": multiclass,
            "detection_anchor_indices": kept_rows,
            "num_detections": tf.math.count_nonzero(top_scores > 0, dtype=tf.int32),
            "raw_detection_boxes": _clip(raw, window) / fractions,
            "raw_detection_scores": probabilities,
        }
        return {name: tf.cast(value, tf.float32)[None] for name, value in outputs.items()}


def _anchors_of_one_cell(settings: FasterRCNNSettings, level: int) -> NDArray[np.float32]:
    """The anchors of a map's first cell: float32 ``(anchors, 4)``."""
    anchors = settings.anchors
    cell = grid_anchors(
        1,
        1,
        stride=anchors.strides[level],
        base_size=anchors.base_sizes[level],
        scales=anchors.scales,
        aspect_ratios=anchors.aspect_ratios,
        offset=anchors.offsets[level],
    )
    return cell.numpy()[:, [1, 0, 3, 2]]


def _size_keeping_aspect(image: Any, resizer: KeepAspectRatioResizer) -> Any:
    """``KeepAspectRatioResizer.resized_size`` of an image whose height and width are int32 ``(2,)``."""
    sides = tf.cast(image, tf.float32)
    scale = tf.minimum(resizer.max_dimension / tf.reduce_max(sides), resizer.min_dimension / tf.reduce_min(sides))
    return tf.cast(tf.maximum(tf.round(scale * sides), 1), tf.int32)


def _triangle_weights(length_in: Any, length_out: Any) -> Any:
    """``resizer._triangle_weights``: float32 ``(length_out, length_in)``."""
    scale = tf.cast(length_in / length_out, tf.float32)
    centre = (tf.cast(tf.range(length_out), tf.float32) + 0.5) * scale
    cell = tf.cast(tf.range(length_in), tf.float32) + 0.5
    weights = tf.maximum(1.0 - tf.abs(cell[None, :] - centre[:, None]) / tf.maximum(scale, 1.0), 0.0)
    return weights / tf.reduce_sum(weights, axis=1, keepdims=True)


def _decode(codes: Any, anchors: Any) -> Any:
    """``box_coder.decode`` with boxes as (top, left, bottom, right)."""
    size = anchors[..., 2:] - anchors[..., :2]
    centre = anchors[..., :2] + size / 2
    half = tf.exp(codes[..., 2:] / tf.constant(SCALES[2:])) * size / 2
    middle = codes[..., :2] / tf.constant(SCALES[:2]) * size + centre
    return tf.concat([middle - half, middle + half], axis=-1)


def _clip(boxes: Any, window: Any) -> Any:
    return tf.clip_by_value(boxes, 0.0, tf.tile(window, [2]))


def _clip_sort_pad(boxes: Any, scores: Any, window: Any, count: int) -> tuple[Any, Any, Any]:
    """As ``regions.clip_sort_pad``: boxes ``(count, 4)``, scores ``(count,)``, positions in the input or -1."""
    boxes = _clip(boxes, window)
    whole = tf.reduce_all(boxes[:, 2:] > boxes[:, :2], axis=1)
    scores = tf.concat([tf.where(whole, scores, 0.0), tf.zeros([count])], axis=0)
    scores, order = tf.math.top_k(scores, count)
    real = scores > 0
    boxes = tf.gather(tf.concat([boxes, tf.zeros([count, 4])], axis=0), order)
    return tf.where(real[:, None], boxes, 0.0), scores, tf.where(real, order, -1)


def _padded(values: Any, order: Any) -> Any:
    """``values`` in ``order``; 0 where ``order`` is -1."""
    return tf.gather(tf.concat([tf.zeros([1], values.dtype), values], axis=0), order + 1)
