"""Half-precision weights: half the file, the same boxes."""

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from safetensors.torch import save_file

from fractura.core.errors import UsageError
from fractura.core.model_card import METADATA_KEY, WEIGHTS_FILE, ModelCard, write_card
from fractura.export import export_model
from fractura.export.graph import write_graph
from fractura.export.half import SMALLEST, halve_weights
from fractura.imaging.reader import read_radiograph
from fractura.inference.runtimes.onnx import OnnxModel
from fractura.models import build_detector
from fractura.phantom import make_phantoms

SMALL = "faster_rcnn_efficientnet_lite0_320x320"


def sparse_model(big):
    """y = x + big + small: one large constant and one under the limit."""
    constants = [numpy_helper.from_array(big, "big"), numpy_helper.from_array(np.ones(2, np.float32), "small")]
    nodes = [onnx.helper.make_node("Add", ["x", "big"], ["z"]), onnx.helper.make_node("Add", ["z", "z"], ["y"])]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [SMALLEST]) for name in "xy"]
    return onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:], constants))


def kinds(model):
    return {each.name: each.data_type for each in model.graph.initializer}


def test_large_constants_are_rounded_and_small_ones_stay():
    big = np.linspace(-3, 3, SMALLEST, dtype=np.float32)
    model = sparse_model(big)
    halve_weights(model)
    onnx.checker.check_model(model, full_check=True)
    assert kinds(model) == {"big_half": onnx.TensorProto.FLOAT16, "small": onnx.TensorProto.FLOAT}
    (y,) = onnx.reference.ReferenceEvaluator(model).run(None, {"x": np.zeros(SMALLEST, np.float32)})
    np.testing.assert_array_equal(y, 2 * big.astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("impossible", [1e6, np.inf, np.nan])
def test_numbers_that_half_precision_cannot_hold_stay(impossible):
    big = np.ones(SMALLEST, np.float32)
    big[7] = impossible
    model = sparse_model(big)
    halve_weights(model)
    assert kinds(model) == {"big": onnx.TensorProto.FLOAT, "small": onnx.TensorProto.FLOAT}


def test_a_detector_finds_the_same_in_half_the_size(tmp_path):
    torch.manual_seed(0)
    detector = build_detector(SMALL, 1).eval()
    # As a trained one: background nearly everywhere, a spread of scores elsewhere.
    torch.nn.init.normal_(detector.first_stage_class_head.weight, std=0.1)
    torch.nn.init.normal_(detector.second_stage_class_head.weight, std=0.1)
    folder = tmp_path / "model"
    folder.mkdir()
    card = ModelCard(name="m", architecture=detector.architecture(), class_names=("fracture",))
    save_file(detector.state_dict(), folder / WEIGHTS_FILE)
    write_card(card, folder)
    images = [record.image for record in make_phantoms(tmp_path / "phantoms", images=3, seed=2)]

    write_graph(detector, tmp_path / "whole.onnx")
    model = onnx.load(tmp_path / "whole.onnx")
    onnx.helper.set_model_props(model, {METADATA_KEY: card.to_json()})
    onnx.save(model, tmp_path / "whole.onnx")
    halve_weights(model)
    onnx.save(model, tmp_path / "half.onnx")

    sizes = [(tmp_path / name).stat().st_size for name in ("whole.onnx", "half.onnx")]
    assert sizes[1] < 0.55 * sizes[0]
    whole, half = (OnnxModel(tmp_path / name, device="cpu") for name in ("whole.onnx", "half.onnx"))
    for image in images:
        pixels = read_radiograph(image).pixels
        ours, theirs = (model.detect(pixels).above(0.05) for model in (whole, half))
        overlap = ours.iou(theirs)
        assert len(ours) > 10
        # Random heads are far more sensitive than trained ones, whose boxes move by less than a hundredth.
        assert np.median(overlap.max(axis=1)) > 0.98
        np.testing.assert_allclose(np.median(ours.scores), np.median(theirs.scores), atol=5e-3)


def test_only_onnx_has_half_weights(tmp_path):
    with pytest.raises(UsageError, match="half-precision weights are for onnx"):
        export_model(tmp_path, to="saved_model", half=True)
