"""near-duplicates: copies that were saved again, scaled, brightened or mirrored are found; other images are not."""

import io
import time

import numpy as np
import pytest
from PIL import Image

from fractura.imaging.reader import read_radiograph
from fractura.quality.perceptual_hash import (
    Fingerprint,
    connected_groups,
    fingerprint,
    near_duplicate_groups,
    near_duplicate_pairs,
)


def picture(seed, width=180, height=220):
    """Soft blobs on black: no two seeds look alike."""
    generator = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    grey = np.zeros((height, width))
    for _ in range(14):
        y, x, size = generator.uniform(0, height), generator.uniform(0, width), generator.uniform(8, 45)
        grey += generator.uniform(30, 160) * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * size**2))
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def saved_as_jpeg(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=40)
    return read_radiograph(stream.getvalue()).pixels


def scaled(pixels):
    height, width = pixels.shape[:2]
    return np.asarray(Image.fromarray(pixels).resize((width // 2, height // 2)))


CHANGES = {
    "nothing": lambda p: p,
    "saved again": saved_as_jpeg,
    "scaled": scaled,
    "brighter": lambda p: np.clip(p.astype(float) * 1.1 + 10, 0, 255).astype(np.uint8),
    "other window": lambda p: (255 * (p / 255) ** 0.6).astype(np.uint8),
    "mirrored": lambda p: p[:, ::-1],
    "one line cut off": lambda p: p[1:, 1:],
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_among_others(change):
    images = [picture(seed) for seed in range(60)]
    copies = [CHANGES[change](images[seed]) for seed in range(0, 60, 10)]
    found = near_duplicate_groups([fingerprint(image) for image in images + copies])
    assert found == [(seed, 60 + place) for place, seed in enumerate(range(0, 60, 10))]


def test_a_mirror_image_is_said_to_be_one():
    image = picture(1)
    (pair,) = near_duplicate_pairs([fingerprint(image), fingerprint(image[:, ::-1])])
    assert pair.mirrored
    assert (pair.first, pair.second) == (0, 1)
    assert pair.distance < 4
    assert pair.correlation > 0.999


def test_many_copies_of_one_picture_are_one_group():
    images = [fingerprint(picture(seed)) for seed in range(20)]
    copies = [fingerprint(saved_as_jpeg(picture(3)))] * 100
    assert near_duplicate_groups(images + copies) == [(3, *range(20, 120))]


def test_a_stretched_image_is_another_image():
    image = picture(4)
    wide = np.asarray(Image.fromarray(image).resize((400, 220)))
    assert near_duplicate_groups([fingerprint(image), fingerprint(wide)]) == []


def test_the_caller_has_the_last_word():
    image = fingerprint(picture(5))
    asked = []
    assert near_duplicate_groups([image, image], confirm=lambda *pair: asked.append(pair)) == []
    assert asked == [(0, 1)]


@pytest.mark.parametrize("images", [0, 1, 2])
def test_few_images(images):
    assert near_duplicate_groups([fingerprint(picture(seed)) for seed in range(images)]) == []


def test_even_images_are_alike_and_unlike_others():
    black, white = np.zeros((50, 50), np.uint8), np.full((50, 50), 255, np.uint8)
    found = near_duplicate_groups([fingerprint(black), fingerprint(white), fingerprint(picture(6))])
    assert found in ([], [(0, 1)])


def test_links_make_groups():
    assert connected_groups(6, [(4, 1), (1, 2), (5, 0)]) == [(0, 5), (1, 2, 4), (3,)]


def random_fingerprints(count, seed=0):
    generator = np.random.default_rng(seed)
    bits = generator.integers(0, 256, (count, 64), dtype=np.uint8)
    thumbnails = generator.integers(0, 256, (count, 1024), dtype=np.uint8)
    return [
        Fingerprint(b[:32].tobytes(), b[32:].tobytes(), t.tobytes(), 1.0) for b, t in zip(bits, thumbnails, strict=True)
    ]


def test_time_grows_with_the_number_of_images_and_not_with_its_square():
    small, large = random_fingerprints(2_000), random_fingerprints(16_000)
    start = time.process_time()
    assert near_duplicate_pairs(small) == []
    middle = time.process_time()
    assert near_duplicate_pairs([*large, large[7]])[0].second == 16_000
    end = time.process_time()
    assert end - middle < 5 * 8 * (middle - start)  # all pairs would take 64 times as long


def test_different_radiographs_are_not_alike(real_images):
    folder = real_images("fracatlas/val/images")
    images = [fingerprint(read_radiograph(path).pixels) for path in sorted(folder.iterdir())[:80]]
    assert near_duplicate_groups(images, minimum_correlation=0.98) == []
