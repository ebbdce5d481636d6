"""ONNX Runtime: right boxes, the card from the file, and a clear word on every file that will not do."""

import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from support.tiny_models import CARD, write_tiny_onnx

from fractura.core.errors import MissingDependencyError, ModelError
from fractura.inference import load_model
from fractura.inference.runtimes.onnx import OnnxModel

IMAGE = np.zeros((100, 200, 3), np.uint8)


@pytest.fixture(name="file")
def tiny(tmp_path):
    return write_tiny_onnx(tmp_path / "tiny.onnx")


def test_detections_are_in_pixels_and_best_first(file):
    model = load_model(file)
    found = model.detect(IMAGE)
    assert found.scores.tolist() == pytest.approx([0.9, 0.5, 0.3])
    assert found.labels.tolist() == [0, 1, 0]
    assert found.xyxy[0].tolist() == pytest.approx([20, 20, 100, 60])
    assert model.card == CARD


def test_images_of_any_size_and_memory_order(file):
    model = OnnxModel(file, device="cpu")
    turned = IMAGE.transpose(1, 0, 2)
    assert model.detect(turned).xyxy[0].tolist() == pytest.approx([10, 40, 50, 120])
    assert model.device == "cpu"


def test_no_detections_at_all(tmp_path):
    file = write_tiny_onnx(tmp_path / "none.onnx", shares=(), scores=(), labels=())
    assert len(load_model(file).detect(IMAGE)) == 0


@pytest.mark.parametrize("image", [IMAGE.astype(np.float32), IMAGE[:, :, 0], IMAGE[:, :, :1], IMAGE[:0]])
def test_a_image_of_another_kind_is_a_wrong_call(file, image):
    with pytest.raises(ValueError, match="uint8"):
        load_model(file).detect(image)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"card": None}, "carries no fractura card"),
        ({"text": "{"}, "not JSON"),
        ({"text": '{"name": "m", "nam": 1}'}, "card"),
        ({"input_name": "picture"}, "has inputs ['picture']"),
    ],
)
def test_a_file_that_is_not_ours_is_refused(tmp_path, change, said):
    file = write_tiny_onnx(tmp_path / "odd.onnx", **change)
    with pytest.raises(ModelError) as caught:
        load_model(file)
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": (0, 0, 2)}, "no class name"),
        ({"labels": (0, -1, 0)}, "no class name"),
        ({"scores": (0.1, float("nan"), 0.2)}, "not finite"),
        ({"scores": (0.1, 1.5, 0.2)}, "outside 0..1"),
        ({"shares": (float("inf"),) * 12}, "not finite"),
    ],
)
def test_impossible_answers_are_errors(tmp_path, change, said):
    model = load_model(write_tiny_onnx(tmp_path / "odd.onnx", **change))
    with pytest.raises(ModelError, match=said):
        model.detect(IMAGE)


def test_damaged_files_are_refused(tmp_path, file):
    for name, content in (("empty", b""), ("text", b"hello"), ("cut", file.read_bytes()[:100])):
        damaged = tmp_path / f"{name}.onnx"
        damaged.write_bytes(content)
        with pytest.raises(ModelError, match=r"cannot be opened as an ONNX model|carries no fractura card"):
            load_model(damaged)


@pytest.mark.parametrize(
    ("name", "said"),
    [("missing.onnx", "no such model"), ("model.pb", "not a model"), ("weights.safetensors", "give the folder")],
)
def test_other_paths_say_the_way_out(tmp_path, name, said):
    if name != "missing.onnx":
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ModelError, match=said):
        load_model(tmp_path / name)


def test_cuda_where_there_is_none_is_an_environment_error(file, monkeypatch):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(MissingDependencyError, match="CUDA"):
        load_model(file, device="cuda")


def test_it_uses_no_more_threads_than_it_may(file):
    model = OnnxModel(file)
    options = model._session.get_session_options()
    assert 1 <= options.intra_op_num_threads <= (os.cpu_count() or 1)


def test_neither_loading_nor_detecting_needs_torch(file):
    code = (
        "import sys, numpy; sys.modules['torch'] = None\n"
        "from fractura.inference import load_model\n"
        f"load_model({str(file)!r}).detect(numpy.zeros((9, 9, 3), numpy.uint8))\n"
        "import fractura.inference.detect, fractura.inference.results, fractura.evaluation\n"
        "assert sys.modules['torch'] is None"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_damaged_file_leaves_stdout_alone(tmp_path, capfd):
    """ONNX Runtime tells there that it tries again."""
    path = write_tiny_onnx(tmp_path / "model.onnx")
    path.write_bytes(path.read_bytes().replace(b"Gather", b"Gath\xff\xfe"))
    with pytest.raises(ModelError, match="cannot be opened as an ONNX model"):
        OnnxModel(path, device="cpu")
    assert capfd.readouterr().out == ""


def _elsewhere(tensor):
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", "weights.bin"), ("offset", "0"), ("length", "48")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def _initializer(model):
    _elsewhere(next(each for each in model.graph.initializer if each.name == "shares"))


def _constant(model):
    tensor = onnx.helper.make_tensor("unused", onnx.TensorProto.FLOAT, [12], [0.0] * 12)
    _elsewhere(tensor)
    model.graph.node.append(onnx.helper.make_node("Constant", [], ["unused"], value=tensor))


def _in_a_branch(model):
    branch = onnx.GraphProto(name="branch")
    _elsewhere(branch.initializer.add(name="shares", data_type=onnx.TensorProto.FLOAT, dims=[12]))
    model.graph.node.append(onnx.helper.make_node("If", ["yes"], ["unused"], then_branch=branch, else_branch=branch))


def _in_a_function(model):
    function = model.functions.add(name="f", domain="ours")
    tensor = onnx.TensorProto(data_type=onnx.TensorProto.FLOAT, dims=[12])
    _elsewhere(tensor)
    function.node.append(onnx.helper.make_node("Constant", [], ["unused"], value=tensor))


def _sparse(model):
    _elsewhere(model.graph.sparse_initializer.add().values)


@pytest.mark.parametrize("change", [_initializer, _constant, _in_a_branch, _in_a_function, _sparse])
def test_a_model_reads_no_other_file_not_even_one_beside_it(file, change):
    model = onnx.load(file)
    change(model)
    file.write_bytes(model.SerializeToString())
    (file.parent / "weights.bin").write_bytes(bytes(48))
    with pytest.raises(ModelError, match="keeps weights in other files"):
        OnnxModel(file, device="cpu")


def test_what_hides_from_the_search_is_not_opened(file):
    """A group, which protocol buffers know no more, ends the search before the weights; the file is refused."""
    file.write_bytes(b"\x0b\x0c" + file.read_bytes())
    with pytest.raises(ModelError, match="cannot be opened as an ONNX model"):
        OnnxModel(file, device="cpu")
