"""The request guard: who may ask for what, and how much; what responses and logs reveal. One test per threat."""

import io
import logging

import numpy as np
import pytest
from pydantic import ValidationError
from support.dicom_images import NAMES, dicom
from support.web_places import ADDRESS, WRITE, client, folder, image_ids, model

from fractura.cli.main import main
from fractura.web import WebSettings
from fractura.web.app import PAGE, SWAGGER

TOKEN = "a-long-and-secret-token"


@pytest.fixture(name="web")
def web_fixture(tmp_path):
    with client(mode="label", folder=folder(tmp_path / "data")) as web:
        yield web


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize("path", ["/", "/api/images", "/healthz", "/api/openapi.json", "/api/nothing", "/api/events"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "localhost@evil"])
def test_dns_rebinding_another_name_is_not_served(web, path, host):
    assert code(web.get(path, headers={"Host": host})) == (400, "host_refused")


@pytest.mark.parametrize("host", ["localhost", "localhost:9000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"])
def test_own_names_are_served(web, host):
    assert web.get("/healthz", headers={"Host": host}).json()["status"] == "ok"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, (403, "header_needed")),
        ({"X-Fractura": "0"}, (403, "header_needed")),
        ({**WRITE, "Origin": "http://evil.example"}, (403, "origin_refused")),
        ({**WRITE, "Origin": "null"}, (403, "origin_refused")),
        ({**WRITE, "Origin": "http://127.0.0.1:9999"}, (403, "origin_refused")),
        ({**WRITE, "Sec-Fetch-Site": "cross-site"}, (403, "origin_refused")),
        ({**WRITE, "Sec-Fetch-Site": "same-site"}, (403, "origin_refused")),
    ],
)
def test_another_site_cannot_write(web, headers, expected):
    before = web.get("/api/suggestions").json()
    for method, path in (
        ("PUT", f"/api/annotations/{image_ids(web)['image2.png']}"),
        ("DELETE", f"/api/annotations/{image_ids(web)['image2.png']}"),
        ("POST", "/api/suggestions"),
        ("POST", "/api/training"),
        ("POST", "/api/detect"),
        ("POST", "/api/export"),
        ("PUT", "/api/models/current"),
        ("POST", "/api/uploads"),
        ("DELETE", "/api/uploads"),
        ("POST", "/api/jobs"),
        ("POST", "/api/session"),
    ):
        assert code(web.request(method, path, headers=headers)) == expected
    assert web.get("/api/suggestions").json() == before


def test_every_writing_route_is_guarded(web):
    paths = web.get("/api/openapi.json").json()["paths"]
    writes = [(method, path) for path, methods in paths.items() for method in methods if method != "get"]
    assert len(writes) >= 12
    for method, path in writes:
        answer = web.request(method.upper(), path.replace("{image}", "0123456789abcdef"))
        assert code(answer) == (403, "header_needed"), path


def test_another_site_cannot_read_pictures_into_itself(web):
    path = f"/api/images/{image_ids(web)['image2.png']}/picture"
    assert code(web.get(path, headers={"Sec-Fetch-Site": "cross-site"})) == (403, "origin_refused")
    answer = web.get(path, headers={"Sec-Fetch-Site": "same-origin", "Origin": ADDRESS})
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "access-control-allow-origin" not in web.options(path, headers={**WRITE, "Origin": ADDRESS}).headers


@pytest.mark.parametrize("path", ["/", "/index.html", "/docs", "/api/images", "/api/nothing", "/healthz", "/no.js"])
def test_every_answer_carries_the_headers(web, path):
    headers = web.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert path.startswith("/api") <= (headers.get("cache-control") in ("no-store", "no-cache"))


@pytest.mark.parametrize(
    "path",
    [
        "/../settings.py",
        "/..%2fsettings.py",
        "/%2e%2e/%2e%2e/settings.py",
        "/page/../../settings.py",
        "//etc/passwd",
        "/%2fetc%2fpasswd",
        "/..\\settings.py",
        "/static/../../../../../../etc/passwd",
        "/index.html%00.js",
    ],
)
def test_no_file_outside_the_page_is_served(web, path):
    answer = web.get(path)
    assert answer.status_code in (400, 404)
    assert "root:" not in answer.text
    assert "WebSettings" not in answer.text


@pytest.mark.parametrize("image", ["..", "%2e%2e%2fsecret", "image2.png", "0" * 15, "0" * 17, "G" * 16, "%00"])
def test_images_have_no_path_in_their_address(web, image):
    for path in (f"/api/images/{image}", f"/api/images/{image}/picture", f"/api/annotations/{image}"):
        assert web.get(path).status_code in (404, 422)


class TestToken:
    @pytest.fixture(name="web")
    def web_fixture(self, tmp_path):
        with client(mode="label", folder=folder(tmp_path / "data"), host="0.0.0.0", token=TOKEN) as web:
            yield web

    def test_nothing_is_revealed_without_it(self, web):
        paths = web.app.openapi()["paths"]
        for path, methods in paths.items():
            for method in methods:
                answer = web.request(method.upper(), path.replace("{image}", "0123456789abcdef"), headers=WRITE)
                if path == "/healthz":
                    assert answer.json().keys() == {"status", "version"}
                elif (method, path) == ("post", "/api/session"):
                    assert answer.status_code == 422
                else:
                    assert code(answer) == (401, "token_needed"), (method, path)
        assert code(web.get("/api/openapi.json")) == (401, "token_needed")

    @pytest.mark.parametrize("given", ["", "wrong", TOKEN + "x", TOKEN[:-1], "é" * 20])
    def test_a_wrong_one_opens_nothing(self, web, given):
        answer = web.post("/api/session", headers=WRITE, json={"token": given})
        assert code(answer) == (401, "wrong_token")
        assert "set-cookie" not in answer.headers
        header = f"Bearer {given}".encode()
        assert web.get("/api/images", headers={"Authorization": header}).status_code == 401
        answer = web.get("/", params={"token": given}, follow_redirects=False)
        assert (answer.status_code, "set-cookie" in answer.headers) == (303, False)

    def test_bearer_for_programs(self, web):
        assert web.get("/api/images", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200

    def test_the_page_gets_a_cookie_that_is_not_the_token(self, web):
        answer = web.get("/", params={"token": TOKEN}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert TOKEN not in cookie
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert web.get("/api/images").status_code == 200
        web.cookies.clear()
        assert web.get("/docs", params={"token": TOKEN}, follow_redirects=False).headers["location"] == "/docs"
        assert web.get("/api/openapi.json").status_code == 200
        web.cookies.clear()
        assert web.post("/api/session", headers=WRITE, json={"token": TOKEN}).status_code == 204
        assert web.get("/api/images").status_code == 200
        web.cookies.clear()
        assert web.get("/api/images", headers={"Cookie": "fractura_session=made-up"}).status_code == 401

    def test_behind_a_proxy_under_another_name(self, web):
        headers = {**WRITE, "Host": "images.example", "Origin": "https://images.example"}
        assert code(web.post("/api/suggestions", headers=headers)) == (401, "token_needed")
        headers["Authorization"] = f"Bearer {TOKEN}"
        assert web.delete("/api/suggestions", headers=headers).status_code == 200

    def test_a_cookie_does_not_replace_the_header(self, web):
        web.get("/", params={"token": TOKEN})
        assert code(web.post("/api/suggestions")) == (403, "header_needed")
        assert code(web.post("/api/suggestions", headers={**WRITE, "Origin": "http://evil"})) == (403, "origin_refused")


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": "serve", "host": "0.0.0.0"},
        {"mode": "serve", "host": "192.168.1.5"},
        {"mode": "serve", "host": "::"},
        {"mode": "serve", "host": "0.0.0.0", "token": "short"},
        {"mode": "label"},
        {"mode": "serve", "colour": "red"},
    ],
)
def test_unsafe_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        WebSettings(**wrong)


def test_the_command_refuses_other_machines_without_a_token(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("FRACTURA_TOKEN", raising=False)
    assert main(["label", str(folder(tmp_path)), "--host", "0.0.0.0", "--no-browser"]) == 2
    said = capsys.readouterr().err
    assert "only with a token" in said
    assert "FRACTURA_TOKEN" in said


def test_bodies_have_a_limit_announced_or_not(tmp_path):
    with client(mode="label", folder=folder(tmp_path / "data"), document_bytes=1000) as web:
        path = f"/api/annotations/{image_ids(web)['image2.png']}"
        headers = {**WRITE, "If-Match": "x", "Content-Type": "application/json"}
        assert code(web.put(path, headers=headers, content=b" " * 1001)) == (413, "body_too_large")

        def parts():
            for _ in range(20):
                yield b" " * 100

        assert code(web.put(path, headers=headers, content=parts())) == (413, "body_too_large")
        assert web.put(path, headers=headers, content=b" " * 999).status_code == 422


def test_images_have_limits(tmp_path):
    limits = {"image_bytes": 2000, "images_per_request": 2, "request_bytes": 20_000}
    with client(mode="serve", model=model(tmp_path), **limits) as web:
        small, large = b"x" * 100, b"\x89PNG" + b"x" * 3000

        def send(*images):
            return web.post("/api/detect", headers=WRITE, files=[("images", ("a.png", each)) for each in images])

        assert send(large).json()["images"][0]["error"]["code"] == "image_too_large"
        assert send(small).json()["images"][0]["error"]["code"] == "image_unreadable"
        assert code(send(small, small, small)) == (413, "too_many_images")
        assert code(send(b"x" * 30_000)) == (413, "body_too_large")


def test_no_name_of_a_patient_or_image_in_the_logs(tmp_path, caplog, capfd, recwarn):
    caplog.set_level(logging.DEBUG)
    values = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    data = folder(tmp_path / "data")
    (data / "images" / "PLANTED-IMAGE.dcm").write_bytes(dicom(values, bits=12))
    (data / "images" / "PLANTED-BROKEN.dcm").write_bytes(dicom(values, bits=12)[:700])
    with client(mode="label", folder=data, model=model(tmp_path)) as web:
        for image in image_ids(web).values():
            for path in (f"/api/images/{image}", f"/api/images/{image}/picture", f"/api/annotations/{image}"):
                web.get(path)
            web.get(f"/api/images/{image}/suggestions")
            web.put(f"/api/annotations/{image}", headers={**WRITE, "If-Match": '"none"'}, json={"boxes": []})
        sent = {"images": ("PLANTED-SENT.dcm", dicom(values, bits=12, StudyInstanceUID="1.2", SeriesInstanceUID="1.3"))}
        answer = web.post("/api/detect", headers=WRITE, files=sent).json()
        for wanted in ("json", "dicom-sr"):
            wish = {"format": wanted, "images": [answer["images"][0]["id"]]}
            assert web.post("/api/export", headers=WRITE, json=wish).status_code == 200
    said = caplog.text + "".join(capfd.readouterr()) + "".join(str(each.message) for each in recwarn)
    for secret in (*NAMES, "PLANTED"):
        assert secret not in said


def test_a_bug_reveals_nothing_of_the_image(web, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("PLANTED^NAME")

    monkeypatch.setattr(web.app.state.shared.images, "radiograph", broken)
    web_that_answers = type(web)(web.app, base_url=ADDRESS, raise_server_exceptions=False)
    answer = web_that_answers.get(f"/api/images/{image_ids(web)['image2.png']}/picture")
    assert code(answer) == (500, "bug")
    assert "PLANTED" not in answer.text
    assert "PLANTED" not in caplog.text
    assert "content-security-policy" in answer.headers


def test_formulas_in_names_stay_text_in_a_spreadsheet(tmp_path):
    with client(mode="serve", model=model(tmp_path)) as web:
        stream = io.BytesIO()
        from PIL import Image

        Image.new("L", (40, 40)).save(stream, "PNG")
        sent = {"images": ("=HYPERLINK(1).png", stream.getvalue())}
        image = web.post("/api/detect", headers=WRITE, files=sent).json()["images"][0]["id"]
        text = web.post("/api/export", headers=WRITE, json={"format": "csv", "images": [image]}).text
        assert "\n'=HYPERLINK" in text


def test_the_page_asks_no_other_host():
    for file in sorted([*PAGE.rglob("*"), *SWAGGER.rglob("*")]):
        if file.suffix in (".html", ".js", ".css"):
            text = file.read_text(encoding="utf-8")
            for word in ("http://", "https://", "//cdn", "eval(", "innerHTML"):
                outside = text.replace("http://www.w3.org/", "")
                assert word not in outside, f"{file.name}: {word}"
