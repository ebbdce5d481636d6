"""The SavedModel finds in TensorFlow what PyTorch finds; the tutorial's model what TensorFlow's own export found."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from support.material import REFERENCE
from support.saved_model_helpers import TUTORIAL_SCRIPT, card_of, inception_detector, small_detector, write_model_folder

from fractura.core.errors import ModelError, UsageError
from fractura.core.model_card import read_card
from fractura.export.parity import Parity
from fractura.inference import load_model
from fractura.models.faster_rcnn.settings import AnchorSettings
from fractura.models.resizer import KeepAspectRatioResizer
from fractura.phantom import make_phantoms

pytestmark = pytest.mark.slow
OUTPUTS = {
    "detection_boxes": (1, 30, 4),
    "detection_scores": (1, 30),
    "detection_classes": (1, 30),
    "detection_multiclass_scores": (1, 30, 3),
    "detection_anchor_indices": (1, 30),
    "num_detections": (1,),
    "raw_detection_boxes": (1, 40, 4),
    "raw_detection_scores": (1, 40, 3),
}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return [record.image for record in make_phantoms(tmp_path_factory.mktemp("images"), images=2, seed=0)]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    detector = small_detector(max_total_detections=30)
    return write_model_folder(detector, tmp_path_factory.mktemp("small") / "model", "fractura", "yeso")


@pytest.fixture(scope="module")
def exported(tensorflow, model, images):
    from fractura.tensorflow_od.exporter import export_for_tensorflow

    return export_for_tensorflow(model, images=images)


def twins(first, second):
    """How many boxes of ``first`` are in ``second``, of the same class, within 0.05 px and 1e-4."""
    near = np.abs(first.xyxy[:, None] - second.xyxy[None]).max(axis=2) <= 0.05
    near &= np.abs(first.scores[:, None] - second.scores[None]) <= 1e-4
    return int((near & (first.labels[:, None] == second.labels[None])).any(axis=1).sum())


def test_the_exporters_folder(exported, model):
    folder = model / "exported"
    assert exported.output == folder
    assert exported.parity.holds
    assert exported.parity.boxes > 20
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert written == {
        "card.json",
        "checkpoint",
        "checkpoint/checkpoint",
        "checkpoint/ckpt-0.data-00000-of-00001",
        "checkpoint/ckpt-0.index",
        "saved_model",
        "saved_model/assets",
        "saved_model/assets.extra",
        "saved_model/assets.extra/card.json",
        "saved_model/fingerprint.pb",
        "saved_model/saved_model.pb",
        "saved_model/variables",
        "saved_model/variables/variables.data-00000-of-00001",
        "saved_model/variables/variables.index",
    }
    assert exported.size == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert "no pipeline.config" in exported.notes[0]
    assert read_card(folder) == read_card(model)


def test_signature_and_call(tensorflow, exported, images):
    loaded = tensorflow.saved_model.load(str(exported.output / "saved_model"))
    run = loaded.signatures["serving_default"]
    spec = run.structured_input_signature[1]["input_tensor"]
    assert (spec.dtype, spec.shape.as_list()) == (tensorflow.uint8, [1, None, None, 3])
    image = np.asarray(Image.open(images[0]).convert("RGB"))[None]
    called, signed = loaded(image), run(input_tensor=tensorflow.constant(image))
    for found in (called, signed):
        assert {name: tuple(value.shape) for name, value in found.items()} == OUTPUTS
        assert {value.dtype for value in found.values()} == {tensorflow.float32}
    count = int(called["num_detections"][0])
    boxes, scores = called["detection_boxes"].numpy()[0], called["detection_scores"].numpy()[0]
    assert 0 < count <= 30
    assert (np.diff(scores) <= 0).all()
    assert (boxes.min(), boxes.max() <= 1) == (0, True)
    assert not boxes[count:].any()
    # Each detection is its proposal's row of the raw outputs.
    rows = called["detection_anchor_indices"].numpy()[0, :count].astype(int)
    raw_boxes, raw_scores = called["raw_detection_boxes"].numpy()[0], called["raw_detection_scores"].numpy()[0]
    labels = called["detection_classes"].numpy()[0, :count].astype(int)
    assert set(labels) == {1, 2}
    assert np.array_equal(boxes[:count], raw_boxes[rows])
    assert np.array_equal(called["detection_multiclass_scores"].numpy()[0, :count], raw_scores[rows])
    assert np.array_equal(scores[:count], raw_scores[rows, labels])


@pytest.mark.parametrize("converter", ["SIGMOID", "IDENTITY"])
def test_other_scores(tensorflow, converter, images, tmp_path):
    from fractura.tensorflow_od.exporter import export_for_tensorflow

    detector = small_detector(score_converter=converter, max_total_detections=30)
    model = write_model_folder(detector, tmp_path / "model", "fractura", "yeso")
    exported = export_for_tensorflow(model, images=images)
    assert exported.parity.holds
    assert exported.parity.boxes > 10
    image = np.asarray(Image.open(images[0]).convert("RGB"))[None]
    found = tensorflow.saved_model.load(str(exported.output / "saved_model"))(image)
    raw, scores = found["raw_detection_scores"].numpy()[0], found["detection_scores"].numpy()[0]
    assert raw.sum(axis=1) != pytest.approx(1, abs=0.01)  # as those of softmax would be
    assert scores.max() <= 1 if converter == "SIGMOID" else raw.min() < 0


@pytest.mark.parametrize("size", [(96, 128), (40, 50), (333, 77), (1, 1)])
def test_any_image_as_in_pytorch(tensorflow, exported, model, size):
    image = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    ours, theirs = load_model(model).detect(image), load_model(exported.output).detect(image)
    assert len(ours) == len(theirs) > 0
    assert twins(ours, theirs) >= len(ours) - 1


def test_the_checkpoint_holds_every_weight(tensorflow, exported, model):
    from safetensors.numpy import load_file

    reader = tensorflow.train.load_checkpoint(str(exported.output / "checkpoint"))
    weights = load_file(model / "weights.safetensors")
    for name, value in weights.items():
        key = f"model/{name.replace('.', '/')}/.ATTRIBUTES/VARIABLE_VALUE"
        assert np.array_equal(reader.get_tensor(key), value), name
    extra = len(reader.get_variable_to_shape_map()) - len(weights)
    assert extra == 2  # the save counter and the object graph


def test_the_tutorials_detection_script(tensorflow, exported, images, tmp_path, monkeypatch, capsys):
    picture = tmp_path / "imagen.jpg"
    Image.open(images[0]).convert("RGB").save(picture)
    drawn, shown = [], []
    plot = SimpleNamespace(
        figure=lambda figsize: None, imshow=shown.append, axis=lambda word: None, show=lambda: shown.append("shown")
    )
    monkeypatch.setitem(
        sys.modules, "cv2", SimpleNamespace(rectangle=lambda image, *rest: drawn.append((image.shape, *rest)))
    )
    monkeypatch.setitem(sys.modules, "matplotlib", SimpleNamespace(pyplot=plot))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", plot)
    script = TUTORIAL_SCRIPT
    for theirs, ours in (
        ("ruta_del_modelo_exportado/saved_model", exported.output / "saved_model"),
        ("ruta_a/imagen.jpg", picture),
    ):
        assert script.count(theirs) == 1
        script = script.replace(theirs, ours.as_posix())
    exec(compile(script, "tutorial.py", "exec"), {})
    assert "Realizando detección..." in capsys.readouterr().out
    assert shown[-1] == "shown"
    pixels = np.array(Image.open(picture))
    strong = load_model(exported.output).detect(pixels).above(0.5)
    assert len(drawn) == len(strong) > 0
    corners = np.array([(*start, *end) for _, start, end, _, _ in drawn])
    assert np.abs(corners - strong.xyxy).max() <= 1.001  # int() cuts


def per_class_boxes():
    """Images keep their aspect and are padded, TensorFlow's old resizing, one map, fewer anchors than proposals."""
    return small_detector(
        image_resizer=KeepAspectRatioResizer(min_dimension=70, max_dimension=110, pad_to_max_dimension=True),
        share_box_across_classes=False,
        first_stage_pre_nms_top_n=None,
        anchors=AnchorSettings(strides=(16,), base_sizes=(48.0,), offsets=(8.0,)),
        second_stage_nms_score_threshold=0.3,
        first_stage_max_proposals=300,
    )


def canvas_of_any_size():
    """Each image has a canvas of its own, so that all sizes in the network vary."""
    return small_detector(image_resizer=KeepAspectRatioResizer(min_dimension=70, max_dimension=150, antialias=True))


@pytest.mark.parametrize("build", [per_class_boxes, canvas_of_any_size])
def test_other_settings_as_in_pytorch(tensorflow, build, tmp_path):
    from fractura.export.saved_model import write_saved_model

    otherwise = build()
    write_saved_model(otherwise, card_of(otherwise, "a", "b"), tmp_path / "saved_model")
    model = load_model(tmp_path)
    for size in ((200, 120), (60, 90), (300, 31)):
        image = np.random.default_rng(2).integers(0, 256, (*size, 3), dtype=np.uint8)
        (ours,), theirs = otherwise.detect([torch.from_numpy(image)]), model.detect(image)
        assert len(ours) == len(theirs) > 5
        assert twins(ours, theirs) >= len(ours) - 1
        raw = model._runtime._run(input_tensor=tensorflow.constant(image[None]))
        assert int(raw["num_detections"][0]) == len(theirs)
        rows = raw["detection_anchor_indices"].numpy()[0, : len(theirs)].astype(int)
        best = raw["raw_detection_scores"].numpy()[0, rows, 1:].argmax(axis=1) == theirs.labels
        assert best.any()
        fractions = raw["raw_detection_boxes"].numpy()[0, rows][best][:, [1, 0, 3, 2]]
        assert np.abs(fractions * np.array([size[1], size[0]] * 2) - theirs.xyxy[best]).max() <= 1e-3


def test_every_input_of_the_exporter(tensorflow, tmp_path):
    """The other three find what pixels find; an image of three formats, and the example of a TFRecord."""
    from fractura.export.saved_model import write_saved_model
    from fractura.export.saved_model_inputs import INPUT_KINDS

    otherwise, pixels = small_detector(), np.random.default_rng(3).integers(0, 256, (90, 130, 3), dtype=np.uint8)
    loaded = {}
    for kind in INPUT_KINDS:
        folder = tmp_path / kind
        write_saved_model(otherwise, card_of(otherwise, "a", "b"), folder, input_type=kind)
        loaded[kind] = tensorflow.saved_model.load(str(folder))
        [spec] = loaded[kind].signatures["serving_default"].structured_input_signature[1].values()
        assert spec.name == "input_tensor"
    wanted = loaded["image_tensor"](pixels[None])
    assert wanted["num_detections"][0] > 5
    encoded = {name: getattr(tensorflow.io, f"encode_{name}")(pixels).numpy() for name in ("png", "jpeg")}
    feature = tensorflow.train.Feature(bytes_list=tensorflow.train.BytesList(value=[encoded["png"]]))
    example = tensorflow.train.Example(features=tensorflow.train.Features(feature={"image/encoded": feature}))
    for kind, given in (
        ("float_image_tensor", pixels[None].astype(np.float32)),
        ("encoded_image_string_tensor", [encoded["png"]]),
        ("tf_example", [example.SerializeToString()]),
    ):
        found = loaded[kind](tensorflow.constant(given))
        assert all(np.array_equal(found[name], value) for name, value in wanted.items()), kind
    jpeg = loaded["encoded_image_string_tensor"](tensorflow.constant([encoded["jpeg"]]))
    same = loaded["image_tensor"](tensorflow.io.decode_jpeg(encoded["jpeg"])[None])
    assert np.array_equal(jpeg["detection_boxes"], same["detection_boxes"])
    with pytest.raises(ModelError, match="does not take an image's pixels"):
        load_model(tmp_path / "tf_example")


def test_what_cannot_be_exported_is_refused(tensorflow, model, images, tmp_path, monkeypatch):
    from fractura.export import export_model, saved_model

    monkeypatch.setattr(saved_model, "write_saved_model", lambda detector, card, folder: folder.mkdir())
    monkeypatch.setattr(saved_model, "SavedModel", lambda folder, device: None)
    monkeypatch.setattr(saved_model, "compare", lambda first, second, images: Parity(1, 5, 2, 0.9, 0.1))
    former = tmp_path / "out" / "saved_model"
    former.mkdir(parents=True)
    with pytest.raises(ModelError, match="2 of 5 boxes are unmatched"):
        export_model(model, to="saved_model", output=tmp_path / "out", images=images)
    assert list((tmp_path / "out").iterdir()) == [former]
    with pytest.raises(UsageError, match="savedmodel"):
        export_model(model, to="savedmodel")


# -- the tutorial's model --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def inception(tensorflow, tmp_path_factory):
    """The tutorial's model exported once, without the comparison: the goldens are compared with."""
    from fractura.export.saved_model import write_saved_model
    from fractura.tensorflow_od.exporter import write_companions

    detector, folder = inception_detector(), tmp_path_factory.mktemp("inception")
    card = card_of(detector, "Fractura")
    write_saved_model(detector, card, folder / "saved_model")
    assert write_companions(detector, card, folder, folder / "none") == ()
    return folder


@pytest.fixture(scope="module")
def loaded(tensorflow, inception):
    return tensorflow.saved_model.load(str(inception / "saved_model"))


@pytest.mark.parametrize("name", ["camera", "astronaut"])
def test_golden_detections(loaded, name):
    golden = np.load(REFERENCE / "goldens" / f"{name}.npz")
    found = {key: value.numpy() for key, value in loaded(golden["image_uint8"][None]).items()}
    expected = {key.removeprefix("saved_model/"): golden[key] for key in golden.files if key.startswith("saved_model/")}
    assert {key: (value.shape, value.dtype) for key, value in found.items()} == {
        key: (value.shape, value.dtype) for key, value in expected.items()
    }
    assert found["num_detections"] == expected["num_detections"]
    assert (found["detection_classes"] == 1).all()
    for boxes, scores, least in (
        ("detection_boxes", "detection_scores", 99),
        ("raw_detection_boxes", "raw_detection_scores", 297),
    ):
        ours, theirs = (each[boxes][0] * 512 for each in (found, expected))
        our_scores, their_scores = (each[scores][0].reshape(len(ours), -1) for each in (found, expected))
        near = np.abs(ours[:, None] - theirs[None]).max(axis=2) <= 0.05
        near &= np.abs(our_scores[:, None] - their_scores[None]).max(axis=2) <= 1e-4
        assert near.any(axis=0).sum() >= least
    rows = found["detection_anchor_indices"][0].astype(int)
    assert np.array_equal(found["detection_multiclass_scores"][0], found["raw_detection_scores"][0, rows])
    assert np.array_equal(found["detection_scores"], found["detection_multiclass_scores"][..., 1])


def test_checkpoint_and_pipeline_config_are_tensorflows(tensorflow, inception):
    from weights_by_name import canonical, make

    from fractura.tensorflow_od.pipeline_mapping import detector_settings
    from fractura.tensorflow_od.pipeline_reader import read_pipeline_config

    settings = detector_settings(read_pipeline_config(inception / "pipeline.config"))
    assert settings == inception_detector().settings
    reader = tensorflow.train.load_checkpoint(str(inception / "checkpoint" / "ckpt-0"))
    shapes = reader.get_variable_to_shape_map()
    table = (REFERENCE / "variables_640.tsv").read_text(encoding="utf-8").splitlines()[1:]
    keys = [line.split("\t")[0] for line in table]
    ours = {key for key in shapes if key.startswith("model/")}
    assert ours == {key for key in keys if key.startswith("model/")}
    for key in sorted(ours)[::9]:
        assert np.array_equal(reader.get_tensor(key), make(canonical(key), tuple(shapes[key]))), key


def test_the_exported_checkpoint_comes_back_bit_for_bit(inception, tmp_path):
    from safetensors.torch import load_file

    from fractura.tensorflow_od.importing import import_checkpoint

    imported = import_checkpoint(inception, tmp_path / "model")
    weights, expected = load_file(imported.model_folder / "weights.safetensors"), inception_detector().state_dict()
    assert weights.keys() == expected.keys()
    assert all(torch.equal(weights[name], value) for name, value in expected.items())
