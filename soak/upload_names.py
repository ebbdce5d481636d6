"""Images and annotations that are sent to the server under hostile names, and what comes back with them."""

from __future__ import annotations

import csv
import io
import random
import re
import zipfile
from pathlib import Path
from typing import Any

from soak.bombs import voc
from soak.campaign import Attempt, Campaign
from soak.confined import BrokenPromiseError, untouched
from soak.hostile_names import MARKUP, ODD, all_names
from soak.hostile_pictures import put
from soak.names_shown import noise

_LINE = re.compile("[\x00-\x1f\x7f]")


def prepare_uploads(folder: Path) -> Attempt:
    """One server for all tries."""
    from support.web_places import client, model

    put(folder / "outside" / "secret.png", noise(0))
    stack = client(mode="serve", model=model(folder))
    web = stack.__enter__()

    def attempt(chance: random.Random) -> None:
        names = [chance.choice([*all_names(folder), *MARKUP, *ODD]) for _ in range(3)]
        with untouched(folder, ".none"):
            answer = web.post("/api/detect", **_request(names, chance))
        if answer.status_code >= 500:
            raise BrokenPromiseError(f"{names!r}: {answer.status_code} {answer.text[:300]}")
        if answer.status_code == 200:
            _check_export(web, [each for each in answer.json()["images"] if each["id"]], names)

    attempt.keep = stack  # type: ignore[attr-defined]  # as long as the campaign runs
    return attempt


def _request(names: list[str], chance: random.Random) -> dict[str, Any]:
    """A body as a hostile client writes it: the names as they are."""
    border, parts = b"border", []
    for number, name in enumerate(names):
        field, content = ("images", noise(number)) if number < 2 else ("annotations", voc("x", size=64).encode())
        written = name.encode("utf-8", "surrogateescape")
        if chance.random() < 0.7:  # else it may break the header, which then is refused or cut
            written = _LINE.sub("", written.decode("latin-1")).replace('"', "%22").encode("latin-1")
        head = b'Content-Disposition: form-data; name="%s"; filename="%s"' % (field.encode(), written)
        parts.append(b"--" + border + b"\r\n" + head + b"\r\nContent-Type: image/png\r\n\r\n" + content + b"\r\n")
    headers = {"X-Fractura": "1", "Content-Type": "multipart/form-data; boundary=border"}
    return {"content": b"".join(parts) + b"--border--\r\n", "headers": headers}


def _check_export(web: Any, images: list[dict[str, Any]], names: list[str]) -> None:
    ids = [each["id"] for each in images]
    for each in images:
        if len(each["image"]) > 200 or "/" in each["image"] or not each["image"].isprintable():
            raise BrokenPromiseError(f"an image is called {each['image']!r}")
    for kind in ("csv", "voc", "json"):
        answer = web.post("/api/export", json={"format": kind, "images": ids}, headers={"X-Fractura": "1"})
        if answer.status_code != 200:
            raise BrokenPromiseError(f"{names!r}: export: {answer.status_code} {answer.text[:300]}")
        if _LINE.search(answer.headers.get("content-disposition", "")):
            raise BrokenPromiseError("a name breaks a header")
        if kind == "csv":
            rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
            if found := [cell for row in rows for cell in row if re.match(r"[=+@\t\r\n]|-[^0-9.]", cell)]:
                raise BrokenPromiseError(f"the formula {found[0]!r}")
        if answer.headers["content-type"].startswith("application/zip"):
            inside = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
            bad = [name for name in inside if re.search(r'[\x00-\x1f\\:*?"<>|]', name) or ".." in name.split("/")]
            if bad or any(name.startswith("/") for name in inside) or len({n.casefold() for n in inside}) < len(inside):
                raise BrokenPromiseError(f"the archive holds {inside!r}")


UPLOADS = Campaign(
    name="upload-names",
    promise="Whatever name an upload is sent under: it is plain where it comes back, in lists, headers, tables and "
    "archives",
    prepare=prepare_uploads,
    tries=500,
    found="Names in exported archives that Windows does not allow",
    seconds_per_try=300,
)
