"""Uploaded images with ground truth, and results as files that other programs read."""

import csv
import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image
from support.dicom_images import dicom
from support.tiny_models import CARD, write_tiny_onnx
from support.web_places import BOX, WRITE, annotation, client, folder, image, image_ids, model

from fractura.formats.voc import parse_voc
from fractura.imaging.reader import read_radiograph
from fractura.inference import load_model

REFERABLE = {
    "StudyInstanceUID": "1.2.826.0.1.1",
    "SeriesInstanceUID": "1.2.826.0.1.2",
    "PatientBirthDate": "19700101",
    "PatientSex": "F",
    "StudyID": "7",
    "StudyDate": "20240102",
    "StudyTime": "101112",
    "AccessionNumber": "A1",
}


@pytest.fixture(name="web")
def web_fixture(tmp_path):
    with client(mode="serve", model=model(tmp_path)) as web:
        yield web


def png(width=200, height=100):
    stream = io.BytesIO()
    Image.fromarray(np.arange(width * height, dtype=np.uint8).reshape(height, width)).save(stream, "PNG")
    return stream.getvalue()


def deep_dicom(**elements):
    values = np.arange(64 * 80, dtype=np.uint16).reshape(64, 80) % 4096
    return dicom(values, bits=12, **{**REFERABLE, **elements})


def send(web, *images, annotations=(), **form):
    files = [("images", each) for each in images] + [("annotations", each) for each in annotations]
    answer = web.post("/api/detect", headers=WRITE, files=files, data=form)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_detections_are_the_models(web, tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    expected = load_model(tmp_path / "tiny.onnx").detect(read_radiograph(tmp_path / "a.png").pixels).clip(200, 100)
    answer = send(web, ("a.png", png()))
    [image] = answer["images"]
    assert (answer["threshold"], answer["class_names"], answer["model"]) == (0.4, ["fracture", "cast"], "tiny")
    assert (image["image"], image["width"], image["height"], image["bit_depth"], image["dicom"]) == (
        "a.png", 200, 100, 8, False
    )  # fmt: skip
    assert np.allclose([detection["box"] for detection in image["detections"]], expected.xyxy, atol=0.01)
    assert [detection["score"] for detection in image["detections"]] == pytest.approx(expected.scores.tolist())
    assert [detection["class"] for detection in image["detections"]] == ["fracture", "cast", "fracture"]


def test_images_of_another_kind_are_warned_about(tmp_path):
    card = CARD.model_copy(update={"domain": load_model("built-in").card.domain})
    head = deep_dicom(BodyPartExamined="HEAD")
    warnings = [
        "outside what this model was trained on: it does not resemble the training images",
        "outside what this model was trained on: its header says HEAD",
    ]
    with client(mode="serve", model=str(write_tiny_onnx(tmp_path / "knowing.onnx", card=card))) as web:
        for _ in range(2):  # computed, and from the cache
            images = send(web, ("a.png", png()), ("b.dcm", head))["images"]
            assert [image["warning"] for image in images] == warnings
    with client(mode="serve", model=model(tmp_path)) as web:
        assert send(web, ("a.png", png()))["images"][0]["warning"] is None


def test_one_bad_image_does_not_spoil_the_others(web):
    images = send(web, ("a.png", png()), ("b.png", b"nothing"), ("c.dcm", deep_dicom()))["images"]
    assert [image["error"] and image["error"]["code"] for image in images] == [None, "image_unreadable", None]
    assert (images[1]["image"], images[1]["detections"]) == ("b.png", [])
    assert images[1]["id"]  # it stands in the exports, with the reason
    assert (images[1]["width"], images[1]["image_score"], images[1]["image_probability"]) == (None, None, None)
    assert (images[2]["bit_depth"], images[2]["dicom"]) == (12, True)


def test_lines_as_the_images_are_done(web):
    images = [("images", ("a.png", png())), ("images", ("b.png", b"x"))]
    answer = web.post("/api/detect", headers={**WRITE, "Accept": "application/x-ndjson"}, files=images)
    start, *rest = [json.loads(line) for line in answer.text.splitlines()]
    assert (answer.headers["content-type"], start["images"]) == ("application/x-ndjson", 2)
    assert [each["image"] for each in rest] == ["a.png", "b.png"]
    whole = send(web, ("a.png", png()))
    unsettled = {"images": None, "created": None}
    assert {**start, "complete": True, **unsettled} == {**whole, **unsettled}
    assert list(rest[0]) == list(rest[1]) == list(whole["images"][0])
    assert rest[0]["detections"] == whole["images"][0]["detections"]


def test_ground_truth_next_to_the_detections(web, tmp_path):
    def voc(name, filename, *boxes, **size):
        return name, annotation(tmp_path / name, filename, *boxes, **size).read_bytes()

    sent = [
        voc("a.xml", "a.png", BOX),
        voc("other.xml", "b.jpg", BOX),
        voc("c.xml", "c.png", BOX, width=999),
        ("d.xml", b"<annotation><obj"),
        voc("negative.xml", "e.png"),
    ]  # fmt: skip
    images = [(f"{letter}.png", png()) for letter in "abcdef"]
    found = send(web, *images, annotations=sent)["images"]
    shown = [image["ground_truth"] if image["ground_truth"] is None else len(image["ground_truth"]) for image in found]
    assert shown == [1, 1, None, None, 0, None]
    assert [image["ground_truth_problem"] is not None for image in found] == [False, False, True, True, False, False]
    assert (found[0]["ground_truth"][0]["xmin"], found[0]["ground_truth"][0]["name"]) == (20, "Fractura")


def test_uploads_can_be_viewed_and_dropped(web):
    first, second = (image["id"] for image in send(web, ("a.dcm", deep_dicom()), ("b.png", png()))["images"])
    about = web.get(f"/api/images/{first}").json()
    assert (about["name"], about["window"]["width"], about["height"]) == ("a.dcm", 4095, 64)
    assert web.get(f"/api/images/{first}/picture", params={"centre": 10, "width": 5}).status_code == 200
    assert web.delete(f"/api/uploads/{first}", headers=WRITE).status_code == 204
    gone = web.get(f"/api/images/{first}/picture")
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "upload_gone")
    assert web.get(f"/api/images/{second}").status_code == 200
    assert web.delete("/api/uploads", headers=WRITE).status_code == 204
    assert web.get(f"/api/images/{second}").status_code == 410
    assert send(web, ("a.png", png()), keep="false")["images"][0]["id"] is None


def test_the_memory_for_images_is_bounded(tmp_path):
    size = len(png())
    with client(mode="serve", model=model(tmp_path), upload_bytes=2 * size + 10) as web:
        first, second = (send(web, ("a.png", png()))["images"][0]["id"] for _ in range(2))
        assert web.get(f"/api/images/{first}").status_code == 200
        third = send(web, ("a.png", png()))["images"][0]["id"]
        assert [web.get(f"/api/images/{each}").status_code for each in (first, second, third)] == [200, 410, 200]


def export(web, kind, images, **wish):
    answer = web.post("/api/export", headers=WRITE, json={"format": kind, "images": images, **wish})
    assert answer.status_code == 200, answer.text
    return answer


def test_json_csv_and_voc(web):
    ids = [image["id"] for image in send(web, ("a.png", png()), ("a.png", png()), ("b.png", png()))["images"]]
    document = export(web, "json", ids, threshold=0.45).json()
    assert [len(image["detections"]) for image in document["images"]] == [2, 2, 2]
    assert (document["threshold"], document["model"]) == (0.45, "tiny")
    rows = list(csv.DictReader(io.StringIO(export(web, "csv", ids, threshold=0.95).text)))
    assert [(row["image"], row["class"]) for row in rows] == [("a.png", ""), ("a.png", ""), ("b.png", "")]
    rows = list(csv.DictReader(io.StringIO(export(web, "csv", ids[:1], threshold=0).text)))
    assert [float(row["score"]) for row in rows] == pytest.approx([0.9, 0.5, 0.3])
    archive = zipfile.ZipFile(io.BytesIO(export(web, "voc", ids).content))
    assert archive.namelist() == ["a.xml", "a-2.xml", "b.xml"]
    read = parse_voc(archive.read("a.xml"), "a.xml")
    assert [(each.name, each.corners, each.score) for each in read.objects] == [
        ("fracture", (20, 20, 100, 60), 0.9),
        ("cast", (0, 0, 40, 10), 0.5),
    ]


def test_dicom_report(web):
    import highdicom
    from pydicom import dcmread

    image = deep_dicom()
    source = dcmread(io.BytesIO(image), stop_before_pixels=True)
    sent = send(web, ("a.dcm", image))["images"][0]
    answer = export(web, "dicom-sr", [sent["id"]])
    assert answer.headers["content-type"] == "application/dicom"
    assert answer.headers["content-disposition"].endswith("a.dcm")
    report = dcmread(io.BytesIO(answer.content))
    assert (report.Modality, report.SOPClassUID) == ("SR", "1.2.840.10008.5.1.4.1.1.88.33")
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "AccessionNumber"):
        assert report[keyword].value == source[keyword].value
    assert (report.VerificationFlag, report.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
    content = highdicom.sr.srread(io.BytesIO(answer.content)).content
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    groups = content.get_planar_roi_measurement_groups()
    assert [group.finding_type.value for group in groups] == ["125605004", "cast"]
    for group, detection in zip(groups, sent["detections"][:2], strict=True):
        outline = group.roi.value
        corners = [*outline.min(axis=0), *outline.max(axis=0)]
        assert np.allclose(corners, detection["box"])
        assert group.get_measurements()[0].value == pytest.approx(detection["score"])
        [reference] = group.roi.ContentSequence
        assert reference.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID


def test_dicom_report_without_detections_and_of_several_images(web):
    from pydicom import dcmread

    ids = [send(web, (f"{name}.dcm", deep_dicom()))["images"][0]["id"] for name in "ab"]
    empty = dcmread(io.BytesIO(export(web, "dicom-sr", ids[:1], threshold=1).content))
    assert "Number of detections" in str(empty)
    assert "POLYLINE" not in str(empty)
    assert empty.StudyInstanceUID == REFERABLE["StudyInstanceUID"]
    archive = zipfile.ZipFile(io.BytesIO(export(web, "dicom-sr", ids).content))
    reports = [dcmread(io.BytesIO(archive.read(name))) for name in archive.namelist()]
    # One image under two names: sent to an archive, its report is stored once.
    assert len({report.SOPInstanceUID for report in reports}) == 1


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (("a.png", png()), "not_dicom"),
        (("a.dcm", deep_dicom(StudyInstanceUID=None)), "dicom_incomplete"),
    ],
)
def test_no_report_where_the_image_does_not_say_whose_it_is(web, sent, code):
    image = send(web, sent)["images"][0]["id"]
    answer = web.post("/api/export", headers=WRITE, json={"format": "dicom-sr", "images": [image]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, code)


def test_real_dicom_images_get_reports(web, dicom_example):
    from pydicom import dcmread

    image = dicom_example("RG3_J2KR.dcm")
    sent = send(web, (image.name, image.read_bytes()))["images"][0]
    assert sent["error"] is None
    report = dcmread(io.BytesIO(export(web, "dicom-sr", [sent["id"]]).content))
    assert report.StudyInstanceUID == dcmread(image, stop_before_pixels=True).StudyInstanceUID


def test_images_of_the_folder_can_be_exported_too(tmp_path):
    data = folder(tmp_path / "data")
    image(data / "images" / "image5.png")
    with client(mode="label", folder=data, model=model(tmp_path)) as web:
        ids = image_ids(web)
        document = export(web, "json", [ids["image5.png"], ids["image2.png"], ids["image5.png"]]).json()
        assert [each["image"] for each in document["images"]] == ["image5.png", "image2.png"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/export", {"format": "json", "images": []}, 422),
        ("/api/export", {"format": "pdf", "images": ["u" + "0" * 16]}, 422),
        ("/api/export", {"format": "json", "images": ["u" + "0" * 16]}, 410),
        ("/api/export", {"format": "json", "images": ["0" * 16]}, 404),
        ("/api/export", {"format": "json", "images": ["../../x"]}, 422),
    ],
)
def test_wrong_wishes(web, path, body, status):
    assert web.post(path, headers=WRITE, json=body).status_code == status


def test_models_say_what_was_measured(tmp_path):
    from support.tiny_models import CARD, write_tiny_onnx

    curve = {"threshold": [0.9, 0.5, 0.2], "sensitivity": [0.1, 0.6, 0.8], "false_positives_per_image": [0.0, 0.3, 1.5]}
    metrics = {"validation": {"images": 225, "curves": {"froc": {"iou30": curve}}}}
    path = write_tiny_onnx(tmp_path / "measured.onnx", card=CARD.model_copy(update={"metrics": metrics}))
    with client(mode="serve", model=str(path)) as web:
        answer = web.get("/api/models").json()
        [given] = [each for each in answer["models"] if each["id"] == answer["current"]]
        assert (given["name"], given["origin"], given["images"]) == ("tiny", "given", 225)
        assert given["operating_points"] == [
            {"threshold": 0.2, "sensitivity": 0.8, "false_positives_per_image": 1.5},
            {"threshold": 0.5, "sensitivity": 0.6, "false_positives_per_image": 0.3},
            {"threshold": 0.9, "sensitivity": 0.1, "false_positives_per_image": 0.0},
        ]
        unknown = web.put("/api/models/current", headers=WRITE, json={"id": "no-such-model"})
        assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_unknown")


def test_a_real_evaluation_gives_operating_points():
    """The card's curve is what the evaluation writes: a change of its shape must show here."""
    from support.tiny_models import CARD

    from fractura.core.boxes import Boxes
    from fractura.core.dataset import Dataset, Record
    from fractura.evaluation import evaluate
    from fractura.web.operating_points import operating_points

    boxes = Boxes([[10, 10, 50, 50]], [0])
    from pathlib import Path

    data = Dataset(("fracture",), tuple(Record(Path(f"{name}.png"), 100, 100, boxes) for name in "ab"))
    detections = [Boxes([[10, 10, 50, 50], [60, 60, 90, 90]], [0, 0], [0.9, 0.3]), Boxes.empty(scored=True)]
    measured = evaluate(data, detections, details=False).summary()
    points = operating_points(CARD.model_copy(update={"metrics": {"validation": measured}}))
    assert [(round(point.threshold, 3), point.sensitivity, point.false_positives_per_image) for point in points] == [
        (0.3, 0.5, 0.5),
        (0.9, 0.5, 0.0),
    ]
