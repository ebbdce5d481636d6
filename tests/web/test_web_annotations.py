"""Saving boxes: LabelImg's files, untouched where nothing changed, never lost, never overwritten behind one's back."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.web_places import BOX, WRITE, annotation, client, folder, image, image_ids

from fractura.formats import read_voc
from fractura.formats.voc import read_voc_file


@pytest.fixture(name="web")
def web_fixture(tmp_path):
    with client(mode="label", folder=folder(tmp_path / "data")) as web:
        yield web


def box(name="Fractura", corners=(10, 10, 50, 40), **more):
    return {"name": name, **dict(zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)), **more}


def load(web, name):
    answer = web.get(f"/api/annotations/{image_ids(web)[name]}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == answer.json()["etag"]
    return answer.json()


def put(web, name, etag, boxes, **more):
    headers = WRITE if etag is None else {**WRITE, "If-Match": etag}
    return web.put(f"/api/annotations/{image_ids(web)[name]}", headers=headers, json={"boxes": boxes, **more})


def test_a_new_image_gets_the_bytes_that_labelimg_writes(web, tmp_path):
    voc = pytest.importorskip("libs.pascal_voc_io")
    before = load(web, "image1.png")
    assert (before["exists"], before["boxes"], before["etag"]) == (False, [], '"none"')
    drawn = [("Fractura", (10.9, 0.2, 50.7, 60.1), False), ("caso difícil", (30, 40, 200, 100), True)]
    boxes = [box(name, corners, difficult=hard) for name, corners, hard in drawn]
    answer = put(web, "image1.png", before["etag"], boxes, verified=True)
    assert answer.status_code == 200, answer.text
    image = tmp_path / "data" / "images" / "image1.png"
    writer = voc.PascalVocWriter("images", "image1.png", (100, 200, 1), local_img_path=str(image))
    writer.verified = True
    for name, corners, hard in drawn:
        left, top, right, bottom = corners  # LabelFile.convert_points_to_bnd_box
        writer.add_bnd_box(int(max(left, 1)), int(max(top, 1)), int(right), int(bottom), name, hard)
    writer.save(str(tmp_path / "labelimg.xml"))
    written = tmp_path / "data" / "annotations" / "image1.xml"
    assert written.read_bytes() == (tmp_path / "labelimg.xml").read_bytes()
    shown = answer.json()["boxes"]
    assert [(each["xmin"], each["ymin"], each["truncated"]) for each in shown] == [(10, 1, True), (30, 40, True)]
    assert web.get("/api/images", params={"state": "verified"}).json()["total"] == 2


def test_labelimg_reads_the_same_boxes(web, tmp_path):
    voc = pytest.importorskip("libs.pascal_voc_io")
    boxes = [box(corners=(3, 4, 50, 60)), box("b & <c>", (7, 8, 150, 90), difficult=True)]
    assert put(web, "image2.png", load(web, "image2.png")["etag"], boxes).status_code == 200
    reader = voc.PascalVocReader(str(tmp_path / "data" / "annotations" / "image2.xml"))
    assert [(name, points[0], points[2], hard) for name, points, _, _, hard in reader.get_shapes()] == [
        ("Fractura", (3, 4), (50, 60), False),
        ("b & <c>", (7, 8), (150, 90), True),
    ]


def test_saving_what_did_not_change_keeps_every_byte(web, tmp_path):
    file = tmp_path / "data" / "annotations" / "image2.xml"
    source = file.read_bytes().replace(b"<pose>Unspecified</pose>", b"<pose>Left</pose><maker>other tool</maker>")
    source = source.replace(b"<xmin>20</xmin>", b"<xmin>20.25</xmin>").replace(b"\n", b"\r\n")
    file.write_bytes(source)
    now = load(web, "image2.png")
    assert put(web, "image2.png", now["etag"], now["boxes"], verified=now["verified"]).status_code == 200
    assert file.read_bytes() == source
    assert put(web, "image2.png", now["etag"], [*now["boxes"], box()]).status_code == 200
    assert b"<maker>other tool</maker>" in file.read_bytes()
    assert b"<xmin>20.25</xmin>" in file.read_bytes()


def test_a_prediction_that_a_person_moves_loses_its_score(web, tmp_path):
    file = annotation(tmp_path / "data" / "annotations" / "image2.xml", "image2.png", BOX)
    file.write_bytes(file.read_bytes().replace(b"<bndbox>", b"<score>0.7</score><bndbox>"))
    now = load(web, "image2.png")
    assert put(web, "image2.png", now["etag"], [box(corners=(21, 20, 100, 60))]).status_code == 200
    assert read_voc_file(file).objects[0].score is None


def test_the_order_of_the_boxes_is_that_of_the_window(web):
    boxes = [box(corners=(left, 10, left + 20, 40)) for left in (80, 20, 140, 50)]
    answer = put(web, "image2.png", load(web, "image2.png")["etag"], boxes).json()
    assert [each["xmin"] for each in answer["boxes"]] == [80, 20, 140, 50]
    again = put(web, "image2.png", answer["etag"], answer["boxes"][::-1]).json()
    assert [each["xmin"] for each in again["boxes"]] == [50, 140, 20, 80]


def test_two_windows_on_one_image_learn_of_each_other(web):
    first = load(web, "image2.png")
    second = load(web, "image2.png")
    saved = put(web, "image2.png", first["etag"], [box()])
    late = put(web, "image2.png", second["etag"], [])
    assert (late.status_code, late.json()["error"]["code"]) == (409, "changed_elsewhere")
    assert late.json()["current"] == saved.json()
    assert load(web, "image2.png")["boxes"] == saved.json()["boxes"]


def test_a_change_by_another_program_counts_too(web, tmp_path):
    before = load(web, "image2.png")
    annotation(tmp_path / "data" / "annotations" / "image2.xml", "image2.png", BOX, BOX)
    assert put(web, "image2.png", before["etag"], []).status_code == 409
    assert web.delete(
        f"/api/annotations/{image_ids(web)['image2.png']}", headers={**WRITE, "If-Match": before["etag"]}
    ).status_code == 409  # fmt: skip


def test_of_many_writers_at_once_one_wins(web):
    etag = load(web, "image2.png")["etag"]
    start = threading.Barrier(8)

    def write(number):
        start.wait()
        return put(web, "image2.png", etag, [box(corners=(1 + number, 10, 90, 40))]).status_code

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(write, range(8)))
    assert found == [200] + [409] * 7


def test_without_if_match_nothing_is_written(web):
    assert put(web, "image2.png", None, []).status_code == 428
    assert len(load(web, "image2.png")["boxes"]) == 1


def test_comments_are_kept_apart_from_labelimgs_file(web, tmp_path):
    file = tmp_path / "data" / "annotations" / "image2.xml"
    before, now = file.read_bytes(), load(web, "image2.png")
    saved = put(web, "image2.png", now["etag"], now["boxes"], comment="¿línea de fractura?\nvéase AP").json()
    assert saved["comment"] == load(web, "image2.png")["comment"] == "¿línea de fractura?\nvéase AP"
    assert file.read_bytes() == before
    assert saved["etag"] != now["etag"]
    assert put(web, "image2.png", now["etag"], now["boxes"]).status_code == 409
    assert next(each for each in web.get("/api/images").json()["images"] if each["name"] == "image2.png")["comment"]
    gone = put(web, "image2.png", saved["etag"], now["boxes"]).json()
    assert (gone["comment"], gone["etag"]) == ("", now["etag"])


@pytest.mark.parametrize(
    "text",
    [b"<annotation><object><name>Fractura</name>", b"", b"\xff\xfe nothing", b"<annotation><object/></annotation>"],
)
def test_a_malformed_file_is_shown_and_never_overwritten(web, tmp_path, text):
    file = tmp_path / "data" / "annotations" / "image11.xml"
    file.write_bytes(text)
    image_id = image_ids(web)["image11.png"]
    shown = web.get(f"/api/annotations/{image_id}")
    assert (shown.status_code, shown.json()["error"]["code"]) == (409, "annotation_malformed")
    assert shown.json()["text"] == text.decode("utf-8", "replace")
    import hashlib

    for etag in ('"none"', f'"{hashlib.sha256(text).hexdigest()[:32]}"', "*"):
        assert put(web, "image11.png", etag, [box()]).status_code == 409
        headers = {**WRITE, "If-Match": etag}
        assert web.delete(f"/api/annotations/{image_id}", headers=headers).status_code == 409
        assert web.post(f"/api/annotations/{image_id}/restore", headers=headers).status_code == 409
    assert file.read_bytes() == text


def test_delete_and_restore(web, tmp_path):
    file = tmp_path / "data" / "annotations" / "image2.xml"
    before, now, image_id = file.read_bytes(), load(web, "image2.png"), image_ids(web)["image2.png"]
    assert not now["has_backup"]
    gone = web.delete(f"/api/annotations/{image_id}", headers={**WRITE, "If-Match": now["etag"]}).json()
    assert (gone["exists"], gone["has_backup"], file.exists()) == (False, True, False)
    assert web.get("/api/images", params={"state": "unlabelled"}).json()["total"] == 2
    back = web.post(f"/api/annotations/{image_id}/restore", headers={**WRITE, "If-Match": gone["etag"]}).json()
    assert back["boxes"] == now["boxes"]
    assert file.read_bytes() == before
    # The backup is a hidden file: the folder holds what LabelImg would have left there.
    assert sorted(each.name for each in file.parent.iterdir()) == [
        "image10.xml",
        "image11.xml",
        "image2.xml",
        "image3.xml",
    ]


def test_one_step_back_and_forth(web):
    first = load(web, "image2.png")
    second = put(web, "image2.png", first["etag"], [box()]).json()
    path = f"/api/annotations/{image_ids(web)['image2.png']}/restore"
    back = web.post(path, headers={**WRITE, "If-Match": second["etag"]}).json()
    assert back["boxes"] == first["boxes"]
    again = web.post(path, headers={**WRITE, "If-Match": back["etag"]}).json()
    assert again["boxes"] == second["boxes"]


@pytest.mark.parametrize(
    "wrong",
    [
        box(corners=(50, 10, 50, 40)),
        box(corners=(60, 10, 50, 40)),
        box(corners=(500, 500, 600, 600)),
        box(name="  "),
        box(name="bad\x01name"),
    ],
)
def test_impossible_boxes_are_refused_and_nothing_is_written(web, tmp_path, wrong):
    before = (tmp_path / "data" / "annotations" / "image2.xml").read_bytes()
    answer = put(web, "image2.png", load(web, "image2.png")["etag"], [box(), wrong])
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "box_invalid")
    assert (tmp_path / "data" / "annotations" / "image2.xml").read_bytes() == before


@pytest.mark.parametrize(
    "body",
    ['{"boxes": [{"name": "a", "xmin": NaN, "ymin": 1, "xmax": 2, "ymax": 3}]}', '{"boxes": 3}', "{", '{"boxen": []}'],
)
def test_what_is_no_annotation_is_refused(web, body):
    image_id = image_ids(web)["image2.png"]
    headers = {**WRITE, "If-Match": load(web, "image2.png")["etag"], "Content-Type": "application/json"}
    answer = web.put(f"/api/annotations/{image_id}", headers=headers, content=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "request_invalid")


def test_boxes_that_are_wrong_in_the_file_may_stay_while_others_change(web, tmp_path):
    annotation(tmp_path / "data" / "annotations" / "image2.xml", "image2.png", BOX, width=333)
    file = tmp_path / "data" / "annotations" / "image2.xml"
    file.write_bytes(file.read_bytes().replace(b"<xmax>100</xmax>", b"<xmax>900</xmax>"))
    now = load(web, "image2.png")
    assert [note["place"] for note in now["notes"]] == [None, "box 1"]
    assert put(web, "image2.png", now["etag"], [*now["boxes"], box()]).status_code == 200
    assert [each.xmax for each in read_voc_file(file).objects] == [900, 50]


def test_two_images_of_one_stem_do_not_share_a_file(tmp_path):
    image(tmp_path / "data" / "a.png")
    image(tmp_path / "data" / "a.jpg")
    annotation(tmp_path / "data" / "a.xml", "a.png", BOX)
    with client(mode="label", folder=tmp_path / "data") as web:
        before = (tmp_path / "data" / "a.xml").read_bytes()
        for etag in ('"none"', load(web, "a.png")["etag"]):
            answer = put(web, "a.jpg", etag, [])
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "annotation_shared")
        assert (tmp_path / "data" / "a.xml").read_bytes() == before
        assert len(load(web, "a.png")["boxes"]) == 1


def test_a_label_file_just_written_is_not_shared_either(tmp_path):
    """As on a CD whose images are named by UID: 1.2.840.77 and 1.2.840.78 have one stem."""
    image(tmp_path / "data" / "a.png")
    image(tmp_path / "data" / "a.jpg")
    with client(mode="label", folder=tmp_path / "data") as web:
        assert put(web, "a.png", '"none"', [box()]).status_code == 200
        before = (tmp_path / "data" / "a.xml").read_bytes()
        answer = put(web, "a.jpg", load(web, "a.png")["etag"], [box(corners=(5, 5, 60, 40))])
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "annotation_shared")
        assert (tmp_path / "data" / "a.xml").read_bytes() == before


def test_names_with_any_letters(tmp_path):
    name = "Röntgen 患者 #1 & <a>.png"
    image(tmp_path / "data" / name)
    with client(mode="label", folder=tmp_path / "data") as web:
        assert put(web, name, '"none"', [box()], comment="x").status_code == 200
        assert read_voc_file(tmp_path / "data" / "Röntgen 患者 #1 & <a>.xml").filename == name


def test_every_save_notifies_the_windows(web):
    said = []
    web.app.state.shared.events.publish = lambda kind, data: said.append((kind, data))
    saved = put(web, "image1.png", '"none"', [box()]).json()
    # the first reading of the folder may still be reporting the other images, and this one
    assert ("image", "labelled", saved["etag"]) in [
        (kind, data["state"], data["etag"]) for kind, data in said if kind == "image"
    ]


def test_events_go_over_the_wire():
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    from fractura.web.events import EventStream

    async def listen():
        events = EventStream()
        stream = events.listen()
        assert await anext(stream) == ": here\n\n"
        events.publish("image", {"id": "é"})
        assert await anext(stream) == 'event: image\ndata: {"id": "é"}\n\n'
        events.close()
        return [text async for text in stream]

    with ThreadPoolExecutor(1) as pool:  # a browser's tests may have left a loop running in this thread
        assert pool.submit(asyncio.run, listen()).result() == []


@pytest.mark.parametrize(
    "body",
    [
        {"boxes": []},
        {"boxes": [], "comment": "x"},
        {"boxes": [], "verified": True},
        {"boxes": [], "normal": False},
        {"boxes": None, "normal": True},
        {"boxes": None, "verified": True},
    ],
)
@pytest.mark.parametrize("name", ["image1.png", "image2.png", "image3.png"])
def test_nothing_makes_an_image_normal_but_a_decision(web, tmp_path, name, body):
    def written():
        """All but the cache of detections."""
        return {path: path.read_bytes() for kind in ("xml", "txt") for path in (tmp_path / "data").rglob(f"*.{kind}")}

    before = written()
    answer = put(web, name, load(web, name)["etag"], **body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "undecided")
    assert written() == before


@pytest.mark.parametrize("name", ["image1.png", "image2.png", "image3.png"])
def test_a_decision_makes_an_image_normal_and_is_recorded(web, tmp_path, name):
    before = load(web, name)
    assert before["normal"] == (name == "image3.png")
    saved = put(web, name, before["etag"], [], normal=True).json()
    assert (saved["normal"], saved["exists"], saved["boxes"]) == (True, True, [])
    data = read_voc(tmp_path / "data", on_error="skip-all", problems=[])
    assert {each.name: each.decided_normal for each in data if each.is_negative} == {"image3.png": False} | {name: True}


def test_a_decision_counts_for_the_file_that_was_saved(web, tmp_path):
    """Another program writes the file anew: that is no decision any more, and neither is a comment."""
    put(web, "image1.png", '"none"', [], normal=True)
    annotation(tmp_path / "data" / "annotations" / "image1.xml", "image1.png")
    now = load(web, "image1.png")
    assert put(web, "image1.png", now["etag"], [], normal=True, comment="x").status_code == 200
    assert read_voc(tmp_path / "data", on_error="skip-all", problems=[]).decided_negatives == 0


def test_without_a_decision_the_file_goes_and_comes_back_with_its_boxes(web, tmp_path):
    file = tmp_path / "data" / "annotations" / "image2.xml"
    file.write_bytes(file.read_bytes().replace(b"<pose>", b"<maker>other tool</maker><pose>"))
    before, now = file.read_bytes(), load(web, "image2.png")
    gone = put(web, "image2.png", now["etag"], None, comment="?").json()
    assert (gone["exists"], gone["normal"], gone["boxes"], gone["comment"]) == (False, False, [], "?")
    assert gone["has_backup"]
    assert not file.exists()
    back = put(web, "image2.png", gone["etag"], now["boxes"], verified=now["verified"]).json()
    assert back["boxes"] == now["boxes"]
    assert file.read_bytes() == before


def test_a_comment_is_no_label(web, tmp_path):
    saved = put(web, "image1.png", '"none"', None, comment="línea").json()
    assert (saved["exists"], saved["comment"]) == (False, "línea")
    assert not (tmp_path / "data" / "annotations" / "image1.xml").exists()
    (row,) = (each for each in web.get("/api/images").json()["images"] if each["name"] == "image1.png")
    assert (row["state"], row["comment"]) == ("unlabelled", True)


@pytest.mark.parametrize("labels", [{"boxes": [], "normal": True}, {"boxes": [box()]}])
def test_an_image_that_cannot_be_shown_cannot_be_labelled(web, tmp_path, labels):
    file = tmp_path / "data" / "images" / "image1.png"
    file.write_bytes(file.read_bytes()[:60])  # the header can still be read
    picture = web.get(f"/api/images/{image_ids(web)['image1.png']}/picture")
    answer = put(web, "image1.png", load(web, "image1.png")["etag"], **labels)
    assert (picture.status_code, answer.status_code) == (422, 422)
    assert answer.json()["error"] == picture.json()["error"]
    assert not (tmp_path / "data" / "annotations" / "image1.xml").exists()
