"""The deterministic weights that the goldens in `reference/` were made with."""

import sys

import torch

from fractura.models.faster_rcnn import tensorflow_weights as tf_weights
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from support.material import REFERENCE

sys.path.insert(0, str(REFERENCE))
import weights_by_name


def fill_with_reference_weights(detector: FasterRCNN) -> FasterRCNN:
    """Load them into a detector of one class with a backbone that TensorFlow has, and put it in eval mode."""
    kind = detector.settings.feature_extractor.kind
    shapes = {name: tuple(value.shape) for name, value in detector.state_dict().items()}
    state = {}
    for theirs, ours in tf_weights.names(kind).items():
        shape = shapes[ours]
        if theirs.endswith("kernel"):
            shape = (*shape[2:], shape[1], shape[0]) if len(shape) == 4 else shape[::-1]
        value = torch.from_numpy(tf_weights.from_tensorflow(weights_by_name.make(theirs, shape)))
        if kind.startswith("resnet") and theirs.endswith("kernel"):
            # So were the goldens made: the residual sums would saturate the scores otherwise.
            value = value / 2**0.5 * (0.05 if theirs.startswith("_mask_rcnn_box_predictor") else 1)
        state[ours] = value
    detector.load_state_dict(state, strict=True)
    return detector.eval()
