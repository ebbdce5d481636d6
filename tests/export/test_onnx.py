"""ONNX export of the small detector: the file finds what PyTorch finds, or there is no file."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
import torch
from safetensors.torch import load_file, save_file

import fractura.export.onnx
from fractura.core.boxes import Boxes
from fractura.core.errors import ModelError, UsageError
from fractura.core.model_card import METADATA_KEY, WEIGHTS_FILE, ModelCard, read_card, write_card
from fractura.export import export_model
from fractura.export.onnx import export_onnx
from fractura.export.parity import MAXIMUM_SCORE_DIFFERENCE, MINIMUM_IOU, MINIMUM_SCORE, Parity, compare
from fractura.inference import load_model
from fractura.inference.runtimes.onnx import OnnxModel
from fractura.inference.runtimes.torch import TorchModel
from fractura.models import build_detector
from fractura.phantom import make_phantoms
from fractura.training.exported_weights import read_exported_weights

SMALL = "faster_rcnn_efficientnet_lite0_320x320"


def write_model_folder(folder, name, *, seed=0, classes=("fracture", "cast")):
    """A model of random heads whose scores are spread, as a trained one's are: fresh ones tie nearly everywhere."""
    torch.manual_seed(seed)
    detector = build_detector(name, len(classes))
    for head in (detector.first_stage_class_head, detector.second_stage_class_head):
        torch.nn.init.normal_(head.weight, std=0.1)
    torch.nn.init.normal_(detector.second_stage_box_head.weight, std=0.05)
    folder.mkdir()
    save_file(detector.state_dict(), folder / WEIGHTS_FILE)
    write_card(ModelCard(name="m", architecture=detector.architecture(), class_names=classes, threshold=0.37), folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_model_folder(tmp_path_factory.mktemp("small") / "model", SMALL)


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory):
    """Image files of several sizes and shapes."""
    root = tmp_path_factory.mktemp("phantoms")
    images = []
    for number, size in enumerate([(256, 310), (384, 464), (192, 640)]):
        (record,) = make_phantoms(root / str(number), images=1, seed=number, size=size)
        images.append(record.image)
    return images


@pytest.fixture(scope="module")
def exported(folder, tmp_path_factory, phantoms):
    """The one export that all tests share: result and file."""
    output = tmp_path_factory.mktemp("exported") / "small.onnx"
    return export_model(folder, output=output, images=phantoms), output


def test_it_agrees_on_phantoms_of_several_sizes(exported):
    result, output = exported
    assert result.output == output
    assert result.size == output.stat().st_size > 1_000_000
    assert result.compared_on == "images"
    parity = result.parity
    assert parity.holds
    assert parity.images == 3
    assert parity.boxes > 60, "scores must be spread above the limit, or nothing is compared"
    assert parity.unmatched == 0
    assert MINIMUM_IOU <= parity.minimum_iou <= 1
    assert parity.maximum_score_difference <= MAXIMUM_SCORE_DIFFERENCE
    assert list(output.parent.iterdir()) == [output]


def test_its_weights_come_back_by_name(exported, folder):
    """To train on from: those that the export left alone are the very same, of folded ones it tries what they find."""
    _, output = exported
    card, weights = read_exported_weights(output)
    stored = load_file(folder / WEIGHTS_FILE)
    assert card == read_card(folder)
    assert weights.keys() == stored.keys()
    for name in ("first_stage_conv.weight", "second_stage_class_head.weight", "feature_extractor.smooth.0.1.weight"):
        assert torch.equal(weights[name], stored[name])


def test_a_detector_that_keeps_the_images_shape_agrees_on_images_of_every_shape(tmp_path):
    """The canvas differs from image to image: nothing of the image that the graph was traced with may stay in it."""
    folder = write_model_folder(tmp_path / "fine", "faster_rcnn_efficientnet_lite0_fine_256x256")
    images = []
    for number, size in enumerate([(373, 454), (454, 373), (200, 301), (640, 192), (400, 400)]):
        (record,) = make_phantoms(tmp_path / str(number), images=1, seed=number, size=size)
        images.append(record.image)
    parity = export_onnx(folder, tmp_path / "fine.onnx", images)
    assert parity.images == 5
    assert parity.boxes > 60
    assert parity.holds, parity


def test_it_agrees_on_real_images(exported, folder, real_images):
    images = sorted(real_images("fracatlas/val/images").iterdir())[:60:12]
    parity = compare(TorchModel(folder, device="cpu"), OnnxModel(exported[1], device="cpu"), images)
    assert parity.holds, parity
    assert parity.images == 5
    assert parity.boxes > 100


@pytest.mark.parametrize("size", [(64, 80), (1, 1), (1, 400), (400, 1), (15, 17), (900, 1300)], ids=str)
def test_it_takes_images_of_any_size(exported, folder, size):
    """Smaller ones than it was traced with, too; compared by hand, in the order given."""
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    ours, theirs = load_model(folder).detect(image), load_model(exported[1]).detect(image)
    strong, twins = ours.above(0.3), theirs.above(0.29)
    assert len(strong) > 0
    overlaps = np.where(strong.labels[:, None] == twins.labels[None], strong.iou(twins), 0)
    best = overlaps.argmax(axis=1)
    assert (overlaps.max(axis=1) >= 0.99).all()
    assert np.abs(strong.scores - twins.scores[best]).max() < 1e-3
    assert (theirs.xyxy >= 0).all()
    assert (theirs.xyxy <= np.array([size[1], size[0]] * 2) * (1 + 1e-6)).all()


def test_the_card_travels_inside(exported, folder):
    card = load_model(exported[1]).card
    assert card == load_model(folder).card
    assert card.threshold == 0.37
    assert card.class_names == ("fracture", "cast")
    graph = onnx.load(exported[1])
    onnx.checker.check_model(graph)
    assert METADATA_KEY in {entry.key for entry in graph.metadata_props}
    assert [value.name for value in graph.graph.output] == ["boxes", "scores", "labels"]
    kinds = {value.name: value.type.tensor_type.elem_type for value in (*graph.graph.input, *graph.graph.output)}
    assert kinds == {
        "image": onnx.TensorProto.UINT8,
        "boxes": onnx.TensorProto.FLOAT,
        "scores": onnx.TensorProto.FLOAT,
        "labels": onnx.TensorProto.INT64,
    }
    assert {opset.domain for opset in graph.opset_import if opset.domain} <= {""}, "standard operators only"


def test_nothing_of_the_machine_is_told(exported):
    content = exported[1].read_bytes()
    assert b"site-packages" not in content
    assert str(Path(fractura.__file__).parent).encode() not in content
    assert b"stack_trace" not in content


@pytest.fixture
def ready_made(exported, monkeypatch):
    """Tracing takes long; hand out the graph that was made once."""
    monkeypatch.setattr(
        fractura.export.onnx, "write_graph", lambda _detector, draft: draft.write_bytes(exported[1].read_bytes())
    )


def test_a_file_of_other_weights_is_refused_and_not_left_behind(ready_made, tmp_path, phantoms):
    other = write_model_folder(tmp_path / "other", SMALL, seed=5)
    output = tmp_path / "out" / "other.onnx"
    with pytest.raises(ModelError, match=r"disagrees with PyTorch: \d+ of \d+ boxes are unmatched") as caught:
        export_onnx(other, output, phantoms[:1])
    assert str(output) in str(caught.value)
    assert not output.exists()
    assert not list(tmp_path.rglob("*.onnx"))


def test_scores_that_differ_are_refused_and_an_older_file_stays(ready_made, folder, tmp_path, phantoms, monkeypatch):
    output = tmp_path / "model.onnx"
    output.write_bytes(b"the older one")
    monkeypatch.setattr("fractura.export.parity.MAXIMUM_SCORE_DIFFERENCE", -1.0)
    with pytest.raises(ModelError, match="scores differ"):
        export_onnx(folder, output, phantoms[:1])
    assert output.read_bytes() == b"the older one"


def test_by_default_it_is_compared_on_phantoms_and_lies_in_the_model_folder(ready_made, folder):
    result = export_model(folder)
    assert result.output == folder / "model.onnx"
    assert result.compared_on == "phantoms"
    assert result.parity.images == 4
    assert result.to_dict()["parity"]["holds"] is True
    assert load_model(result.output).card.name == "m"


def test_wrong_calls(folder, tmp_path):
    with pytest.raises(UsageError, match="cannot export to 'onxx'") as caught:
        export_model(folder, to="onxx")
    assert "did you mean 'onnx'?" in str(caught.value)
    with pytest.raises(ModelError, match="no model card"):
        export_model(tmp_path, images=[tmp_path / "image.png"])


def one(*rows):
    """A model that finds ``rows`` of left, top, right, bottom, score, label on every image."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    return SimpleNamespace(detect=lambda image: Boxes(table[:, :4], table[:, 5], table[:, 4]))


BOX = (0, 0, 100, 100)


@pytest.mark.parametrize(
    ("first", "second", "boxes", "unmatched", "difference"),
    [
        ([(*BOX, 0.9, 0)], [(*BOX, 0.9, 0)], 2, 0, 0.0),
        ([(*BOX, 0.9, 0)], [(*BOX, 0.8, 0)], 2, 0, 0.1),
        ([(*BOX, 0.9, 0)], [(*BOX, 0.9, 1)], 2, 2, 0.0),  # another class
        ([(*BOX, 0.9, 0)], [(0, 0, 100, 98, 0.9, 0)], 2, 2, 0.0),  # IoU 0.98
        ([(*BOX, 0.9, 0)], [], 1, 1, 0.0),
        ([], [(*BOX, 0.9, 0)], 1, 1, 0.0),  # what only the second finds counts as well
        ([], [], 0, 0, 0.0),
        ([(*BOX, 0.9, 0), (0, 0, 9, 9, 0.04, 0)], [(*BOX, 0.9, 0)], 2, 0, 0.0),  # too weak to be compared
        ([(*BOX, 0.04, 0), (0, 0, 9, 9, 0.01, 0)], [(*BOX, 0.04, 0)], 2, 0, 0.0),  # but the best always is
        ([(*BOX, 0.04, 0)], [(0, 0, 9, 9, 0.03, 0)], 2, 2, 0.0),
        ([(*BOX, 0.0501, 0)], [(0, 0, 9, 9, 0.06, 0), (*BOX, 0.0499, 0)], 2, 1, 0.0002),  # a twin may be weaker
    ],
)
def test_boxes_are_compared_in_both_directions(phantoms, first, second, boxes, unmatched, difference):
    assert MINIMUM_SCORE == 0.05
    parity = compare(one(*first), one(*second), phantoms[:1])
    assert (parity.boxes, parity.unmatched) == (boxes, unmatched)
    assert parity.maximum_score_difference == pytest.approx(difference, abs=1e-6)
    assert parity.holds is (unmatched == 0 and difference <= 1e-3)


@pytest.mark.parametrize(
    ("images", "boxes", "unmatched", "difference", "holds"),
    [
        (3, 10, 0, 0.0, True),
        (3, 10, 0, MAXIMUM_SCORE_DIFFERENCE, True),
        (3, 10, 0, MAXIMUM_SCORE_DIFFERENCE * 1.01, False),
        (3, 10, 1, 0.0, False),
        (3, 200, 2, 0.0, True),
        (3, 200, 3, 0.0, False),
        (0, 0, 0, 0.0, False),
        (3, 10, 0, float("nan"), False),
    ],
)
def test_when_parity_holds(images, boxes, unmatched, difference, holds):
    assert Parity(images, boxes, unmatched, 1.0, difference).holds is holds


@pytest.mark.slow
def test_the_tutorials_model_on_a_real_image(tmp_path, real_images):
    """Inception ResNet V2 at 640 x 640: 59 million weights in one file."""
    (image,) = sorted(real_images("fracatlas/val/images").iterdir())[:1]
    name = "faster_rcnn_inception_resnet_v2_640x640"
    model = write_model_folder(tmp_path / "model", name, classes=("fracture",))
    result = export_model(model, output=tmp_path / "big.onnx", images=[image])
    assert result.parity.holds, result.parity
    assert result.parity.boxes > 0
    assert result.size > 200_000_000
