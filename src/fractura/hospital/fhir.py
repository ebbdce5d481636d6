"""Results of a study as FHIR resources: a preliminary DiagnosticReport, its Observations, the ImagingStudy, the Device.

https://hl7.org/fhir/R4/diagnosticreport.html and R5. The resources come as one transaction whose entries are found
again by their identifiers: a server that gets it twice updates them and stores nothing twice.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

from fractura._version import __version__
from fractura.core.errors import DataError, UsageError
from fractura.hospital.device import Device
from fractura.hospital.object_identity import MANUFACTURER, NOT_FOR_DIAGNOSIS, maker_of
from fractura.hospital.study_image import StudyImage, one_study
from fractura.hospital.unique_ids import stable_uid, stable_uuid
from fractura.inference.answer import answer_text, certainty_text
from fractura.inference.origin import ResultOrigin
from fractura.inference.results import DetectionRow, ImageRow

FhirVersion = Literal["R4", "R5"]
_OWN_CODES = "urn:oid:" + stable_uid("codes")
_DICOM_UID = "urn:dicom:uid"
_DICOM_CODES = "http://dicom.nema.org/resources/ontology/DCM"
_TERMS = "http://terminology.hl7.org/CodeSystem"
_SECONDS = 30


def fhir_bundle(
    images: Sequence[StudyImage], origin: ResultOrigin, device: Device, *, version: FhirVersion = "R4"
) -> dict[str, Any]:
    """The results of a study as a FHIR transaction.

    Args:
        images: Of one study; see ``study_image``.
        origin: The model and how it was applied.
        device: The installation.
        version: Of FHIR.

    Raises:
        UsageError: The images belong to different studies, or there is none.
    """
    first = one_study(images)
    maker = maker_of(origin, device)
    report_uid = stable_uid("fhir report", first.study_uid, *maker)
    addresses = {
        "device": _address("device", device.uid, origin.digest),
        "study": _address("study", first.study_uid),
        "report": _address("report", report_uid),
        **{each.instance_uid: _address("observation", each.instance_uid, *maker) for each in images},
    }
    about = {"subject": _subject(first), "effectiveDateTime": origin.created}
    observed = [
        {
            "resourceType": "Observation",
            "identifier": [_identifier(stable_uid("fhir observation", each.instance_uid, *maker))],
            "status": "preliminary",
            "category": [_concept(f"{_TERMS}/observation-category", "imaging", "Imaging")],
            "code": _concept(_OWN_CODES, "fracture", "Fracture on a radiograph, by a model"),
            **about,
            "device": {"reference": addresses["device"]},
            "derivedFrom": [{"reference": addresses["study"]}],
            **_answer(each.row),
        }
        for each in images
    ]
    report = {
        "resourceType": "DiagnosticReport",
        "identifier": [_identifier(report_uid)],
        "status": "preliminary",
        "category": [_concept(f"{_TERMS}/v2-0074", "RAD", "Radiology")],
        "code": _concept("http://loinc.org", "18748-4", "Diagnostic imaging study"),
        **about,
        "issued": origin.created,
        "result": [{"reference": addresses[each.instance_uid]} for each in images],
        "imagingStudy" if version == "R4" else "study": [{"reference": addresses["study"]}],
        "conclusion": _conclusion(images, origin),
    }
    resources = [
        (addresses["device"], _device(origin, device, version)),
        (addresses["study"], _study(images, version)),
        *((addresses[each.instance_uid], made) for each, made in zip(images, observed, strict=True)),
        (addresses["report"], report),
    ]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"fullUrl": address, "resource": resource, "request": {"method": "PUT", "url": _found_by(resource)}}
            for address, resource in resources
        ],
    }


def send_fhir(bundle: dict[str, Any], url: str, *, token: str | None = None) -> None:
    """POST a transaction to a FHIR server.

    Args:
        bundle: From ``fhir_bundle``.
        url: The server's base address, such as ``https://fhir.hospital/r4``.
        token: Bearer token, where the server asks for one.

    Raises:
        UsageError: It is not an address of the web.
        DataError: The server cannot be reached or refuses; what it answers is not passed on, as it may hold names.
    """
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"'{url}' is not the address of a FHIR server", hint="such as https://fhir.hospital/r4")
    headers = {"Content-Type": "application/fhir+json"} | (
        {} if token is None else {"Authorization": f"Bearer {token}"}
    )
    request = urllib.request.Request(url, json.dumps(bundle).encode("utf-8"), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS):
            return
    except urllib.error.HTTPError as error:
        raise DataError(f"the FHIR server refuses the result: HTTP {error.code}", file=url) from None
    except OSError as error:
        raise DataError(
            f"the FHIR server cannot be reached: {error}", file=url, hint="check the address and the network"
        ) from error


def _address(*parts: str) -> str:
    return f"urn:uuid:{stable_uuid('fhir', *parts)}"


def _identifier(uid: str) -> dict[str, Any]:
    return {"system": _DICOM_UID, "value": f"urn:oid:{uid}"}


def _found_by(resource: dict[str, Any]) -> str:
    """A conditional update: of what has this identifier, or of nothing yet."""
    first = resource["identifier"][0]
    return f"{resource['resourceType']}?identifier={first['system']}|{first['value']}"


def _concept(system: str, code: str, text: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": text}], "text": text}


def _subject(image: StudyImage) -> dict[str, Any]:
    """The patient by number alone: the server knows whose it is."""
    return {"identifier": {"value": image.patient_id}} if image.patient_id else {"display": "unknown"}


def _device(origin: ResultOrigin, device: Device, version: FhirVersion) -> dict[str, Any]:
    name = f"{MANUFACTURER}, model {origin.card.name}"
    return {
        "resourceType": "Device",
        # One for each model: its version belongs to it.
        "identifier": [_identifier(stable_uid("fhir device", device.uid, origin.digest)), _identifier(device.uid)],
        "manufacturer": MANUFACTURER,
        "deviceName" if version == "R4" else "name": [
            {"name" if version == "R4" else "value": name, "type": "user-friendly-name"}
        ],
        "version": [{"value": __version__}, {"value": f"model sha256:{origin.digest}"}],
        "note": [{"text": NOT_FOR_DIAGNOSIS}],
    }


def _study(images: Sequence[StudyImage], version: FhirVersion) -> dict[str, Any]:
    first = images[0]
    series: dict[str, list[StudyImage]] = {}
    for each in images:
        series.setdefault(each.series_uid, []).append(each)
    found: dict[str, Any] = {
        "resourceType": "ImagingStudy",
        "identifier": [_identifier(first.study_uid)],
        "status": "available",
        "subject": _subject(first),
        "series": [
            {
                "uid": uid,
                "modality": _modality(members[0].modality, version),
                "instance": [
                    {
                        "uid": each.instance_uid,
                        "sopClass": {"system": "urn:ietf:rfc:3986", "code": f"urn:oid:{each.sop_class}"},
                    }
                    for each in members
                ],
            }
            for uid, members in series.items()
        ],
    }
    if first.accession_number:
        kind = {"coding": [{"system": f"{_TERMS}/v2-0203", "code": "ACSN"}]}
        found["identifier"].append({"type": kind, "value": first.accession_number})
    with suppress(ValueError):  # absent, or in a form that DICOM gave up in 1993: FHIR does without
        found["started"] = datetime.strptime(first.study_date, "%Y%m%d").date().isoformat()
    return found


def _modality(modality: str, version: FhirVersion) -> dict[str, Any]:
    coding = {"system": _DICOM_CODES, "code": modality or "OT"}
    return coding if version == "R4" else {"coding": [coding]}


def _answer(row: ImageRow) -> dict[str, Any]:
    assert row["answer"] is not None
    numbers = (
        ("image-score", "Score of the image", row["image_score"]),
        ("probability", "Probability of a fracture in the image", row["image_probability"]),
        ("detections", "Number of detections", len(row["detections"])),
    )
    components: list[dict[str, Any]] = [
        {"code": _concept(_OWN_CODES, code, text), "valueQuantity": _number(value)}
        for code, text, value in numbers
        if value is not None
    ]
    for number, each in enumerate(row["detections"], start=1):
        code = _concept(_OWN_CODES, "detection", f"Detection {number}")
        components.append({"code": code, "valueString": detection_text(each)})
    return {"valueCodeableConcept": {"text": f"fracture {row['answer']}"}, "component": components}


def detection_text(detection: DetectionRow) -> str:
    """A detection in words, with its place in pixels of the image.

    Examples:
        >>> detection_text({"class": "fracture", "score": 0.9, "probability": None, "box": [1.0, 2.0, 30.0, 40.5]})
        'fracture, score 0.90, left 1 top 2 right 30 bottom 40.5'
    """
    place = " ".join(
        f"{side} {value:g}" for side, value in zip(("left", "top", "right", "bottom"), detection["box"], strict=True)
    )
    return f"{detection['class']}, {certainty_text(detection['score'], detection['probability'])}, {place}"


def _number(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "1", "system": "http://unitsofmeasure.org", "code": "1"}


def _conclusion(images: Sequence[StudyImage], origin: ResultOrigin) -> str:
    return f"{study_answer(images)}. {MANUFACTURER}, model {origin.card.name}: {NOT_FOR_DIAGNOSIS}; not verified."


def study_answer(images: Sequence[StudyImage]) -> str:
    """The answer for the study: that of the image with the highest score."""
    row = max((each.row for each in images), key=lambda row: row["image_score"] or 0.0)
    assert row["answer"] is not None
    return answer_text(row["answer"], row["image_score"] or 0.0, row["image_probability"])
