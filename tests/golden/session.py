"""A session with the page's server: what a browser would ask, and everything that it is answered."""

import io
import json
import re
import zipfile

import numpy as np
from support.dicom_images import dicom
from support.web_places import WRITE, client, image_ids, wait_for

from golden.comparison import normalise
from golden.files import GREY_LEVELS
from golden.workshop import LABELLED, Workshop, image, label, voc

_UNSETTLED = frozenset({"DA", "TM", "DT", "UI"})
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


class Session:
    """Asks, and writes down each question with its answer."""

    def __init__(self, web, shop: Workshop) -> None:
        self.web, self.shop, self.talk, self.names = web, shop, [], {}

    def ask(self, method: str, path: str, **more):
        """One request; the answer as an HTTP client has it."""
        shown = {key: value for key, value in more.items() if key in ("json", "params", "data")}
        if method != "GET":
            more["headers"] = {**WRITE, **more.get("headers", {})}
        answer = self.web.request(method, path, **more)
        entry = {"request": f"{method} {self.named(path)}", **shown, "status": answer.status_code}
        entry["type"] = answer.headers.get("content-type")
        if "content-disposition" in answer.headers:
            entry["file"] = answer.headers["content-disposition"]
        entry["answer"] = self.body(answer)
        self.talk.append(normalise(entry, self.shop.place))
        return answer

    def named(self, text: str) -> str:
        """Ids of images are replaced by their names, which can be read."""
        for number, name in self.names.items():
            text = text.replace(number, f"<{name}>")
        return text

    def body(self, answer):
        """The answer as plain JSON."""
        kind = (answer.headers.get("content-type") or "").partition(";")[0]
        if kind == "application/json":
            return _without_etags(answer.json())
        if kind == "application/x-ndjson":
            return [_without_etags(json.loads(line)) for line in answer.text.splitlines()]
        if kind == "application/zip":
            archive = zipfile.ZipFile(io.BytesIO(answer.content))
            return {name: archive.read(name).decode("utf-8").splitlines() for name in archive.namelist()}
        if kind in ("text/csv", "application/xml"):
            return answer.content.decode("utf-8-sig").splitlines()
        if kind == "application/dicom":
            return _dicom_lines(answer.content)
        if kind.startswith("image/"):
            return _picture(answer.content)
        return f"{kind or 'nothing'}"


def _without_etags(value):
    if isinstance(value, dict):
        return {key: "<etag>" if key == "etag" else _without_etags(each) for key, each in value.items()}
    return [_without_etags(each) for each in value] if isinstance(value, list) else value


def _picture(content: bytes) -> dict:
    from PIL import Image

    with Image.open(io.BytesIO(content)) as picture:
        level = round(float(np.asarray(picture.convert("L"), float).mean()), 1)
        return {"picture": f"{picture.format} {picture.mode} {picture.width} x {picture.height}", GREY_LEVELS: [level]}


def _dicom_lines(content: bytes) -> list[str]:
    """A DICOM object element by element; times, versions and identifiers made on the spot are left out."""
    from pydicom import dcmread

    lines = []

    def walk(dataset, indent):
        for element in dataset:
            if element.VR == "SQ":
                lines.append(f"{indent}{element.keyword}")
                for item in element.value:
                    walk(item, indent + "  ")
                    lines.append(f"{indent}  --")
            else:
                hidden = element.VR in _UNSETTLED or "Version" in element.keyword
                lines.append(f"{indent}{element.keyword} = {'<hidden>' if hidden else element.value}")

    walk(dcmread(io.BytesIO(content)), "")
    return lines


def label_session(shop: Workshop) -> list[dict]:
    """Images listed, an annotation opened and saved, the model's suggestions, an export."""
    data = shop.place / "on_page"
    label(data, LABELLED[:5])
    image(data / "images" / "new.png", 42)
    (data / "annotations" / "e.xml").write_text("<annotation><object>", encoding="utf-8")
    with client(mode="label", folder=data, model=str(shop.place / shop.model)) as web:
        session = Session(web, shop)
        ids = image_ids(web)
        session.names = {number: name for name, number in ids.items()}
        one, new = ids["a.png"], ids["new.png"]
        session.ask("GET", "/healthz")
        session.ask("GET", "/api/session")
        session.ask("GET", "/api/images", params={"limit": 3, "order": "name"})
        session.ask("GET", f"/api/images/{one}")
        session.ask("GET", f"/api/images/{one}/picture")
        session.ask("GET", "/api/classes")
        opened = session.ask("GET", f"/api/annotations/{one}").json()
        boxes = [
            {"name": "Fractura", "xmin": 30, "ymin": 25, "xmax": 90.4, "ymax": 61},
            {"name": "yeso", "xmin": 1, "ymin": 2, "xmax": 50, "ymax": 20, "difficult": True},
        ]
        saved = {"boxes": boxes, "verified": True, "comment": "seen"}
        now = session.ask("PUT", f"/api/annotations/{one}", json=saved, headers={"If-Match": opened["etag"]}).json()
        session.ask("PUT", f"/api/annotations/{one}", json=saved, headers={"If-Match": '"old"'})
        empty = session.ask("GET", f"/api/annotations/{new}").json()
        session.ask("PUT", f"/api/annotations/{new}", json={"boxes": []}, headers={"If-Match": empty["etag"]})
        normal = {"boxes": [], "normal": True}
        session.ask("PUT", f"/api/annotations/{new}", json=normal, headers={"If-Match": empty["etag"]})
        session.ask("PUT", f"/api/annotations/{new}", json={"boxes": [{"name": ""}]})
        session.ask("GET", f"/api/annotations/{ids['e.png']}")
        session.ask("POST", f"/api/annotations/{one}/restore", headers={"If-Match": now["etag"]})
        session.ask("DELETE", f"/api/annotations/{ids['b.png']}")
        session.ask("POST", "/api/suggestions")
        wait_for(lambda: not web.get("/api/suggestions").json()["running"])
        session.ask("GET", "/api/suggestions")
        for name in ("a.png", "b.png", "c.png", "d.png"):
            session.ask("GET", f"/api/images/{ids[name]}/suggestions")
        session.ask("GET", "/api/images", params={"order": "uncertainty", "limit": 10})
        session.ask("POST", "/api/export", json={"format": "json", "images": [ids["c.png"], ids["d.png"]]})
        session.ask("GET", "/api/training")
        session.ask("GET", "/api/models")
        session.ask("GET", f"/api/images/{'0' * 16}")
        for entry in session.talk:
            _hide_revisions(entry)
    files = {path.name: path.read_text(encoding="utf-8").splitlines() for path in sorted(data.rglob("*.xml"))}
    return [*session.talk, {"files on the disk": files}]


def _hide_revisions(value) -> None:
    """The number of the list's revision grows with what the background does in time."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "revision":
                value[key] = "<number>"
            _hide_revisions(each)
    elif isinstance(value, list):
        for each in value:
            _hide_revisions(each)


def serve_session(shop: Workshop) -> list[dict]:
    """Images sent for detection, and results in each format."""
    image(shop.place / "sent" / "a.png", 1)
    image(shop.place / "sent" / "b.png", 2)
    first, second = ((shop.place / "sent" / name).read_bytes() for name in ("a.png", "b.png"))
    deep = dicom(np.arange(64 * 80, dtype=np.uint16).reshape(64, 80) % 4096, bits=12, **REFERABLE)
    ground_truth = voc("a.png", [("Fractura", 20, 20, 100, 60)]).encode()
    with client(mode="serve", model=str(shop.place / shop.model)) as web:
        session = Session(web, shop)
        session.ask("GET", "/api/session")
        session.ask("GET", "/api/models")
        sent = [("images", ("a.png", first)), ("images", ("b.png", b"nothing")), ("images", ("c.dcm", deep))]
        found = session.ask("POST", "/api/detect", files=[*sent, ("annotations", ("a.xml", ground_truth))]).json()
        images = next(value for value in found.values() if isinstance(value, list) and isinstance(value[0], dict))
        ids = [each["id"] for each in images if each["id"]]
        lines = {"Accept": "application/x-ndjson"}
        session.ask("POST", "/api/detect", files=[("images", ("b.png", second))], headers=lines)
        session.ask("GET", f"/api/images/{ids[2]}")
        session.ask("GET", f"/api/images/{ids[2]}/picture", params={"centre": 2000, "width": 1000})
        for kind in ("json", "csv", "voc"):
            session.ask("POST", "/api/export", json={"format": kind, "images": ids, "threshold": 0.2})
        session.ask("POST", "/api/export", json={"format": "voc", "images": ids[:1]})
        session.ask("POST", "/api/export", json={"format": "dicom-sr", "images": ids[2:], "threshold": 0.2})
        session.ask("POST", "/api/export", json={"format": "pdf", "images": ids})
        session.ask("DELETE", f"/api/uploads/{ids[0]}")
        session.ask("GET", f"/api/images/{ids[0]}")
    return session.talk


def schema(shop: Workshop) -> dict:
    """The paths of the REST API, and the names of the fields of everything that it takes and gives."""
    with client(mode="serve", model=str(shop.place / shop.model)) as web:
        described = web.app.openapi()
    fields = {
        name: sorted(facts.get("properties", {})) or facts.get("enum", [])
        for name, facts in sorted(described["components"]["schemas"].items())
        if not re.match(r"(HTTPValidationError|ValidationError)$", name)
    }
    return {"paths": {path: sorted(ways) for path, ways in sorted(described["paths"].items())}, "fields": fields}
