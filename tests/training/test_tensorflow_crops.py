"""TensorFlow's crops: their limits by the formulas everywhere, their distribution beside TensorFlow's own kernel."""

import numpy as np
import pytest
from support.augmentation import Draws, labelled_image

from fractura.training.tensorflow_crops import CropOperation, RandomCropImage, SsdRandomCrop, crop_to


@pytest.mark.parametrize(
    ("boxes", "threshold", "clip", "kept"),
    [
        ([[30, 20, 40, 30]], 1.0, True, [[10, 10, 20, 20]]),
        ([[10, 15, 30, 25]], 0.5, True, [[0, 5, 10, 15]]),  # half of it is inside
        ([[10, 15, 30, 25]], 0.51, True, []),
        ([[10, 15, 30, 25]], 0.5, False, [[-10, 5, 10, 15]]),
        ([[0, 0, 20, 30]], 0.0, True, []),  # touches the crop, outside
        ([[0, 0, 21, 30]], 0.0, True, [[0, 0, 1, 20]]),
        ([[25, 15, 25, 20]], 0.0, True, []),  # has no area
        ([], 0.0, True, []),
    ],
)
def test_crop_and_its_boxes(boxes, threshold, clip, kept):
    x = labelled_image(40, 60, boxes)
    cut = crop_to(x, (20, 10, 50, 35), threshold, clip)
    assert np.array_equal(cut.image, x.image[10:35, 20:50])
    assert cut.boxes.tolist() == kept
    assert cut.boxes.shape == (len(kept), 4)
    assert cut.dropped == len(boxes) - len(kept)


@pytest.mark.parametrize("covered", [0.0, 0.5, 1.0])
def test_windows_keep_their_limits(covered):
    operation = RandomCropImage(min_object_covered=covered)
    x = labelled_image(50, 80, [[10, 5, 40, 30], [60, 20, 75, 45]])
    generator = np.random.default_rng(0)
    areas, ratios = [], []
    for _ in range(500):
        left, top, right, bottom = operation.window(x, generator)
        assert 0 <= left < right <= 80
        assert 0 <= top < bottom <= 50
        shares = []
        for box in x.boxes:
            inside = np.maximum(np.minimum(box[2:], (right, bottom)) - np.maximum(box[:2], (left, top)), 0).prod()
            shares.append(inside / (box[2:] - box[:2]).prod())
        assert max(shares) >= covered
        if (right - left, bottom - top) != (80, 50):
            areas.append((right - left) * (bottom - top) / 4000)
            ratios.append((right - left) / (bottom - top))
    assert len(areas) > 400
    assert min(areas) >= 0.1
    assert min(ratios) > 0.7
    assert max(ratios) < 1.4


def test_an_image_without_boxes_is_cropped_as_if_it_were_one():
    operation, generator = RandomCropImage(min_object_covered=0.6), np.random.default_rng(0)
    x = labelled_image(50, 50, [])
    for _ in range(50):
        left, top, right, bottom = operation.window(x, generator)
        assert (right - left) * (bottom - top) >= 0.6 * 2500


@pytest.mark.parametrize(
    "limits",
    [
        {"min_aspect_ratio": 9.0, "max_aspect_ratio": 9.5, "min_area": 0.9},  # no such rectangle fits
        {"min_area": 0.5, "max_area": 0.4},
        {"max_area": 0.0},
        {"min_object_covered": 1.1},
    ],
)
def test_where_no_crop_is_found_the_image_stays_whole(limits):
    x = labelled_image(50, 80, [[10, 5, 40, 30]])
    cut = RandomCropImage(**limits).apply(x, np.random.default_rng(0))
    assert np.array_equal(cut.image, x.image)
    assert np.array_equal(cut.boxes, x.boxes)


def test_an_operation_with_the_defaults_of_the_protos_crops_nothing():
    assert CropOperation().window(labelled_image(), np.random.default_rng(0)) == (0, 0, 60, 40)


def test_chance_of_leaving_the_image():
    x = labelled_image(50, 80, [[10, 5, 40, 30]])
    operation = RandomCropImage(random_coef=0.3)
    assert operation.apply(x, Draws(0.3)) is x
    generator = np.random.default_rng(0)
    whole = sum(operation.apply(x, generator) is x for _ in range(1000))
    assert 250 < whole < 350


def test_one_of_several_crops():
    x = labelled_image(50, 80, [[10, 5, 40, 30]])
    assert SsdRandomCrop().apply(x, Draws(6, 0.1)) is x  # the seventh, which leaves the image with a chance of 0.15
    small = {"min_aspect_ratio": 1.0, "max_aspect_ratio": 1.0, "max_area": 0.01}
    option = SsdRandomCrop(operations=[{"random_coef": 1.0}, small])
    assert option.apply(x, Draws(0, 0.99)) is x
    sizes = {option.apply(x, np.random.default_rng(seed)).image.shape[:2] for seed in range(40)}
    assert (50, 80) in sizes
    assert len(sizes) > 3
    assert all(size == (50, 80) or size[0] * size[1] <= 40 for size in sizes)


@pytest.mark.slow
@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"min_object_covered": 0.3, "min_area": 0.3, "min_aspect_ratio": 0.5, "max_aspect_ratio": 2.0},
        {"min_object_covered": 0.0, "max_area": 0.4},
    ],
)
def test_windows_are_drawn_as_by_the_kernel(tensorflow, limits):
    """Largest difference between the distribution functions of 1500 draws each (Kolmogorov and Smirnov)."""
    count = 1500
    x = labelled_image(60, 90, [[10, 5, 40, 30], [50, 20, 85, 55]])
    operation, generator = RandomCropImage(**limits), np.random.default_rng(0)
    ours = np.array([operation.window(x, generator) for _ in range(count)])
    boxes = x.boxes[None, :, [1, 0, 3, 2]] / np.float32([60, 90, 60, 90])

    @tensorflow.function
    def draw(number):
        begin, size, _ = tensorflow.image.stateless_sample_distorted_bounding_box(
            (60, 90, 3),
            boxes,
            seed=tensorflow.stack([number, 7]),
            min_object_covered=operation.min_object_covered,
            aspect_ratio_range=(operation.min_aspect_ratio, operation.max_aspect_ratio),
            area_range=(operation.min_area, operation.max_area),
            max_attempts=100,
            use_image_if_no_bounding_boxes=True,
        )
        return tensorflow.concat([begin[1::-1], begin[1::-1] + size[1::-1]], 0)

    theirs = np.array([draw(tensorflow.constant(number)).numpy() for number in range(count)])
    for side in range(4):
        assert distance(ours[:, side], theirs[:, side]) < 0.07
    assert distance(np.ptp(ours[:, ::2], axis=1), np.ptp(theirs[:, ::2], axis=1)) < 0.07
    assert distance(np.ptp(ours[:, 1::2], axis=1), np.ptp(theirs[:, 1::2], axis=1)) < 0.07


def distance(first, second):
    """Of two samples' distribution functions: at most 0.07 for one distribution, but for one pair in a thousand."""
    places = np.arange(91)
    return np.abs((first[:, None] <= places).mean(axis=0) - (second[:, None] <= places).mean(axis=0)).max()
