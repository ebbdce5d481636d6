"""The list of classes in a file: its order counts, and it is written by a decision only."""

import pytest
from support.web_places import BOX, WRITE, annotation, client, folder, image

from fractura.core.errors import DataError


@pytest.fixture(name="data")
def data_fixture(tmp_path):
    return folder(tmp_path / "data")


def names(web):
    answer = web.get("/api/classes").json()
    return [each["name"] for each in answer["classes"]], answer["file"]


def add(web, name):
    return web.post("/api/classes", headers=WRITE, json={"name": name})


def test_the_order_of_the_file_is_that_of_the_page(data):
    (data / "predefined_classes.txt").write_bytes("\ufeffYeso\r\n\r\nFractura \r\nYeso\r\n".encode())
    annotation(data / "annotations" / "image1.xml", "image1.png", BOX, *[BOX] * 3)
    with client(mode="label", folder=data) as web:
        assert names(web) == (["Yeso", "Fractura"], "predefined_classes.txt")
        assert web.get("/api/classes").json()["classes"][1]["boxes"] == 6


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "Callo óseo\n"),
        (b"", "Callo óseo\n"),
        (b"Fractura\nYeso\n", "Fractura\nYeso\nCallo óseo\n"),
        (b"Fractura", "Fractura\nCallo óseo\n"),
        (b"Fractura\r\nYeso", "Fractura\r\nYeso\r\nCallo óseo\r\n"),
        (b"# ours\n\nFractura\n\n", "# ours\n\nFractura\n\nCallo óseo\n"),
        ("\ufeffFractura\n".encode(), "\ufeffFractura\nCallo óseo\n"),
    ],
)
def test_a_class_is_added_at_the_end_and_nothing_else_changes(data, before, after):
    file = data / "predefined_classes.txt"
    if before is not None:
        file.write_bytes(before)
    with client(mode="label", folder=data) as web:
        assert file.exists() == (before is not None)  # nothing is written by opening a folder
        for _ in range(2):
            answer = add(web, "Callo óseo")
            assert answer.status_code == 200, answer.text
        assert "Callo óseo" in [each["name"] for each in answer.json()["classes"]]
    assert file.read_bytes() == after.encode()


def test_the_file_that_the_user_names_counts_alone(data, tmp_path):
    (data / "predefined_classes.txt").write_text("Other\n", encoding="utf-8")
    named = tmp_path / "ours.txt"
    named.write_text("Yeso\n", encoding="utf-8")
    with client(mode="label", folder=data, classes=named) as web:
        assert names(web) == (["Yeso", "Fractura"], "ours.txt")
        assert add(web, "Callo").status_code == 200
    assert named.read_text(encoding="utf-8") == "Yeso\nCallo\n"
    assert (data / "predefined_classes.txt").read_text(encoding="utf-8") == "Other\n"
    with pytest.raises(DataError, match="no such file"), client(mode="label", folder=data, classes=tmp_path / "none"):
        pass


@pytest.mark.parametrize("wrong", ["", " ", " a", "a\n", "a\nb", "a\rb", "\ta", "a\x00", "x" * 201])
def test_what_is_not_one_line_is_not_a_class(data, wrong):
    with client(mode="label", folder=data) as web:
        assert add(web, wrong).status_code == 422
    assert not (data / "predefined_classes.txt").exists()


def test_what_cannot_be_added_to_stays_as_it_is(data, tmp_path):
    file = data / "predefined_classes.txt"
    file.write_bytes("Fractura\n".encode("utf-16"))
    with client(mode="label", folder=data) as web:
        answer = add(web, "Callo")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "classes_unreadable")
        assert file.read_bytes() == "Fractura\n".encode("utf-16")
        file.unlink()
        secret = tmp_path / "secret.txt"
        secret.write_text("password\n", encoding="utf-8")
        file.symlink_to(secret)
        assert names(web)[0] == ["Fractura"]
        answer = add(web, "Callo")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "classes_outside")
        assert secret.read_text(encoding="utf-8") == "password\n"


def test_a_class_needs_the_write_header(tmp_path):
    image(tmp_path / "data" / "a.png")
    with client(mode="label", folder=tmp_path / "data") as web:
        assert web.post("/api/classes", json={"name": "Callo"}).status_code == 403
