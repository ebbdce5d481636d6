"""Images in sub-folders: listed by their paths, labelled beside themselves, trained on as they are labelled."""

import pytest
from support.web_places import BOX, WRITE, annotation, client, image, image_ids

from fractura.formats import read_voc
from fractura.formats.voc import read_voc_file
from fractura.formats.voc.decisions import is_decided
from fractura.web import folder_listing


@pytest.fixture(name="data", params=["flat", "two folders"])
def data_fixture(request, tmp_path):
    """One name in three folders, one of them nested; the first is labelled."""
    images = tmp_path / "data" / ("" if request.param == "flat" else "images")
    for place in ("a.png", "patient 2/a.png", "patient 10/left/a.png"):
        image(images / place)
    labels = images if request.param == "flat" else tmp_path / "data" / "annotations"
    annotation(labels / "a.xml", "a.png", BOX)
    image(images / ".hidden" / "b.png")
    return tmp_path / "data", images


@pytest.fixture(name="web")
def web_fixture(data):
    with client(mode="label", folder=data[0]) as web:
        yield web


def save(web, name, **wanted):
    address = f"/api/annotations/{image_ids(web)[name]}"
    etag = web.get(address).json()["etag"]
    answer = web.put(address, headers={**WRITE, "If-Match": etag}, json=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()


DRAWN = [{"name": "Fractura", "xmin": 10, "ymin": 10, "xmax": 50, "ymax": 40}]


def test_images_are_listed_by_their_paths(web):
    found = web.get("/api/images").json()["images"]
    assert [(each["name"], each["state"]) for each in found] == [
        ("a.png", "labelled"),
        ("patient 2/a.png", "unlabelled"),
        ("patient 10/left/a.png", "unlabelled"),
    ]
    assert web.get("/api/images", params={"query": "10/LEFT"}).json()["total"] == 1


def test_each_has_an_annotation_a_backup_and_a_comment_of_its_own(web, data):
    root, images = data
    before = (root / "annotations" / "a.xml" if root != images else images / "a.xml").read_bytes()
    save(web, "patient 2/a.png", boxes=DRAWN, comment="thin line")
    save(web, "patient 2/a.png", boxes=[*DRAWN, {**DRAWN[0], "xmax": 90}], comment="thin line")
    save(web, "patient 10/left/a.png", boxes=[], normal=True)
    first = read_voc_file(images / "patient 2" / "a.xml")
    assert (first.filename, first.folder, len(first.objects)) == ("a.png", "patient 2", 2)
    assert len(read_voc_file(root / ".fractura" / "backup" / "patient 2" / "a.xml").objects) == 1
    assert is_decided(root, "patient 10/left/a.png", images / "patient 10" / "left" / "a.xml")
    index = web.app.state.shared.folder.index
    index.refresh()
    found = web.get("/api/images").json()["images"]
    assert [(each["boxes"], each["comment"]) for each in found] == [(1, False), (2, True), (0, False)]
    assert (root / "annotations" / "a.xml" if root != images else images / "a.xml").read_bytes() == before
    # what training reads is what the page shows
    dataset = read_voc(root)
    assert [len(each.boxes) for each in dataset] == [1, 2, 0]
    assert [each.decided_normal for each in dataset] == [False, False, True]
    assert not list((root / ".fractura").rglob("a.xml.*"))


def test_a_sub_folder_of_two_folders_keeps_to_them(tmp_path):
    image(tmp_path / "data" / "a.png")
    image(tmp_path / "data" / "clinic" / "images" / "b.png")
    annotation(tmp_path / "data" / "clinic" / "annotations" / "b.xml", "b.png", BOX)
    image(tmp_path / "data" / "clinic" / "images" / "c.png")
    with client(mode="label", folder=tmp_path / "data") as web:
        found = {each["name"]: each["boxes"] for each in web.get("/api/images").json()["images"]}
        assert found == {"a.png": None, "clinic/images/b.png": 1, "clinic/images/c.png": None}
        save(web, "clinic/images/c.png", boxes=DRAWN)
    assert (tmp_path / "data" / "clinic" / "annotations" / "c.xml").is_file()
    assert len(read_voc(tmp_path / "data")) == 2


def test_labelimg_puts_all_annotations_into_the_one_folder_that_it_was_told(tmp_path):
    image(tmp_path / "data" / "images" / "left" / "a.png")
    image(tmp_path / "data" / "images" / "right" / "b.png")
    flat = annotation(tmp_path / "data" / "annotations" / "a.xml", "a.png", BOX)
    with client(mode="label", folder=tmp_path / "data") as web:
        save(web, "left/a.png", boxes=DRAWN)
        save(web, "right/b.png", boxes=DRAWN)
    assert read_voc_file(flat).objects[0].corners == (10, 10, 50, 40)
    assert (tmp_path / "data" / "images" / "right" / "b.xml").is_file()
    assert len(read_voc(tmp_path / "data")) == 2


def test_links_to_folders_are_not_followed(tmp_path):
    """Not even inside: a link to the folder above would never end."""
    image(tmp_path / "data" / "a.png")
    image(tmp_path / "elsewhere" / "secret.png")
    (tmp_path / "data" / "out").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "data" / "up").symlink_to(tmp_path / "data", target_is_directory=True)
    with client(mode="label", folder=tmp_path / "data") as web:
        assert list(image_ids(web)) == ["a.png"]


def test_a_sub_folder_that_cannot_be_listed_is_counted(tmp_path, monkeypatch, caplog):
    image(tmp_path / "data" / "a.png")
    image(tmp_path / "data" / "closed" / "b.png")
    listed = folder_listing.os.scandir

    def scandir(place):
        if str(place).rstrip("/").endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return listed(place)

    monkeypatch.setattr(folder_listing.os, "scandir", scandir)
    with client(mode="label", folder=tmp_path / "data") as web:
        assert list(image_ids(web)) == ["a.png"]
    assert caplog.text.count("1 sub-folders cannot be listed and are left out") == 1


def test_a_folder_of_very_many_folders_is_refused(tmp_path, monkeypatch):
    image(tmp_path / "data" / "a.png")
    for number in range(4):
        (tmp_path / "data" / str(number) / "below").mkdir(parents=True)
    monkeypatch.setattr(folder_listing, "MOST_SUBFOLDERS", 6)
    with (
        pytest.raises(folder_listing.DataError, match="more than 6 sub-folders"),
        client(mode="label", folder=tmp_path / "data"),
    ):
        pass
