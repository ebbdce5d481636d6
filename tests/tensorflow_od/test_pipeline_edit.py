"""``fractura configure``: only what was asked for changes."""

from difflib import ndiff

import pytest
from support.material import REFERENCE

from fractura.core.errors import DataError, UsageError
from fractura.tensorflow_od.pipeline_edit import (
    Change,
    PipelineChanges,
    configure_pipeline,
    edit_pipeline_config,
    new_pipeline_config,
)
from fractura.tensorflow_od.pipeline_mapping import (
    detector_settings,
    eval_readers,
    input_reader,
    num_classes,
    start_checkpoint,
)
from fractura.tensorflow_od.pipeline_reader import parse_pipeline_config, read_pipeline_config
from fractura.tensorflow_od.pipeline_writer import MODELS, zoo_pipeline

TEMPLATE = zoo_pipeline("faster_rcnn_inception_resnet_v2_1024x1024", 1, 2, 20_000)
TUTORIAL = PipelineChanges(
    num_classes=1,
    batch_size=2,
    num_steps=20_000,
    fine_tune_checkpoint="zoo/checkpoint/ckpt-0",
    fine_tune_checkpoint_type="detection",
    label_map="label_map.txt",
    train_records=("fracturas.tfrecord",),
)


def difference(before, after):
    return [line for line in ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]


def test_the_tutorials_edits_of_the_zoos_files():
    files = sorted((REFERENCE / "configs").glob("*.config"))
    assert len(files) == 2
    for file in files:
        before = file.read_text(encoding="utf-8")
        after, changes = edit_pipeline_config(before, TUTORIAL, file)
        assert len(difference(before, after)) == 2 * len(changes) == 16
        config = parse_pipeline_config(after)
        assert num_classes(config).value == 1
        assert start_checkpoint(config) == ("zoo/checkpoint/ckpt-0", "detection")
        assert input_reader(config).input_paths == ("fracturas.tfrecord",)
        assert {r.label_map_path for r in eval_readers(config)} == {"label_map.txt"}
        assert edit_pipeline_config(after, TUTORIAL) == (after, ())


def test_comments_order_and_quotes_stay():
    before = "# ours\n" + TEMPLATE.replace("  batch_size: 2\n", "  batch_size: 2;  # the card is small\n").replace(
        '"detection"', "'detection' # not full"
    )
    changes = PipelineChanges(batch_size=1, fine_tune_checkpoint_type="full", fine_tune_checkpoint="C:\\zoo\\ckpt-0")
    after, done = edit_pipeline_config(before, changes)
    assert difference(before, after) == [
        "-   batch_size: 2;  # the card is small",
        "+   batch_size: 1;  # the card is small",
        "-   fine_tune_checkpoint_type: 'detection' # not full",
        "+   fine_tune_checkpoint_type: 'full' # not full",
        '+   fine_tune_checkpoint: "C:\\\\zoo\\\\ckpt-0"',
    ]
    assert Change("train_config.batch_size", "2", "1") in done
    assert start_checkpoint(parse_pipeline_config(after))[0] == "C:\\zoo\\ckpt-0"


def test_several_records_and_doubles():
    text = TEMPLATE.replace(
        "train_input_reader {\n}",
        "train_input_reader {\n  tf_record_input_reader {\n    input_path: 'a'\n    input_path: 'b'\n  }\n}",
    )
    after, _ = edit_pipeline_config(text, PipelineChanges(train_records=("c",)))
    assert input_reader(parse_pipeline_config(after)).input_paths == ("c",)
    after, _ = edit_pipeline_config(after, PipelineChanges(train_records=("x", "y"), eval_records=("z",)))
    config = parse_pipeline_config(after)
    assert input_reader(config).input_paths == ("x", "y")
    assert eval_readers(config)[0].input_paths == ("z",)


def test_an_impossible_value_is_refused():
    with pytest.raises(DataError, match="must be at least 1"):
        edit_pipeline_config(TEMPLATE, PipelineChanges(num_classes=0))


@pytest.mark.parametrize("model", MODELS)
def test_a_fresh_file(model):
    config = parse_pipeline_config(new_pipeline_config(model, TUTORIAL))
    assert detector_settings(config).image_resizer.model_dump().items() >= MODELS[model]["image_resizer"].items()
    assert config.root.section("train_config")["num_steps"] == 20_000
    assert input_reader(config).label_map_path == "label_map.txt"
    with pytest.raises(UsageError, match="did you mean"):
        new_pipeline_config(model + "x", TUTORIAL)


def test_files(tmp_path):
    file = tmp_path / "pipeline.config"
    model = next(iter(MODELS))
    done = configure_pipeline(file, TUTORIAL, new=model)
    assert done.written
    assert read_pipeline_config(file).root.section("train_config")["batch_size"] == 2
    with pytest.raises(UsageError, match="already exists"):
        configure_pipeline(file, TUTORIAL, new=model)
    assert not configure_pipeline(file, TUTORIAL).written
    before = file.read_bytes()
    elsewhere = configure_pipeline(file, PipelineChanges(num_steps=500), output=tmp_path / "other.config")
    assert file.read_bytes() == before
    assert read_pipeline_config(tmp_path / "other.config").root.section("train_config")["num_steps"] == 500
    assert "total_steps = 20000: it is still high at the end" in elsewhere.notes[0]
    assert elsewhere.to_dict()["changes"] == [{"field": "train_config.num_steps", "before": "20000", "after": "500"}]
    wrong = configure_pipeline(file, PipelineChanges(fine_tune_checkpoint="zoo/ckpt-0.index"))
    assert "should end in ckpt-0" in wrong.notes[0]
