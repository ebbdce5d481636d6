"""Small data sets for the tests of formats: real PNG images with boxes of every kind."""

import io

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from fractura.core.boxes import Boxes
from fractura.core.dataset import BoxFlags, Dataset, Record

CLASSES = ("Fractura", "luxación", "yeso 2")


def png(width, height, seed=0):
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def make_images(folder, count=4, sizes=((120, 90), (64, 200))):
    """Write images; give their records without boxes."""
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for number in range(count):
        width, height = sizes[number % len(sizes)]
        path = folder / f"image {number}.png"
        path.write_bytes(png(width, height, number))
        records.append(Record(path, width, height, Boxes.empty()))
    return records


def make_dataset(folder, count=4):
    """Boxes, flags and a negative image: what a LabelImg user has."""
    bare, *records = make_images(folder, count)
    annotated = [
        Record(
            each.image,
            each.width,
            each.height,
            Boxes([[1, 2, 31, 42], [5.5, 7.25, 20, 30.125]], [0, number % 3]),
            (BoxFlags(), BoxFlags(difficult=True, truncated=True, pose="Left")),
        )
        for number, each in enumerate(records)
    ]
    return Dataset(CLASSES, (bare, *annotated), folder)


def same_images(first, second, *, flags=True):
    """Both hold the same images with the same boxes, by class name."""
    assert [each.name for each in sorted(first, key=lambda r: r.name)] == [
        each.name for each in sorted(second, key=lambda r: r.name)
    ]
    there = {each.name: each for each in second}
    for each in first:
        other = there[each.name]
        assert (each.width, each.height) == (other.width, other.height)
        np.testing.assert_array_equal(each.boxes.xyxy, other.boxes.xyxy)
        assert [first.class_names[i] for i in each.boxes.labels] == [second.class_names[i] for i in other.boxes.labels]
        if flags:
            assert each.flags == other.flags
        assert each.read_bytes() == other.read_bytes()


corner = st.one_of(  # a corner nearer to the border than a ten-thousandth of a pixel may lose it in YOLO and CreateML
    st.integers(0, 40).map(float),
    st.integers(0, 40 * 64).map(lambda n: n / 64),
    st.floats(0, 40, width=32).map(lambda value: value if value > 1e-4 else 0.0),
)


@st.composite
def boxes_of(draw, classes=len(CLASSES)):
    """Boxes inside an image of 64 x 90 or more, any float32 corners, at least a sixteenth of a pixel wide."""
    corners, labels = [], []
    for _ in range(draw(st.integers(0, 4))):
        left, top = draw(corner), draw(corner)
        width, height = draw(st.floats(0.0625, 20, width=16)), draw(st.floats(0.0625, 20, width=16))
        box = np.array([left, top, left + width, top + height], np.float32)
        corners.append(box if draw(st.booleans()) else np.floor(box) + np.array([0, 0, 1, 1], np.float32))
        labels.append(draw(st.integers(0, classes - 1)))
    if corners:  # where all boxes lie within the first pixel, readers take them for fractions
        corners.append(np.array([1, 1, 3.5, 2], np.float32))
        labels.append(0)
    return Boxes(np.array(corners, np.float32).reshape(-1, 4), labels)
