"""From names and cards to detectors."""

import json

import pytest
import torch

from fractura.core.errors import ModelError, UsageError
from fractura.models import (
    DEFAULT_MODEL,
    Detector,
    build_detector,
    build_from_architecture,
    build_untrained,
    model_names,
    recommended_training,
)
from fractura.models.catalogue import CATALOGUE
from fractura.models.faster_rcnn.backbones import BACKBONES
from fractura.models.faster_rcnn.family import FasterRCNNFamily, named_settings
from fractura.training import TrainSettings

SMALL = "faster_rcnn_efficientnet_lite0_320x320"
FASTER_RCNN = tuple(entry.name for entry in FasterRCNNFamily.entries)


def test_the_default_is_one_of_the_names():
    assert DEFAULT_MODEL in model_names()
    assert len(set(model_names())) == len(model_names()) >= 5


def test_an_entry_shows_its_facts_and_not_how_it_is_built():
    for entry in CATALOGUE:
        facts = entry.to_dict()
        assert facts["name"] == entry.name
        assert facts["megabytes"] == entry.parameters * 4 / 1e6
        assert not {"architecture", "training", "further_training"} & set(facts)


@pytest.mark.parametrize("entry", FasterRCNNFamily.entries, ids=lambda entry: entry.name)
def test_the_catalogue_counts_weights_right(entry):
    with torch.device("meta"):
        detector = build_untrained(entry.name)
    assert detector.architecture()["name"] == entry.name
    assert sum(p.numel() for p in detector.parameters()) == entry.parameters


def test_every_backbone_is_used_by_a_named_model():
    kinds = {entry.architecture["feature_extractor"]["kind"] for entry in FasterRCNNFamily.entries}
    assert kinds == set(BACKBONES)


@pytest.mark.parametrize("name", FASTER_RCNN)
@pytest.mark.parametrize("classes", [1, 7])
def test_a_name_says_family_and_size(name, classes):
    settings = named_settings(name, classes)
    height, width = map(int, name.rsplit("_", 1)[1].split("x"))
    assert settings.image_resizer.resized_size(500, 500) == (height, height)
    assert settings.image_resizer.canvas_size(500, 500) == (width, width)
    assert settings.num_classes == classes
    assert settings.name == name
    backbone = name.removeprefix("faster_rcnn_").rsplit("_", 1)[0].removesuffix("_fine")
    assert settings.feature_extractor.kind.startswith(backbone)


@pytest.mark.parametrize("name", [name for name in FASTER_RCNN if "efficientnet" in name])
def test_the_fine_ones_keep_the_images_shape_and_cut_from_the_finer_map(name):
    settings = named_settings(name, 1)
    fine, side = "_fine_" in name, int(name.rsplit("x", 1)[1])
    assert settings.image_resizer.resized_size(500, 250) == ((side, side // 2) if fine else (side, side))
    assert getattr(settings.feature_extractor, "crop_stride", None) == (4 if fine else None)


@pytest.mark.parametrize("name", model_names())
def test_recommended_settings_are_settings_of_training(name):
    settings = TrainSettings.create({"data": "d", "output": "o", "model": name})
    recommended = settings.recommend(recommended_training(name))
    assert recommended.optimizer == ("momentum" if "_resnet" in name else "adamw")
    assert recommended.gradient_clipping_by_norm == (10.0 if name in FASTER_RCNN else 0.1)
    assert recommended.to_dict().items() >= recommended_training(name).items()


def test_the_tutorials_models_follow_their_configs():
    small, large = (named_settings(f"faster_rcnn_inception_resnet_v2_{s}x{s}", 1) for s in (640, 1024))
    assert small.feature_extractor.batch_norm_trainable
    assert small.clip_anchors_to_image
    assert not large.feature_extractor.batch_norm_trainable
    assert not large.clip_anchors_to_image


@pytest.mark.parametrize("ask", [lambda name: build_detector(name, 1), recommended_training])
def test_an_unknown_name_is_a_usage_error_with_the_nearest_one(ask):
    with pytest.raises(UsageError, match=f"did you mean '{SMALL}'"):
        ask(SMALL.replace("lite0", "lite9"))


def test_the_small_backbone_starts_from_imagenet_and_a_card_rebuilds_it():
    torch.manual_seed(0)
    detector = build_detector(SMALL, 2)
    assert isinstance(detector, Detector)
    again = build_from_architecture(json.loads(json.dumps(detector.architecture())))
    assert again.architecture() == detector.architecture()
    backbone, fresh = detector.feature_extractor.backbone, again.feature_extractor.backbone
    assert backbone.stem.bn.running_var.std() > 0, "statistics of real pictures"
    assert (fresh.stem.bn.running_var == 1).all()
    torch.manual_seed(1)
    other = build_detector(SMALL, 2)
    assert torch.equal(other.feature_extractor.backbone.stem.weight, backbone.stem.weight)
    assert not torch.equal(other.first_stage_conv.weight, detector.first_stage_conv.weight)


@pytest.mark.parametrize(
    ("change", "place", "said"),
    [
        ({"num_classes": 0}, "num_classes", "greater than 0"),
        ({"number_of_classes": 1}, "number_of_classes", "Extra inputs"),
        ({"image_resizer": {"kind": "stretch"}}, "image_resizer", "stretch"),
        ({"first_stage_matched_threshold": 1.5}, "first_stage_matched_threshold", "less than or equal to 1"),
        ({"anchors": {"strides": [8], "base_sizes": [], "offsets": [4]}}, "anchors", "one value per feature map"),
    ],
)
def test_a_card_of_another_version_is_refused(change, place, said):
    architecture = named_settings(SMALL, 1).model_dump(mode="json")
    with pytest.raises(ModelError) as caught:
        build_from_architecture({**architecture, **change})
    assert place in str(caught.value)
    assert said in str(caught.value)
    assert "version named on the model's card" in str(caught.value)


def test_a_card_of_an_unknown_family_is_refused():
    with pytest.raises(ModelError, match="family 'yolo'"):
        build_from_architecture({"name": "x", "family": "yolo"})


def test_an_empty_card_is_refused():
    with pytest.raises(ModelError):
        build_from_architecture({})
