"""What the tests of augmentation share: a generator that gives what it is told, and an image with boxes."""

import numpy as np

from fractura.training.transform import LabelledImage


class Draws:
    """A generator that gives what it is told."""

    def __init__(self, *values):
        self._values = list(values)

    def random(self):
        return self._values.pop(0)

    def uniform(self, low, high):
        value = self._values.pop(0)
        assert low <= value <= high
        return value

    def integers(self, low, high=None):
        value = self._values.pop(0)
        assert (0 if high is None else low) <= value < (low if high is None else high)
        return value


def labelled_image(height=40, width=60, boxes=((5, 8, 20, 30),), *, grey=False):
    """Random pixels; the labels of the boxes are 0, 1, 2, …"""
    image = np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)
    if grey:
        image[:] = image[..., :1]
    return LabelledImage(image, np.array(boxes, np.float32).reshape(-1, 4), np.arange(len(boxes)))
