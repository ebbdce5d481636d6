"""The image list and the images' pictures: states, filters, jumps, windows, and what another program does meanwhile."""

import io
import os

import numpy as np
import pytest
from PIL import Image
from support.dicom_images import dicom
from support.web_places import BOX, annotation, client, folder, image, image_ids, wait_for

from fractura.imaging.reader import read_radiograph


@pytest.fixture(name="web")
def web_fixture(tmp_path):
    with client(mode="label", folder=folder(tmp_path / "data")) as web:
        yield web


def names(web, **query):
    return [each["name"] for each in web.get("/api/images", params=query).json()["images"]]


def test_states_counts_and_natural_order(web):
    answer = web.get("/api/images").json()
    assert [(each["name"], each["state"], each["boxes"]) for each in answer["images"]] == [
        ("image1.png", "unlabelled", None),
        ("image2.png", "labelled", 1),
        ("image3.png", "labelled", 0),
        ("image10.png", "verified", 1),
        ("image11.png", "malformed", None),
    ]
    assert {state: count for state, count in answer["counts"].items() if count} == {
        "unlabelled": 1, "labelled": 2, "verified": 1, "malformed": 1
    }  # fmt: skip
    assert (answer["total"], answer["position"], answer["reading"]) == (5, None, False)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"state": "labelled"}, ["image2.png", "image3.png"]),
        ({"state": ["verified", "malformed"]}, ["image10.png", "image11.png"]),
        ({"query": "IMAGE1"}, ["image1.png", "image10.png", "image11.png"]),
        ({"query": "image1", "state": "unlabelled"}, ["image1.png"]),
        ({"offset": 3, "limit": 1}, ["image10.png"]),
        ({"offset": 99}, []),
        ({"order": "uncertainty"}, ["image1.png", "image2.png", "image3.png", "image10.png", "image11.png"]),
    ],
)
def test_filter_and_parts(web, query, expected):
    assert names(web, **query) == expected


def test_jump_to_an_image_and_to_the_next_that_is_wanted(web):
    ids = image_ids(web)

    def page(**query):
        answer = web.get("/api/images", params=query).json()
        return [each["name"] for each in answer["images"]], answer["offset"], answer["position"]

    assert page(around=ids["image10.png"], limit=2) == (["image3.png", "image10.png"], 2, 3)
    assert page(around=ids["image1.png"], limit=1, state="labelled") == (["image2.png"], 0, 0)
    assert page(around=ids["image10.png"], limit=1, state="labelled") == (["image2.png"], 0, None)


def test_unchanged_list_is_not_sent_again(web):
    first = web.get("/api/images")
    again = web.get("/api/images", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_what_another_program_does_shows(web, tmp_path):
    data = tmp_path / "data"
    annotation(data / "annotations" / "image1.xml", "image1.png", BOX, BOX)
    image(data / "images" / "image4.png")
    (data / "annotations" / "image2.xml").unlink()
    os.unlink(data / "images" / "image3.png")
    web.app.state.shared.folder.index.refresh()
    found = {each["name"]: (each["state"], each["boxes"]) for each in web.get("/api/images").json()["images"]}
    assert found == {
        "image1.png": ("labelled", 2),
        "image2.png": ("unlabelled", None),
        "image4.png": ("unlabelled", None),
        "image10.png": ("verified", 1),
        "image11.png": ("malformed", None),
    }
    assert web.get("/api/classes").json()["classes"] == [{"name": "Fractura", "boxes": 3}]


def test_the_folder_is_followed_without_being_asked(web, tmp_path):
    (tmp_path / "data" / "annotations" / "image2.xml").unlink()
    wait_for(lambda: "image2.png" in names(web, state="unlabelled"))


def test_all_in_one_folder_and_a_lonely_images_folder(tmp_path):
    image(tmp_path / "flat" / "a.png")
    annotation(tmp_path / "flat" / "a.xml", "a.png", BOX)
    image(tmp_path / "lonely" / "images" / "b.png")
    for place, expected in (("flat", [("a.png", "labelled")]), ("lonely", [("b.png", "unlabelled")])):
        with client(mode="label", folder=tmp_path / place) as web:
            images = web.get("/api/images").json()["images"]
            assert [(each["name"], each["state"]) for each in images] == expected


def test_links_out_of_the_folder_are_left_aside(tmp_path):
    data = folder(tmp_path / "data")
    image(tmp_path / "secret.png")
    (tmp_path / "secret.xml").write_text("<annotation/>", encoding="utf-8")
    (data / "images" / "link.png").symlink_to(tmp_path / "secret.png")
    (data / "images" / "inside.png").symlink_to(data / "images" / "image1.png")
    (data / "annotations" / "image1.xml").symlink_to(tmp_path / "secret.xml")
    with client(mode="label", folder=data) as web:
        assert "link.png" not in image_ids(web)
        assert "inside.png" in image_ids(web)
        assert names(web, state="unlabelled") == ["image1.png", "inside.png"]
        answer = web.get(f"/api/annotations/{image_ids(web)['image1.png']}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "annotation_outside")


def picture(web, image, **query):
    answer = web.get(f"/api/images/{image}/picture", params=query)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB")), answer.headers


def test_the_picture_is_what_the_one_reader_sees(web, tmp_path):
    image_id = image_ids(web)["image2.png"]
    shown, headers = picture(web, image_id)
    assert np.array_equal(shown, read_radiograph(tmp_path / "data" / "images" / "image2.png").pixels)
    small, _ = picture(web, image_id, side=50)
    assert small.shape == (25, 50, 3)
    again = web.get(f"/api/images/{image_id}/picture", headers={"If-None-Match": headers["etag"]})
    assert again.status_code == 304
    image(tmp_path / "data" / "images" / "image2.png", grey=7)
    web.app.state.shared.folder.index.refresh()
    assert picture(web, image_id)[0][0, 0, 0] == 7


def test_deep_images_through_any_window(tmp_path):
    values = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    (tmp_path / "data").mkdir()
    Image.fromarray(values).save(tmp_path / "data" / "deep.png")
    words = {"WindowCenter": 1000, "WindowWidth": 200, "BodyPartExamined": "WRIST", "ViewPosition": "PA"}
    (tmp_path / "data" / "image.dcm").write_bytes(dicom(values, bits=12, **words))
    image(tmp_path / "data" / "plain.png")
    with client(mode="label", folder=tmp_path / "data") as web:
        ids = image_ids(web)
        for name, window in (("deep.png", (2047.5, 4095.0)), ("image.dcm", (1000.0, 200.0))):
            about = web.get(f"/api/images/{ids[name]}").json()
            assert (about["bit_depth"], about["window"]["centre"], about["window"]["width"]) == (12, *window)
            own, _ = picture(web, ids[name])
            same, _ = picture(web, ids[name], centre=window[0], width=window[1])
            assert np.array_equal(own, same)
            assert np.array_equal(own, read_radiograph(tmp_path / "data" / name).pixels)
            other, _ = picture(web, ids[name], centre=3000, width=2)
            assert (other[values < 2990] == 0).all()
            assert (other[values > 3010] == 255).all()
        about = web.get(f"/api/images/{ids['image.dcm']}").json()
        assert (about["dicom"], about["body_part"], about["view"], about["frames"]) == (True, "WRIST", "PA", 1)
        assert web.get(f"/api/images/{ids['plain.png']}").json()["window"] is None


def test_an_image_that_cannot_be_read_says_so(web, tmp_path):
    (tmp_path / "data" / "images" / "image1.png").write_bytes(b"\x89PNG\r\n\x1a\n but no more")
    web.app.state.shared.folder.index.refresh()
    for path in ("", "/picture"):
        answer = web.get(f"/api/images/{image_ids(web)['image1.png']}{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "image_unreadable")


def test_too_many_pixels_are_refused_before_they_are_unpacked(tmp_path):
    data = folder(tmp_path / "data")
    image(data / "images" / "large.png", width=300, height=300)
    with client(mode="label", folder=data, image_pixels=50_000) as web:
        answer = web.get(f"/api/images/{image_ids(web)['large.png']}/picture")
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "image_too_large")


def test_unknown_images_and_no_folder(web, tmp_path):
    for path in ("/api/images/0123456789abcdef", "/api/annotations/0123456789abcdef", "/api/images/%2e%2e%2fsecret"):
        assert web.get(path).status_code in (404, 422)
    from support.web_places import model

    with client(mode="serve", model=model(tmp_path)) as serving:
        for path in ("/api/images", "/api/classes", "/api/suggestions", "/api/training"):
            assert serving.get(path).json()["error"]["code"] == "no_folder"
