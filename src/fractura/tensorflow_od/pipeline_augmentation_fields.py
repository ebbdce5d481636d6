"""The steps of a ``pipeline.config``'s ``data_augmentation_options``.

Names, types and defaults are those of tensorflow/models research/object_detection/protos/preprocessor.proto.
"""

from __future__ import annotations

from fractura.tensorflow_od.pipeline_schema import Table, ValueField, flag, ignored, message, number, whole

_POINTS = "fractura detects boxes, not masks or keypoints"
_FLIP: Table = {"keypoint_flip_permutation": ignored("int", _POINTS, repeated=True), "probability": number(0.5)}


def _crop(covered: float, ratios: tuple[float, float], areas: tuple[float, float], overlap: float) -> Table:
    return {
        "min_object_covered": number(covered),
        "min_aspect_ratio": number(ratios[0]),
        "max_aspect_ratio": number(ratios[1]),
        "min_area": number(areas[0]),
        "max_area": number(areas[1]),
        "overlap_thresh": number(overlap),
        "clip_boxes": flag(True),
        "random_coef": number(0.0),
    }


def _size() -> ValueField:
    """A number of pixels for which it matters whether it is there."""
    return ValueField(kind="int", default=None, minimum=0)


_JITTER_MODES = (
    "DEFAULT", "EXPAND", "SHRINK", "EXPAND_SYMMETRIC", "SHRINK_SYMMETRIC", "EXPAND_SYMMETRIC_XY", "SHRINK_SYMMETRIC_XY",
)  # fmt: skip

AUGMENTATIONS: dict[str, Table] = {
    "random_horizontal_flip": _FLIP,
    "random_vertical_flip": _FLIP,
    "random_rotation90": {
        "keypoint_rot_permutation": ignored("int", _POINTS, repeated=True),
        "probability": number(0.5),
    },
    "random_adjust_brightness": {"max_delta": number(0.2)},
    "random_adjust_contrast": {"min_delta": number(0.8), "max_delta": number(1.25)},
    "random_adjust_hue": {"max_delta": number(0.02)},
    "random_adjust_saturation": {"min_delta": number(0.8), "max_delta": number(1.25)},
    "random_distort_color": {"color_ordering": whole(0, 0)},
    "random_rgb_to_gray": {"probability": number(0.1)},
    "random_square_crop_by_scale": {
        "max_border": whole(128, 0),
        "scale_min": number(0.6),
        "scale_max": number(1.3),
        "num_scales": whole(8, 1),
    },
    "random_crop_image": _crop(1.0, (0.75, 1.33), (0.1, 1.0), 0.3),
    "ssd_random_crop": {
        "operations": message(_crop(0.0, (0.0, 0.0), (0.0, 0.0), 0.0), repeated=True, setting="operations")
    },
    "random_image_scale": {"min_scale_ratio": number(0.5), "max_scale_ratio": number(2.0)},
    "random_pad_image": {
        "min_image_height": _size(),
        "min_image_width": _size(),
        "max_image_height": _size(),
        "max_image_width": _size(),
        "pad_color": number(()),
    },
    "random_absolute_pad_image": {
        "max_height_padding": whole(0, 0),
        "max_width_padding": whole(0, 0),
        "pad_color": number(()),
    },
    "random_scale_crop_and_pad_to_square": {
        "output_size": whole(512, 1),
        "scale_min": number(0.1),
        "scale_max": number(2.0),
    },
    "random_jitter_boxes": {
        "ratio": number(0.05),
        "jitter_mode": ValueField(
            kind="enum", default="default", choices={mode: mode.lower() for mode in _JITTER_MODES}
        ),
    },
    "random_black_patches": {
        "max_black_patches": whole(10, 0),
        "probability": number(0.5),
        "size_to_image_ratio": number(0.1),
    },
    "random_patch_gaussian": {
        "random_coef": number(0.0),
        "min_patch_size": whole(1, 1),
        "max_patch_size": whole(250, 1),
        "min_gaussian_stddev": number(0.0),
        "max_gaussian_stddev": number(1.0),
    },
}
"""Steps of augmentation and their settings, named as in ``fractura.training.augmentation``."""
