"""fine_tune_checkpoint as the reference restores it: what each type takes, and what stops it."""

import numpy as np
import pytest
import torch
from support.material import REFERENCE
from support.pipeline_files import small_config
from support.tensorflow_checkpoint import write_files

from fractura.core.errors import ModelError
from fractura.models import build_from_architecture
from fractura.tensorflow_od.checkpoint import CheckpointReader, write_checkpoint
from fractura.tensorflow_od.pipeline_mapping import detector_settings
from fractura.tensorflow_od.pipeline_reader import read_pipeline_config
from fractura.tensorflow_od.restoring import RestoreError, restore
from fractura.tensorflow_od.weights import classification_paths, key_of, model_paths, model_variables, to_array

BACKBONE = ("feature_extractor.",)


@pytest.fixture(scope="module")
def architecture(tmp_path_factory):
    config = read_pipeline_config(small_config(tmp_path_factory.mktemp("config") / "pipeline.config"))
    return detector_settings(config)


def build(settings, seed, **changes):
    torch.manual_seed(seed)
    detector = build_from_architecture(settings.model_copy(update=changes).model_dump(mode="json"))
    with torch.no_grad():  # statistics and offsets start at 0 and 1: give them values that can be mixed up
        for name, value in detector.state_dict().items():
            if value.ndim == 1:
                value.copy_(torch.rand(value.shape) + (1 if name.endswith("var") else 0))
    return detector


@pytest.fixture(scope="module")
def source(architecture, tmp_path_factory):
    """A detector, its full checkpoint and that of its bare backbone."""
    folder = tmp_path_factory.mktemp("checkpoints")
    detector = build(architecture, 1)
    extra = {key_of("save_counter"): np.int64(1), key_of("step"): np.int64(12)}
    write_checkpoint(folder / "ckpt-0", model_variables(detector) | extra)
    state = detector.state_dict()
    backbone = {
        key_of(path): to_array(state[ours]) for path, ours in classification_paths("inception_resnet_v2").items()
    }
    write_checkpoint(folder / "backbone" / "ckpt-1", backbone)
    return detector, folder


def same(first, second, *, backbone):
    """Names of tensors that are equal, of those inside the backbone or outside it."""
    state = second.state_dict()
    chosen = {name: value for name, value in first.state_dict().items() if name.startswith(BACKBONE) == backbone}
    return [name for name, value in chosen.items() if torch.equal(value, state[name])], chosen


@pytest.mark.parametrize(("kind", "checkpoint"), [("detection", "ckpt-0"), ("classification", "backbone/ckpt-1")])
def test_only_the_backbone_is_taken(source, architecture, kind, checkpoint):
    theirs, folder = source
    ours = build(architecture, 2)
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    report = restore(ours, CheckpointReader(folder / checkpoint), kind)
    equal, backbone = same(theirs, ours, backbone=True)
    assert len(equal) == len(backbone) == 896
    heads = [name for name in before if not name.startswith(BACKBONE)]
    assert all(torch.equal(before[name], ours.state_dict()[name]) for name in heads), "heads stay fresh"
    assert report.counts == {"loaded": 896, "fresh": 10} | ({"unused": 12} if kind == "detection" else {})


def test_full_takes_everything(source, architecture):
    theirs, folder = source
    ours = build(architecture, 3)
    report = restore(ours, CheckpointReader(folder / "ckpt-0.index"), "full")
    assert report.counts == {"loaded": 906, "unused": 2}
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in theirs.state_dict().items())
    assert {tensor.path for tensor in report.tensors if tensor.state == "unused"} == {"step", "save_counter"}
    assert "backbone, second stage" in report.to_text()
    assert report.to_dict()["tensors"][0]["state"] == "loaded"


def test_another_number_of_classes_stops_full_with_the_table(source, architecture):
    _, folder = source
    ours = build(architecture, 4, num_classes=3)
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    with pytest.raises(RestoreError) as caught:
        restore(ours, CheckpointReader(folder / "ckpt-0"), "full")
    assert isinstance(caught.value, ModelError)
    faults = {tensor.path.rsplit("/", 1)[1]: tensor for tensor in caught.value.report.faults}
    assert set(faults) == {"kernel", "bias"}
    assert (faults["kernel"].shape, faults["kernel"].found) == ((1536, 4), (1536, 2))
    assert "wrong shape" in str(caught.value)
    assert "second stage, heads" in str(caught.value)
    assert '"detection"' in caught.value.hint
    assert all(torch.equal(before[name], value) for name, value in ours.state_dict().items()), "nothing was taken"
    assert restore(ours, CheckpointReader(folder / "ckpt-0"), "detection").counts["loaded"] == 896


@pytest.mark.parametrize(
    ("kind", "checkpoint", "hint"),
    [("detection", "backbone/ckpt-1", "classification"), ("classification", "ckpt-0", "detection")],
)
def test_the_other_kind_of_checkpoint_is_recognised(source, architecture, kind, checkpoint, hint):
    _, folder = source
    with pytest.raises(RestoreError, match="896 tensors") as caught:
        restore(build(architecture, 5), CheckpointReader(folder / checkpoint), kind)
    assert f'"{hint}"' in caught.value.hint
    assert "and 884 more" in str(caught.value)


def test_a_strange_checkpoint(architecture, tmp_path):
    with pytest.raises(RestoreError, match="missing: model/_feature"):
        restore(build(architecture, 6), CheckpointReader(write_files(tmp_path)), "full")
    with pytest.raises(ModelError, match="no such checkpoint"):
        restore(build(architecture, 6), CheckpointReader(tmp_path / "ckpt-7"), "full")


def test_one_tensor_is_missing(source, architecture, tmp_path):
    theirs, _ = source
    variables = model_variables(theirs)
    lost = next(key for key in variables if "box_classifier" in key and key.endswith(key_of("moving_mean")))
    del variables[lost]
    write_checkpoint(tmp_path / "ckpt-0", variables)
    with pytest.raises(RestoreError) as caught:
        restore(build(architecture, 7), CheckpointReader(tmp_path), "detection")
    assert [(t.state, key_of(t.path)) for t in caught.value.report.faults] == [("missing", lost)]


def test_model_keys_are_those_of_the_reference():
    lines = (REFERENCE / "variables_640.tsv").read_text(encoding="utf-8").splitlines()[1:]
    wanted = {line.split("\t")[0] for line in lines} - {"_CHECKPOINTABLE_OBJECT_GRAPH", key_of("save_counter")}
    assert {key_of(path) for path in model_paths("inception_resnet_v2")} == wanted


@pytest.mark.slow
def test_classification_numbers_are_those_of_keras(tensorflow, source):
    """Keras numbers the layers with weights of the whole backbone; both halves of ours follow on each other there."""
    keras = tensorflow.keras.applications.InceptionResNetV2(include_top=False, weights=None)
    layers = [layer for layer in keras.layers if layer.weights]
    state = source[0].state_dict()
    places: dict[int, dict] = {}
    for path, ours in classification_paths("inception_resnet_v2").items():
        number, variable = path.split("layer_with_weights-")[1].split("/")
        places.setdefault(int(number), {})[variable] = (to_array(state[ours]).shape, ours)
    assert len(layers) == len(places) == 448
    for number, layer in enumerate(layers):
        shapes = {weight.path.rsplit("/", 1)[1]: tuple(weight.shape) for weight in layer.weights}
        assert shapes == {name: shape for name, (shape, _) in places[number].items()}, layer.name
        if layer.name.startswith("block"):
            ours = next(iter(places[number].values()))[1]
            assert f".{layer.name.split('_conv')[0]}." in ours, (layer.name, ours)


def test_checkpoint_to_model_to_checkpoint_loses_nothing(source, tmp_path, architecture):
    from fractura.tensorflow_od.importing import import_checkpoint

    _, folder = source
    config = small_config(tmp_path / "pipeline.config")
    imported = import_checkpoint(folder / "ckpt-0", tmp_path / "model", pipeline_config=config)
    assert (imported.step, imported.class_names) == (12, ("class 1",))
    from fractura.core.model_card import read_card
    from fractura.inference.runtimes.torch import load_detector

    back = load_detector(read_card(tmp_path / "model"), tmp_path / "model")
    write_checkpoint(tmp_path / "back" / "ckpt-0", model_variables(back))
    first, second = CheckpointReader(folder / "ckpt-0"), CheckpointReader(tmp_path / "back" / "ckpt-0")
    assert set(second.variables) == set(first.variables) - {key_of("step"), key_of("save_counter")}
    assert all(first.read(key).tobytes() == value.tobytes() for key, value in second.items())


def test_the_command_import_tf(source, tmp_path, capsys):
    from fractura.cli.main import main
    from fractura.formats.label_map import label_map_of, write_label_map

    _, folder = source
    words = ["import-tf", str(folder / "ckpt-0"), "--output", str(tmp_path / "model")]
    assert main(words) == 3
    assert "--pipeline-config" in capsys.readouterr().err
    config = small_config(tmp_path / "pipeline.config")
    write_label_map(label_map_of(["Fractura"]), tmp_path / "label_map.txt")
    words += ["--pipeline-config", str(config)]
    assert main([*words, "--label-map", str(tmp_path / "label_map.txt"), "--json"]) == 0
    captured = capsys.readouterr()
    assert '"class_names": [\n    "Fractura"\n  ]' in captured.out
    assert "backbone, first stage" in captured.err
    assert (tmp_path / "model" / "pipeline.config").read_bytes() == config.read_bytes()
    assert main(words) == 2
    assert "not empty" in capsys.readouterr().err
    other = small_config(tmp_path / "other.config", num_classes=5)
    words = ["import-tf", str(folder / "ckpt-0"), "--output", str(tmp_path / "x"), "--pipeline-config", str(other)]
    assert main(words) == 4
    assert "wrong shape" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
