"""pipeline.config: every field honoured or reported, unknown ones kept, errors with their line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.material import REFERENCE

from fractura.core.errors import DataError
from fractura.models.faster_rcnn.settings import FasterRCNNSettings
from fractura.models.resizer import FixedShapeResizer, KeepAspectRatioResizer
from fractura.tensorflow_od.pipeline_mapping import (
    EvalConfig,
    InputReader,
    detector_settings,
    eval_config,
    eval_readers,
    input_reader,
    num_classes,
    start_checkpoint,
)
from fractura.tensorflow_od.pipeline_reader import Located, parse_pipeline_config, read_pipeline_config
from fractura.tensorflow_od.pipeline_schema import Effect, MessageField
from fractura.tensorflow_od.pipeline_training_fields import AUGMENTATIONS, PIPELINE
from fractura.tensorflow_od.pipeline_writer import MODELS, zoo_pipeline
from fractura.training.settings import TrainSettings

TEMPLATE = zoo_pipeline("faster_rcnn_inception_resnet_v2_640x640", 1, 2, 20_000)


def changed(old, new):
    assert TEMPLATE.count(old) == 1, old
    return TEMPLATE.replace(old, new)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (
            "640x640",
            {
                "side": 640, "batch_norm_trainable": True, "clip": True, "share": True, "batch": 64, "steps": 100_000,
                "clipping": 0.0, "rate": 0.16, "warmup": 2500, "without_effect": 15,
            },
        ),
        (
            "1024x1024",
            {
                "side": 1024, "batch_norm_trainable": False, "clip": False, "share": False, "batch": 16,
                "steps": 200_000, "clipping": 10.0, "rate": 0.008, "warmup": 5000, "without_effect": 7,
            },
        ),
    ],
)  # fmt: skip
def test_the_zoos_own_files(size, expected):
    file = REFERENCE / "configs" / f"inception_resnet_v2_{size}_coco.config"
    config = read_pipeline_config(file)
    model, train = detector_settings(config), config.root.section("train_config")
    assert model.num_classes == 90
    assert model.image_resizer == FixedShapeResizer(height=expected["side"], width=expected["side"])
    assert model.feature_extractor.batch_norm_trainable is expected["batch_norm_trainable"]
    assert model.clip_anchors_to_image is expected["clip"]
    assert model.share_box_across_classes is expected["share"]
    anchors = model.anchors
    assert (anchors.scales, anchors.aspect_ratios) == ((0.25, 0.5, 1.0, 2.0), (0.5, 1.0, 2.0))
    assert (anchors.base_sizes, anchors.strides, anchors.offsets) == ((256,), (16,), (0,))
    assert (model.first_stage_max_proposals, model.initial_crop_size) == (300, 17)
    assert (model.first_stage_minibatch_size, model.second_stage_batch_size) == (256, 64)
    assert model.second_stage_nms_iou_threshold == 0.6
    assert (train["batch_size"], train["num_steps"]) == (expected["batch"], expected["steps"])
    assert train["gradient_clipping_by_norm"] == expected["clipping"]
    kind, optimizer = train.section("optimizer").chosen()
    assert (kind, optimizer["momentum_optimizer_value"]) == ("momentum_optimizer", 0.9)
    assert train.section("optimizer")["use_moving_average"] is False
    kind, rate = optimizer.section("learning_rate").chosen()
    assert kind == "cosine_decay_learning_rate"
    assert (rate["learning_rate_base"], rate["warmup_steps"]) == (expected["rate"], expected["warmup"])
    steps = [step.chosen() for step in train.sections["data_augmentation_options"]]
    assert [name for name, _ in steps] == [
        "random_horizontal_flip",
        "random_adjust_hue",
        "random_adjust_contrast",
        "random_adjust_saturation",
        "random_square_crop_by_scale",
    ]
    assert {name: found.value for name, found in steps[4][1].values.items()} == {
        "max_border": 128, "scale_min": 0.6, "scale_max": 1.3, "num_scales": 8,
    }  # fmt: skip
    assert start_checkpoint(config)[1] == "classification"
    assert input_reader(config).label_map_path == "PATH_TO_BE_CONFIGURED/label_map.txt"
    assert input_reader(config).input_paths == ("PATH_TO_BE_CONFIGURED/train2017-?????-of-00256.tfrecord",)
    assert eval_readers(config)[0].shuffle is False
    assert config.root.section("eval_config")["metrics_set"] == ("coco_detection_metrics",)
    assert len(config.without_effect) == expected["without_effect"]
    assert all(field.reason for field in config.without_effect)


def test_every_line_with_a_value_is_accounted_for():
    files = sorted((REFERENCE / "configs").glob("*.config"))
    assert len(files) == 2
    for file in files:
        lines = {n for n, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1) if ":" in text}
        braces = {
            n for n, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1) if text.rstrip()[-1:] == "{"
        }
        assert {field.line for field in read_pipeline_config(file).fields} == lines - braces


def test_defaults_of_the_protos():
    text = """
    model { faster_rcnn {
      num_classes: 3
      image_resizer { keep_aspect_ratio_resizer { } }
      feature_extractor { type: 'faster_rcnn_inception_resnet_v2_keras' }
      first_stage_anchor_generator { grid_anchor_generator { scales: 1 aspect_ratios: 1.0f aspect_ratios: 2 } }
      initial_crop_size: 14 maxpool_kernel_size: 2 maxpool_stride: 1
      second_stage_box_predictor { mask_rcnn_box_predictor { } }
      second_stage_post_processing { batch_non_max_suppression { } score_converter: SOFTMAX }
    } }
    train_config { optimizer { momentum_optimizer { learning_rate { constant_learning_rate { } } } }
      from_detection_checkpoint: true }
    """
    config = parse_pipeline_config(text)
    model, train = detector_settings(config), config.root.section("train_config")
    assert model.image_resizer == KeepAspectRatioResizer(min_dimension=600, max_dimension=1024)
    assert model.first_stage_localization_loss_weight == 1.0
    assert model.first_stage_positive_balance_fraction == 0.5
    assert model.anchors.aspect_ratios == (1.0, 2.0)
    assert (model.maxpool_kernel_size, model.maxpool_stride, model.region_size) == (2, 1, 13)
    assert (train["batch_size"], train["num_steps"]) == (32, 0)
    assert train.section("optimizer")["moving_average_decay"] == 0.9999
    rate = train.section("optimizer", "momentum_optimizer", "learning_rate", "constant_learning_rate")
    assert rate["learning_rate"] == 0.002
    assert start_checkpoint(config) == ("", "detection")
    assert input_reader(config) is None
    assert eval_config(config).num_visualizations == 10


def test_every_value_has_its_place():
    config = parse_pipeline_config(TEMPLATE)
    model = config.root.section("model", "faster_rcnn")
    lines = TEMPLATE.split("\n")
    line = lines.index("    first_stage_max_proposals: 300") + 1
    assert model.values["first_stage_max_proposals"] == Located(
        300, "model.faster_rcnn.first_stage_max_proposals", line
    )
    # A field that the file does not have is looked for in the message that would hold it.
    assert model.values["second_stage_batch_size"].line == lines.index("  faster_rcnn {") + 1


def rows(message, path=""):
    for name, row in message.fields.items():
        where = f"{path}.{name}" if path else name
        yield where, row
        if isinstance(row, MessageField):
            yield from rows(row, where)


SETTINGS = {
    "model": FasterRCNNSettings.model_fields,
    "train_config": TrainSettings.model_fields,
    "train_input_reader": InputReader.__dataclass_fields__,
    "eval_config": EvalConfig.__dataclass_fields__,
    "eval_input_reader": InputReader.__dataclass_fields__,
}
# Honoured without becoming a setting: `start_checkpoint` and `train_settings` use them, or they are only checked.
READ_ELSEWHERE = {
    "train_config.fine_tune_checkpoint",
    "train_config.fine_tune_checkpoint_type",
    "train_config.from_detection_checkpoint",
    "train_config.optimizer.use_moving_average",
    "train_config.add_regularization_loss",
    "eval_config.metrics_set",
}


def test_every_row_says_what_becomes_of_its_field():
    """An honoured field becomes a setting that exists; one that is ignored, fixed or refused has a reason."""
    found = dict(rows(PIPELINE))
    assert len(found) > 250
    assert set(found) >= READ_ELSEWHERE
    refused = tuple(f"{path}." for path, row in found.items() if isinstance(row, MessageField) and row.refusal)
    listed = tuple(f"{path}." for path, row in found.items() if isinstance(row, MessageField) and row.setting)
    for path, row in found.items():
        if isinstance(row, MessageField):
            continue
        if row.effect is not Effect.HONOURED:
            assert row.reason, path
        elif row.setting is None:
            assert row.refusal or path in READ_ELSEWHERE, path
        elif not path.startswith((*refused, *listed)):
            part, *_, name = path.split(".")
            assert (row.setting or name).split(".")[0] in SETTINGS[part], path


def test_other_schedules_and_optimisers():
    manual = """optimizer { adam_optimizer { learning_rate { manual_step_learning_rate {
      initial_learning_rate: 1e-3 warmup: true
      schedule { step: 100 learning_rate: 1e-4 } schedule { step: 200 learning_rate: .5e-4 } } } } }"""
    text = TEMPLATE[: TEMPLATE.index("  optimizer {")] + manual + TEMPLATE[TEMPLATE.index("  gradient_clipping") :]
    optimizer = parse_pipeline_config(text).root.section("train_config", "optimizer")
    assert (optimizer["use_moving_average"], optimizer["moving_average_decay"]) == (True, 0.9999)
    kind, adam = optimizer.chosen()
    assert (kind, adam["epsilon"]) == ("adam_optimizer", 1e-8)
    kind, rate = adam.section("learning_rate").chosen()
    assert (kind, rate["initial_learning_rate"], rate["warmup"]) == ("manual_step_learning_rate", 0.001, True)
    assert [(step["step"], step["learning_rate"]) for step in rate.sections["schedule"]] == [(100, 1e-4), (200, 5e-5)]


def test_what_is_overridden_is_reported_and_the_last_counts():
    text = changed("  batch_size: 2\n", "  batch_size: 8\n  batch_size: 4\n") + "train_config { num_steps: 7 }\n"
    text = text.replace(
        "fixed_shape_resizer {", "keep_aspect_ratio_resizer { min_dimension: 3 }\n fixed_shape_resizer {"
    )
    config = parse_pipeline_config(text)
    train = config.root.section("train_config")
    assert (train["batch_size"], train["num_steps"]) == (4, 7)
    assert detector_settings(config).image_resizer == FixedShapeResizer(height=640, width=640)
    told = {(field.path, field.reason) for field in config.without_effect if "overrides" in field.reason}
    line = text[: text.index("batch_size: 4")].count("\n") + 1
    assert ("train_config.batch_size", f"line {line} overrides it") in told
    assert len(told) == 3
    assert {path.split(".")[-1] for path, _ in told} == {"batch_size", "num_steps", "min_dimension"}


@pytest.mark.parametrize(
    ("old", "new", "problem", "hint"),
    [
        ("num_classes: 1", "num_classes: 0", "must be at least 1", None),
        ("num_classes: 1", "num_classes: one", "needs a whole number", None),
        ("num_classes: 1", "num_classes: 010", "010 means 8 in protobuf", "write 10 or 8"),
        ("num_classes: 1", "num_classes: '1'", "must not have quotes", None),
        ("num_classes: 1", "num_classes { }", "needs a single value", None),
        ("num_classes: 1", "num_classes: 99999999999", "out of range", None),
        ("num_classes: 1", "num_classes: " + "9" * 400, "out of range", None),
        ("batch_norm_trainable: true", "batch_norm_trainable: yes", "true or false, not 'yes'", None),
        ("score_converter: SOFTMAX", "logit_scale: 2.0", "logit_scale = 2.0 is not supported", "only 1.0 is"),
        ("op: CONV", "batch_norm { decay: 0.99 }",
         "batch_norm is not supported: the first stage has no normalisation", "remove it"),
        ("score_converter: SOFTMAX", "calibration_config { }", "calibration_config is not supported", "remove it"),
        ("batch_norm_trainable: true", "conv_hyperparams { }", "conv_hyperparams is not supported", "remove it"),
        ("second_stage_localization_loss", "hard_example_miner { }\n second_stage_localization_loss",
         "hard_example_miner is not supported: hard example mining", "remove it"),
        ("score_converter: SOFTMAX", "score_converter: SOFTMX", "cannot be 'SOFTMX'", "did you mean 'SOFTMAX'?"),
        ("maxpool_stride: 1", "maxpool_stride: 0", "must be at least 1, not 0", None),
        ('"faster_rcnn_inception_resnet_v2_keras"', '"faster_rcnn_resnet60_keras"', "not supported", "resnet50_keras"),
        ('"faster_rcnn_inception_resnet_v2_keras"', '"faster_rcnn_resnet50"', "of TensorFlow 1", "resnet50_keras"),
        ('"faster_rcnn_inception_resnet_v2_keras"', '"faster_rcnn_resnet50_fpn_keras"', "pyramid is not", "resnet50_"),
        ('type: "faster_rcnn_inception_resnet_v2_keras"', "type: faster_rcnn", "needs quotes", None),
        ('"detection"', '"detector"', "'detector' is not supported", "did you mean 'detection'?"),
        ("random_horizontal_flip {", "random_horizontal_flop {", "not supported", "'random_horizontal_flip'"),
        ("fixed_shape_resizer {", "identity_resizer {", "not supported", "known are"),
        ("  faster_rcnn {", "  ssd {", "'model.ssd' is not supported: it is an SSD", "known are: faster_rcnn"),
        ("  faster_rcnn {", "  center_net {", "it is a CenterNet", "known are: faster_rcnn"),
        ("num_classes: 1", "number_of_stages: 3", "it is a Mask R-CNN", "write 2"),
        ("num_classes: 1", "number_of_stages: 1", "region proposal network alone", "write 2"),
        ("mask_rcnn_box_predictor {", "rfcn_box_predictor {", "it is an R-FCN", "configure --new"),
        ('"faster_rcnn_inception_resnet_v2_keras"', '"ssd_mobilenet_v2_keras"', "not supported", "configure --new"),
        ("momentum_optimizer {", "lion_optimizer {", "not supported", "'momentum_optimizer'"),
        ('"coco_detection_metrics"', '"coco_detectoin_metrics"', "not supported", "coco_detection_metrics"),
        ("  batch_size: 2", "  batchsize: 2", "'train_config.batchsize' is not a field", "did you mean 'batch_size'?"),
        ("num_classes: 1", "num_clases: 1", "num_clases' is not a field", "did you mean 'num_classes'?"),
        ("iou_threshold: 0.6", "iou_treshold: 0.6", "iou_treshold' is not a field", "did you mean 'iou_threshold'?"),
        ("learning_rate_base:", "learning_rate_bass:", "bass' is not a field", "did you mean 'learning_rate_base'?"),
        ("gradient_clipping_by_norm: 10.0", "[ext.x] { a: 1 }", "train_config.[ext.x]' is not a field", None),
        ("gradient_clipping_by_norm: 10.0", "eval_config { }", "'eval_config' stands inside 'train_config'", "missing"),
        ("fine_tune_checkpoint_version: V2", "fine_tune_checkpoint_version: V1", "TensorFlow 2", "only V2 is"),
        ("initial_crop_size: 17", "hard_example_miner { }", "hard example mining", "remove it"),
        ('fine_tune_checkpoint_type: "detection"', r'fine_tune_checkpoint: "C:\zoo"', "not a valid escape", "Windows"),
        ('fine_tune_checkpoint_type: "detection"', r'fine_tune_checkpoint: "C:\tmp"', "control character", "Windows"),
        ("gradient_clipping_by_norm: 10.0", "gradient_clipping_by_norm: -1", "must be at least 0", None),
        ("gradient_clipping_by_norm: 10.0", "gradient_clipping_by_norm: nan", "out of range", None),
    ],
)  # fmt: skip
def test_errors_name_the_line_and_have_a_hint(old, new, problem, hint):
    text = changed(old, new)
    with pytest.raises(DataError) as caught:
        parse_pipeline_config(text)
    assert problem in caught.value.problem
    assert caught.value.place.split(",")[0] == f"line {text[: text.index(new)].count(chr(10)) + 1}"
    if hint:
        assert hint in (caught.value.hint or "")


def test_the_extractor_is_asked_first():
    """A file for TensorFlow 1 differs in many fields; the first message names the reason for all of them."""
    text = changed('"faster_rcnn_inception_resnet_v2_keras"', '"faster_rcnn_inception_resnet_v2"')
    text = text.replace("num_classes: 1", "num_classes: 1\n    first_stage_atrous_rate: 2")
    with pytest.raises(DataError, match="extractor of TensorFlow 1"):
        parse_pipeline_config(text)


@pytest.mark.parametrize("name", ["pascal_voc_detection_metrics", "oid_challenge_detection_metrics", "lvis_metrics"])
def test_other_metrics_have_no_effect_and_stop_nothing(name):
    config = parse_pipeline_config(changed('"coco_detection_metrics"', f'"{name}"'))
    assert [field.path for field in config.without_effect if "COCO" in field.reason] == ["eval_config.metrics_set"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "'model' is missing"),
        ("model { }", "'faster_rcnn' is missing"),
        (TEMPLATE.replace("    initial_crop_size: 17\n", ""), "'initial_crop_size' is missing"),
        (TEMPLATE.replace("    num_classes: 1\n", ""), "'num_classes' is missing"),
        (TEMPLATE.replace("    maxpool_stride: 1\n", ""), "'maxpool_stride' is missing"),
        (TEMPLATE.replace("        scales: [0.25, 0.5, 1.0, 2.0]\n", ""), "'scales' is missing"),
    ],
)
def test_what_must_be_there(text, problem):
    with pytest.raises(DataError, match=problem):
        parse_pipeline_config(text)


@pytest.mark.parametrize("model", MODELS)
def test_templates_are_fully_understood(model):
    config = parse_pipeline_config(zoo_pipeline(model, 3, 4, 1000))
    assert num_classes(config).value == 3
    train = config.root.section("train_config")
    rate = train.section("optimizer", "momentum_optimizer", "learning_rate", "cosine_decay_learning_rate")
    assert rate["learning_rate_base"] == 0.002
    assert start_checkpoint(config) == ("", "detection")
    assert {step.chosen()[0] for step in train.sections["data_augmentation_options"]} <= set(AUGMENTATIONS)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_mutation_is_read_or_refused(data):
    text = list(TEMPLATE)
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(text) - 1))
        text[place] = data.draw(st.sampled_from(["", "{", "}", "0", "9", "x", ":", '"', "\n", " ", "-", "."]))
    try:
        config = parse_pipeline_config("".join(text))
    except DataError:
        return
    assert num_classes(config).value >= 1
