"""Images stream through a model; unreadable ones are never passed over in silence."""

import logging

import numpy as np
import pytest
from PIL import Image
from support.tiny_models import write_tiny_onnx

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError, UsageError
from fractura.inference import load_model
from fractura.inference.detect import detect_dataset, detect_images
from fractura.inference.runtimes import onnx as onnx_runtime
from fractura.inference.settings import DetectionSettings
from fractura.phantom import make_phantoms


@pytest.fixture(name="model", params=[False, True], ids=["one at a time", "several at once"])
def tiny(tmp_path, request, monkeypatch):
    monkeypatch.setattr(onnx_runtime, "_usable_processors", lambda: 3)
    model = load_model(write_tiny_onnx(tmp_path / "tiny.onnx"), many=request.param)
    assert model.at_once == (3 if request.param else 1)
    return model


@pytest.fixture(name="images")
def folder(tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for name in ("a.png", "c.png"):
        Image.fromarray(np.zeros((100, 200), np.uint8)).save(images / name)
    return images


def test_detections_from_the_cards_threshold_up_cut_to_the_image(model, images):
    detections = list(detect_images(model, [images]))
    assert [prediction.name for prediction in detections] == ["a", "c"]
    assert detections[0].boxes.scores.tolist() == pytest.approx([0.9, 0.5])
    assert (detections[0].width, detections[0].height) == (200, 100)
    lower = next(detect_images(model, [images], DetectionSettings.of(model.card, threshold=0)))
    assert len(lower.boxes) == 3
    assert lower.boxes.xyxy[2].tolist() == [100, 50, 200, 100]


def test_images_are_read_one_at_a_time(tmp_path, images):
    stream = detect_images(load_model(write_tiny_onnx(tmp_path / "tiny.onnx")), [images])
    next(stream)
    (images / "c.png").write_bytes(b"gone bad meanwhile")
    with pytest.raises(DataError, match=r"c\.png"):
        next(stream)


def test_an_unreadable_image_stops_or_is_skipped_and_reported(model, images, caplog):
    (images / "b.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"b\.png"):
        list(detect_images(model, [images]))
    problems = []
    found = list(detect_images(model, [images], on_error="skip", problems=problems))
    assert [prediction.name for prediction in found] == ["a", "c"]
    assert ["b.png" in str(problem) for problem in problems] == [True]
    with caplog.at_level(logging.WARNING):
        assert len(list(detect_images(model, [images], on_error="skip"))) == 2
    assert "b.png" in caplog.text


def test_a_large_model_takes_one_image_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_runtime, "_LARGEST_APART", 10)
    assert load_model(write_tiny_onnx(tmp_path / "tiny.onnx"), many=True).at_once == 1


def test_the_built_in_model_finds_the_same_one_at_a_time_and_several_at_once(tmp_path):
    folder = make_phantoms(tmp_path / "phantoms", images=5, seed=3).root / "images"
    alone, together = (
        [prediction.boxes for prediction in detect_images(load_model("built-in", many=many), [folder])]
        for many in (False, True)
    )
    assert len(together) == 5
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one.xyxy, other.xyxy, atol=1e-3)
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)


def test_a_wrong_call_is_an_error_before_the_first_image(model, images):
    with pytest.raises(DataError, match="no such file"):
        detect_images(model, [images, images / "missing.png"])
    with pytest.raises(UsageError, match=r"0\.\.1"):
        DetectionSettings.of(model.card, threshold=1.5)


def records(images):
    plain = Record(image=images / "a.png", width=200, height=100, boxes=Boxes.empty())
    data = (images / "c.png").read_bytes()
    container = images / "container.bin"
    container.write_bytes(b"head" + data + b"tail")
    inside = Record(image=container, width=200, height=100, boxes=Boxes.empty(), span=(4, len(data)), name="c.png")
    return plain, inside


def test_a_data_sets_images_are_not_cut_at_a_threshold(model, images):
    found = list(detect_dataset(model, Dataset(("fracture", "cast"), records(images))))
    assert [len(boxes) for boxes in found] == [3, 3]
    assert found[0] == found[1]


def test_a_image_of_another_size_than_its_annotation_is_refused(model, images):
    turned = Record(image=images / "a.png", width=100, height=200, boxes=Boxes.empty())
    with pytest.raises(DataError, match="200 x 100 pixels, but its annotation is for 100 x 200"):
        list(detect_dataset(model, Dataset(("fracture",), (turned,))))


def test_a_missing_container_is_a_data_error(model, images):
    _, inside = records(images)
    inside.image.unlink()
    with pytest.raises(DataError, match="there is no such file"):
        list(detect_dataset(model, Dataset(("fracture",), (inside,))))


@pytest.mark.parametrize("name", ["exif_rotated/IMG0000428.jpg", "fullres/images/IMG0000057.jpg"])
def test_real_images(model, real_images, name):
    prediction = next(detect_images(model, [real_images(f"awkward/{name}")]))
    assert prediction.boxes.xyxy[0].tolist() == pytest.approx(
        [0.1 * prediction.width, 0.2 * prediction.height, 0.5 * prediction.width, 0.6 * prediction.height], rel=1e-4
    )


def test_boxes_that_are_inside_out_or_hold_nothing_are_not_detections(tmp_path):
    """A model of somebody else may give them."""
    good, others = [0.1, 0.1, 0.5, 0.5], [[0.9, 0.9, 0.2, 0.2], [0.5, 0.1, 0.5, 0.9], [1.2, 0.1, 1.5, 0.9]]
    path = write_tiny_onnx(tmp_path / "m.onnx", shares=[good, *others], scores=[0.9] * 4, labels=[0] * 4)
    prediction = load_model(path).predict(np.zeros((100, 200, 3), np.uint8))
    assert prediction.boxes.xyxy.tolist() == [[20.0, 10.0, 100.0, 50.0]]
