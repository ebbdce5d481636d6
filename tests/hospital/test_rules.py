"""The rules of a hospital: which images are examined, and which results are made of them."""

import pytest

from fractura.core.errors import DataError, UsageError
from fractura.hospital.rules import RESULT_KINDS, ImageDescription, Rules, read_rules, with_kinds
from fractura.hospital.worklist import worklist, worklist_csv
from fractura.inference.results import failed_row

WHOLE = """
[images]
modality = ["DX", "CR"]
body_part = ["WRIST", ""]
view_position = ["PA"]
station_name = ["ROOM1"]
calling_ae_title = ["ORTHANC"]

[results]
send = "above-threshold"
kinds = ["sc", "hl7"]
"""
WRIST = {"modality": "DX", "body_part": "wrist", "view_position": "PA", "station_name": "ROOM1"}


def rules(tmp_path, text=WHOLE):
    (tmp_path / "rules.toml").write_text(text)
    return read_rules(tmp_path / "rules.toml")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({}, None),
        ({"modality": "CT"}, "modality"),
        ({"body_part": ""}, None),
        ({"body_part": "SKULL"}, "body_part"),
        ({"view_position": ""}, "view_position"),
        ({"station_name": "ROOM2"}, "station_name"),
        ({"calling_ae_title": "ORTHANC"}, None),
        ({"calling_ae_title": "OTHER"}, "calling_ae_title"),
        ({"is_result": True}, "result of fractura"),
    ],
)
def test_images(change, refusal, tmp_path):
    assert rules(tmp_path).refusal(ImageDescription(**{**WRIST, **change})) == refusal


def test_without_rules_all_images_but_own_results_are_examined():
    assert Rules().refusal(ImageDescription()) is None
    assert Rules().refusal(ImageDescription(is_result=True)) == "result of fractura"


def test_the_description_comes_from_the_header():
    from pydicom.dataset import Dataset

    header = Dataset()
    header.Modality, header.BodyPartExamined, header.StationName, header.Manufacturer = "DX", "HAND", "R1 ", "fractura"
    found = ImageDescription.of(header, calling_ae_title="A")
    assert found == ImageDescription(
        modality="DX", body_part="HAND", station_name="R1", calling_ae_title="A", is_result=True
    )


@pytest.mark.parametrize(
    ("send", "detections", "kinds"),
    [
        ("always", [], 1),
        ("always", [{}], 1),
        ("above-threshold", [], 0),
        ("above-threshold", [{}], 1),
        ("never", [{}], 0),
    ],
)
def test_results(send, detections, kinds, tmp_path):
    found = rules(tmp_path, f'[results]\nsend = "{send}"\nkinds = ["sr"]\n')
    row = {**failed_row("a.dcm", None), "detections": detections}
    assert len(found.kinds_for(row)) == kinds
    error = {"code": "image_unreadable", "message": "", "place": None, "hint": None}
    assert found.kinds_for({**row, "error": error}) == ()


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("[images]\nmodalty = ['DX']", UsageError, r"images\.modalty: there is no such rule\n.*'modality'"),
        ("[image]\n", UsageError, r"image: there is no such rule\n.*'images'"),
        ("[results]\nsend = 'sometimes'", UsageError, r"results\.send: Input should be 'always'"),
        ("[results]\nkinds = ['sr', 'pdf']", UsageError, r"results\.kinds\.1: Input should be 'sr'"),
        ("[images]\nmodality = 'DX'", UsageError, r"images\.modality: Input should be a valid tuple"),
        ("modality: DX", DataError, "is not TOML"),
    ],
)
def test_faults_name_file_and_place(text, error, said, tmp_path):
    with pytest.raises(error, match=said) as caught:
        rules(tmp_path, text)
    assert caught.value.file.endswith("rules.toml")


def test_no_file_and_not_text(tmp_path):
    with pytest.raises(DataError, match="there is no such file"):
        read_rules(tmp_path / "rules.toml")
    (tmp_path / "rules.toml").write_bytes(b"\xff")
    with pytest.raises(DataError, match="is not TOML"):
        read_rules(tmp_path / "rules.toml")


def test_kinds_of_the_command_line_go_first(tmp_path):
    found = with_kinds(rules(tmp_path), [" fhir ", "sr"])
    assert (found.results.kinds, found.results.send) == (("sr", "fhir"), "above-threshold")
    assert with_kinds(found, RESULT_KINDS).results.kinds == RESULT_KINDS
    with pytest.raises(UsageError, match=r"no result 'gspss'.*\n.*'gsps'"):
        with_kinds(found, ["gspss"])


def test_a_worklist_is_in_order_of_probability():
    def row(name, score, probability=None, error=None):
        found = {**failed_row(name, error), "image_score": score, "image_probability": probability}
        return found | {"answer": "likely", "detections": [{}]}

    error = {"code": "image_unreadable", "message": "is cut off", "place": None, "hint": None}
    rows = [row("a", 0.9, 0.2), row("b", 0.1, 0.8), row("c", None, None, error), row("d", 0.9, 0.2)]
    listed = worklist(rows)
    assert [(each["priority"], each["image"]) for each in listed] == [(1, "c"), (2, "b"), (3, "a"), (4, "d")]
    assert [each["image"] for each in worklist([row("a", 0.1), row("b", 0.4)])] == ["b", "a"]
    lines = worklist_csv(listed).splitlines()
    assert lines[0] == "priority,image,answer,probability,score,detections,problem"
    assert lines[1] == "1,c,likely,,,1,is cut off"
    assert lines[2].startswith("2,b,likely,0.8,0.1,1")
    assert (
        worklist_csv(listed, identifiers=True)
        .splitlines()[0]
        .endswith(",study_uid,series_uid,sop_instance_uid,accession_number")
    )
