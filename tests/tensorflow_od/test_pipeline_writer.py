"""A ``pipeline.config`` made from a model says what the model is."""

import pytest

from fractura.core.errors import ModelError
from fractura.models.faster_rcnn.family import named_settings
from fractura.models.faster_rcnn.settings import AnchorSettings
from fractura.models.resizer import FixedShapeResizer, KeepAspectRatioResizer
from fractura.tensorflow_od.pipeline_mapping import detector_settings, pipeline_config_for
from fractura.tensorflow_od.pipeline_reader import parse_pipeline_config
from fractura.tensorflow_od.pipeline_writer import MODELS

ZOO = tuple(MODELS)
OTHERWISE = {
    "image_resizer": KeepAspectRatioResizer(min_dimension=600, max_dimension=1024),
    "anchors": AnchorSettings(base_sizes=(128.0,), offsets=(8.0,), scales=(0.5, 1.0), aspect_ratios=(1.0,)),
    "clip_anchors_to_image": True,
    "share_box_across_classes": False,
    "first_stage_max_proposals": 50,
    "first_stage_nms_iou_threshold": 0.65,
    "second_stage_nms_score_threshold": 0.1,
    "max_total_detections": 30,
    "second_stage_batch_size": 32,
    "initial_crop_size": 9,
    "maxpool_kernel_size": 3,
    "maxpool_stride": 1,
}


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("changes", [{}, OTHERWISE])
def test_reading_gives_the_model_back(name, changes):
    settings = named_settings(name, 3).model_copy(update=changes)
    if changes:
        name = f"faster_rcnn_{settings.feature_extractor.kind}_600_to_1024"
        settings = settings.model_copy(update={"name": name})
    config = parse_pipeline_config(pipeline_config_for(settings, {"batch_size": 1, "num_steps": 500, "seed": 0}))
    assert detector_settings(config) == settings
    train = config.root.section("train_config")
    assert (train["batch_size"], train["num_steps"]) == (1, 500)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"append_groundtruth_boxes": True}, "append_groundtruth_boxes"),
        ({"image_resizer": FixedShapeResizer(height=640, width=640, antialias=True)}, "image_resizer"),
    ],
)
def test_what_tensorflow_cannot_say_is_named(changes, said):
    with pytest.raises(ModelError, match=said):
        pipeline_config_for(named_settings(ZOO[0], 1).model_copy(update=changes), {})
