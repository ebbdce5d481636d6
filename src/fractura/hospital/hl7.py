"""Results of a study as an HL7 version 2 message: ORU^R01 (2.5.1), every result with status P, preliminary."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import datetime

from fractura._version import __version__
from fractura.core.errors import DataError
from fractura.hospital.device import Device
from fractura.hospital.fhir import detection_text, study_answer
from fractura.hospital.object_identity import MANUFACTURER, NOT_FOR_DIAGNOSIS, OWN_SCHEME
from fractura.hospital.study_image import StudyImage, one_study
from fractura.hospital.unique_ids import stable_uid, stable_uuid
from fractura.inference.origin import ResultOrigin

_VERSION = "2.5.1"
_LONGEST_CONTROL_ID = 20
_ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": " ", "\n": " "})
_BEFORE, _AFTER = b"\x0b", b"\x1c\r"
_SECONDS = 30
_READ_LOG = "read the receiver's log"
_LONGEST_ANSWER = 2**16


def hl7_message(
    images: Sequence[StudyImage],
    origin: ResultOrigin,
    device: Device,
    *,
    receiving_application: str = "",
    receiving_facility: str = "",
) -> str:
    r"""The results of a study as an ORU^R01 message, segments ended by ``\r``.

    Args:
        images: Of one study; see ``study_image``.
        origin: The model and how it was applied.
        device: The installation.
        receiving_application: MSH-5.
        receiving_facility: MSH-6.

    Raises:
        UsageError: The images belong to different studies, or there is none.
    """
    first = one_study(images)
    created = datetime.fromisoformat(origin.created).strftime("%Y%m%d%H%M%S+0000")
    order = stable_uid("hl7", first.study_uid, origin.digest, f"{origin.settings.threshold:g}", device.uid)
    control = stable_uuid(order, origin.created, *(each.instance_uid for each in images)).hex[:_LONGEST_CONTROL_ID]
    family, given, middle, prefix, suffix = first.patient_name
    service = "18748-4^Diagnostic imaging study^LN"
    observations = [
        ("ST", "answer", "Answer for the study", "", study_answer(images)),
        ("ST", "note", "Note", "", f"{NOT_FOR_DIAGNOSIS}; not verified"),
        ("ST", "model", "Model", "", f"{MANUFACTURER} {__version__}, {origin.card.name} sha256:{origin.digest}"),
    ]
    for number, each in enumerate(images, start=1):
        observations += _observations(str(number), each)
    segments = [
        _segment(
            *("MSH", "^~\\&", _plain(MANUFACTURER.upper()), f"{_plain(device.uid)}^{_plain(device.uid)}^ISO"),
            *(_plain(receiving_application), _plain(receiving_facility), created, "", "ORU^R01^ORU_R01", control, "P"),
            *(_VERSION, "", "", "", "", "", "UNICODE UTF-8"),
        ),
        _segment(
            *("PID", "1", "", _plain(first.patient_id), ""),
            "^".join(_plain(part) for part in (family, given, middle, suffix, prefix)).rstrip("^"),
            *("", _plain(first.birth_date), _plain(first.sex)),
        ),
        _segment(
            *("OBR", "1", _plain(first.accession_number), f"{order}^{MANUFACTURER.upper()}", service, "", "", created),
            *([""] * 10),
            _plain(first.accession_number),
            *(["", "", "", created, "", "RAD", "P"]),
        ),
        *(
            _segment(
                *("OBX", str(number), kind, f"{code}^{_plain(text)}^{OWN_SCHEME}", sub, _plain(value)),
                *("", "", "", "", "", "P", "", "", created, "", "", "", f"^^{_plain(device.uid)}^ISO"),
            )
            for number, (kind, code, text, sub, value) in enumerate(observations, start=1)
        ),
    ]
    return "".join(f"{segment}\r" for segment in segments)


def send_hl7(message: str, host: str, port: int) -> None:
    """Send a message over MLLP and wait for its acknowledgement.

    Args:
        message: From ``hl7_message``.
        host: Name or address of the receiver.
        port: Its port.

    Raises:
        DataError: It cannot be reached, does not answer, or does not accept the message. What it answers is not passed
            on, as it may hold names.
    """
    where = f"mllp://{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=_SECONDS) as connection:
            connection.sendall(_BEFORE + message.encode("utf-8") + _AFTER)
            answer = b""
            while not answer.endswith(_AFTER) and len(answer) < _LONGEST_ANSWER:
                part = connection.recv(4096)
                if not part:
                    break
                answer += part
    except OSError as error:
        raise DataError(
            f"the HL7 receiver cannot be reached: {error}", file=where, hint="check the address and the network"
        ) from error
    said = _acknowledgement(answer)
    if said is None:
        raise DataError("the HL7 receiver does not acknowledge the message", file=where, hint=_READ_LOG)
    if said not in ("AA", "CA"):
        raise DataError(f"the HL7 receiver does not accept the message: {said}", file=where, hint=_READ_LOG)


def _acknowledgement(answer: bytes) -> str | None:
    """MSA-1: AA or CA for accepted, AE and AR, CE and CR for not."""
    for segment in answer.strip(_BEFORE + _AFTER).decode("utf-8", "replace").split("\r"):
        fields = segment.split("|")
        if fields[0] == "MSA" and len(fields) > 1 and fields[1] in ("AA", "AE", "AR", "CA", "CE", "CR"):
            return fields[1]
    return None


def _observations(number: str, image: StudyImage) -> list[tuple[str, str, str, str, str]]:
    row = image.row
    found = [("ST", "image", "SOP Instance UID", number, image.instance_uid)]
    for code, text, value in (
        ("image-score", "Score of the image", row["image_score"]),
        ("probability", "Probability of a fracture in the image", row["image_probability"]),
        ("detections", "Number of detections", len(row["detections"])),
    ):
        if value is not None:
            found.append(("NM", code, text, number, f"{value:.6g}"))
    found += [
        ("ST", "detection", f"Detection {count}", f"{number}.{count}", detection_text(each))
        for count, each in enumerate(row["detections"], start=1)
    ]
    return found


def _segment(*fields: str) -> str:
    return "|".join(fields).rstrip("|")


def _plain(text: str) -> str:
    return text.translate(_ESCAPES)
