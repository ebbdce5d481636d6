"""A pipeline.config in our words: values taken over exactly, or refused with their line."""

import math

import pytest
from support.material import REFERENCE
from support.pipeline_files import small_config

from fractura.core.errors import DataError, UsageError
from fractura.formats.label_map import label_map_of, write_label_map
from fractura.tensorflow_od.pipeline_data import class_names
from fractura.tensorflow_od.pipeline_edit import PipelineChanges, new_pipeline_config
from fractura.tensorflow_od.pipeline_mapping import detector_settings, pipeline_config_for, train_settings
from fractura.tensorflow_od.pipeline_reader import parse_pipeline_config, read_pipeline_config
from fractura.tensorflow_od.training import field_notes
from fractura.training.schedules import learning_rate

ZOO = "faster_rcnn_inception_resnet_v2_640x640"
CONFIGS = {side: REFERENCE / "configs" / f"inception_resnet_v2_{side}x{side}_coco.config" for side in ("640", "1024")}


def config_of(*replace, **changes):
    settings = {"num_classes": 2, "batch_size": 2, "num_steps": 100, **changes}
    text = new_pipeline_config(ZOO, PipelineChanges(**settings))
    for old, new in replace:
        assert old in text, old
        text = text.replace(old, new)
    return parse_pipeline_config(text)


def settings_of(config, tmp_path, **overrides):
    return train_settings(config, tmp_path / "data", tmp_path / "out", overrides)


def reference_rate(step, base, total, warmup_rate, warmup):
    """tensorflow/models research/object_detection/utils/learning_schedules.py:148-208, in float64."""
    if step > total:
        return 0.0
    if step < warmup:
        return (base - warmup_rate) / warmup * step + warmup_rate
    return 0.5 * base * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))


@pytest.mark.parametrize(
    ("side", "base", "total", "warmup"), [("640", 0.16, 100000, 2500), ("1024", 0.008, 200000, 5000)]
)
def test_learning_rate_of_the_zoo_files(tmp_path, side, base, total, warmup):
    settings = settings_of(read_pipeline_config(CONFIGS[side]), tmp_path)
    for step in (0, 1, warmup - 1, warmup, warmup + 1, total // 2, total - 1, total, total + 1):
        wanted = reference_rate(step, base, total, 0.0, warmup)
        assert learning_rate(settings, step) == pytest.approx(wanted, rel=1e-6, abs=1e-18), step
    assert settings.num_steps == total


_COSINE = """cosine_decay_learning_rate {
          learning_rate_base: 0.001
          total_steps: 100
          warmup_learning_rate: 0.0
          warmup_steps: 5
        }"""


def test_constant_learning_rate_has_no_warm_up(tmp_path):
    settings = settings_of(config_of((_COSINE, "constant_learning_rate { learning_rate: 0.03 }")), tmp_path)
    assert [learning_rate(settings, step) for step in (0, 1, 99, 100, 10**6)] == [0.03] * 5


def test_other_learning_rates(tmp_path):
    manual = """manual_step_learning_rate {
          initial_learning_rate: 0.0002
          schedule { step: 900 learning_rate: 0.00002 }
          schedule { step: 1200 }
        }"""
    settings = settings_of(config_of((_COSINE, manual)), tmp_path)
    assert [learning_rate(settings, step) for step in (0, 899, 900, 1199, 1200)] == [0.0002, 0.0002, 2e-5, 2e-5, 0.002]
    settings = settings_of(
        config_of((_COSINE, manual.replace("900", "2").replace("}\n        }", "} warmup: true }"))), tmp_path
    )
    assert learning_rate(settings, 1) == pytest.approx(0.00011)
    exponential = "exponential_decay_learning_rate { initial_learning_rate: 0.01 decay_steps: 10 staircase: false }"
    settings = settings_of(config_of((_COSINE, exponential)), tmp_path)
    assert learning_rate(settings, 5) == pytest.approx(0.01 * 0.95**0.5)
    held = config_of(("warmup_steps: 5", "warmup_steps: 5\n hold_base_rate_steps: 3"))
    assert learning_rate(settings_of(held, tmp_path), 8) == 0.001


@pytest.mark.parametrize(
    ("written", "settings"),
    [
        ("adam_optimizer", {"optimizer": "adam", "epsilon": 1e-8}),
        (("adam_optimizer", "epsilon: 0.001"), {"optimizer": "adam", "epsilon": 0.001}),
        (
            "rms_prop_optimizer",
            {"optimizer": "rms_prop", "momentum_optimizer_value": 0.9, "rms_prop_decay": 0.9, "epsilon": 1.0},
        ),
        (
            ("rms_prop_optimizer", "momentum_optimizer_value: 0.5 decay: 0.0 epsilon: 0.1"),
            {"optimizer": "rms_prop", "momentum_optimizer_value": 0.5, "rms_prop_decay": 0.0, "epsilon": 0.1},
        ),
    ],
)
def test_other_optimisers(tmp_path, written, settings):
    name, fields = written if isinstance(written, tuple) else (written, "")
    config = config_of(("momentum_optimizer {", f"{name} {{"), ("momentum_optimizer_value: 0.9", fields))
    found = settings_of(config, tmp_path)
    assert {key: getattr(found, key) for key in settings} == settings
    decays = [note for note in field_notes(config) if "rms_prop_optimizer.decay" in note]
    assert len(decays) == bool(settings.get("rms_prop_decay"))


_CONTRAST = "random_adjust_contrast {\n    }"


@pytest.mark.parametrize(
    ("written", "settings"),
    [
        ("random_crop_image { min_area: 0.25 random_coef: 0.5 }", {"min_area": 0.25, "random_coef": 0.5}),
        ("random_jitter_boxes { jitter_mode: SHRINK_SYMMETRIC_XY }", {"jitter_mode": "shrink_symmetric_xy"}),
        ("random_pad_image { pad_color: [1.0, 2.0, 3.0] }", {"pad_color": (1, 2, 3), "max_image_height": None}),
        ("random_pad_image { max_image_height: 0 max_image_width: 9 }", {"max_image_height": 0, "max_image_width": 9}),
        ("random_distort_color { color_ordering: 1 }", {"color_ordering": 1}),
        ("ssd_random_crop { }", {"operations": ()}),
    ],
)
def test_augmentation_with_its_settings(tmp_path, written, settings):
    found = settings_of(config_of((_CONTRAST, written)), tmp_path).data_augmentation_options[-1]
    assert found.name == written.split()[0]
    assert {key: getattr(found, key) for key in settings} == settings


def test_crops_to_choose_from(tmp_path):
    written = """ssd_random_crop {
        operations { min_object_covered: 0.5 min_aspect_ratio: 0.5 max_aspect_ratio: 2.0 min_area: 0.1 max_area: 1.0 }
        operations { random_coef: 1.0 clip_boxes: false }
    }"""
    first, second = settings_of(config_of((_CONTRAST, written)), tmp_path).data_augmentation_options[-1].operations
    assert (first.min_object_covered, first.max_aspect_ratio, first.random_coef, first.clip_boxes) == (0.5, 2, 0, True)
    assert (second.max_area, second.random_coef, second.clip_boxes) == (0, 1, False)


_L2 = "l2_regularizer {\n          weight: 0.0\n        }"
_PREDICTOR = "share_box_across_classes: true"


@pytest.mark.parametrize(
    ("old", "new", "settings"),
    [
        (_L2, "l2_regularizer { }", {"first_stage_regularizer": {"kind": "l2", "weight": 1.0}}),
        (_L2, "l1_regularizer { weight: 0.25 }", {"first_stage_regularizer": {"kind": "l1", "weight": 0.25}}),
        (_L2, "", {"first_stage_regularizer": {"kind": "l2", "weight": 0.0}}),
        (_PREDICTOR, f"{_PREDICTOR} use_dropout: true", {"use_dropout": True, "dropout_keep_probability": 0.5}),
        (
            _PREDICTOR,
            f"{_PREDICTOR} use_dropout: true dropout_keep_probability: 0.8",
            {"use_dropout": True, "dropout_keep_probability": 0.8},
        ),
        ("score_converter: SOFTMAX", "score_converter: SIGMOID", {"score_converter": "SIGMOID"}),
        ("score_converter: SOFTMAX", "", {"score_converter": "IDENTITY"}),
    ],
)
def test_regularisation_dropout_and_scores(old, new, settings):
    config = config_of()
    text = config.document.text
    config = parse_pipeline_config(text.replace(old, new, 1))
    found = detector_settings(config)
    assert {name: found.model_dump()[name] for name in settings} == settings
    assert any("scores are logits" in note for note in field_notes(config)) == (found.score_converter == "IDENTITY")
    written = parse_pipeline_config(pipeline_config_for(found, {}))
    assert detector_settings(written) == found


def test_regularisation_can_be_left_out_of_the_loss():
    config = config_of(
        (_L2, "l2_regularizer { }"), ("max_number_of_boxes:", "add_regularization_loss: false\n max_number_of_boxes:")
    )
    assert detector_settings(config).first_stage_regularizer.weight == 0


def test_moving_averages(tmp_path):
    plain = config_of()
    assert settings_of(plain, tmp_path).ema_decay == 0
    averaged = config_of(("use_moving_average: false", "moving_average_decay: 0.99"))
    assert settings_of(averaged, tmp_path).ema_decay == 0.99


@pytest.mark.parametrize("side", CONFIGS)
def test_architecture_of_the_zoo_files(side):
    from fractura.models.faster_rcnn.family import named_settings

    settings = detector_settings(read_pipeline_config(CONFIGS[side]))
    wanted = named_settings(f"faster_rcnn_inception_resnet_v2_{side}x{side}", 90)
    assert settings == wanted
    assert settings.share_box_across_classes == (side == "640")


def test_training_of_the_zoo_file(tmp_path):
    config = read_pipeline_config(CONFIGS["1024"])
    settings = settings_of(config, tmp_path)
    assert (settings.batch_size, settings.gradient_clipping_by_norm, settings.ema_decay) == (16, 10.0, 0.0)
    assert (settings.optimizer, settings.momentum_optimizer_value) == ("momentum", 0.9)
    assert settings.max_number_of_boxes == 100
    assert [option.name for option in settings.data_augmentation_options] == [
        "random_horizontal_flip", "random_adjust_hue", "random_adjust_contrast", "random_adjust_saturation",
        "random_square_crop_by_scale",
    ]  # fmt: skip
    crop = settings.data_augmentation_options[-1]
    assert (crop.scale_min, crop.scale_max, crop.num_scales, crop.max_border) == (0.6, 1.3, 8, 128)


def test_every_honoured_value_arrives(tmp_path):
    config = config_of(
        ("first_stage_nms_iou_threshold: 0.7", "first_stage_nms_iou_threshold: 0.65\n first_stage_minibatch_size: 64"),
        (
            "first_stage_max_proposals: 300",
            "first_stage_max_proposals: 50\n second_stage_batch_size: 50\n first_stage_box_predictor_depth: 128",
        ),
        (" iou_threshold: 0.6\n", " iou_threshold: 0.55\n"),
        ("max_detections_per_class: 100", "max_detections_per_class: 20"),
        ("max_total_detections: 100", "max_total_detections: 30"),
        (
            "scales: [0.25, 0.5, 1.0, 2.0]",
            "scales: [0.1, 0.2]\n height: 128\n width: 128\n height_offset: 8\n width_offset: 8",
        ),
        ("max_number_of_boxes: 100", "max_number_of_boxes: 7"),
    )
    found = detector_settings(config)
    assert (found.num_classes, found.first_stage_nms_iou_threshold, found.first_stage_minibatch_size) == (2, 0.65, 64)
    assert (found.first_stage_max_proposals, found.first_stage_box_predictor_depth) == (50, 128)
    assert found.second_stage_nms_iou_threshold == 0.55
    assert (found.max_detections_per_class, found.max_total_detections) == (20, 30)
    assert found.anchors.scales == (0.1, 0.2)
    assert (found.anchors.base_sizes, found.anchors.offsets) == ((128.0,), (8.0,))
    assert settings_of(config, tmp_path).max_number_of_boxes == 7


def test_a_resizer_that_keeps_the_aspect_ratio():
    old = "fixed_shape_resizer {\n        height: 640\n        width: 640\n      }"
    new = "keep_aspect_ratio_resizer { min_dimension: 600 max_dimension: 1024 pad_to_max_dimension: true }"
    resizer = detector_settings(config_of((old, new))).image_resizer
    assert (resizer.min_dimension, resizer.max_dimension, resizer.pad_to_max_dimension) == (600, 1024, True)


def change(old, new):
    return ((old, new),)


_IOU = "first_stage_nms_iou_threshold"
REFUSED = [
    (change("height_stride: 16", "height_stride: 8"), "height_stride 8 and width_stride 16 differ"),
    (
        (("height_stride: 16", "height_stride: 8"), ("width_stride: 16", "width_stride: 8")),
        "stride 8 are not supported",
    ),
    (change(_COSINE, "manual_step_learning_rate { }"), "the schedule is empty"),
    (
        change(_COSINE, "manual_step_learning_rate { schedule { step: 9 } schedule { step: 9 } }"),
        "the steps of the schedule do not rise: [9, 9]",
    ),
    (change("warmup_learning_rate: 0.0", "warmup_learning_rate: 5.0"), "higher than learning_rate_base"),
    (change("warmup_steps: 5", "warmup_steps: 500"), "more than total_steps"),
    (change(_CONTRAST, "random_distort_color { color_ordering: 2 }"), "color_ordering"),
    (change(_CONTRAST, "random_pad_image { pad_color: 1.0 }"), "pad_color needs three numbers"),
    (change(_CONTRAST, "random_pad_image { min_image_width: 9 }"), "min_image_height and min_image_width"),
    (change(_CONTRAST, "random_jpeg_quality { }"), "random_jpeg_quality' is not supported"),
    (change(" num_steps: 100\n", " num_steps: 0\n"), "num_steps is missing or 0"),
    (change(f"{_IOU}: 0.7", f"{_IOU}: 1.7"), f"{_IOU} = 1.7"),
    (
        change("first_stage_max_proposals: 300", "second_stage_batch_size: 9\n first_stage_max_proposals: 8"),
        "second_stage_batch_size 9 is more than first_stage_max_proposals 8",
    ),
    (
        change("first_stage_max_proposals: 300", "first_stage_max_proposals: 63"),
        "second_stage_batch_size 64 is more than first_stage_max_proposals 63",
    ),
    (change("momentum_optimizer_value: 0.9", "momentum_optimizer_value: 1.0"), "momentum_optimizer_value"),
]


@pytest.mark.parametrize(("change", "said"), REFUSED, ids=[said for _, said in REFUSED])
def test_what_is_not_supported_is_refused_with_its_line(tmp_path, change, said):
    def read():
        config = config_of(*change)
        detector_settings(config)
        settings_of(config, tmp_path)

    with pytest.raises(DataError, match=r"line \d+") as caught:
        read()
    assert said in str(caught.value)
    assert caught.value.hint


def test_the_line_is_that_of_the_augmentation(tmp_path):
    config = config_of((_CONTRAST, "random_pad_image {\n\n pad_color: [1, 2]\n }"))
    [line] = [number for number, text in enumerate(config.document.text.splitlines(), 1) if "pad_color" in text]
    with pytest.raises(DataError, match=rf"line {line}: .*three numbers"):
        settings_of(config, tmp_path)


def test_overrides_win_and_are_checked(tmp_path):
    config = config_of()
    assert settings_of(config, tmp_path, num_steps=3, batch_size=1).num_steps == 3
    with pytest.raises(UsageError, match="num_steps"):
        settings_of(config, tmp_path, num_stps=3)


def test_class_names_follow_the_label_map(tmp_path):
    label_map = tmp_path / "label_map.txt"
    write_label_map(label_map_of(["Fractura"]), label_map)
    assert class_names(config_of(num_classes=1), label_map) == ("Fractura",)
    assert class_names(config_of(num_classes=3), label_map) == ("Fractura", "unused 2", "unused 3")
    write_label_map(label_map_of(["a", "b", "c"]), label_map)
    with pytest.raises(DataError, match=r"line \d+.*ids up to 3"):
        class_names(config_of(num_classes=2), label_map)


def test_fields_without_effect_are_said_with_line_and_reason():
    notes = field_notes(read_pipeline_config(CONFIGS["640"]))
    said = {note.split(": ")[1].split(" ")[0]: note for note in notes}
    for field in (
        "model.faster_rcnn.use_static_shapes",
        "train_config.sync_replicas",
        "train_config.unpad_groundtruth_tensors",
    ):
        assert "has no effect: " in said[field]
        assert said[field].startswith("line ")
    assert not any("learning_rate_base" in note for note in notes)


def test_paths_that_are_not_filled_in(tmp_path):
    from fractura.tensorflow_od.training import prepare_pipeline

    with pytest.raises(DataError, match=r"line \d+.*PATH_TO_BE_CONFIGURED"):
        prepare_pipeline(read_pipeline_config(CONFIGS["640"]), tmp_path / "out")
    file = small_config(tmp_path / "pipeline.config")
    with pytest.raises(DataError, match="no input_path"):
        prepare_pipeline(read_pipeline_config(file), tmp_path / "out")
