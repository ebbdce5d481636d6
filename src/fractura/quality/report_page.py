"""The findings as one HTML file with pictures: opens anywhere, loads nothing, shows no name out of a DICOM."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fractura.core.errors import DataError
from fractura.core.html import page, picture, text
from fractura.imaging.reader import read_radiograph
from fractura.quality import CheckReport
from fractura.quality.checked_image import CheckedImage
from fractura.quality.registry import Finding, Severity, all_checks
from fractura.quality.snapshot import Snapshot

PICTURED = 12
"""Findings of one check that are shown with pictures; all are listed."""
LISTED = 500
_SIDE = 280
_PICTURES_EACH = 3
_STYLE = """
.finding{margin:1rem 0}.finding p{margin:.1rem 0}.hint{opacity:.75}
figure{display:inline-block;vertical-align:top}figcaption{max-width:280px}
"""


def report_page(report: CheckReport) -> str:
    """The page as HTML text. Images are shown at 280 pixels, their boxes drawn in."""
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
    against = f", compared with {text(str(report.against))}" if report.against else ""
    body = (
        f"<h1>{text(title)}</h1>"
        f"<p>{text(str(report.root))}{against}: {report.images} images, {report.annotations} annotations, "
        f"{report.negatives} of them without a box ({report.decided_negatives} saved as normal in the labelling page). "
        f"<b>{report.counted(Severity.ERROR)}</b>, "
        f"{report.counted(Severity.WARNING)}, {report.counted(Severity.NOTE)}.</p>"
        "<p>This page holds pictures of the images. Treat it as you treat the images. fractura is a research tool, "
        "not a medical device.</p>"
        f"<table><thead><tr><th>Severity</th><th>Check</th><th>Findings</th></tr></thead><tbody>{rows}</tbody></table>"
        + "".join(_section(severity, name, found, report.snapshot) for severity, name, found in groups)
    )
    return page(title, body, style=_STYLE)


def _section(severity: str, name: str, found: list[Finding], snapshot: Snapshot) -> str:
    summary = next((each.summary for each in all_checks() if each.id == name), "")
    shown = "".join(_finding(each, snapshot, pictures=place < PICTURED) for place, each in enumerate(found[:LISTED]))
    rest = f"<p>… and {len(found) - LISTED} more; --json lists all.</p>" if len(found) > LISTED else ""
    return (
        f'<section id="{name}-{severity}"><h2><span class="{severity}">{severity}</span> {name} ({len(found)})</h2>'
        f"<p>{text(summary)}</p>{shown}{rest}</section>"
    )


def _finding(each: Finding, snapshot: Snapshot, *, pictures: bool) -> str:
    where = ", ".join(part for part in (each.file.name if each.file else None, each.place) if part)
    hint = f'<p class="hint">→ {text(each.hint)}</p>' if each.hint else ""
    figures = "".join(_figures(each, snapshot)) if pictures else ""
    return f'<div class="finding"><p><b>{text(where)}</b>: {text(each.message)}</p>{hint}{figures}</div>'


def _figures(each: Finding, snapshot: Snapshot) -> list[str]:
    both = (snapshot,) if snapshot.against is None else (snapshot, snapshot.against)
    images = {image.path: image for side in both for image in side.images}
    owners = {file.path: file.image for side in both for file in side.annotations}
    figures: list[str] = []
    for path in dict.fromkeys(p for p in (each.file, *each.others) if p is not None):
        image = images.get(path) or owners.get(path)
        if image is not None and image.size is not None and len(figures) < _PICTURES_EACH:
            figures.append(_figure(image, snapshot))
    return figures


def _figure(image: CheckedImage, snapshot: Snapshot) -> str:
    name = Path(*image.path.parts[-3:]).as_posix()  # with its folders: images of both splits may have one name
    caption = text(name)
    if image.facts.burnt_in_text:
        return f"<figure><figcaption>{caption}: not shown; it says that writing is burnt in</figcaption></figure>"
    try:
        shown = picture(_drawn(image, snapshot), name)
    except DataError:  # changed on the disk since it was examined
        return f"<figure><figcaption>{caption}: cannot be shown</figcaption></figure>"
    return f"<figure>{shown}<figcaption>{caption}</figcaption></figure>"


def _drawn(image: CheckedImage, snapshot: Snapshot) -> Image.Image:
    """The image, small, with the boxes."""
    pixels = read_radiograph(image.path).pixels
    canvas = Image.fromarray(np.ascontiguousarray(pixels))
    canvas.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    across, down = canvas.width / pixels.shape[1], canvas.height / pixels.shape[0]
    draw = ImageDraw.Draw(canvas)
    sides = (snapshot,) if snapshot.against is None else (snapshot, snapshot.against)
    for file in [file for side in sides for file in side.labelled.get(image.path, [])]:
        for box in () if file.annotation is None else file.annotation.objects:
            left, right = sorted((box.xmin * across, box.xmax * across))
            top, bottom = sorted((box.ymin * down, box.ymax * down))
            draw.rectangle([_on(left, canvas.width), _on(top, canvas.height), _on(right, canvas.width),
                            _on(bottom, canvas.height)], outline=(255, 160, 0), width=2)  # fmt: skip
    return canvas


def _on(value: float, limit: int) -> float:
    """A corner far outside the image is drawn at its rim."""
    return min(max(value, 0.0), limit - 1.0) if value == value else 0.0


def page_path(path: Path) -> Path:
    """Where the page goes: a file ending in .html as given, else ``check.html`` in that folder."""
    return path if path.suffix.lower() in (".html", ".htm") else path / "check.html"
