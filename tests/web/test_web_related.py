"""Images of one study or patient are found by their DICOM headers, and nobody learns whose they are."""

import numpy as np
import pytest
from support.dicom_images import NAMES, dicom
from support.web_places import client, image, image_ids

from fractura.imaging.dicom.facts import patient_hash, study_hash

STUDY, OTHER_STUDY = "1.2.3.100", "1.2.3.200"
FILES = {
    "a.dcm": {"PatientID": "4711", "StudyInstanceUID": STUDY},
    "b.dcm": {"PatientID": "4711", "StudyInstanceUID": OTHER_STUDY},
    "c.dcm": {"PatientID": "4711", "StudyInstanceUID": STUDY},
    "d.dcm": {"PatientID": "4712", "StudyInstanceUID": "1.2.3.300"},
    "e.dcm": {"PatientID": "", "StudyInstanceUID": STUDY},
    "f.dcm": {"PatientID": "", "StudyInstanceUID": ""},
}


@pytest.fixture(name="web")
def web_fixture(tmp_path):
    for name, elements in FILES.items():
        write(tmp_path / name, **elements)
    image(tmp_path / "plain.png")
    (tmp_path / "broken.dcm").write_bytes((tmp_path / "a.dcm").read_bytes()[:300])
    with client(mode="label", folder=tmp_path) as web:
        yield web


def write(path, **elements):
    path.write_bytes(dicom(np.zeros((4, 6), np.uint16), bits=12, **elements))


def related(web, name):
    answer = web.get(f"/api/images/{image_ids(web)[name]}/related")
    assert answer.status_code == 200, answer.text
    assert [
        each for each in (*NAMES, "4711", patient_hash("4711"), study_hash(STUDY), STUDY) if each in answer.text
    ] == []
    images = answer.json()["images"]
    return None if images is None else [(each["name"], each["relation"]) for each in images]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.dcm", [("c.dcm", "study"), ("e.dcm", "study"), ("b.dcm", "patient")]),
        ("b.dcm", [("a.dcm", "patient"), ("c.dcm", "patient")]),
        ("d.dcm", []),
        ("e.dcm", [("a.dcm", "study"), ("c.dcm", "study")]),
        # files that do not say whose image it is belong to nobody, not together
        ("f.dcm", None),
        ("plain.png", None),
        ("broken.dcm", None),
    ],
)
def test_images_that_belong_together(web, name, expected):
    assert related(web, name) == expected


def test_a_changed_file_is_read_again(web, tmp_path):
    assert related(web, "d.dcm") == []
    write(tmp_path / "f.dcm", PatientID="4712", StudyInstanceUID="1.2.3.4.5.6.7")
    web.app.state.shared.folder.index.refresh()
    assert related(web, "d.dcm") == [("f.dcm", "patient")]


def test_nothing_is_written(web, tmp_path):
    before = sorted(path.name for path in tmp_path.iterdir())
    related(web, "a.dcm")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert not [
        path for path in (tmp_path / ".fractura").rglob("*") if path.is_file() and b"4711" in path.read_bytes()
    ]  # fmt: skip


def test_an_unknown_image(web):
    assert web.get("/api/images/0123456789abcdef/related").status_code == 404
