"""TensorFlow: a SavedModel of the old exporter runs, its classes get their names, and what will not do is refused."""

import json

import numpy as np
import pytest

from fractura.cli.main import main
from fractura.core.errors import DataError, MissingDependencyError, ModelError, UsageError
from fractura.core.model_card import ModelCard, write_card
from fractura.inference import load_model

IMAGE = np.full((40, 60, 3), 200, np.uint8)
CARD = ModelCard(name="ours", architecture={"name": "m"}, class_names=("crack", "cast"), threshold=0.3)
LABEL_MAP = "item { id: 2 name: 'yeso' }\nitem { id: 1 name: 'fr' display_name: 'Fractura' }\n"


def write_saved_model(tf, folder, *, kind="uint8", multiclass=True, left_out=()):
    """What an exporter writes, with three boxes of which two count; scores depend on the image's mean."""

    class Tiny(tf.Module):
        def __init__(self):
            super().__init__()
            self.best = tf.Variable(0.5)

        @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], getattr(tf, kind), name="input_tensor")])
        def __call__(self, input_tensor):
            bright = tf.reduce_mean(tf.cast(input_tensor, tf.float32)) / 255 if kind != "string" else 0.5
            outputs = {
                "detection_boxes": tf.constant([[[0.5, 0.1, 1.0, 0.2], [0.0, 0.0, 0.25, 0.5], [0.0] * 4]]),
                "detection_scores": tf.stack([self.best * bright, self.best, 0.0])[None],
                "detection_classes": tf.constant([[2.0, 1.0, 1.0]]),
                "num_detections": tf.constant([2.0]),
            }
            if multiclass:
                outputs["detection_multiclass_scores"] = tf.zeros([1, 3, 3])
            return {name: value for name, value in outputs.items() if name not in left_out}

    module = Tiny()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.__call__})
    return folder


@pytest.fixture(scope="module", name="exported")
def exported_by_the_old_tools(tensorflow, tmp_path_factory):
    folder = tmp_path_factory.mktemp("old") / "knee"
    write_saved_model(tensorflow, folder / "saved_model")
    (folder / "label_map.pbtxt").write_text(LABEL_MAP, encoding="utf-8")
    return folder


def test_boxes_come_in_pixels_best_first_without_padding(tensorflow, exported):
    found = load_model(exported / "saved_model").detect(IMAGE)
    assert found.xyxy.tolist() == [[0, 0, 30, 10], [6, 20, 12, 40]]
    assert found.scores.tolist() == pytest.approx([0.5, 0.5 * 200 / 255])
    assert found.labels.tolist() == [0, 1]


def test_names_come_from_nowhere_a_label_map_or_our_card(tensorflow, exported, tmp_path):
    bare = load_model(exported).card
    assert (bare.name, bare.class_names, bare.threshold) == ("knee", ("class 1", "class 2"), 0.5)
    named = load_model(exported, label_map=exported / "label_map.pbtxt")
    assert named.card.class_names == ("Fractura", "yeso")
    for place in (tmp_path / "beside", tmp_path / "inside" / "saved_model" / "assets.extra"):
        write_card(CARD, place)
        folder = place if place.name == "beside" else tmp_path / "inside"
        (folder / "saved_model").mkdir(exist_ok=True)
        for part in ("saved_model.pb", "variables"):
            (folder / "saved_model" / part).symlink_to(exported / "saved_model" / part)
        assert load_model(folder / "saved_model").card == CARD
    with pytest.raises(UsageError, match="names its classes already"):
        load_model(tmp_path / "beside", label_map=exported / "label_map.pbtxt")


def test_label_maps_that_do_not_fit_are_refused(tensorflow, exported, tmp_path):
    other = tmp_path / "other.pbtxt"
    other.write_text(LABEL_MAP + "item { id: 3 name: 'x' }", encoding="utf-8")
    with pytest.raises(ModelError, match="names 3 classes, the model has 2"):
        load_model(exported, label_map=other)
    with pytest.raises(DataError):
        load_model(exported, label_map=tmp_path / "missing")
    with pytest.raises(UsageError, match="only for a SavedModel"):
        load_model(tmp_path, label_map=other)


def test_a_model_that_does_not_tell_its_classes(tensorflow, tmp_path):
    write_saved_model(tensorflow, tmp_path / "m", multiclass=False)
    with pytest.raises(ModelError, match="finds class 2, and only 1 have names") as caught:
        load_model(tmp_path / "m").detect(IMAGE)
    assert "--label-map" in str(caught.value)
    (tmp_path / "labels").write_text(LABEL_MAP, encoding="utf-8")
    assert len(load_model(tmp_path / "m", label_map=tmp_path / "labels").detect(IMAGE)) == 2


def test_pixels_as_floats(tensorflow, tmp_path):
    write_saved_model(tensorflow, tmp_path / "m", kind="float32")
    assert load_model(tmp_path / "m").detect(IMAGE).scores.tolist() == pytest.approx([0.5, 0.5 * 200 / 255])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "string"}, r"input_tensor \(string\)"),
        ({"left_out": ("num_detections", "detection_scores")}, "lacks detection_scores, num_detections"),
    ],
)
def test_what_is_no_detector_on_pixels_is_refused(tensorflow, tmp_path, changes, said):
    with pytest.raises(ModelError, match=said):
        load_model(write_saved_model(tensorflow, tmp_path / "m", **changes))


def test_a_damaged_folder_is_refused(tensorflow, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="cannot be loaded as a SavedModel"):
        load_model(tmp_path)


def test_a_gpu_where_there_is_none(tensorflow, exported, monkeypatch):
    monkeypatch.setattr(tensorflow.config, "list_physical_devices", lambda kind: [])
    with pytest.raises(MissingDependencyError, match="no GPU"):
        load_model(exported, device="cuda")
    assert len(load_model(exported, device="cpu").detect(IMAGE)) == 2


def test_without_tensorflow_the_way_out_is_named(tmp_path, monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "tensorflow" else real(name, *rest)
    )
    (tmp_path / "saved_model.pb").write_bytes(b"")
    with pytest.raises(MissingDependencyError, match=r"fractura\[tensorflow\]"):
        load_model(tmp_path)


def test_the_command_line(tensorflow, exported, tmp_path, capsys):
    from PIL import Image

    Image.fromarray(IMAGE).save(tmp_path / "image.png")
    words = ["detect", str(tmp_path / "image.png"), "--model", str(exported / "saved_model")]
    words += ["--label-map", str(exported / "label_map.pbtxt"), "--threshold", "0.45", "--output", str(tmp_path / "o")]
    assert main([*words, "--json"]) == 0
    (image,) = json.loads(capsys.readouterr().out)["images"]
    assert [detection["class"] for detection in image["detections"]] == ["Fractura"]
