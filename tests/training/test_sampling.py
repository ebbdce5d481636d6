"""Which image is shown when, and which process shows it."""

from collections import Counter

import pytest
from support.training_fakes import make_images

from fractura.training.sampling import ImageStream, StepSampler


def stream(positives=5, negatives=7, per_epoch=7, seed=3):
    return ImageStream(tuple(range(positives)), tuple(range(100, 100 + negatives)), per_epoch, seed)


def shown(source, first, last):
    return [source.image(place) for place in range(first, last)]


def test_an_epoch_shows_every_image_once():
    source = stream()
    for epoch in range(3):
        images = shown(source, epoch * 12, (epoch + 1) * 12)
        assert sorted(images) == [0, 1, 2, 3, 4, *range(100, 107)]
    assert shown(source, 0, 12) != shown(source, 12, 24)


def test_every_negative_has_its_turn():
    source = stream(per_epoch=3)
    assert source.epoch_length == 8
    images = shown(source, 0, 7 * 8)  # 7 epochs of 3 negatives: each of the 7 three times
    counts = Counter(images)
    assert {counts[image] for image in range(5)} == {7}
    assert {counts[image] for image in range(100, 107)} == {3}


@pytest.mark.parametrize(("ratio", "expected"), [(None, 4), (0, 0), (0.25, 2), (0.5, 4), (9, 4)])
def test_negatives_per_positive(tmp_path, ratio, expected):
    data = make_images(tmp_path, 12)
    assert data.negatives == 4
    assert ImageStream.of(data, ratio, 0).negatives_per_epoch == expected


def test_the_order_depends_on_the_seed_alone():
    assert shown(stream(seed=1), 0, 50) == shown(stream(seed=1), 0, 50)
    assert shown(stream(seed=1), 0, 50) != shown(stream(seed=2), 0, 50)
    assert [stream().image(place) for place in (40, 3, 17)] == [shown(stream(), 0, 50)[place] for place in (40, 3, 17)]


def test_processes_share_a_step_and_a_resumed_sampler_goes_on():
    whole = list(StepSampler(4, 0, 6))
    assert whole[:2] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    shares = [list(StepSampler(4, 0, 6, process, 2)) for process in (0, 1)]
    assert [first + second for first, second in zip(*shares, strict=True)] == whole
    assert list(StepSampler(4, 2, 6)) == whole[2:]
    assert len(StepSampler(4, 2, 6)) == 4
