"""Images of another kind than the training images are warned about, in Python and in every result; others are not."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from support.dicom_images import dicom
from support.tiny_models import CARD, write_tiny_onnx

from benchmarks.robustness import CHANGES, changed
from benchmarks.unfamiliar import blank, chest, drawn, noise, photograph, text_page
from fractura import detect, load_model
from fractura.core.errors import ModelError
from fractura.formats import read_dataset
from fractura.imaging.reader import read_record
from fractura.inference.domain import Domain, image_statistics

APPEARANCE = "outside what this model was trained on: it does not resemble the training images"


@pytest.fixture(name="domain", scope="module")
def domain_fixture():
    return Domain.from_card(load_model("built-in").card)


def test_the_card_says_what_the_built_in_model_knows(domain):
    assert {"HAND", "WRIST", "LEG", "HIP", "SHOULDER"} <= domain.body_parts
    assert not domain.body_parts & {"CHEST", "HEAD", "SKULL", "ABDOMEN", "LSPINE", "RIB"}
    measured = load_model("built-in").card.domain["measured"]
    assert measured["as they are"] == {"images": 225, "warned": 2}


@pytest.mark.parametrize("kind", [noise, text_page, photograph, blank])
def test_other_images_are_warned_about(domain, kind):
    assert [domain.warning(image) for image in drawn(kind, 10)] == [APPEARANCE] * 10


def test_most_chests_are_warned_about(domain):
    assert sum(domain.warning(image) is not None for image in drawn(chest, 20)) >= 18


def test_the_card_tells_what_is_measured(domain, real_images):
    dataset = read_dataset(real_images("fracatlas/val"))
    assert sum(domain.warning(read_record(record).pixels) is not None for record in dataset) == 2


def test_the_style_of_another_hospital_is_not_another_kind(domain, real_images):
    """A few of the validation images, under the changes that leave a radiograph looking like one."""
    dataset = read_dataset(real_images("fracatlas/val"))
    few = type(dataset)(dataset.class_names, dataset.records[::15])
    for change in CHANGES:
        if change.__name__ in ("dark", "bright", "flat", "equalised", "coarse", "grainy", "stretched"):
            warned = [domain.warning(image) is not None for image in changed(few, change)[1]]
            assert sum(warned) <= 1, change.__name__


def test_the_header_decides_where_it_names_the_body_part(domain):
    grey = np.full((50, 40, 3), 90, np.uint8)
    assert domain.warning(grey, "HEAD") == "outside what this model was trained on: its header says HEAD"
    assert domain.warning(grey, "HAND") == domain.warning(grey) == APPEARANCE


def test_a_fitted_domain_survives_its_card():
    rng = np.random.default_rng(0)
    images = [np.repeat(rng.integers(0, 200, (40, 30, 1)), 3, axis=2).astype(np.uint8) for _ in range(80)]
    rows = np.array([image_statistics(image) for image in images])
    fitted = Domain.fit(rows, frozenset({"HAND"}), usual=rows, share=0.05)
    card = CARD.model_copy(update={"domain": json.loads(json.dumps(fitted.to_dict()))})
    read = Domain.from_card(card)
    assert read.body_parts == {"HAND"}
    assert [read.distance(image) for image in images] == pytest.approx([fitted.distance(i) for i in images], rel=1e-3)
    assert sum(read.warning(image) is not None for image in images) == 4
    # Mahalanobis, with a ridge of a hundredth
    z = (rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 0.01)
    inverse = np.linalg.inv(np.cov(z.T) + 0.01 * np.eye(rows.shape[1]))
    assert fitted.distance(images[0]) == pytest.approx(np.sqrt(z[0] @ inverse @ z[0]))


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (700, 3), (16, 16)])
def test_images_of_any_shape_have_statistics(domain, shape):
    assert np.isfinite(image_statistics(np.zeros((*shape, 3), np.uint8))).all()
    assert np.isfinite(domain.distance(np.full((*shape, 3), 255, np.uint8)))


def test_a_model_that_does_not_say_warns_of_nothing(tmp_path):
    model = load_model(write_tiny_onnx(tmp_path / "tiny.onnx"))
    assert Domain.from_card(model.card) is None
    assert model.predict(next(drawn(noise, 1))).warning is None


@pytest.mark.parametrize(
    "damage",
    [{"mean": [1.0]}, {"mean": [None] * 49}, {"threshold": "high"}, {"whitening": [[1.0]]}, {"body_parts": None}],
)
def test_a_damaged_domain_is_an_error(domain, damage):
    card = CARD.model_copy(update={"domain": {**domain.to_dict(), **damage}})
    with pytest.raises(ModelError, match="the domain on the model card cannot be read"):
        Domain.from_card(card)


def test_every_result_carries_the_warning(tmp_path, domain, caplog):
    """Noise as a DX of the head once gave five fractures without a word."""
    noisy = np.random.default_rng(0).integers(0, 4096, (90, 70)).astype(np.uint16)
    images = tmp_path / "images"
    images.mkdir()
    (images / "head.dcm").write_bytes(dicom(noisy, bits=12, BodyPartExamined="HEAD"))
    (images / "hand.dcm").write_bytes(dicom(noisy, bits=12, BodyPartExamined="HAND"))
    card = CARD.model_copy(update={"domain": domain.to_dict()})
    model = write_tiny_onnx(tmp_path / "tiny.onnx", card=card)
    run = detect([images], model, tmp_path / "out")
    head = "outside what this model was trained on: its header says HEAD"
    assert [image["warning"] for image in run.document["images"]] == [APPEARANCE, head]
    with (tmp_path / "out" / "results.csv").open(encoding="utf-8", newline="") as file:
        assert {row["warning"] for row in csv.DictReader(file)} == {APPEARANCE, head}
    assert f"{images / 'head.dcm'}: {head}" in caplog.text
    plain = load_model(write_tiny_onnx(tmp_path / "plain.onnx")).predict(images / "head.dcm").plot()
    warned: Image.Image = load_model(model).predict(images / "head.dcm").plot()
    assert warned.height > plain.height, "a line below the picture"
