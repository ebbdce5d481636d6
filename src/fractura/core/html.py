"""Pages that are one HTML file: they open anywhere, load nothing, run nothing, and show hostile names as text."""

from __future__ import annotations

import base64
import html
import io

from PIL import Image

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--faint:#57606a;--line:#8886;--soft:#f3f5f8;
--error:#c62828;--warning:#945800;--note:#335566;--link:#0b5cad}
@media(prefers-color-scheme:dark){:root{--paper:#14171b;--ink:#e8eaed;--faint:#a3adb8;--soft:#1f242a;
--error:#ff8a80;--warning:#ffcc80;--note:#9cf;--link:#8cc2ff}}
body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;background:var(--paper);
color:var(--ink);overflow-wrap:anywhere}
a{color:var(--link)}
h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}
.error{color:var(--error)}.warning{color:var(--warning)}.note{color:var(--note)}
table{border-collapse:collapse}td,th{padding:.2rem 1rem .2rem 0;text-align:left}td.n,th.n{text-align:right}
figure{margin:.4rem .8rem .4rem 0;max-width:100%}
figcaption{font-size:.8rem}
img{max-width:100%;height:auto;border:1px solid var(--line)}
"""


def text(words: object) -> str:
    """As HTML text; whatever a file is called, it stays text."""
    return html.escape(str(words).encode("utf-8", "replace").decode("utf-8"), quote=True)


def page(title: str, body: str, *, style: str = "", language: str = "en") -> str:
    """The whole document.

    Args:
        title: Plain text.
        body: HTML, with every name in it passed through ``text``.
        style: CSS in addition to the shared style.
        language: Two letters.
    """
    return (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{text(title)}</title><style>{_STYLE}{style}</style></head><body>{body}</body></html>\n"
    )


def picture(image: Image.Image, alternative: str) -> str:
    """An ``img`` that holds the picture as a JPEG made anew: nothing of the image's file but the pixels is in it.

    Args:
        image: RGB or grey.
        alternative: Plain text that says what is seen.
    """
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=80)
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    return (
        f'<img width="{image.width}" height="{image.height}" alt="{text(alternative)}" '
        f'src="data:image/jpeg;base64,{data}">'
    )
