"""``fractura detect`` with results for a hospital: which files it writes, for which images, and what it says."""

import csv
import json

import numpy as np
import pytest
from pydicom import dcmread
from support.dicom_images import dicom
from support.hospital_results import DEEP, REFERABLE, source
from support.tiny_models import write_tiny_onnx
from support.web_places import image

from fractura import detect
from fractura.cli.main import main
from fractura.core.errors import DataError, UsageError
from fractura.core.reporter import SilentReporter


class Told(SilentReporter):
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)

    def warn(self, text):
        self.lines.append(text)


@pytest.fixture(name="place")
def images_and_model(tmp_path):
    write_tiny_onnx(tmp_path / "tiny.onnx")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dcm").write_bytes(source(SOPInstanceUID="1.2.3.4"))
    (tmp_path / "in" / "b.dcm").write_bytes(source(SOPInstanceUID="1.2.3.5"))
    other = {"SOPInstanceUID": "1.2.3.6", "StudyInstanceUID": "1.2.4", "BodyPartExamined": "KNEE"}
    (tmp_path / "in" / "c.dcm").write_bytes(source(**other))
    image(tmp_path / "in" / "d.png")
    return tmp_path


def run(place, told=None, **wishes):
    wishes = {"output": place / "out", **wishes}
    return detect([place / "in"], place / "tiny.onnx", reporter=told or Told(), **wishes)


def written(place):
    return {path.name for path in (place / "out" / "hospital").iterdir()}


def test_objects_are_of_images_and_messages_of_studies(place):
    told = Told()
    run(place, told, hospital=["sr", "sc", "gsps", "fhir", "fhir-r5", "hl7"])
    objects = {f"{name}.{kind}.dcm" for name in "abc" for kind in ("sr", "sc", "gsps")}
    messages = {f"{name}{kind}" for name in "ac" for kind in (".fhir.json", ".fhir-r5.json", ".hl7")}
    assert written(place) == objects | messages | {"worklist.csv"}
    report = dcmread(place / "out" / "hospital" / "b.sr.dcm")
    assert (report.Modality, report.StudyInstanceUID, report.DeviceUID) == ("SR", "1.2.3", "2.25.20260131")
    bundle = json.loads((place / "out" / "hospital" / "a.fhir.json").read_text(encoding="utf-8"))
    assert len(bundle["entry"]) == 5  # two images
    assert any("1 images are not DICOM" in line for line in told.lines)
    listed = list(csv.DictReader((place / "out" / "hospital" / "worklist.csv").read_text("utf-8").splitlines()))
    assert [each["priority"] for each in listed] == ["1", "2", "3", "4"]


def test_without_asking_nothing_names_the_patient(place):
    run(place)
    assert not (place / "out" / "hospital").exists()
    assert not any(b"4711" in path.read_bytes() for path in (place / "out").rglob("*") if path.is_file())


def test_rules_choose_images_and_results(place):
    (place / "rules.toml").write_text('[images]\nbody_part = ["WRIST"]\n\n[results]\nkinds = ["sc"]\n')
    told = Told()
    found = run(place, told, rules=place / "rules.toml")
    assert [row["image"][-5:] for row in found.document["images"]] == ["a.dcm", "b.dcm"]
    assert written(place) == {"a.sc.dcm", "b.sc.dcm", "worklist.csv"}
    assert "left out by the rules: 2 by body_part" in told.lines


@pytest.mark.parametrize(
    ("send", "threshold", "count"), [("above-threshold", 0.95, 0), ("above-threshold", 0.4, 3), ("never", 0.4, 0)]
)
def test_rules_choose_what_is_sent(send, threshold, count, place):
    (place / "rules.toml").write_text(f'[results]\nsend = "{send}"\n')
    run(place, rules=place / "rules.toml", hospital=["gsps"], threshold=threshold)
    assert len(written(place) - {"worklist.csv"}) == count


def test_results_of_fractura_are_not_examined(place):
    run(place, hospital=["sc"])
    [first, *_] = sorted((place / "out" / "hospital").glob("*.sc.dcm"))
    (place / "in" / "e.dcm").write_bytes(first.read_bytes())
    (place / "rules.toml").write_text("")
    told = Told()
    run(place, told, rules=place / "rules.toml", output=place / "again")
    assert "left out by the rules: 1 by result of fractura" in told.lines


def test_an_image_that_no_object_can_refer_to_is_said_and_the_rest_goes_on(place):
    (place / "in" / "e.dcm").write_bytes(dicom(DEEP, bits=16))
    colour = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    shades = np.repeat((DEEP >> 4).astype(np.uint8)[:, :, None], 3, axis=2)
    (place / "in" / "f.dcm").write_bytes(dicom(shades, **{**REFERABLE, "SOPInstanceUID": "1.2.3.7"}, **colour))
    told = Told()
    run(place, told, hospital=["gsps"])
    assert written(place) == {"a.gsps.dcm", "b.gsps.dcm", "c.gsps.dcm", "worklist.csv"}
    assert any(line.startswith("no gsps for") and "no StudyInstanceUID" in line for line in told.lines)
    assert any(line.startswith("no gsps for") and "in colour" in line for line in told.lines)


def test_overwriting_leaves_nothing_of_the_run_before(place):
    run(place, hospital=["sr", "hl7"])
    (place / "out" / "hospital" / "mine.txt").write_text("stays")
    run(place, hospital=["sc"], overwrite=True)
    assert written(place) == {"a.sc.dcm", "b.sc.dcm", "c.sc.dcm", "worklist.csv", "mine.txt"}


def test_rules_that_leave_out_all_and_unknown_kinds(place):
    (place / "rules.toml").write_text('[images]\nmodality = ["MG"]\n')
    with pytest.raises(DataError, match="leave out all images"):
        run(place, rules=place / "rules.toml")
    with pytest.raises(UsageError, match="no result 'pdf'"):
        run(place, hospital=["pdf"])
    assert not (place / "out").exists()


def test_the_command(place, capsys):
    words = [place / "in", "--model", place / "tiny.onnx", "--output", place / "out", "--hospital", "sr, hl7"]
    assert main(["detect", *map(str, words)]) == 0
    assert {"a.sr.dcm", "a.hl7"} <= written(place)
    assert main(["detect", *map(str, words[:-1]), "sr,"]) == 2
    capsys.readouterr()
