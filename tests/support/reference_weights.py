"""The deterministic weights that the goldens in `reference/` were made with."""

import sys

import torch

from fractura.models.faster_rcnn import tensorflow_weights as tf_weights
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from support.material import REFERENCE

sys.path.insert(0, str(REFERENCE))
import weights_by_name


def fill_with_reference_weights(detector: FasterRCNN) -> FasterRCNN:
    """Load them into an Inception ResNet V2 detector of one class and put it in eval mode."""
    shapes = {name: tuple(value.shape) for name, value in detector.state_dict().items()}
    state = {}
    for theirs, ours in tf_weights.names().items():
        shape = shapes[ours]
        if theirs.endswith("kernel"):
            shape = (*shape[2:], shape[1], shape[0]) if len(shape) == 4 else shape[::-1]
        state[ours] = torch.from_numpy(tf_weights.from_tensorflow(weights_by_name.make(theirs, shape)))
    detector.load_state_dict(state, strict=True)
    return detector.eval()
