"""A walk through the tutorial whose chain fractura replaces: from a folder of labelled images to boxes on a picture.

Each step is the tutorial's own: a TFRecord, a label map, an edited pipeline.config, its two commands and its detection
script. Only the model's canvas is small (96 pixels instead of 640), so that a step takes seconds.
"""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from support.coco_tags import COCO_TAGS
from support.pipeline_files import small_config

from fractura.cli.main import main
from fractura.core.folder_lock import LOCK_FILE
from fractura.inference import load_model
from fractura.models import build_from_architecture
from fractura.phantom import make_phantom_splits
from fractura.tensorflow_od.checkpoint import CheckpointReader, write_checkpoint
from fractura.tensorflow_od.checkpoint_state import write_checkpoint_state
from fractura.tensorflow_od.pipeline_mapping import detector_settings, train_settings
from fractura.tensorflow_od.pipeline_reader import read_pipeline_config
from fractura.tensorflow_od.variables import key_of, model_paths, model_variables
from fractura.training.schedules import learning_rate

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow
CLASS_HEAD = "model/_mask_rcnn_box_predictor/_class_prediction_head/_class_predictor_layers/1"
SCALARS = (
    "Loss/RPNLoss/localization_loss", "Loss/RPNLoss/objectness_loss", "Loss/BoxClassifierLoss/localization_loss",
    "Loss/BoxClassifierLoss/classification_loss", "Loss/regularization_loss", "Loss/total_loss",
)  # fmt: skip


def command(script, *words, module=False):
    """Run one of the tutorial's commands as its users type it; returns what it says."""
    start = ["-m", f"fractura.tensorflow_od.{script}"] if module else [str(ROOT / "scripts" / f"{script}.py")]
    done = subprocess.run(
        [sys.executable, *start, *words],
        capture_output=True,
        env={**os.environ, "OMP_WAIT_POLICY": "PASSIVE"},
        timeout=600,
        check=False,
    )
    said = done.stderr.decode()
    assert done.returncode == 0, said[-3000:]
    return said


def events_in(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def unquoted(*words):
    return [word.replace('"', "") for word in words]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Labelled images, records, label map and an unpacked zoo model with 90 classes."""
    place = tmp_path_factory.mktemp("tutorial")
    make_phantom_splits(place / "images", images=3, val_images=2, seed=1, size=(192, 224), workers=1)
    for split in ("train", "val"):
        words = ["convert", str(place / "images" / split), str(place / f"{split}.tfrecord"), "--to", "tfrecord"]
        assert main([*words, "--label-map", str(place / "label_map.txt")]) == 0
    zoo = place / "models" / "faster_rcnn_inception_resnet_v2_640x640_coco17_tpu-8"
    small_config(place / "zoo.config", num_classes=90)
    torch.manual_seed(4)
    detector = build_from_architecture(
        detector_settings(read_pipeline_config(place / "zoo.config")).model_dump(mode="json")
    )
    write_checkpoint(zoo / "checkpoint" / "ckpt-0", model_variables(detector) | {key_of("save_counter"): np.int64(1)})
    small_config(zoo / "pipeline.config", num_classes=90)
    return place


@pytest.fixture(scope="module")
def trained(folder):
    """The tutorial's edits of the file that came with the model, and its training command: two steps."""
    zoo = next((folder / "models").iterdir())
    words = ["configure", str(zoo / "pipeline.config"), "--label-map", str(folder / "label_map.txt")]
    words += ["--train-record", str(folder / "train.tfrecord"), "--eval-record", str(folder / "val.tfrecord")]
    words += ["--fine-tune-checkpoint", str(zoo / "checkpoint" / "ckpt-0"), "--fine-tune-checkpoint-type", "detection"]
    assert main([*words, "--num-classes", "1", "--batch-size", "1", "--num-steps", "2"]) == 0
    said = command(
        "model_main_tf2",
        *unquoted(f'--pipeline_config_path="{zoo / "pipeline.config"}"', f'--model_dir="{folder / "trained"}"'),
        "--alsologtostderr",
        "--checkpoint_every_n=1",
        "--num_steps_per_iteration=1",
    )
    return SimpleNamespace(config=zoo / "pipeline.config", model_dir=folder / "trained", zoo=zoo, said=said)


def test_training_leaves_what_tensorflow_leaves(trained, folder):
    names = {path.name for path in trained.model_dir.iterdir()}
    assert {"checkpoint", "train", "ckpt-1.index", "ckpt-2.index", "ckpt-3.index"} <= names
    assert "ckpt-4.index" not in names, "the last step was saved already"
    steps = [int(CheckpointReader(trained.model_dir / f"ckpt-{n}").read(key_of("step"))) for n in (1, 2, 3)]
    assert steps == [0, 1, 2]
    assert "Step 2 per-step time " in trained.said
    assert "'Loss/total_loss': " in trained.said
    assert "backbone, second stage" in trained.said, "the table of restored tensors"
    assert "has no effect: " in trained.said
    events = events_in(trained.model_dir / "train")
    assert {*SCALARS, "learning_rate", "steps_per_sec"} <= set(events.Tags()["scalars"])
    assert events.Tags()["images"] == ["train_input_images"]
    assert [event.step for event in events.Images("train_input_images")] == [0]
    rate = train_settings(read_pipeline_config(trained.config), folder, folder)
    written = [(event.step, event.value) for event in events.Scalars("learning_rate")]
    assert written == [(2, pytest.approx(learning_rate(rate, 2)))], "TensorFlow writes that of the step to come"


def test_the_first_checkpoint_holds_the_zoos_backbone_and_fresh_heads(trained):
    theirs, ours = CheckpointReader(trained.zoo / "checkpoint"), CheckpointReader(trained.model_dir / "ckpt-1")
    for path in model_paths("inception_resnet_v2"):
        if path.startswith("model/_feature_extractor"):
            assert np.array_equal(theirs.read(key_of(path)), ours.read(key_of(path))), path
    assert ours.read(key_of(f"{CLASS_HEAD}/kernel")).shape == (1536, 2)
    later = CheckpointReader(trained.model_dir / "ckpt-3")
    changed = [
        path
        for path in model_paths("inception_resnet_v2")
        if (later.read(key_of(path)) != ours.read(key_of(path))).any()
    ]
    assert len(changed) > 800


def test_a_second_call_has_nothing_left_to_do_and_a_broken_run_goes_on(trained, tmp_path):
    words = ["--pipeline_config_path", str(trained.config), "--model_dir", str(trained.model_dir)]
    left = [trained.model_dir / ".fractura-0123456789abcdef.tmp", trained.model_dir / LOCK_FILE]
    for path in left:  # as a kill behind the last checkpoint leaves them
        path.write_bytes(b"")
    assert "nothing to do" in command("model_main_tf2", *words, module=True)
    assert not any(path.exists() for path in left)
    for path in trained.model_dir.glob("ckpt-2.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    words = ["--pipeline_config_path", str(trained.config), "--model_dir", str(tmp_path), "--num_train_steps", "2"]
    said = command("model_main_tf2", *words, "--num_steps_per_iteration", "1", module=True)
    assert "resuming after step 1" in said
    assert "backbone, second stage" not in said, "fine_tune_checkpoint is not read again"
    whole, broken = CheckpointReader(trained.model_dir / "ckpt-3"), CheckpointReader(tmp_path / "ckpt-3")
    assert set(whole.variables) == set(broken.variables)
    for key, value in broken.items():
        assert np.allclose(value, whole.read(key), rtol=1e-5, atol=1e-7), key


def test_evaluation_mode(trained):
    said = command(
        "model_main_tf2",
        f"--pipeline_config_path={trained.config}",
        f"--model_dir={trained.model_dir}",
        f"--checkpoint_dir={trained.model_dir}",
        "--eval_timeout=0",
    )
    assert "Eval metrics at step 2" in said
    events = events_in(trained.model_dir / "eval")
    assert {*SCALARS, *COCO_TAGS} <= set(events.Tags()["scalars"])
    assert "eval_side_by_side_0_0" in events.Tags()["images"]
    assert events.Scalars("Loss/total_loss")[0].step == 2


def test_the_model_dir_is_a_model_folder_of_fractura_too(trained, folder):
    image = next((folder / "images" / "val" / "images").iterdir())
    pixels = np.array(Image.open(image).convert("RGB"))
    assert load_model(trained.model_dir).card.class_names == ("Fractura",)
    load_model(trained.model_dir).detect(pixels)


def test_fractura_train_takes_the_same_file(trained, folder, capsys):
    words = ["train", "--pipeline-config", str(trained.config), "--output", str(folder / "ours"), "--num-steps", "1"]
    assert main([*words, "--seed", "3"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == str(folder / "ours")
    assert "backbone, first stage" in captured.err
    assert "val:   2 images" in captured.err
    assert load_model(folder / "ours").card.settings["seed"] == 3
    assert main([*words, "--val", str(folder)]) == 2
    assert main(["train", str(folder), "--pipeline-config", str(trained.config)]) == 2


def test_tensorflow_reads_and_restores_what_was_written(tensorflow, trained):
    tf = tensorflow
    prefix = tf.train.latest_checkpoint(str(trained.model_dir))
    assert prefix.endswith("ckpt-3")
    reader, ours = tf.train.load_checkpoint(prefix), CheckpointReader(prefix)
    assert set(reader.get_variable_to_shape_map()) == {*ours.variables, "_CHECKPOINTABLE_OBJECT_GRAPH"}
    assert all(np.array_equal(reader.get_tensor(key), value) for key, value in ours.items())
    kernel, step = tf.Variable(tf.zeros((1536, 2))), tf.Variable(np.int64(0))
    head = tf.train.Checkpoint(_class_predictor_layers={"1": tf.train.Checkpoint(kernel=kernel)})
    head = tf.train.Checkpoint(_class_prediction_head=head)
    model = tf.train.Checkpoint(_mask_rcnn_box_predictor=head)
    tf.train.Checkpoint(model=model, step=step).restore(prefix).assert_existing_objects_matched()
    assert np.array_equal(kernel.numpy(), ours.read(key_of(f"{CLASS_HEAD}/kernel")))
    assert int(step) == 2


def test_export_and_the_detection_script(tensorflow, trained, folder, monkeypatch, capsys):
    from support.saved_model_helpers import TUTORIAL_SCRIPT

    # Two steps teach nothing: lift the class's logit, so that there are boxes to draw.
    reader = CheckpointReader(trained.model_dir / "ckpt-3")
    variables = dict(reader.items()) | {key_of(f"{CLASS_HEAD}/bias"): np.array([-2, 2], np.float32)}
    lifted = folder / "ruta_del_modelo_entrenado"
    write_checkpoint(lifted / "ckpt-4", variables)
    write_checkpoint_state(lifted, [lifted / "ckpt-4"])
    exported = folder / "exported"
    words = ["--input_type", "image_tensor", "--pipeline_config_path", str(trained.config)]
    command("exporter_main_v2", *words, "--trained_checkpoint_dir", str(lifted), "--output_directory", str(exported))
    assert {"saved_model", "checkpoint", "pipeline.config"} <= {path.name for path in exported.iterdir()}
    assert (exported / "pipeline.config").read_bytes() == trained.config.read_bytes()
    back = CheckpointReader(exported / "checkpoint")
    assert all(
        np.array_equal(back.read(key_of(path)), variables[key_of(path)]) for path in model_paths("inception_resnet_v2")
    )

    picture = folder / "imagen.jpg"
    Image.open(next((folder / "images" / "val" / "images").iterdir())).convert("RGB").save(picture)
    drawn, shown = [], []
    plot = SimpleNamespace(
        figure=lambda figsize: None, imshow=shown.append, axis=lambda word: None, show=lambda: shown.append("shown")
    )
    rectangle = SimpleNamespace(rectangle=lambda image, start, end, *rest: drawn.append((*start, *end)))
    monkeypatch.setitem(sys.modules, "cv2", rectangle)
    monkeypatch.setitem(sys.modules, "matplotlib", SimpleNamespace(pyplot=plot))
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", plot)
    script = TUTORIAL_SCRIPT.replace(
        "ruta_del_modelo_exportado/saved_model", (exported / "saved_model").as_posix()
    ).replace("ruta_a/imagen.jpg", picture.as_posix())
    exec(compile(script, "tutorial.py", "exec"), {})
    assert "Modelo cargado exitosamente." in capsys.readouterr().out
    assert shown[-1] == "shown"

    assert main(["import-tf", str(exported), "--output", str(folder / "imported")]) == 0
    strong = load_model(folder / "imported").detect(np.array(Image.open(picture))).above(0.5)
    assert len(drawn) == len(strong) > 0
    order = np.lexsort(strong.xyxy.T), np.lexsort(np.array(drawn).T)
    assert np.abs(strong.xyxy[order[0]] - np.array(drawn)[order[1]]).max() <= 1.01  # int() cuts


def test_the_exporters_other_input_and_its_override(tensorflow, trained, folder, tmp_path):
    exported, picture = tmp_path / "exported", next((folder / "images" / "val" / "images").iterdir())
    suppression = "batch_non_max_suppression { max_total_detections: 7 }"
    override = f"model {{ faster_rcnn {{ second_stage_post_processing {{ {suppression} }} }} }}"
    words = ["--pipeline_config_path", str(trained.config), "--trained_checkpoint_dir", str(trained.model_dir)]
    words += ["--input_type", "encoded_image_string_tensor", "--config_override", override]
    command("exporter_main_v2", *words, "--output_directory", str(exported))
    found = tensorflow.saved_model.load(str(exported / "saved_model"))(tensorflow.constant([picture.read_bytes()]))
    assert found["detection_boxes"].shape == (1, 7, 4)
    written = read_pipeline_config(exported / "pipeline.config")
    assert detector_settings(written).max_total_detections == 7
    assert trained.config.read_text(encoding="utf-8") in (exported / "pipeline.config").read_text(encoding="utf-8")
