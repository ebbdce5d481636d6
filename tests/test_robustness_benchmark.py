"""The ten changes of the robustness benchmark: boxes go where pixels go, and every run changes alike."""

import numpy as np
import pytest

from benchmarks.robustness import CHANGES, Picture, inverted

BOX = (60.0, 50.0, 100.0, 80.0)


@pytest.fixture
def picture():
    """Mid-grey with a light ellipse in its box."""
    grey = np.full((160, 200), 0.35, np.float32)
    y, x = np.mgrid[0:160, 0:200] + 0.5
    left, top, right, bottom = BOX
    across, down = (2 * x - left - right) / (right - left), (2 * y - top - bottom) / (bottom - top)
    grey[across**2 + down**2 <= 1] = 0.75
    return Picture(grey, np.array([BOX], np.float32))


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_the_box_stays_around_what_it_held(change, picture):
    changed = change(picture)
    grey = changed.grey
    assert grey.dtype == np.float32
    assert 0 <= grey.min() <= grey.max() <= 1
    left, top, right, bottom = changed.boxes[0].round().astype(int)
    y, x = np.mgrid[top:bottom, left:right] + 0.5
    inside = ((2 * x - left - right) / (right - left)) ** 2 + ((2 * y - top - bottom) / (bottom - top)) ** 2 <= 0.8
    held, around = grey[top:bottom, left:right][inside].mean(), grey[top - 12 : top - 4, left:right].mean()
    assert (held < around) if change is inverted else (held > around)
    assert np.abs(grey[top:bottom, left:right][inside] - held).mean() < abs(held - around) / 2


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_every_run_changes_alike(change, picture):
    first, second = change(picture), change(picture)
    assert np.array_equal(first.grey, second.grey)
    assert first.grey.shape != picture.grey.shape or not np.array_equal(first.grey, picture.grey)
