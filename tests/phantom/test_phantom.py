"""Phantoms: the same seed gives the same bytes, shares and boxes are what is promised, other files are left alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from fractura.cli.main import main
from fractura.core.errors import UsageError
from fractura.formats import read_voc
from fractura.phantom import MANIFEST, make_phantom, make_phantom_splits, make_phantoms
from fractura.phantom.draw import NEGATIVES, _first_kind

IMAGES = 60


@pytest.fixture(scope="module")
def phantoms():
    return [make_phantom(3, index) for index in range(IMAGES)]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_share_of_negatives_holds_in_any_stretch(phantoms):
    assert np.mean([len(phantom.boxes) == 0 for phantom in phantoms]) >= 0.4
    for seed in range(5):
        for count in (40, 150, 1000):
            share = np.mean([_first_kind(seed, 0, index) is None for index in range(count)])
            assert share == pytest.approx(NEGATIVES, abs=0.05)


def test_at_least_three_in_ten_fractures_are_hairline(phantoms):
    kinds = [kind for phantom in phantoms for kind in phantom.kinds]
    assert kinds.count("hairline") / len(kinds) >= 0.3
    assert set(kinds) == {"hairline", "displaced", "comminuted"}


def test_median_box_covers_at_most_one_percent(phantoms):
    shares = [area / phantom.pixels.size for phantom in phantoms for area in phantom.boxes.area]
    assert np.median(shares) <= 0.01
    assert max(shares) <= 0.021


def test_boxes_lie_inside_and_apart(phantoms):
    for phantom in phantoms:
        height, width = phantom.pixels.shape
        boxes = phantom.boxes
        assert len(boxes) <= 3
        assert len(phantom.kinds) == len(boxes)
        assert (boxes.xyxy[:, :2] > 0).all()
        assert (boxes.xyxy[:, 2] < width).all()
        assert (boxes.xyxy[:, 3] < height).all()
        assert (boxes.width >= 20).all()
        assert (boxes.height >= 20).all()
        assert boxes.iou(boxes).sum() == len(boxes)


def test_images_are_exposed_and_differ_in_size_and_brightness(phantoms):
    assert len({phantom.pixels.shape for phantom in phantoms}) > IMAGES / 3
    assert any(phantom.pixels.shape[1] > phantom.pixels.shape[0] for phantom in phantoms)
    means = [phantom.pixels.mean() for phantom in phantoms]
    assert np.std(means) > 8
    for phantom in phantoms:
        assert phantom.pixels.dtype == np.uint8
        assert phantom.pixels.std() > 15
        assert (phantom.pixels == 255).mean() < 0.35


def test_a_fracture_changes_its_box_and_little_else(monkeypatch):
    """The same image drawn with and without its hairline: the difference lies in the box."""
    from fractura.phantom import draw

    found = 0
    for index in range(30):
        broken = make_phantom(4, index)
        if set(broken.kinds) != {"hairline"}:
            continue
        with monkeypatch.context() as patch:
            intact_bone = draw.attenuate

            def without_fractures(rng, width, height, limb, fractures, canals, scale, paint=intact_bone):
                return paint(rng, width, height, limb, {}, canals, scale)

            patch.setattr(draw, "attenuate", without_fractures)
            intact = make_phantom(4, index)
        change = np.abs(broken.pixels.astype(float) - intact.pixels)
        inside = np.zeros(change.shape, dtype=bool)
        for left, top, right, bottom in broken.boxes.xyxy.astype(int):
            box = change[top:bottom, left:right]
            assert np.percentile(box, 98) > 12, index
            inside[top:bottom, left:right] = True
        assert change[inside].mean() > 5 * change[~inside].mean(), index
        # Tight: a box half as large would cut off some of the fracture.
        found += 1
    assert found >= 4


def test_a_box_is_not_much_larger_than_its_crack():
    from fractura.phantom.anatomy import make_limb
    from fractura.phantom.fracture import MARGIN, SHORTEST_SIDE, break_bone

    rng = np.random.default_rng(0)
    for _ in range(40):
        limb = make_limb(rng, 384, 464)
        bone = next(bone for bone in limb.bones if bone.breakable)
        fracture = break_bone(rng, bone, "hairline", 1.0)
        x, y = [], []
        for crack in fracture.cracks:
            low, high = max(crack.first, -crack.line.radius), min(crack.last, crack.line.radius)
            across = np.linspace(low, high, 50, dtype=np.float32)
            points = bone.tube.to_image(crack.line.along(across), across)
            x.extend(points[0])
            y.extend(points[1])
        left, top, right, bottom = fracture.box
        for low, high, values in ((left, right, x), (top, bottom, y)):
            assert low <= min(values) - MARGIN + 1
            assert high >= max(values) + MARGIN - 1
            assert high - low <= max(max(values) - min(values) + 2 * MARGIN, SHORTEST_SIDE) + 3


def test_seeds_and_streams_give_other_images():
    first = make_phantom(1, 0).pixels
    for other in (make_phantom(2, 0), make_phantom(1, 0, stream=1), make_phantom(1, 1)):
        assert first.shape != other.pixels.shape or (first != other.pixels).mean() > 0.5


def test_size_is_followed():
    height, width = make_phantom(1, 0, size=(768, 928)).pixels.shape
    assert 700 <= min(height, width) <= 800
    assert 860 <= max(height, width) <= 970


def test_same_seed_same_bytes_and_more_images_begin_with_the_same(tmp_path):
    make_phantoms(tmp_path / "few", images=5, seed=9)
    make_phantoms(tmp_path / "again", images=5, seed=9)
    make_phantoms(tmp_path / "more", images=7, seed=9)
    make_phantoms(tmp_path / "parallel", images=7, seed=9, workers=2)
    few, again, more, parallel = (contents(tmp_path / name) for name in ("few", "again", "more", "parallel"))
    assert few == again
    assert more == parallel
    few.pop(MANIFEST)
    assert few.items() <= more.items()
    assert len(more) == 7 + 7 + 1


def test_what_is_returned_is_what_reads_back(tmp_path):
    made = make_phantoms(tmp_path / "images", images=12, seed=5)
    read = read_voc(tmp_path / "images", class_names=["Fractura"])
    assert made.class_names == read.class_names == ("Fractura",)
    assert made.fingerprint() == read.fingerprint()
    assert 0 < read.negatives < 12
    assert len(list((tmp_path / "images" / "annotations").glob("*.xml"))) == 12


def test_a_repeated_run_keeps_images_and_edits(tmp_path):
    folder = tmp_path / "images"
    first = make_phantoms(folder, images=4, seed=2)
    before = contents(folder)
    annotation = folder / "annotations" / "phantom_00001.xml"
    annotation.write_bytes(annotation.read_bytes() + b"<!-- mine -->")
    (folder / "images" / "phantom_00002.jpg").unlink()
    again = make_phantoms(folder, images=4, seed=2)
    assert again.fingerprint() == first.fingerprint()
    assert annotation.read_bytes().endswith(b"<!-- mine -->")
    annotation.write_bytes(before["annotations/phantom_00001.xml"])
    assert contents(folder) == before


def test_a_run_that_was_cut_off_goes_on(tmp_path, monkeypatch):
    from fractura.phantom import series

    write = series._write_image

    def stop_at_three(index, **settings):
        if index == 3:
            raise KeyboardInterrupt
        return write(index, **settings)

    monkeypatch.setattr(series, "_write_image", stop_at_three)
    with pytest.raises(KeyboardInterrupt):
        make_phantoms(tmp_path / "cut", images=5, seed=2)
    monkeypatch.undo()
    make_phantoms(tmp_path / "cut", images=5, seed=2)
    make_phantoms(tmp_path / "whole", images=5, seed=2)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_other_files_are_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    for make in (make_phantoms, make_phantom_splits):
        with pytest.raises(UsageError, match="something else"):
            make(tmp_path, images=1)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"seed": 8}, "made with"),
        ({"size": (300, 400)}, "made with"),
        ({"images": 1}, "more than 1"),
    ],
)
def test_phantoms_of_other_settings_are_left_alone(tmp_path, settings, problem):
    make_phantoms(tmp_path, images=2, seed=7)
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=problem):
        make_phantoms(tmp_path, **{"images": 2, "seed": 7, **settings})
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"images": 0}, "start at 1"),
        ({"workers": 0}, "start at 1"),
        ({"seed": -1}, "not between"),
        ({"seed": 2**32}, "not between"),
        ({"size": (100, 464)}, "too small"),
    ],
)
def test_impossible_numbers_are_refused(tmp_path, settings, problem):
    with pytest.raises(UsageError, match=problem):
        make_phantoms(tmp_path / "new", **settings)
    assert not (tmp_path / "new").exists()


def test_a_damaged_manifest_is_named(tmp_path):
    make_phantoms(tmp_path, images=1)
    (tmp_path / MANIFEST).write_text("[]", encoding="utf-8")
    with pytest.raises(UsageError, match=MANIFEST):
        make_phantoms(tmp_path, images=1)


def test_splits_share_no_image(tmp_path):
    splits = make_phantom_splits(tmp_path / "set", images=3, val_images=3, seed=1)
    assert list(splits) == ["train", "val"]
    images = [record.read_bytes() for dataset in splits.values() for record in dataset]
    assert len(set(images)) == 6


def test_the_command_writes_both_splits_and_one_document(tmp_path, capsys):
    arguments = ["phantom", str(tmp_path / "set"), "--images", "3", "--val-images", "2", "--workers", "1", "--json"]
    assert main(arguments) == 0
    document = json.loads(capsys.readouterr().out)
    assert [(split["split"], split["images"]) for split in document["splits"]] == [("train", 3), ("val", 2)]
    before = contents(tmp_path / "set")
    assert main(arguments) == 0
    assert contents(tmp_path / "set") == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine", encoding="utf-8")
    assert main(["phantom", str(tmp_path / "other"), "--images", "1"]) == 2
    assert not (tmp_path / "other" / "train").exists()
