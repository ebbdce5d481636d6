"""The recipe of two hospitals, on phantoms in the folders that FracAtlas and GRAZPEDWRI-DX are unpacked to."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fractura import make_phantom, read_dataset

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "fracatlas_and_grazpedwri.py"
SIDE = 96
FRACATLAS = {"train": (19, 20, 21, 3000), "test": (3400, 3401), "val": (3800, 3801)}
"""Numbers of images; even ones are fractured."""
LEFT_OUT = (3292, 3735, 4100)
"""Next to a border, or a repeated image."""


def voc(name, boxes):
    """As both data sets write it, without what nobody reads."""
    objects = "".join(
        f"<object><name>{label}</name><difficult>0</difficult><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>"
        f"<xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for label, (x0, y0, x1, y1) in boxes
    )
    size = f"<size><width>{SIDE}</width><height>{SIDE}</height><depth>1</depth></size>"
    return f"<annotation><filename>{name}</filename>{size}{objects}</annotation>"


def picture(number):
    return Image.fromarray(make_phantom(0, number, size=(SIDE, SIDE)).pixels).convert("L").resize((SIDE, SIDE))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fetched")
    atlas = folder / "fracatlas" / "FracAtlas" / "FracAtlas"
    voc_folder = atlas / "Annotations" / "PASCAL VOC"
    for each in (voc_folder, atlas / "images" / "Fractured", atlas / "images" / "Non_fractured"):
        each.mkdir(parents=True)
    for number in [*sum(FRACATLAS.values(), ()), *LEFT_OUT]:
        name, fractured = f"IMG{number:07}.jpg", number % 2 == 0
        picture(number).save(atlas / "images" / ("Fractured" if fractured else "Non_fractured") / name)
        if fractured:
            (voc_folder / f"IMG{number:07}.xml").write_text(voc(name, [("fractured", (20, 20, 40, 44))]))
    graz = folder / "grazpedwri-dx"
    pascal = graz / "folder_structure" / "folder_structure" / "pascalvoc"
    pascal.mkdir(parents=True)
    with (graz / "dataset.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["filestem", "patient_id", "study_number", "gender", "age", "fracture_visible"])
        for patient in range(1, 11):
            part = graz / f"images_part{1 + patient % 4}"
            part.mkdir(exist_ok=True)
            for view in (1, 2):
                stem = f"{patient:04}_1297860395_0{view}_WRI-L{view}_M014"
                grey = np.roll(np.asarray(picture(patient)), 7 * view, axis=1)
                Image.fromarray(grey.astype(np.uint16) * 257).save(part / f"{stem}.png")
                boxes = [("text", (2, 2, 12, 8)), ("fracture", (30, 40, 50, 60)), ("metal", (60, 60, 70, 70))]
                (pascal / f"{stem}.xml").write_text(voc(f"{stem}.png", boxes if patient % 2 else boxes[:1]))
                table.writerow([stem, patient, 1, "M", 14.0, patient % 2])
    return folder


@pytest.mark.slow
def test_two_data_sets_become_one_detector(data, tmp_path):
    output = tmp_path / "out"
    command = [sys.executable, RECIPE, data, "--output", output, "--steps", "2", "--batch-size", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "FracAtlas: train 4, val 2, test 2; 4 fractures" in done.stdout
    assert "GRAZPEDWRI-DX: train 16, val 2, test 2; 10 fractures" in done.stdout
    parts = {split: read_dataset(output / "data" / split) for split in ("train", "val", "test")}
    assert {dataset.class_names for dataset in parts.values()} == {("Fractura",)}
    patients = {split: {each.patient for each in dataset} - {None} for split, dataset in parts.items()}
    assert [len(each) for each in patients.values()] == [8, 1, 1]
    assert len(set.union(*patients.values())) == 10
    numbers = {
        split: {int(each.name[3:10]) for each in dataset if each.name.startswith("IMG")}
        for split, dataset in parts.items()
    }
    assert numbers == {split: set(found) for split, found in FRACATLAS.items()}
    negatives = [each for dataset in parts.values() for each in dataset if each.is_negative]
    assert len(negatives) == 4 + 10
    assert all(each.decided_normal for each in negatives)
    assert json.loads((output / "model" / "card.json").read_text())["settings"]["fine_tune_checkpoint"]
    evaluation = json.loads((output / "evaluation" / "evaluation.json").read_text())
    assert {"FracAtlas", "GRAZPEDWRI-DX"} <= {each["name"] for each in evaluation["subgroups"]}
