"""Every resizer of a pipeline.config gives TensorFlow's canvas: the same pixels, the same padding."""

import numpy as np
import pytest
import torch
from support.tiny_faster_rcnn import build

from fractura.models.resizer import FixedShapeResizer, KeepAspectRatioResizer

RESIZERS = {
    "fixed": FixedShapeResizer(height=64, width=96),
    "square": KeepAspectRatioResizer(min_dimension=64, max_dimension=64),
    "keep": KeepAspectRatioResizer(min_dimension=64, max_dimension=96),
    "keep and pad": KeepAspectRatioResizer(min_dimension=64, max_dimension=96, pad_to_max_dimension=True),
}
SIZES = [(40, 50), (200, 130), (131, 257), (64, 96), (90, 30), (31, 700)]


def in_tensorflow(tf, pixels, resizer):
    """``resize_image`` and ``resize_to_range`` of the reference's core/preprocessor.py (2979-3091, 3296-3356)."""
    height, width, _ = pixels.shape
    image = tf.constant(pixels, tf.float32)
    if isinstance(resizer, FixedShapeResizer):
        size = resizer.height, resizer.width
    else:
        sides = tf.constant([height, width], tf.float32)
        low, high = (tf.constant(side, tf.float32) for side in (resizer.min_dimension, resizer.max_dimension))
        larger, smaller = (
            tf.cast(tf.round(sides * scale), tf.int32)
            for scale in (low / tf.reduce_min(sides), high / tf.reduce_max(sides))
        )
        size = (smaller if int(tf.reduce_max(larger)) > resizer.max_dimension else larger).numpy()
    resized = tf.compat.v1.image.resize_images(image, size, tf.compat.v1.image.ResizeMethod.BILINEAR)
    if not isinstance(resizer, FixedShapeResizer) and resizer.pad_to_max_dimension:
        resized = tf.image.pad_to_bounding_box(resized, 0, 0, resizer.max_dimension, resizer.max_dimension)
    return resized.numpy(), tuple(int(side) for side in size)


@pytest.mark.parametrize("name", RESIZERS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_canvases_are_tensorflows(tensorflow, name, size):
    resizer = RESIZERS[name]
    pixels = np.random.default_rng(sum(size)).integers(0, 256, (*size, 3), dtype=np.uint8)
    theirs, window = in_tensorflow(tensorflow, pixels, resizer)
    canvas, [ours] = build(image_resizer=resizer).preprocess([torch.from_numpy(pixels)])
    assert ours == window
    height, width = theirs.shape[:2]
    assert np.abs(canvas[0, :, :height, :width].numpy().transpose(1, 2, 0) - theirs).max() < 1e-3
    assert not canvas[0, :, height:].any()
    assert not canvas[0, :, :, width:].any()


def test_exported_graphs_compute_the_same_sizes(tensorflow):
    from fractura.export.saved_model_graph import _size_keeping_aspect

    resizer = KeepAspectRatioResizer(min_dimension=800, max_dimension=1333)
    sizes = np.random.default_rng(0).integers(16, 4000, (200_000, 2))
    # Those that float64 would make a pixel larger or smaller, and some others.
    scale = np.minimum(1333 / sizes.max(axis=1), 800 / sizes.min(axis=1))
    halves = np.abs((scale[:, None] * sizes) % 1 - 0.5).min(axis=1)
    chosen = sizes[halves.argsort()[:60]].tolist() + sizes[:60].tolist()
    for size in chosen:
        theirs = _size_keeping_aspect(tensorflow.constant(size, tensorflow.int32), resizer).numpy()
        assert resizer.resized_size(*size) == tuple(theirs.tolist()), size
