"""Command lines in absl's ways."""

from pathlib import Path

import pytest
from support.pipeline_files import small_config

from fractura.core.errors import UsageError
from fractura.tensorflow_od import exporter_main_v2, model_main_tf2
from fractura.tensorflow_od.flags import parse_flags

FLAGS = model_main_tf2.FLAGS
NEEDED = ["--pipeline_config_path=p", "--model_dir=m"]


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        (["--num_train_steps=7"], "num_train_steps", 7),
        (["--num_train_steps", "7"], "num_train_steps", 7),
        (["-num_train_steps", "7"], "num_train_steps", 7),
        (["--model_dir=a folder/b=c"], "model_dir", Path("a folder/b=c")),
        (["--alsologtostderr"], "alsologtostderr", True),
        (["--alsologtostderr=false"], "alsologtostderr", False),
        (["--norecord_summaries"], "record_summaries", False),
        (["--num_workers=1"], "num_workers", 1),
        ([], "checkpoint_every_n", 1000),
        ([], "eval_timeout", 3600),
        (["--", "--eval_timeout=0"], "eval_timeout", 0),
    ],
)
def test_values(words, name, value):
    assert parse_flags([*NEEDED, *words], FLAGS)[name] == value


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--model_dirr=m"], "did you mean 'model_dir'"),
        (["--num_train_steps=x"], "whole number"),
        (["--num_train_steps"], "needs a value"),
        (["--alsologtostderr=perhaps"], "true or false"),
        (["stray"], "does not belong to a flag"),
        (["--num_workers=2"], "torchrun"),
        (["--use_tpu"], "TPU"),
        (["--nomodel_dir"], "no flag"),
        (["--model_dir="], "is empty"),
    ],
)
def test_mistakes(words, said):
    with pytest.raises(UsageError, match=said):
        parse_flags([*NEEDED, *words], FLAGS)


@pytest.mark.parametrize("word", ["--num_eval_steps=7", "--tpu_name=mine", "--sample_1_of_n_eval_on_train_examples=5"])
def test_flags_without_effect_are_taken_with_a_line(word, capsys):
    parse_flags([*NEEDED, word], FLAGS)
    assert f"{word.partition('=')[0]} has no effect: " in capsys.readouterr().err


@pytest.mark.parametrize("main", [model_main_tf2.main, exporter_main_v2.main])
def test_exit_codes_and_help(main, capsys):
    assert main(["--pipeline_config_path=nowhere"]) == 2
    assert "is missing" in capsys.readouterr().err
    assert main(["--help"]) == 0
    assert "--pipeline_config_path" in capsys.readouterr().out


def test_a_missing_file_is_a_data_error(tmp_path, capsys):
    words = [f"--pipeline_config_path={tmp_path / 'nowhere'}", "--model_dir", str(tmp_path / "m")]
    assert model_main_tf2.main(words) == 3
    assert "nowhere" in capsys.readouterr().err


def test_without_tensorflow_the_exporter_says_what_to_install(monkeypatch, tmp_path, capsys):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tensorflow" else find(name))
    words = ["--input_type", "image_tensor", "--pipeline_config_path", "p", "--trained_checkpoint_dir", "c"]
    assert exporter_main_v2.main([*words, "--output_directory", str(tmp_path / "out")]) == 5
    assert 'pip install "fractura[tensorflow]"' in capsys.readouterr().err


def test_an_unknown_input_is_refused(capsys):
    words = [
        "--input_type=image_tensors",
        "--pipeline_config_path=p",
        "--trained_checkpoint_dir=c",
        "--output_directory=o",
    ]
    assert exporter_main_v2.main(words) == 2
    assert "did you mean 'image_tensor'?" in capsys.readouterr().err


def test_the_exporters_inputs_are_those_of_the_saved_model(tensorflow):
    from fractura.export.saved_model_inputs import INPUT_KINDS

    assert set(exporter_main_v2.INPUT_TYPES) == set(INPUT_KINDS)


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("train_config { batch_size: 3", "--config_override"),
        ("train_config { batchsize: 3 }", "batch_size"),
        ("model { faster_rcnn { feature_extractor { type: 'faster_rcnn_nas' } } }", "faster_rcnn_nas"),
    ],
)
def test_a_wrong_override_of_the_config_is_refused(tensorflow, tmp_path, capsys, override, problem):
    config = small_config(tmp_path / "pipeline.config")
    words = [f"--pipeline_config_path={config}", "--trained_checkpoint_dir=c", f"--config_override={override}"]
    assert exporter_main_v2.main([*words, f"--output_directory={tmp_path / 'o'}"]) == 3
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("steps", "made", "chunk", "end"),
    [(20000, 0, 100, 20000), (1, 0, 100, 100), (150, 0, 100, 200), (150, 30, 100, 230), (7, 0, 1, 7), (7, 2, 5, 7)],
)
def test_steps_are_rounded_up_to_chunks(steps, made, chunk, end):
    assert model_main_tf2.round_up(steps, made, chunk) == end


@pytest.mark.parametrize(("chunk", "said"), [(None, True), ("1", False), ("2", False)])
def test_rounding_is_said_before_training_with_the_way_out(tmp_path, capsys, chunk, said):
    config = small_config(tmp_path / "pipeline.config", num_steps=2, train_records=(str(tmp_path / "missing.record"),))
    words = [f"--pipeline_config_path={config}", f"--model_dir={tmp_path / 'trained'}"]
    words += [] if chunk is None else [f"--num_steps_per_iteration={chunk}"]
    assert model_main_tf2.main(words) == 3
    line, *rest = capsys.readouterr().err.splitlines()
    assert ("2 steps become 100" in line and "exactly 2, give --num_steps_per_iteration=1" in line) == said
    assert any("missing.record" in each for each in [line, *rest])


def test_the_scripts_are_installed_under_the_tutorials_names():
    import tomllib

    root = Path(__file__).resolve().parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    scripts = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-scripts"]
    assert set(scripts.values()) == {"model_main_tf2.py", "exporter_main_v2.py"}
    for source, name in scripts.items():
        text = (root / source).read_text(encoding="utf-8")
        assert text.startswith("#!")
        assert f"from fractura.tensorflow_od.{name.removesuffix('.py')} import main" in text
