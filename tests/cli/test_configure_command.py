"""``fractura configure`` from the command line."""

import json

import pytest

from fractura.cli.main import main
from fractura.tensorflow_od.pipeline_mapping import input_reader
from fractura.tensorflow_od.pipeline_reader import read_pipeline_config


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  batch_size: 2", "  batchsize: 2", "did you mean 'batch_size'?"),
        ("first_stage_max_proposals: 300", "first_stage_max_proposals: 30", "second_stage_batch_size 64 is more than"),
        ("warmup_steps: 1000", "warmup_steps: 30000", "warmup_steps is more than total_steps"),
    ],
)
def test_what_training_refuses_is_refused_and_nothing_is_written(tmp_path, capsys, old, new, said):
    file = tmp_path / "pipeline.config"
    assert main(["configure", str(file), "--new", "faster_rcnn_inception_resnet_v2_640x640"]) == 0
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")
    assert main(["configure", str(file), "--num-classes", "4"]) == 3
    assert said in capsys.readouterr().err
    assert "num_classes: 1" in file.read_text(encoding="utf-8")


def test_a_fresh_file_then_an_edit(tmp_path, capsys):
    file = tmp_path / "pipeline.config"
    assert main(["configure", str(file), "--new", "faster_rcnn_inception_resnet_v2_640x640"]) == 0
    arguments = ["--num-classes", "2", "--train-record", "a-*", "--train-record", "b", "--label-map", "l.txt", "--json"]
    capsys.readouterr()
    assert main(["configure", str(file), *arguments]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["written"] is True
    assert [change["field"] for change in document["changes"]] == [
        "model.faster_rcnn.num_classes",
        "train_input_reader.label_map_path",
        "train_input_reader.tf_record_input_reader.input_path",
    ]
    assert input_reader(read_pipeline_config(file)).input_paths == ("a-*", "b")


def test_words_for_people_and_errors(tmp_path, capsys):
    file = tmp_path / "pipeline.config"
    assert main(["configure", str(file)]) == 3
    assert "cannot be read" in capsys.readouterr().err
    main(["configure", str(file), "--new", "faster_rcnn_inception_resnet_v2_1024x1024"])
    capsys.readouterr()
    assert main(["configure", str(file), "--num-steps", "100"]) == 0
    captured = capsys.readouterr()
    assert "train_config.num_steps" in captured.out
    assert "has no effect: images are evaluated one by one" in captured.err
    assert "warning: num_steps is 100" in captured.err
    file.write_text("model { ssd { } }", encoding="utf-8")
    assert main(["configure", str(file), "--num-classes", "1"]) == 3
    assert "line 1: 'model.ssd' is not supported" in capsys.readouterr().err
    assert main(["configure", str(file), "--num-classes", "0"]) == 2
