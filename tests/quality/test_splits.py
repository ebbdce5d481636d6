"""Divisions: no patient and no picture in two splits, fair shares, the same for the same seed, never mixed again."""

import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fractura.cli.main import main
from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.core.errors import DataError, UsageError
from fractura.evaluation import evaluate
from fractura.formats import read_dataset, write_voc
from fractura.quality.perceptual_hash import Fingerprint
from fractura.quality.splits import SPLITS, refuse_shared_patients, refuse_wrong_split, split_dataset


def print_of(generator):
    values = generator.integers(0, 256, 64 + 1024, dtype=np.uint8)
    return Fingerprint(values[:32].tobytes(), values[32:64].tobytes(), values[64:].tobytes(), 1.0)


def artificial(images, *, images_a_patient=4, known=1.0, copies=0.0, seed=0):
    generator = np.random.default_rng(seed)
    records, prints = [], []
    for number in range(images):
        patient = number // images_a_patient
        boxes = Boxes.empty()
        if generator.random() < 0.3:
            left, top = generator.uniform(0, 200, 2)
            boxes = Boxes([[left, top, left + 30, top + 20]], [int(generator.random() < 0.15)])
        records.append(
            Record(
                Path(f"{number:06d}.png"),
                *((373, 454) if patient % 10 else (1800, 2000)),
                boxes,
                patient=f"patient {patient}" if generator.random() < known else None,
                body_part=("WRIST", "HAND", "KNEE")[patient % 3],
            )
        )
        prints.append(prints[-1] if number and generator.random() < copies else print_of(generator))
    return Dataset(("fracture", "metal"), tuple(records)), prints


def test_no_patient_and_no_picture_is_in_two_splits():
    data, prints = artificial(600, known=0.6, copies=0.1)
    split = split_dataset(data, fingerprints=prints)
    by_patient, by_print = {}, {}
    for record, each in zip(split.dataset, prints, strict=True):
        by_print.setdefault(each.bits, set()).add(record.split)
        if record.patient:
            by_patient.setdefault(record.patient, set()).add(record.split)
    assert all(len(splits) == 1 for splits in (*by_patient.values(), *by_print.values()))
    assert "patient (" in split.by


def test_every_split_has_its_share_of_everything():
    data, prints = artificial(3000)
    split = split_dataset(data, val=0.2, test=0.1, fingerprints=prints)
    for name, share in split.shares.items():
        part = split.part(name)
        assert len(part) / len(data) == pytest.approx(share, abs=0.01)
        assert part.negatives / data.negatives == pytest.approx(share, abs=0.01)
        for kind, count in part.boxes_by_class.items():
            assert count / data.boxes_by_class[kind] == pytest.approx(share, abs=0.03)
        for trait in ("body_part", "width"):
            whole = Counter(getattr(record, trait) for record in data)
            for value, count in Counter(getattr(record, trait) for record in part).items():
                assert count / whole[value] == pytest.approx(share, abs=0.02)
    assert split.notes == ()


def test_the_seed_decides_and_nothing_else():
    data, prints = artificial(300)
    first, again, other = (
        [record.split for record in split_dataset(data, seed=seed, fingerprints=prints).dataset] for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("val", "test", "said"), [(0, 0, "nothing is divided off"), (0.6, 0.4, "must leave some images to train on")]
)
def test_shares_that_make_no_division(val, test, said):
    data, prints = artificial(6)
    with pytest.raises(UsageError, match=said):
        split_dataset(data, val=val, test=test, fingerprints=prints)


@settings(max_examples=40, deadline=None)
@given(
    images=st.integers(3, 60),
    images_a_patient=st.integers(1, 5),
    val=st.sampled_from([0.0, 0.2, 0.5]),
    test=st.sampled_from([0.0, 0.1, 0.3]),
    seed=st.integers(0, 3),
)
def test_any_division_is_whole(images, images_a_patient, val, test, seed):
    data, prints = artificial(images, images_a_patient=images_a_patient, seed=seed)
    wanted = 1 + (val > 0) + (test > 0)
    if wanted == 1:
        with pytest.raises(UsageError):
            split_dataset(data, val=val, test=test, fingerprints=prints)
        return
    if -(-images // images_a_patient) < wanted:
        with pytest.raises(DataError, match="too few"):
            split_dataset(data, val=val, test=test, fingerprints=prints)
        return
    split = split_dataset(data, val=val, test=test, seed=seed, fingerprints=prints)
    assert sum(len(split.part(name)) for name in split.shares) == images
    assert all(len(split.part(name)) for name in split.shares)
    assert [replace(record, split=None) for record in split.dataset] == list(data)


def test_one_large_group_is_said():
    data, prints = artificial(40, images_a_patient=36)
    split = split_dataset(data, val=0.5, test=0, fingerprints=prints)
    assert split.largest_group == 36
    assert "one group alone has 36 images" in split.notes[0]


def test_what_is_divided_already_is_left_alone():
    data, prints = artificial(40)
    divided = split_dataset(data, fingerprints=prints).dataset
    with pytest.raises(DataError, match="divided already: train"):
        split_dataset(divided, fingerprints=prints)
    split_dataset(divided, again=True, seed=3, fingerprints=prints)


@pytest.mark.parametrize(
    ("purpose", "fine", "wrong"),
    [
        ("train", {"train"}, {"val", "test"}),
        ("validate", {"val"}, {"train", "test"}),
        ("evaluate", {"val", "test"}, {"train"}),
    ],
)
def test_images_of_the_wrong_split_are_refused_with_a_way_out(purpose, fine, wrong):
    data, _ = artificial(2)
    refuse_wrong_split(data, purpose)
    for split in SPLITS:
        annotated = replace(data, records=(data.records[0], replace(data.records[1], split=split)))
        if split in fine:
            refuse_wrong_split(annotated, purpose)
        else:
            assert split in wrong
            with pytest.raises(DataError, match=f"1 of {split} .* such as 000001.png") as caught:
                refuse_wrong_split(annotated, purpose)
            assert "--split" in caught.value.hint


def test_evaluation_refuses_images_that_were_trained_on():
    data, _ = artificial(3)
    train = replace(data, records=tuple(replace(record, split="train") for record in data))
    with pytest.raises(DataError, match="3 of train are among the images to measure on"):
        evaluate(train, [Boxes.empty(scored=True)] * 3)


def test_a_patient_on_both_sides_is_refused():
    data, _ = artificial(8)
    refuse_shared_patients(replace(data, records=data.records[:4]), replace(data, records=data.records[4:]))
    with pytest.raises(DataError, match="1 patients have images both"):
        refuse_shared_patients(replace(data, records=data.records[:5]), replace(data, records=data.records[5:]))


@pytest.fixture
def folder(tmp_path):
    """Thirty different images, two of them copies of others, as Pascal VOC."""
    records = []
    for number in range(30):
        path = tmp_path / "images" / f"f{number:02d}.png"
        path.parent.mkdir(exist_ok=True)
        generator = np.random.default_rng(number % 28)
        coarse = generator.integers(0, 255, (9, 7), dtype=np.uint8)
        Image.fromarray(coarse).resize((70, 90), Image.Resampling.BICUBIC).save(path)
        boxes = Boxes([[5, 5, 25, 30]], [0]) if number % 3 else Boxes.empty()
        records.append(Record(path, 70, 90, boxes))
    write_voc(Dataset(("fracture",), tuple(records)), tmp_path / "voc")
    return tmp_path / "voc"


@pytest.mark.parametrize("to", ["voc", "coco", "yolo", "createml", "csv"])
def test_the_command_writes_parts_that_remember_what_they_are(to, folder, tmp_path, capsys):
    out = tmp_path / "parts"
    assert main(["split", str(folder), str(out), "--to", to, "--seed", "4", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["seed"], document["groups"], document["by"]) == (4, 28, "near-duplicate images")
    counts = {name: part["images"] for name, part in document["splits"].items()}
    assert sum(counts.values()) == 30
    whole = read_dataset(out)
    assert Counter(record.split for record in whole) == counts
    by_name = {record.name: record.split for record in whole}
    assert by_name["f00.png"] == by_name["f28.png"]
    assert by_name["f01.png"] == by_name["f29.png"]
    if to != "yolo":
        for split in SPLITS:
            assert {record.split for record in read_dataset(out / split)} == {split}
    assert json.loads((out / "split.json").read_text())["made"]["seed"] == 4
    assert main(["split", str(out), str(tmp_path / "again")]) == 3
    assert "--again" in capsys.readouterr().err
    assert main(["split", str(folder), str(folder / "inside")]) == 2


def test_a_image_that_was_moved_to_another_part_is_still_known(folder, tmp_path, capsys):
    out = tmp_path / "parts"
    assert main(["split", str(folder), str(out)]) == 0
    capsys.readouterr()
    image = next((out / "val" / "images").iterdir())
    image.rename(out / "train" / "images" / image.name)
    xml = out / "val" / "annotations" / f"{image.stem}.xml"
    xml.rename(out / "train" / "annotations" / xml.name)
    with pytest.raises(DataError, match=f"1 of val are among the images to train on, such as {image.name}"):
        refuse_wrong_split(read_dataset(out / "train"), "train")


def test_training_refuses_the_wrong_part_and_shared_patients(folder, tmp_path, capsys):
    pytest.importorskip("torch")
    out = tmp_path / "parts"
    assert main(["split", str(folder), str(out)]) == 0
    for data, val, said in (
        (out / "val", None, "of val are among the images to train on"),
        (out, None, "are among the images to train on"),
        (out / "train", out / "test", "of test are among the images to validate on"),
    ):
        words = ["train", str(data), "--output", str(tmp_path / "run"), *(["--val", str(val)] if val else [])]
        assert main(words) == 3
        assert said in capsys.readouterr().err


def test_a_damaged_split_file_is_an_error_of_ours(folder):
    for text in (
        "{",
        "[]",
        "{}",
        '{"fractura_split": 1, "images": {"a": {"split": "all"}}}',
        '{"fractura_split": 1, "images": 3}',
    ):
        (folder / "split.json").write_text(text)
        with pytest.raises(DataError, match=r"split\.json"):
            read_dataset(folder)


def test_time_grows_with_the_number_of_images():
    small, large = artificial(1_000), artificial(8_000)
    start = time.process_time()
    split_dataset(small[0], fingerprints=small[1])
    middle = time.process_time()
    split_dataset(large[0], fingerprints=large[1])
    assert time.process_time() - middle < 5 * 8 * (middle - start)


def test_the_benchmark_prints_its_metrics():
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "benchmarks/split.py", "--images", "300"], cwd=root, capture_output=True, text=True, check=True
    )
    assert "300" in done.stdout.splitlines()[1]
