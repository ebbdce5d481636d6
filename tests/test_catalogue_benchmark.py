"""The catalogue's sizes are those of the networks, and the benchmark that prints its metrics runs."""

import pytest
import torch
from support.tiny_models import CARD as TINY_CARD
from support.tiny_models import write_tiny_onnx

from benchmarks.catalogue import METRICS, main
from fractura.evaluation import evaluate
from fractura.formats import read_dataset
from fractura.inference import load_model
from fractura.inference.detect import detect_dataset
from fractura.models import build_untrained
from fractura.models.catalogue import CATALOGUE, find_model
from fractura.phantom import make_phantoms

PUBLISHED = {
    "dfine_nano": 4,
    "dfine_small": 10,
    "dfine_medium": 19,
    "rtdetrv2_r18": 20,
    "rtdetrv2_r50": 42,
    "rfdetr_nano": 30.5,
    "rfdetr_small": 32.1,
    "rfdetr_medium": 33.7,
    "deimv2_nano": 3.6,
}
"""Millions of weights for COCO's classes, as the authors round them."""


def test_every_model_of_the_hub_has_a_published_size():
    assert set(PUBLISHED) == {entry.name for entry in CATALOGUE if entry.hub_id}


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_are_those_of_the_catalogue_and_of_the_authors(name):
    entry = find_model(name)
    detector = build_untrained(name)
    assert sum(p.numel() for p in detector.parameters()) == entry.parameters
    published = build_untrained(name, 91 if name.startswith("rfdetr") else 80)
    millions = sum(p.numel() for p in published.parameters()) / 1e6
    assert millions == pytest.approx(PUBLISHED[name], abs=0.05 if PUBLISHED[name] % 1 else 0.95)


def test_every_size_takes_a_image():
    with torch.inference_mode():
        boxes, scores, labels = build_untrained("rfdetr_nano").eval()(torch.zeros(454, 373, 3, dtype=torch.uint8))
    assert boxes.shape == (300, 4)
    assert scores.shape == labels.shape == (300,)


def test_the_benchmark_measures_an_exported_model(tmp_path, capsys):
    make_phantoms(tmp_path / "images", images=4)
    card = TINY_CARD.model_copy(update={"class_names": ("Fractura", "cast")})
    write_tiny_onnx(tmp_path / "tiny.onnx", card=card)
    main([str(tmp_path / "tiny.onnx"), "--images", str(tmp_path / "images")])
    out = capsys.readouterr().out
    [row] = [line for line in out.splitlines() if "tiny.onnx" in line and "trained" in line]
    data = read_dataset(tmp_path / "images", class_names=card.class_names)
    detections = list(detect_dataset(load_model(tmp_path / "tiny.onnx"), data))
    wanted = evaluate(data, detections, threshold=card.threshold, rounds=1000)
    for key, heading in METRICS.items():
        assert heading in out
        assert wanted.metrics[key].to_text() in row
