"""Another program writes in the folder: no acknowledged save is lost, and what is overwritten is kept."""

import os
import socket
import subprocess
import sys

import pytest
from support.web_places import BOX, WRITE, annotation, client, folder, image_ids
from support.web_places import image as make_image

import fractura.core.files as files
from fractura.core.errors import FracturaError
from fractura.core.folder_lock import hold_folder
from fractura.formats.voc import read_voc_file
from fractura.formats.voc.decisions import HIDDEN_FOLDER
from fractura.web import annotation_store
from fractura.web.server import label

THEIRS = b"<annotation><filename>image2.png</filename></annotation>"


def put(web, name, count):
    image = image_ids(web)[name]
    etag = web.get(f"/api/annotations/{image}").json()["etag"]
    boxes = [{"name": "Fractura", "xmin": 1 + n, "ymin": 10, "xmax": 150, "ymax": 90} for n in range(count)]
    return web.put(f"/api/annotations/{image}", headers={**WRITE, "If-Match": etag}, json={"boxes": boxes})


def test_a_second_server_on_the_folder_is_told_of_the_first(tmp_path):
    data = folder(tmp_path / "data")
    command = [sys.executable, "-m", "fractura", "label", str(data), "--port", "0", "--no-browser"]
    with client(mode="label", folder=data):
        second = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert second.returncode == 2
        assert f"is in use by a label server (process {os.getpid()} on " in second.stderr
    with client(mode="label", folder=data) as web:  # and after its end the folder is free
        assert put(web, "image1.png", 1).status_code == 200


@pytest.mark.parametrize("fault", ["port", "model"])
def test_a_server_that_could_not_start_holds_no_folder(tmp_path, fault):
    """In a notebook the process goes on."""
    data = folder(tmp_path / "data")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wrong = {"port": {"port": taken.getsockname()[1]}, "model": {"model": tmp_path / "missing.onnx", "port": 0}}
        with pytest.raises(FracturaError):
            label(data, open_browser=False, **wrong[fault])
    with hold_folder(data, "another server"):
        pass


def test_a_folder_that_another_server_has_open_cannot_be_opened_from_the_page(tmp_path):
    with client(mode="label", folder=folder(tmp_path / "one"), open_below=tmp_path) as web:
        with client(mode="label", folder=folder(tmp_path / "two")):
            state = web.app.state.shared
            with pytest.raises(annotation_store.WebError, match="is in use by a label server") as caught:
                state.open_folder(tmp_path / "two")
            assert (caught.value.status, caught.value.code) == (409, "folder_in_use")
        state.open_folder(tmp_path / "one")  # its own
        state.open_folder(tmp_path / "two")
        assert put(web, "image1.png", 1).status_code == 200


@pytest.mark.parametrize("deletes", [False, True])
def test_a_file_that_changes_during_the_save_is_not_overwritten(tmp_path, monkeypatch, deletes):
    data = folder(tmp_path / "data")
    xml = data / "annotations" / "image2.xml"
    write = annotation_store.write_atomically

    def slowly(path, *arguments, **options):
        """The other program writes while the backup is made."""
        write(path, *arguments, **options)
        if path.parent.name == annotation_store.BACKUP:
            xml.write_bytes(THEIRS)

    with client(mode="label", folder=data) as web:
        monkeypatch.setattr(annotation_store, "write_atomically", slowly)
        if deletes:
            image = image_ids(web)["image2.png"]
            etag = web.get(f"/api/annotations/{image}").json()["etag"]
            answer = web.delete(f"/api/annotations/{image}", headers={**WRITE, "If-Match": etag})
        else:
            answer = put(web, "image2.png", 3)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "changed_elsewhere")
        assert xml.read_bytes() == THEIRS
        assert not list(data.rglob("*.tmp"))


def test_what_is_written_in_the_instant_before_the_rename_is_kept(tmp_path, monkeypatch, caplog):
    data = folder(tmp_path / "data")
    xml = data / "annotations" / "image2.xml"
    replace = os.replace

    def late(source, target):
        if target == xml:
            xml.write_bytes(THEIRS)
        replace(source, target)

    with client(mode="label", folder=data) as web:
        monkeypatch.setattr(files.os, "replace", late)
        assert put(web, "image2.png", 3).status_code == 200
    assert len(read_voc_file(xml).objects) == 3
    backups = data / HIDDEN_FOLDER / annotation_store.BACKUP
    kept = [path for path in backups.iterdir() if path.name != "image2.xml"]
    assert [path.read_bytes() for path in kept] == [THEIRS]
    assert kept[0].name.startswith("image2.xml.20")
    assert "another program wrote it while it was saved" in caplog.text


def test_a_save_leaves_nothing_but_the_backup(tmp_path):
    data = folder(tmp_path / "data")
    with client(mode="label", folder=data) as web:
        assert put(web, "image2.png", 2).status_code == 200
        assert put(web, "image1.png", 1).status_code == 200
        image = image_ids(web)["image2.png"]
        etag = web.get(f"/api/annotations/{image}").json()["etag"]
        assert web.delete(f"/api/annotations/{image}", headers={**WRITE, "If-Match": etag}).status_code == 200
    backups = data / HIDDEN_FOLDER / annotation_store.BACKUP
    assert sorted(path.name for path in backups.iterdir()) == ["image2.xml"]
    assert len(read_voc_file(backups / "image2.xml").objects) == 2


@pytest.mark.parametrize("known", [True, False])
def test_what_a_killed_server_had_replaced_is_told_from_another_programs(tmp_path, known):
    """Killed between the rename of the new file and the comparison of the one it replaced."""
    data = folder(tmp_path / "data")
    backups = data / HIDDEN_FOLDER / annotation_store.BACKUP
    backups.mkdir(parents=True)
    (backups / "image2.xml").write_bytes(b"as the server knew it")
    (backups / ".image2.xml.replaced").write_bytes(b"as the server knew it" if known else THEIRS)
    with client(mode="label", folder=data):
        pass
    kept = sorted(path.name for path in backups.iterdir())
    assert kept[0] == "image2.xml"
    assert len(kept) == 2 - known
    assert known or (backups / kept[1]).read_bytes() == THEIRS


def test_what_killed_servers_left_is_cleared(tmp_path):
    data = folder(tmp_path / "data")
    left = [data / "annotations" / ".fractura-0123456789abcdef.tmp", data / ".fractura" / ".fractura-00.tmp"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"half")
    mine = make_image(data / "images" / ".fractura-mine.png")
    annotation(data / "annotations" / "image1.xml", "image1.png", BOX)
    with client(mode="label", folder=data):
        pass
    assert not any(path.exists() for path in left)
    assert mine.exists()
