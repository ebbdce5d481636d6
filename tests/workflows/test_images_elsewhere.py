"""Where the images lie apart from their annotations: the option of every command, for every format."""

import shutil

import pytest
from support.format_images import make_dataset, same_images

from fractura.cli.main import main
from fractura.core.errors import DataError, UsageError
from fractura.core.reporter import LOG
from fractura.formats import convert, read_dataset, write_voc
from fractura.training.preparation import prepare_data
from fractura.training.settings import TrainSettings
from fractura.workflows.check import check_folder
from fractura.workflows.labelled import read_labelled


@pytest.fixture
def voc(tmp_path):
    write_voc(make_dataset(tmp_path / "in", count=4), tmp_path / "voc")
    return tmp_path / "voc"


@pytest.fixture(params=["voc", "coco", "yolo", "createml", "csv"])
def apart(request, voc, tmp_path):
    """Annotations alone, in each format, and the folder of their images with another image in it."""
    folder = tmp_path / request.param
    convert(voc, folder, request.param, images="none") if request.param != "voc" else shutil.move(voc, folder)
    shutil.rmtree(folder / "images", ignore_errors=True)
    images = tmp_path / "elsewhere" / "deep"
    shutil.copytree(tmp_path / "in", images)
    shutil.copy(images / "image 0.png", images / "other.png")
    return folder, images.parent


def test_every_format_finds_them(apart, tmp_path):
    folder, images = apart
    problems = []
    data = read_dataset(folder, image_dir=images, problems=problems)
    same_images(data, make_dataset(tmp_path / "in", count=4), flags=False)
    assert "1 images" in str(problems[-1])
    assert "not used: other.png" in str(problems[-1])
    with pytest.raises(DataError):
        read_dataset(folder)


def test_tfrecord_holds_its_images(voc, tmp_path):
    convert(voc, tmp_path / "a.tfrecord", "tfrecord")
    with pytest.raises(UsageError, match="TFRecord holds its images itself"):
        read_dataset(tmp_path / "a.tfrecord", image_dir=tmp_path)


def test_convert_train_and_evaluate_take_them_and_the_format(apart, tmp_path):
    folder, images = apart
    name = folder.name
    words = ["convert", str(folder), str(tmp_path / "out"), "--to", "csv", "--from", name, "--image-dir", str(images)]
    assert main(words) == 0
    asked = {"source_format": name, "image_dir": images}
    settings = TrainSettings.create({"data": folder, "output": tmp_path / "model", "model": "any", **asked})
    prepared = prepare_data(settings, LOG)
    measured = read_labelled(folder, prepared.train.class_names, source_format=name, image_dir=images, reporter=LOG)
    assert len(prepared.train) == len(measured) == 4
    with pytest.raises(UsageError, match="there is no format 'vocc'"):
        read_labelled(folder, (), source_format="vocc", reporter=LOG)


def test_check_takes_them(voc, tmp_path):
    shutil.move(voc / "images", tmp_path / "elsewhere")
    result = check_folder(voc, image_dir=tmp_path / "elsewhere")
    assert result.report.images == 4
    assert "annotations.missing_image" not in {finding.check for finding in result.report.findings}
    found = {finding.check for finding in check_folder(voc).report.findings}
    assert "annotations.missing_image" in found


def test_check_says_how_to_examine_other_formats(voc, tmp_path):
    convert(voc, tmp_path / "coco", "coco")
    with pytest.raises(DataError, match="is COCO, and the checks examine Pascal VOC") as caught:
        check_folder(tmp_path / "coco")
    assert "--to voc" in caught.value.hint
