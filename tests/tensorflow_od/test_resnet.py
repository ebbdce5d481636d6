"""The zoo's ResNets between TensorFlow's files and ours: configs, names of variables, checkpoints, first steps."""

import ast
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from support.material import REFERENCE
from support.pipeline_files import small_config, small_resnet_config
from support.snappy_tables import compressed

from fractura.cli.main import main
from fractura.models import build_from_architecture, build_untrained
from fractura.models.detector import Target
from fractura.models.faster_rcnn.family import named_settings
from fractura.phantom import make_phantoms
from fractura.tensorflow_od import model_main_tf2
from fractura.tensorflow_od.checkpoint import CheckpointReader, write_checkpoint
from fractura.tensorflow_od.checkpoint_index import read_table
from fractura.tensorflow_od.object_graph import GRAPH_KEY
from fractura.tensorflow_od.pipeline_mapping import detector_settings
from fractura.tensorflow_od.pipeline_reader import parse_pipeline_config, read_pipeline_config
from fractura.tensorflow_od.restoring import RestoreError, restore
from fractura.tensorflow_od.variables import (
    classification_paths,
    key_of,
    model_paths,
    model_variables,
    shape_in_tensorflow,
    to_array,
)

KIND = "resnet50_v1"

# What the zoo's files say of their models (comments and training aside), with the fields that differ in braces.
ZOO_MODEL = """
model {{
  faster_rcnn {{
    num_classes: 90
    image_resizer {{ keep_aspect_ratio_resizer {{
      min_dimension: {low} max_dimension: {high} pad_to_max_dimension: true
    }} }}
    feature_extractor {{ type: 'faster_rcnn_resnet{depth}_keras' {norm} }}
    first_stage_anchor_generator {{ grid_anchor_generator {{
      scales: [0.25, 0.5, 1.0, 2.0] aspect_ratios: [0.5, 1.0, 2.0] height_stride: 16 width_stride: 16
    }} }}
    first_stage_nms_score_threshold: 0.0
    first_stage_nms_iou_threshold: 0.7
    first_stage_max_proposals: 300
    first_stage_localization_loss_weight: 2.0
    first_stage_objectness_loss_weight: 1.0
    initial_crop_size: 14
    maxpool_kernel_size: 2
    maxpool_stride: 2
    second_stage_box_predictor {{ mask_rcnn_box_predictor {{ use_dropout: false {share} }} }}
    second_stage_post_processing {{
      batch_non_max_suppression {{
        score_threshold: 0.0 iou_threshold: 0.6 max_detections_per_class: 100 max_total_detections: {total}
      }}
      score_converter: SOFTMAX
    }}
    second_stage_localization_loss_weight: 2.0
    second_stage_classification_loss_weight: 1.0
    {clip}
  }}
}}
"""
TPU = {
    "norm": "batch_norm_trainable: true",
    "share": "share_box_across_classes: true",
    "clip": "clip_anchors_to_image: true use_static_shapes: true use_matmul_crop_and_resize: true",
    "total": 300,
}
GPU = {"norm": "", "share": "", "clip": "", "total": 100}


@pytest.mark.parametrize("depth", [50, 101, 152])
@pytest.mark.parametrize(("low", "high", "rest"), [(640, 640, TPU), (1024, 1024, TPU), (800, 1333, GPU)])
def test_the_zoos_files_are_the_named_models(depth, low, high, rest):
    config = parse_pipeline_config(ZOO_MODEL.format(depth=depth, low=low, high=high, **rest))
    assert detector_settings(config) == named_settings(f"faster_rcnn_resnet{depth}_v1_{low}x{high}", 90)


def variables(depth):
    """Shape and name in Keras of each variable of the reference's model, by key."""
    lines = (REFERENCE / f"variables_resnet{depth}.tsv").read_text(encoding="utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    return {key: (tuple(ast.literal_eval(shape)), name) for key, shape, _, name, _ in rows if key.startswith("model/")}


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_keys_shapes_and_places_are_those_of_the_reference(depth):
    with torch.device("meta"):
        state = build_untrained(f"faster_rcnn_resnet{depth}_v1_640x640").state_dict()
    wanted, ours = variables(depth), {key_of(path): name for path, name in model_paths(f"resnet{depth}_v1").items()}
    assert {key: shape_in_tensorflow(state[name]) for key, name in ours.items()} == {
        key: shape for key, (shape, _) in wanted.items()
    }
    assert set(ours.values()) == set(state)
    for key, (_, keras) in wanted.items():
        if keras.startswith("conv"):  # such as conv4_block6_3_bn/gamma
            layer, kind = keras.split("/")[0].rsplit("_", 1)
            block, _, number = layer.rpartition("_")
            place = f".{block}.conv_{number}." if block else f".{layer}."
            assert place in ours[key], (keras, ours[key])
            assert (".bn." in ours[key]) == (kind == "bn")


def test_classification_numbers_are_those_of_keras(tensorflow):
    """Keras' own ResNet50 sorts its layers as the reference's does; it has biases besides."""
    keras = tensorflow.keras.applications.ResNet50(include_top=False, weights=None)
    layers = [layer for layer in keras.layers if layer.weights]
    ours = {}
    for path, name in classification_paths(KIND).items():
        ours.setdefault(int(path.split("layer_with_weights-")[1].split("/")[0]), name)
    assert len(ours) == len(layers)
    for number, layer in enumerate(layers):
        block, part, kind = layer.name.rsplit("_", 2) if "block" in layer.name else ("conv1", "", layer.name[6:])
        assert (f".{block}.conv_{part}." if part else ".conv1.") in ours[number], layer.name
        assert (".bn." in ours[number]) == (kind == "bn")


def build(settings, seed):
    torch.manual_seed(seed)
    detector = build_from_architecture(settings.model_dump(mode="json"))
    with torch.no_grad():  # statistics and offsets start at 0 and 1: give them values that can be mixed up
        for name, value in detector.state_dict().items():
            if value.ndim == 1:
                value.copy_(torch.rand(value.shape) + (1 if name.endswith("var") else 0))
    return detector


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return detector_settings(read_pipeline_config(small_resnet_config(tmp_path_factory.mktemp("c") / "p.config")))


@pytest.fixture(scope="module")
def source(settings, tmp_path_factory):
    """A detector, its full checkpoint and that of its bare backbone."""
    folder = tmp_path_factory.mktemp("checkpoints")
    detector = build(settings, 1)
    write_checkpoint(folder / "ckpt-0", model_variables(detector) | {key_of("save_counter"): np.int64(1)})
    state = detector.state_dict()
    backbone = {key_of(path): to_array(state[ours]) for path, ours in classification_paths(KIND).items()}
    write_checkpoint(folder / "backbone" / "ckpt-1", backbone)
    return detector, folder


def test_checkpoint_to_model_to_checkpoint_loses_nothing(source, settings, tmp_path):
    theirs, folder = source
    first = CheckpointReader(folder / "ckpt-0")
    assert set(first.variables) - {key_of("save_counter")} == set(variables(50)) - {key_of("save_counter"), GRAPH_KEY}
    ours = build(settings, 2)
    assert restore(ours, first, "full").counts == {"loaded": 275, "unused": 1}
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in theirs.state_dict().items())
    write_checkpoint(tmp_path / "back" / "ckpt-0", model_variables(ours))
    second = CheckpointReader(tmp_path / "back" / "ckpt-0")
    assert all(first.read(key).tobytes() == value.tobytes() for key, value in second.items())


@pytest.mark.parametrize(("kind", "checkpoint"), [("detection", "ckpt-0"), ("classification", "backbone/ckpt-1")])
def test_only_the_backbone_is_taken(source, settings, kind, checkpoint):
    theirs, folder = source
    ours = build(settings, 3)
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    assert restore(ours, CheckpointReader(folder / checkpoint), kind).counts["loaded"] == 265
    for name, value in ours.state_dict().items():
        backbone = name.startswith("feature_extractor.")
        assert torch.equal(value, theirs.state_dict()[name] if backbone else before[name]), name


def test_the_checkpoint_of_another_backbone_is_refused(source, tmp_path):
    config = small_resnet_config(tmp_path / "p.config", depth=101)
    other = build_from_architecture(detector_settings(read_pipeline_config(config)).model_dump(mode="json"))
    with pytest.raises(RestoreError, match="do not match") as caught:
        restore(other, CheckpointReader(source[1] / "ckpt-0"), "detection")
    assert "faster_rcnn_resnet101_v1" in caught.value.hint


@pytest.mark.parametrize("batch_norm", ["true", "false"])
def test_it_learns_with_and_without_batch_statistics(tmp_path, batch_norm):
    config = small_resnet_config(
        tmp_path / "p.config", replace=[("batch_norm_trainable: true", f"batch_norm_trainable: {batch_norm}")]
    )
    detector = build(detector_settings(read_pipeline_config(config)), 4).train()
    image = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (80, 60, 3), dtype=np.uint8))
    target = Target(torch.tensor([[10.0, 10.0, 50.0, 60.0]]), torch.zeros(1, dtype=torch.int64))
    mean = detector.feature_extractor.first_stage.conv1.bn.running_mean
    before = mean.clone()
    sum(detector.losses([image, image], [target, target]).values()).backward()
    assert torch.equal(before, mean) == (batch_norm == "false")
    without = [name for name, p in detector.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert without == []
    assert detector.feature_extractor.first_stage.conv1.bn.weight.grad.abs().sum() > 0


@pytest.mark.slow
@pytest.mark.parametrize("write_config", [small_resnet_config, small_config], ids=["resnet50", "inception_resnet_v2"])
def test_a_compressed_checkpoint_as_the_zoos_imports_and_trains(write_config, tmp_path, capsys):
    zoo = tmp_path / "zoo"
    config = write_config(tmp_path / "p.config")
    detector = build(detector_settings(read_pipeline_config(config)), 5)
    write_checkpoint(zoo / "checkpoint" / "ckpt-0", model_variables(detector) | {key_of("save_counter"): np.int64(1)})
    index = zoo / "checkpoint" / "ckpt-0.index"
    index.write_bytes(compressed(read_table(index.read_bytes(), index).items()))
    shutil.copy(config, zoo / "pipeline.config")
    assert main(["import-tf", str(zoo), "--output", str(tmp_path / "imported")]) == 0
    weights = load_file(tmp_path / "imported" / "weights.safetensors")
    assert all(torch.equal(weights[name], value) for name, value in detector.state_dict().items())

    make_phantoms(tmp_path / "images", images=2, seed=0, size=(192, 224))
    record, label_map = tmp_path / "train.tfrecord", tmp_path / "label_map.txt"
    words = ["convert", str(tmp_path / "images"), str(record), "--to", "tfrecord", "--label-map", str(label_map)]
    assert main(words) == 0
    words = ["configure", str(config), "--label-map", str(label_map), "--train-record", str(record)]
    words += ["--eval-record", str(record), "--fine-tune-checkpoint", str(zoo / "checkpoint" / "ckpt-0")]
    assert main([*words, "--fine-tune-checkpoint-type", "detection", "--num-steps", "2"]) == 0
    words = [f"--pipeline_config_path={config}", f"--model_dir={tmp_path / 'trained'}", "--num_steps_per_iteration=1"]
    assert model_main_tf2.main(words) == 0
    assert "Step 2 per-step time" in capsys.readouterr().err
    assert int(CheckpointReader(tmp_path / "trained").read(key_of("step"))) == 2
