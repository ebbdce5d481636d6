"""A ``pipeline.config`` whose model is the real one, on images so small that a step takes a second."""

from fractura.tensorflow_od.pipeline_edit import PipelineChanges, new_pipeline_config

_SMALL = (
    ("height: 640", "height: 96"),
    ("width: 640", "width: 96"),
    ("initial_crop_size: 17", "initial_crop_size: 5"),
    ("first_stage_max_proposals: 300", "first_stage_max_proposals: 8\n    second_stage_batch_size: 4"),
)


def small_config(path, *, replace=(), **changes):
    """Write the file; ``changes`` as in ``PipelineChanges``, ``replace`` as pairs of texts."""
    settings = {"num_classes": 1, "batch_size": 1, "num_steps": 2, **changes}
    text = new_pipeline_config("faster_rcnn_inception_resnet_v2_640x640", PipelineChanges(**settings))
    for old, new in (*_SMALL, *replace):
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path


def small_resnet_config(path, *, depth=50, replace=()):
    """The same for the zoo's ResNets."""
    text = new_pipeline_config(f"faster_rcnn_resnet{depth}_v1_640x640", PipelineChanges(num_classes=1, batch_size=1))
    small = (
        ("min_dimension: 640", "min_dimension: 96"),
        ("max_dimension: 640", "max_dimension: 96"),
        ("first_stage_max_proposals: 300", "first_stage_max_proposals: 8\n    second_stage_batch_size: 4"),
    )
    for old, new in (*small, *replace):
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path
