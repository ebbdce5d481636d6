"""What a SavedModel takes: pixels, an encoded image, or a ``tf.train.Example``, as the reference's exporter offers.

Follows tensorflow/models research/object_detection exporter_lib_v2.py:131-237. A batch holds one image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

INPUT = "input_tensor"
ENCODED = "image/encoded"


@dataclass(frozen=True)
class InputKind:
    """One kind of input.

    Attributes:
        shape: Of the tensor.
        dtype: Of the tensor.
        pixels: From the tensor to float32 ``(1, height, width, 3)``, values 0..255.
    """

    shape: tuple[int | None, ...]
    dtype: Any
    pixels: Callable[[Any], Any]

    def function(self, detect: Callable[[Any], Any]) -> Any:
        """``detect`` on pixels as a ``tf.function`` that takes this kind of input, to be traced when it is saved."""
        return tf.function(
            lambda input_tensor: detect(self.pixels(input_tensor)),
            input_signature=[tf.TensorSpec(self.shape, self.dtype, name=INPUT)],
            autograph=False,
        )


def _as_float(images: Any) -> Any:
    return tf.cast(images, tf.float32)


def _decoded(encoded: Any) -> Any:
    """float32 ``(1, height, width, 3)`` of JPEG, PNG, GIF or BMP bytes ``(1,)``; of an animation the first picture."""
    image = tf.image.decode_image(encoded[0], channels=3, expand_animations=False)
    return _as_float(tf.ensure_shape(image, [None, None, 3])[None])


def _from_example(serialized: Any) -> Any:
    feature = {ENCODED: tf.io.FixedLenFeature([], tf.string)}
    return _decoded(tf.io.parse_single_example(serialized[0], feature)[ENCODED][None])


_PIXELS = (1, None, None, 3)
INPUT_KINDS = {
    "image_tensor": InputKind(_PIXELS, tf.uint8, _as_float),
    "float_image_tensor": InputKind(_PIXELS, tf.float32, _as_float),
    "encoded_image_string_tensor": InputKind((1,), tf.string, _decoded),
    "tf_example": InputKind((1,), tf.string, _from_example),
}
