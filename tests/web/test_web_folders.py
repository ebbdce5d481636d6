"""Opening another folder: from this machine only, below the roots only, and no box ever lands in the wrong folder."""

import os
from pathlib import Path

import pytest
from support.web_places import BOX, WRITE, annotation, client, image, image_ids

from fractura.web import WebSettings

TOKEN = "a-long-and-secret-token"
OTHER_SITE = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}


@pytest.fixture(name="home")
def home_fixture(tmp_path, monkeypatch):
    """Two folders with an image of the same name, one of them labelled, and what must not be seen."""
    home = tmp_path / "home"
    image(home / "data" / "first" / "a.png")
    image(home / "data" / "second" / "a.png", grey=99)
    image(home / "data" / "second" / "deeper" / "b.png")
    annotation(home / "data" / "second" / "a.xml", "a.png", BOX)
    image(home / ".secret" / "c.png")
    image(tmp_path / "outside" / "d.png")
    (home / "data" / "link").symlink_to(tmp_path / "outside", target_is_directory=True)
    (home / "data" / "notes.txt").write_text("nothing", encoding="utf-8")
    monkeypatch.setattr("pathlib.Path.home", lambda: home)
    return home


@pytest.fixture(name="web")
def web_fixture(home):
    with client(mode="label", folder=home / "data" / "first") as web:
        yield web


def listing(web, *names):
    """The folder reached by going down through these from where the page starts."""
    found = web.get("/api/folders").json()
    found = web.get(f"/api/folders/{found['start']}").json()
    for name in names:
        (folder,) = (each["id"] for each in found["folders"] if each["name"] == name)
        found = web.get(f"/api/folders/{folder}").json()
    return found


def choose(web, folder, headers=WRITE):
    return web.put("/api/folder", headers=headers, json={"id": folder})


def names(found):
    return [each["name"] for each in found["folders"]]


def test_folders_are_listed_below_the_home_folder(web, home):
    top = web.get("/api/folders").json()
    assert (top["id"], names(top)) == (None, ["home"])
    start = listing(web)
    assert (start["name"], names(start), start["images"]) == ("data", ["first", "second"], 0)
    assert [each["name"] for each in start["trail"]] == ["home", "data"]
    second = listing(web, "second")
    assert (names(second), second["images"]) == (["deeper"], 1)
    assert names(web.get(f"/api/folders/{second['trail'][0]['id']}").json()) == ["data"]
    assert str(home) not in web.get("/api/folders").text  # no path, in either direction


def test_the_root_is_the_one_that_the_user_named(home, tmp_path):
    with client(mode="label", folder=home / "data" / "first", open_below=tmp_path / "outside") as web:
        top = web.get("/api/folders").json()
        assert names(top) == ["outside", "first"]  # the folder of the start can be opened again
        assert web.get(f"/api/folders/{top['start']}").json()["name"] == "first"
    with pytest.raises(ValueError, match="opened below"):
        WebSettings(mode="label", folder=home, open_below=home, host="0.0.0.0", token=TOKEN)
    with pytest.raises(ValueError, match="opened below"):
        WebSettings(mode="label", folder=home, open_below=home / "none")


def test_a_home_folder_that_is_the_whole_disk_is_none(home, monkeypatch):
    monkeypatch.setattr("pathlib.Path.home", lambda: Path(home.anchor))
    with client(mode="label", folder=home / "data" / "second") as web:
        assert names(web.get("/api/folders").json()) == ["second"]
        assert names(listing(web)) == ["deeper"]


def test_another_folder_is_opened(web, home):
    before = web.get("/api/session").json()
    first = web.get("/api/images")
    answer = choose(web, listing(web, "second")["id"])
    assert answer.status_code == 200, answer.text
    after = web.get("/api/session").json()
    assert answer.json() == after
    assert (before["folder"], after["folder"]) == ("first", "second")
    assert before["folder_id"] != after["folder_id"]
    web.app.state.shared.folder.index.refresh()
    # not taken for the list of the folder before, which a browser may have kept
    again = web.get("/api/images", headers={"If-None-Match": first.headers["etag"]})
    assert [(each["name"], each["boxes"]) for each in again.json()["images"]] == [("a.png", 1), ("deeper/b.png", None)]
    assert choose(web, listing(web, "first")["id"]).json()["folder"] == "first"
    assert not (home / "data" / ".fractura").exists()


def test_a_box_for_the_folder_before_never_lands_in_the_new_one(web, home):
    """Both have an image of that name; a window that has not heard of the change still saves."""
    address = f"/api/annotations/{image_ids(web)['a.png']}"
    etag = web.get(address).json()["etag"]
    before = (home / "data" / "second" / "a.xml").read_bytes()
    choose(web, listing(web, "second")["id"])
    box = {"name": "Fractura", "xmin": 10, "ymin": 10, "xmax": 50, "ymax": 40}
    for known in (etag, web.get(f"/api/annotations/{image_ids(web)['a.png']}").json()["etag"]):
        answer = web.put(address, headers={**WRITE, "If-Match": known}, json={"boxes": [box]})
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "image_unknown")
    assert (home / "data" / "second" / "a.xml").read_bytes() == before
    choose(web, listing(web, "first")["id"])
    assert web.put(address, headers={**WRITE, "If-Match": etag}, json={"boxes": [box]}).status_code == 200
    assert (home / "data" / "first" / "a.xml").is_file()


@pytest.mark.parametrize(
    "wrong",
    ["..", "%2e%2e", "..%2f..%2f..%2fetc", "%2fetc", "/etc", "C:%5C", "%00", "0" * 16, "0123456789abcdef", ".secret"],
)
def test_no_path_leads_to_a_folder(web, wrong):
    answer = web.get(f"/api/folders/{wrong}")
    assert answer.status_code in (404, 422)
    assert "folders" not in answer.json()
    assert choose(web, wrong).status_code in (404, 422)
    assert web.get("/api/session").json()["folder"] == "first"


def test_a_folder_that_has_become_a_link_is_not_followed(web, home, tmp_path):
    second = listing(web, "second")["id"]
    os.rename(home / "data" / "second", home / "data" / "gone")
    (home / "data" / "second").symlink_to(tmp_path / "outside", target_is_directory=True)
    assert web.get(f"/api/folders/{second}").json()["error"]["code"] == "folder_gone"
    assert choose(web, second).json()["error"]["code"] == "folder_gone"
    assert web.get("/api/session").json()["folder"] == "first"


def test_another_site_or_machine_opens_no_folder(web):
    second = listing(web, "second")["id"]
    assert choose(web, second, {}).status_code == 403
    assert choose(web, second, {**WRITE, **OTHER_SITE}).status_code == 403
    assert choose(web, second, {**WRITE, "Origin": "https://evil.example"}).status_code == 403
    assert choose(web, second, {**WRITE, "Host": "evil.example"}).status_code == 400
    for path in ("/api/folders", f"/api/folders/{second}"):
        assert web.get(path, headers=OTHER_SITE).status_code == 403
        assert web.get(path, headers={"X-Forwarded-For": "10.0.0.7"}).json()["error"]["code"] == "folders_refused"
    forwarded = {**WRITE, "Forwarded": "for=10.0.0.7"}
    assert choose(web, second, forwarded).json()["error"]["code"] == "folders_refused"
    assert web.get("/api/session", headers=forwarded).json()["can_open"] is False
    assert web.get("/api/session").json() == {**web.get("/api/session").json(), "can_open": True, "folder": "first"}


@pytest.mark.parametrize("host", ["0.0.0.0", "127.0.0.1"])
def test_a_server_for_others_opens_no_folder(home, host):
    """Listening to all, or behind a proxy under another name: the token does not suffice."""
    with client(mode="label", folder=home / "data" / "first", host=host, token=TOKEN) as web:
        known = {"Authorization": f"Bearer {TOKEN}", "Host": "images.example"}
        assert web.get("/api/session", headers=known).json()["can_open"] is False
        assert web.get("/api/folders", headers=known).json()["error"]["code"] == "folders_refused"
        assert web.get("/api/folders").status_code == 401
        here = {**known, "Host": "127.0.0.1:8000"}
        assert web.get("/api/folders", headers=here).status_code == (200 if host == "127.0.0.1" else 403)


def test_a_folder_that_cannot_be_used_leaves_the_one_before(web, home, monkeypatch):
    monkeypatch.setattr("fractura.web.folder_listing.MOST_SUBFOLDERS", 0)
    answer = choose(web, listing(web, "second")["id"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "refused")
    assert list(image_ids(web)) == ["a.png"]
    assert web.get("/api/session").json()["folder"] == "first"


def test_a_training_is_not_cut_off(web, monkeypatch):
    monkeypatch.setattr("fractura.web.training_run.TrainingRun.is_running", True)
    answer = choose(web, listing(web, "second")["id"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "training_running")
    monkeypatch.undo()
