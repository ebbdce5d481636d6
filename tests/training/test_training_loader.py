from dataclasses import replace

import numpy as np
import pytest
import torch
from support.training_fakes import make_images

from fractura.core.dataset import BoxFlags
from fractura.core.errors import DataError
from fractura.training.augmentation import PRESETS
from fractura.training.data import ImageDataset, PlainImages, batches, build_loader, collate, read_labelled_image
from fractura.training.sampling import ImageStream, StepSampler


def loaded(data, *, workers=0, start_method=None, first=0, last=6, options=PRESETS["image_with_crops"]):
    dataset = ImageDataset(data, ImageStream.of(data, 1.0, 5), options)
    loader = build_loader(
        dataset, StepSampler(3, first, last), workers=workers, pin_memory=False, start_method=start_method
    )
    return [batch for batch, _ in batches(loader)]


def same(first, second):
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert a.names == b.names
        assert a.dropped == b.dropped
        assert all(torch.equal(x, y) for x, y in zip(a.images, b.images, strict=True))
        for x, y in zip(a.targets, b.targets, strict=True):
            assert torch.equal(x.boxes, y.boxes)
            assert torch.equal(x.labels, y.labels)


@pytest.mark.parametrize(
    ("workers", "start_method"),
    [(2, None), pytest.param(2, "spawn", marks=pytest.mark.slow)],
)
def test_batches_are_the_same_whoever_prepares_them(tmp_path, workers, start_method):
    data = make_images(tmp_path, 9)
    same(loaded(data), loaded(data, workers=workers, start_method=start_method))


def test_a_resumed_loader_goes_on_without_replaying(tmp_path):
    data = make_images(tmp_path, 9)
    same(loaded(data)[4:], loaded(data, first=4))


def test_a_image_is_augmented_anew_each_time(tmp_path):
    data = make_images(tmp_path, 3, negative_every=0)
    by_name = {}
    for batch in loaded(data):
        for name, image in zip(batch.names, batch.images, strict=True):
            by_name.setdefault(name, []).append(image)
    images = by_name[data.records[0].name]
    assert len(images) == 6
    assert not all(image.shape == images[0].shape and torch.equal(image, images[0]) for image in images)


def test_types_and_shapes(tmp_path):
    [batch] = loaded(make_images(tmp_path, 6), last=1, options=())
    assert all(image.dtype == torch.uint8 and image.shape == (40, 48, 3) for image in batch.images)
    assert all(t.boxes.dtype == torch.float32 and t.labels.dtype == torch.int64 for t in batch.targets)
    assert all(t.boxes.shape == (len(t.labels), 4) for t in batch.targets)
    assert len(batch.part(1, 3)) == 2
    assert batch.part(1, 3).names == batch.names[1:3]


def test_weights_reach_the_detector(tmp_path):
    data = make_images(tmp_path, 2, negative_every=0)
    plain, weighted = data.records
    data = replace(data, records=(plain, replace(weighted, flags=(BoxFlags(weight=0.25),))))
    [batch] = loaded(data, last=1)
    found = {name: target.weights for name, target in zip(batch.names, batch.targets, strict=True)}
    assert found[plain.name] is None
    assert found[weighted.name].tolist() == [0.25]


def test_an_unreadable_image_is_named_and_replaced(tmp_path):
    data = make_images(tmp_path, 6, negative_every=0)
    data.records[2].image.write_bytes(data.records[2].read_bytes()[:60])
    for workers in (0, 2):
        found = loaded(data, last=4, workers=workers)
        problems = [problem for batch in found for problem in batch.problems]
        assert {problem.image for problem in problems} == {str(data.records[2].image)}
        assert all(len(batch) == 3 for batch in found)
        assert all(data.records[2].name not in batch.names for batch in found)


def test_without_a_readable_image_the_batch_is_empty(tmp_path):
    data = make_images(tmp_path, 3, negative_every=0)
    for record in data:
        record.image.write_bytes(b"no image")
    [batch] = loaded(data, last=1)
    assert len(batch) == 0
    assert batch.problems


def test_a_image_of_another_size_than_its_annotation_is_refused(tmp_path):
    record = replace(make_images(tmp_path, 1).records[0], width=47)
    with pytest.raises(DataError, match=r"has 48 x 40 pixels, but its annotation is for 47 x 40"):
        read_labelled_image(record)


def test_a_missing_file_is_a_data_error(tmp_path):
    record = make_images(tmp_path, 1).records[0]
    record.image.unlink()
    with pytest.raises(DataError, match="there is no such file"):
        read_labelled_image(record)


def test_plain_images_are_untouched(tmp_path):
    data = make_images(tmp_path, 4)
    batch = collate([PlainImages(data)[place] for place in (1, 3)])
    assert batch.places == [1, 3]
    assert np.array_equal(batch.images[0].numpy(), read_labelled_image(data.records[1]).image)
    assert batch.targets[0].boxes.numpy().tolist() == data.records[1].boxes.xyxy.tolist()
