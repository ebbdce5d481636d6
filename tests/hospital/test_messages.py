"""FHIR and HL7 messages, validated by fhir.resources and hl7apy."""

import json
import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from support.hospital_results import DEVICE, origin, row, source

from fractura.core.boxes import Boxes
from fractura.core.errors import DataError, UsageError
from fractura.hospital.fhir import fhir_bundle, send_fhir
from fractura.hospital.hl7 import hl7_message, send_hl7
from fractura.hospital.study_image import study_image

NASTY = {"PatientName": "O|Neil^Ja&ck^~", "PatientID": "4^7|1", "AccessionNumber": "A|1"}


def images(**elements):
    second = study_image(source(SOPInstanceUID="1.2.3.5", **elements), row(Boxes([], [], []), 0.1))
    return [study_image(source(**elements), row()), second]


@pytest.fixture(name="server")
def fhir_server():
    """Takes what is posted, or refuses it with a status."""
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            taken.append((self.path, dict(self.headers), json.loads(body)))
            self.send_response(422 if "refuse" in self.path else 200)
            self.end_headers()
            self.wfile.write(b"Mueller")

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", taken
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "elements", [{}, {"StudyDate": "", "PatientID": "", "AccessionNumber": ""}], ids=["all", "few"]
)
@pytest.mark.parametrize("version", ["R4", "R5"])
def test_fhir_resources_are_valid(version, elements):
    if version == "R4":  # fhir.resources has R4B: of these resources the same
        from fhir.resources.R4B.bundle import Bundle
    else:
        from fhir.resources.bundle import Bundle
    bundle = fhir_bundle(images(**elements), origin(), DEVICE, version=version)
    read = Bundle.model_validate(bundle)
    assert json.loads(read.model_dump_json()) == json.loads(json.dumps(bundle))
    kinds = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert kinds == ["Device", "ImagingStudy", "Observation", "Observation", "DiagnosticReport"]
    known = {entry["fullUrl"] for entry in bundle["entry"]}
    assert len(known) == 5
    assert set(references(bundle)) <= known


def references(value):
    """All that a resource refers to."""
    if isinstance(value, list):
        return [each for item in value for each in references(item)]
    if isinstance(value, dict):
        own = [value["reference"]] if isinstance(value.get("reference"), str) else []
        return own + [each for item in value.values() for each in references(item)]
    return []


def test_fhir_says_what_was_found_and_that_it_is_preliminary():
    bundle = fhir_bundle(images(), origin(), DEVICE)
    _, study, first, second, report = (entry["resource"] for entry in bundle["entry"])
    assert {each["status"] for each in (first, second, report)} == {"preliminary"}
    assert report["conclusion"].startswith("fracture suspected: score 0.90, not calibrated. fractura, model tiny")
    assert "not for diagnosis" in report["conclusion"]
    assert first["valueCodeableConcept"]["text"] == "fracture suspected"
    assert second["valueCodeableConcept"]["text"] == "fracture not detected"
    texts = [each.get("valueString") for each in first["component"]]
    assert texts[-2:] == [
        "fracture, score 0.90, left 20.5 top 30 right 120 bottom 90.25",
        "cast, score 0.50, left 200 top 100 right 300 bottom 200",
    ]
    assert study["started"] == "2026-01-31"
    assert [each["uid"] for each in study["series"][0]["instance"]] == ["1.2.3.4", "1.2.3.5"]
    assert "Müller" not in json.dumps(bundle, ensure_ascii=False)  # the patient by number alone
    assert study["subject"] == {"identifier": {"value": "4711"}}


def test_fhir_sent_twice_is_one_report_and_another_model_makes_another():
    def urls(**settings):
        return {entry["request"]["url"] for entry in fhir_bundle(images(), origin(**settings), DEVICE)["entry"]}

    assert urls() == urls()
    assert len(urls() & urls(digest="cd" * 32)) == 1  # the study


def test_fhir_is_posted(server):
    address, taken = server
    bundle = fhir_bundle(images(), origin(), DEVICE)
    send_fhir(bundle, f"{address}/r4", token="secret")
    [(path, headers, body)] = taken
    assert (path, headers["Authorization"], body) == ("/r4", "Bearer secret", bundle)
    assert headers["Content-Type"] == "application/fhir+json"
    with pytest.raises(DataError, match="HTTP 422") as caught:
        send_fhir(bundle, f"{address}/refuse")
    assert "Mueller" not in str(caught.value)
    with pytest.raises(UsageError, match="not the address"):
        send_fhir(bundle, "file:///etc/passwd")


def test_fhir_server_that_is_not_there():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(DataError, match="cannot be reached"):
        send_fhir({}, f"http://127.0.0.1:{port}")


@pytest.mark.parametrize("elements", [{}, NASTY, {"PatientName": "山田^太郎", "SpecificCharacterSet": "ISO_IR 192"}])
def test_hl7_messages_are_valid(elements):
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.parser import parse_message

    message = hl7_message(images(**elements), origin(), DEVICE, receiving_application="RIS")
    read = parse_message(message, validation_level=VALIDATION_LEVEL.STRICT, find_groups=True)
    assert read.validate()
    assert read.to_er7().replace("\r", "") == message.replace("\r", "")
    [result] = read.children.get("ORU_R01_PATIENT_RESULT")
    assert result.ORU_R01_ORDER_OBSERVATION.OBR.OBR_25.value == "P"
    observed = list(result.ORU_R01_ORDER_OBSERVATION.children.get("ORU_R01_OBSERVATION"))
    assert {each.OBX.OBX_11.value for each in observed} == {"P"}
    expected = elements.get("PatientID", "4711").translate(str.maketrans({"^": "\\S\\", "|": "\\F\\"}))
    assert result.ORU_R01_PATIENT.PID.PID_3.value == expected


def test_hl7_says_what_was_found():
    segments = [line.split("|") for line in hl7_message(images(), origin(), DEVICE).split("\r")]
    by_code = [(each[3].split("^")[0], each[4], each[5]) for each in segments if each[0] == "OBX"]
    assert ("answer", "", "fracture suspected: score 0.90, not calibrated") in by_code
    assert ("detection", "1.2", "cast, score 0.50, left 200 top 100 right 300 bottom 200") in by_code
    assert ("image", "2", "1.2.3.5") in by_code
    assert ("detections", "2", "0") in by_code
    [patient] = [each for each in segments if each[0] == "PID"]
    assert (patient[3], patient[5], patient[7], patient[8]) == ("4711", "Müller^Jörg", "19700101", "M")


def receiver(answer):
    """A server that takes one message and gives one answer; returns its port and what it will have taken."""
    taken, listening = [], socket.create_server(("127.0.0.1", 0))

    def serve():
        with listening, listening.accept()[0] as connection:
            data = b""
            while not data.endswith(b"\x1c\r"):
                data += connection.recv(4096)
            taken.append(data)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    return listening.getsockname()[1], taken, thread


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"\x0bMSH|^~\\&|RIS\rMSA|AA|1\r\x1c\r", None),
        (b"\x0bMSH|^~\\&|RIS\rMSA|CA|1\r\x1c\r", None),
        (b"\x0bMSH|^~\\&|RIS\rMSA|AE|1|PLANTED\r\x1c\r", "does not accept the message: AE"),
        (b"\x0bMSH|^~\\&|RIS\rMSA|PLANTED|1\r\x1c\r", "does not acknowledge"),
        (b"", "does not acknowledge"),
    ],
)
def test_hl7_over_mllp(answer, problem):
    port, taken, thread = receiver(answer)
    message = hl7_message(images(), origin(), DEVICE)
    if problem is None:
        send_hl7(message, "127.0.0.1", port)
    else:
        with pytest.raises(DataError, match=problem) as caught:
            send_hl7(message, "127.0.0.1", port)
        assert "PLANTED" not in str(caught.value)
    thread.join()
    assert taken == [b"\x0b" + message.encode() + b"\x1c\r"]
    if problem is None:
        with pytest.raises(DataError, match="cannot be reached"):
            send_hl7(message, "127.0.0.1", port)


def test_messages_are_about_one_study():
    first, second = images()
    for make in (fhir_bundle, hl7_message):
        for wrong in ([], [first, replace(second, study_uid="1.9")]):
            with pytest.raises(UsageError, match="one study"):
                make(wrong, origin(), DEVICE)
