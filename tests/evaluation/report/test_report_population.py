"""Table 1 and the flow of images: who was measured, and what was left out."""

from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from support.dicom_images import dicom
from support.report_images import context_of, detections, images, measure

from fractura.core.errors import DataError
from fractura.evaluation.manifest import read_manifest
from fractura.evaluation.report.characteristics import characteristics
from fractura.evaluation.report.flow import flow
from fractura.evaluation.report.language import Language
from fractura.evaluation.report.svg import STYLE
from fractura.formats import read_dataset
from fractura.formats.faults import NOT_ANNOTATED, UnusedImagesError
from fractura.formats.voc import VocAnnotation
from fractura.formats.voc.serializer import voc_bytes
from fractura.imaging.dicom.demographics import Demographics
from fractura.imaging.reader import radiograph_demographics

GREY = np.zeros((20, 30), np.uint16)


@pytest.mark.parametrize(
    ("elements", "age", "sex"),
    [
        ({"PatientAge": "045Y", "PatientSex": "F"}, 45, "F"),
        ({"PatientAge": "018M", "PatientSex": "M"}, 1.5, "M"),
        ({"PatientBirthDate": "20000301", "StudyDate": "20250228"}, 24, None),
        ({"PatientBirthDate": "20250301", "StudyDate": "20200101"}, None, None),
        ({"PatientAge": "", "PatientSex": "O"}, None, "O"),
        ({}, None, None),
    ],
)
def test_age_and_sex_are_read_from_a_header(elements, age, sex):
    assert radiograph_demographics(dicom(GREY, bits=12, **elements)) == Demographics(age, sex)


def test_a_picture_says_nothing_of_a_person_and_a_missing_file_is_an_error(tmp_path):
    data = images(tmp_path, count=1)
    assert radiograph_demographics(data.records[0].image) == Demographics()
    with pytest.raises(DataError):
        radiograph_demographics(tmp_path / "gone.dcm")


def rows_of(context, language="en"):
    return {row.name: row.cells for row in characteristics(context, Language(language))}


def test_people_are_counted_once_however_many_images_they_have(tmp_path):
    data = images(tmp_path, count=16)
    people = tuple(Demographics(10.0 * (number // 2), "FM"[number // 2 % 2]) for number in range(16))
    evaluation = measure(data, detections(data), rounds=0)
    rows = rows_of(replace(context_of(evaluation, data), people=people))
    assert rows["Images"] == ("16", "7", "8")  # one has a difficult box only
    assert rows["Patients"] == ("8", "7", "0")
    assert rows["Age in years, median (quartiles)"][0] == "35 (18–52)"
    assert rows["Sex: female"][0] == rows["Sex: male"][0] == "4 (50.0%)"
    assert rows["Body part: WRIST"] == ("8 (50.0%)", "3 (42.9%)", "4 (50.0%)")
    assert rows["View: not known"][0] == "16 (100.0%)"


def test_the_sex_of_a_patient_whose_images_disagree_is_not_known(tmp_path):
    data = images(tmp_path, count=16)
    sexes = ["F", "M", "F", None, *[None] * 10, "M", "M"]
    evaluation = measure(data, detections(data), rounds=0)
    rows = rows_of(replace(context_of(evaluation, data), people=tuple(Demographics(None, sex) for sex in sexes)))
    cells = [rows[f"Sex: {sex}"][0] for sex in ("female", "male", "not known")]
    assert cells == ["1 (12.5%)", "1 (12.5%)", "6 (75.0%)"]


def test_what_is_not_known_of_people_is_said(tmp_path):
    data = images(tmp_path, count=4)
    evaluation = measure(data, detections(data), rounds=0)
    rows = rows_of(context_of(evaluation, data), "es")
    assert rows["Edad: no se sabe"][0] == rows["Sexo: no se sabe"][0] == "2 (100,0\u202f%)"
    assert rows["Edad en años, mediana (cuartiles)"] == ("–", "–", "–")


def test_the_table_of_the_images_says_age_and_sex(tmp_path):
    data = images(tmp_path, count=3)
    table = tmp_path / "images.csv"
    names = [record.name for record in data]
    lines = ["image,Age,gender", f"{names[1]},61,female", f"{names[2]},007Y,x"]
    table.write_text("\n".join(lines), encoding="utf-8")
    found = read_manifest(table).demographics(data)
    assert found == [Demographics(), Demographics(61, "F"), Demographics(7, None)]


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_the_flow_adds_up(tmp_path):
    data = images(tmp_path, count=16)
    evaluation = measure(data, detections(data), rounds=0)
    with matplotlib.rc_context(STYLE):
        said = words(flow(replace(context_of(evaluation, data), unused={NOT_ANNOTATED: 5}), Language()))
        without = words(flow(context_of(evaluation, data), Language()))
    assert "Images found: 21" in said
    assert "Not analysed\nnot annotated: 5" in said
    assert "Images analysed: 16\nPatients: 8" in said
    assert {"With a fracture: 7", "Normal: 8"} <= set(said)
    flagged = [line for each in said for line in each.split("\n") if line.startswith(("Flagged", "Not flagged"))]
    assert sum(int(line.split(": ")[1]) for line in flagged) == 15
    assert "Images found: 16" in without
    assert not any("Not analysed" in each for each in without)


def test_images_that_nobody_annotated_are_counted_by_the_reader(tmp_path):
    data = images(tmp_path, count=3)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "images").mkdir()
    for record in data:
        Path(record.image).rename(tmp_path / "images" / record.image.name)
    annotation = VocAnnotation("0.png", 150, 120, 1, ())
    (tmp_path / "annotations" / "0.xml").write_bytes(voc_bytes(annotation))
    problems = []
    read_dataset(tmp_path, problems=problems)
    assert [each.count for each in problems if isinstance(each, UnusedImagesError)] == [2]
