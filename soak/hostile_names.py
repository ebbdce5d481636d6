"""Names that somebody may give to an image, a class, a patient or a file in an archive, to do harm with them."""

from pathlib import Path

TRAVERSAL = (
    "../../outside/{name}",
    "..\\..\\outside\\{name}",
    "../../../../../../../../{absolute}",
    "{absolute}",
    "images/../../../outside/{name}",
    "./.././../outside/{name}",
    "%2e%2e/%2e%2e/outside/{name}",
    "..%2f..%2foutside%2f{name}",
    "C:\\outside\\{name}",
    "C:{name}",
    "\\\\server\\share\\{name}",
    "//server/share/{name}",
    "file://{absolute}",
    "/dev/stdin",
    "/dev/zero",
    "/proc/self/environ",
    "~/{name}",
    "$HOME/{name}",
    "link/{name}",
)
"""``{name}`` is the name of an image, ``{absolute}`` the path of one outside of the data."""

ODD = (
    "a\x00b.png",
    "a.png\x00.txt",
    "a\nb.png",
    "a\r\nSet-Cookie: b.png",
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred.png",
    "\x1b[6n.png",
    "\x9b31mred.png",
    "a\x08\x08\x08b.png",
    "a\x7fb.png",
    "invoice\u202egnp.exe",
    "\u2066a\u2069\u200f.png",
    "\u2028line.png",
    "\ufeffa.png",
    "a\u0301\u0301\u0301.png",
    "CON.png",
    "nul",
    "com1.png",
    "aux.",
    "a.png.",
    "a.png ",
    " a.png",
    ".",
    "..",
    "",
    " ",
    "/",
    "\\",
    "-rf.png",
    "--output=x.png",
    "*.png",
    "[a-z].png",
    "$(touch owned).png",
    "`touch owned`.png",
    ";touch owned;.png",
    "a" * 300 + ".png",
    "a/" * 3000 + "a.png",
    "ñ" * 200 + ".png",
    "A.PNG",
    "\udcff\udcfe.png",
    "a.png:stream",
    "{0.__class__}.png",
    "%s%n%x.png",
    "{{7*7}}.png",
    "{% raw %}.png",
)

FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "=cmd|' /C calc'!A0", "＝1+1", " =1+1")

MARKUP = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'><b onmouseover='alert(1)",
    "</title></style></script><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!--<img src='--><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "]]><script>alert(1)</script>",
    "<a href=javascript:alert(1)>a",
    "\\input{/etc/passwd}",
    "$\\frac{$",
    "[bold red]red[/] [link=http://x]",
    "<iframe srcdoc='<script>alert(1)</script>'>",
)
"""HTML, SVG, LaTeX, matplotlib's mathematics and Rich's markup."""


def all_names(folder: Path) -> list[str]:
    """Every hostile name, filled in for a try's folder."""
    absolute = (folder / "outside" / "secret.png").as_posix()
    led = [each.replace("{name}", "secret.png").replace("{absolute}", absolute) for each in TRAVERSAL]
    marked = [f"{each}.png" for each in (*FORMULAS, *MARKUP)]
    return [*led, *ODD, *marked]
