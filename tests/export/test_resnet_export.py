"""The zoo's ResNet models as SavedModel, checkpoint and ONNX: what TensorFlow and ONNX Runtime find with them."""

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from support.material import REFERENCE
from support.reference_weights import fill_with_reference_weights
from support.saved_model_helpers import card_of, write_model_folder

from fractura.export.onnx import export_onnx
from fractura.inference import load_model
from fractura.models import build_from_architecture
from fractura.models.faster_rcnn.family import named_settings
from fractura.models.resizer import KeepAspectRatioResizer
from fractura.phantom import make_phantoms

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def detector():
    settings = named_settings("faster_rcnn_resnet50_v1_640x640", 1)
    return fill_with_reference_weights(build_from_architecture(settings.model_dump(mode="json")))


@pytest.fixture(scope="module")
def exported(tensorflow, detector, tmp_path_factory):
    """The folder that TensorFlow's exporter writes, without the comparison: the golden file is compared with."""
    from fractura.export.saved_model import write_saved_model
    from fractura.tensorflow_od.exporter import write_companions

    folder = tmp_path_factory.mktemp("resnet")
    card = card_of(detector, "Fractura")
    write_saved_model(detector, card, folder / "saved_model")
    assert write_companions(detector, card, folder, folder / "none") == ()
    return folder


@pytest.fixture(scope="module")
def golden():
    return np.load(REFERENCE / "goldens" / "resnet50_640_astronaut.npz")


def test_the_saved_model_finds_in_tensorflow_what_the_reference_found(tensorflow, exported, golden):
    found = {
        name: value.numpy()[0]
        for name, value in tensorflow.saved_model.load(str(exported / "saved_model"))(
            golden["image_uint8"][None]
        ).items()
    }
    count = int(golden["post/num_detections"][0])
    assert int(found["num_detections"]) == count == 100
    near = np.abs(found["detection_scores"][:, None] - golden["post/detection_scores"][0][None, :count]) <= 1e-4
    boxes, wanted = found["detection_boxes"] * 512, golden["post/detection_boxes"][0, :count] * 512
    near &= np.abs(boxes[:, None] - wanted[None]).max(axis=2) <= 0.05
    assert near.any(axis=0).sum() >= count - 1
    raw, wanted = found["raw_detection_scores"], golden["post/raw_detection_scores"][0]
    assert (np.abs(raw[:, None] - wanted[None]).max(axis=2) <= 1e-4).any(axis=0).sum() >= len(wanted) - 3


def test_its_checkpoint_comes_back_bit_for_bit(exported, detector, tmp_path):
    from fractura.tensorflow_od.importing import import_checkpoint

    weights = load_file(import_checkpoint(exported, tmp_path / "model").model_folder / "weights.safetensors")
    expected = detector.state_dict()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], value) for name, value in expected.items())


def test_onnx_finds_what_pytorch_finds(detector, golden, tmp_path):
    folder = write_model_folder(detector, tmp_path / "model", "Fractura")
    Image.fromarray(golden["image_uint8"]).save(tmp_path / "astronaut.png")
    parity = export_onnx(folder, tmp_path / "resnet.onnx", [tmp_path / "astronaut.png"])
    assert parity.holds, parity
    assert parity.boxes > 100
    found = load_model(tmp_path / "resnet.onnx").detect(golden["image_uint8"])
    assert np.abs(found.scores - golden["post/detection_scores"][0, : len(found)]).max() <= 1e-4
    assert np.abs(found.xyxy[:, [1, 0, 3, 2]] / 512 - golden["post/detection_boxes"][0, : len(found)]).max() <= 1e-4


def test_one_box_per_class_and_padded_images(tensorflow, tmp_path):
    """As in the zoo's 800x1333 files, on a small canvas with fewer regions."""
    from fractura.export.saved_model import export_saved_model

    resizer = KeepAspectRatioResizer(min_dimension=96, max_dimension=160, pad_to_max_dimension=True)
    settings = named_settings("faster_rcnn_resnet50_v1_800x1333", 2)
    assert not settings.share_box_across_classes
    torch.manual_seed(0)
    small = settings.model_copy(update={"image_resizer": resizer, "first_stage_max_proposals": 60})
    detector = build_from_architecture(small.model_dump(mode="json"))
    with torch.no_grad():  # fresh weights of a network without normalisation double from block to block
        for name, value in detector.feature_extractor.named_parameters():
            if name.endswith("conv_3.bn.weight"):
                value.mul_(0.2)
        for head in (detector.first_stage_class_head, detector.second_stage_class_head):
            head.weight.normal_(std=0.05)
        detector.second_stage_box_head.weight.normal_(std=0.05)
    folder = write_model_folder(detector.eval(), tmp_path / "model", "fractura", "yeso")
    images = [
        record.image
        for number, size in enumerate([(192, 256), (256, 192), (192, 400)])
        for record in make_phantoms(tmp_path / str(number), images=1, seed=number, size=size)
    ]
    for parity in (
        export_onnx(folder, tmp_path / "resnet.onnx", images),
        export_saved_model(folder, tmp_path / "exported", images),
    ):
        assert parity.holds, parity
        assert parity.boxes > 60
