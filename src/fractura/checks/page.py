"""The findings as one HTML file with pictures: opens anywhere, loads nothing, shows no name out of a DICOM."""

from __future__ import annotations

import base64
import html
import io
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fractura.checks import CheckReport
from fractura.checks.findings import Finding
from fractura.checks.registry import all_checks
from fractura.checks.snapshot import Film, Snapshot
from fractura.errors import DataError
from fractura.radiograph import read_radiograph

PICTURED = 12
"""Findings of one check that are shown with pictures; all are listed."""
LISTED = 500
_SIDE = 280
_PICTURES_EACH = 3
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
:root{color-scheme:light dark;--line:#8886;--error:#c62828;--warning:#b26a00;--note:#356}
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}
.error{color:var(--error)}.warning{color:var(--warning)}.note{color:var(--note)}
@media(prefers-color-scheme:dark){:root{--error:#ff8a80;--warning:#ffcc80;--note:#9cf}}
table{border-collapse:collapse}td,th{padding:.2rem 1rem .2rem 0;text-align:left}td.n{text-align:right}
.finding{margin:1rem 0;overflow-wrap:anywhere}.finding p{margin:.1rem 0}.way{opacity:.75}
figure{display:inline-block;margin:.4rem .8rem .4rem 0;vertical-align:top;max-width:100%}
figcaption{font-size:.8rem;max-width:280px;overflow-wrap:anywhere}
img{max-width:100%;height:auto;border:1px solid var(--line)}
"""


def report_page(report: CheckReport) -> str:
    """The page as HTML text. Films are shown at 280 pixels, their boxes drawn in."""
    counts = report.to_dict()
    title = f"Check of {report.root.name or report.root}"
    groups = [
        (severity, name, list(found))
        for (severity, name), found in groupby(report.findings, key=lambda each: (each.severity, each.check))
    ]
    rows = "".join(
        f'<tr><td class="{severity}">{severity}</td><td><a href="#{name}-{severity}">{name}</a></td>'
        f'<td class="n">{len(found)}</td></tr>'
        for severity, name, found in groups
    )
    against = f", compared with {_text(str(report.against))}" if report.against else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{_text(title)}</title><style>{_STYLE}</style></head><body><h1>{_text(title)}</h1>"
        f"<p>{_text(str(report.root))}{against}: {report.films} films, {report.annotations} annotations, "
        f"{report.negatives} of them without a box. <b>{counts['errors']} errors</b>, {counts['warnings']} warnings, "
        f"{counts['notes']} notes.</p>"
        "<p>This page holds pictures of the films. Treat it as you treat the films. fractura is a research tool, not a "
        "medical device.</p>"
        f"<table><thead><tr><th>Severity</th><th>Check</th><th>Findings</th></tr></thead><tbody>{rows}</tbody></table>"
        + "".join(_section(severity, name, found, report.snapshot) for severity, name, found in groups)
        + "</body></html>\n"
    )


def _section(severity: str, name: str, found: list[Finding], snapshot: Snapshot) -> str:
    summary = next((each.summary for each in all_checks() if each.id == name), "")
    shown = "".join(_finding(each, snapshot, pictures=place < PICTURED) for place, each in enumerate(found[:LISTED]))
    rest = f"<p>… and {len(found) - LISTED} more; --json lists all.</p>" if len(found) > LISTED else ""
    return (
        f'<section id="{name}-{severity}"><h2><span class="{severity}">{severity}</span> {name} ({len(found)})</h2>'
        f"<p>{_text(summary)}</p>{shown}{rest}</section>"
    )


def _finding(each: Finding, snapshot: Snapshot, *, pictures: bool) -> str:
    where = ", ".join(part for part in (each.file.name if each.file else None, each.place) if part)
    way = f'<p class="way">→ {_text(each.way_out)}</p>' if each.way_out else ""
    figures = "".join(_figures(each, snapshot)) if pictures else ""
    return f'<div class="finding"><p><b>{_text(where)}</b>: {_text(each.message)}</p>{way}{figures}</div>'


def _figures(each: Finding, snapshot: Snapshot) -> list[str]:
    both = (snapshot,) if snapshot.against is None else (snapshot, snapshot.against)
    films = {film.path: film for side in both for film in side.films}
    owners = {file.path: file.film for side in both for file in side.annotations}
    figures: list[str] = []
    for path in dict.fromkeys(p for p in (each.file, *each.others) if p is not None):
        film = films.get(path) or owners.get(path)
        if film is not None and film.size is not None and len(figures) < _PICTURES_EACH:
            figures.append(_figure(film, snapshot))
    return figures


def _figure(film: Film, snapshot: Snapshot) -> str:
    caption = _text(f"{film.path.parent.parent.name}/{film.path.parent.name}/{film.path.name}")
    if film.facts.burnt_in_text:
        return f"<figure><figcaption>{caption}: not shown; it says that writing is burnt in</figcaption></figure>"
    try:
        picture = _picture(film, snapshot)
    except DataError:  # changed on the disk since it was looked at
        return f"<figure><figcaption>{caption}: cannot be shown</figcaption></figure>"
    data = base64.b64encode(picture).decode("ascii")
    return (
        f'<figure><img loading="lazy" alt="{caption}" src="data:image/jpeg;base64,{data}">'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _picture(film: Film, snapshot: Snapshot) -> bytes:
    """A small JPEG with the boxes, made anew: nothing of the file but the pixels is in it."""
    pixels = read_radiograph(film.path).pixels
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    across, down = image.width / pixels.shape[1], image.height / pixels.shape[0]
    draw = ImageDraw.Draw(image)
    sides = (snapshot,) if snapshot.against is None else (snapshot, snapshot.against)
    for file in [file for side in sides for file in side.labelled.get(film.path, [])]:
        for box in () if file.annotation is None else file.annotation.objects:
            left, right = sorted((box.xmin * across, box.xmax * across))
            top, bottom = sorted((box.ymin * down, box.ymax * down))
            draw.rectangle([_on(left, image.width), _on(top, image.height), _on(right, image.width),
                            _on(bottom, image.height)], outline=(255, 160, 0), width=2)  # fmt: skip
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    return stream.getvalue()


def _on(value: float, limit: int) -> float:
    """A corner far outside the film is drawn at its rim."""
    return min(max(value, 0.0), limit - 1.0) if value == value else 0.0


def _text(words: str) -> str:
    """As HTML text; whatever a file is called, it stays text."""
    return html.escape(words.encode("utf-8", "replace").decode("utf-8"), quote=True)


def page_path(path: Path) -> Path:
    """Where the page goes: a file ending in .html as given, else ``check.html`` in that folder."""
    return path if path.suffix.lower() in (".html", ".htm") else path / "check.html"
