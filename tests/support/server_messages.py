"""All sentences that the server may send to the page, found in the code: codes of errors, and reasons."""

import ast
from pathlib import Path

import fractura

SOURCE = Path(fractura.__file__).parent
REASONS = ("imaging", "core/files.py")
"""Where the reasons come from that the page shows next to an error's own sentence."""
_FILLED = "7"
"""In the place of each value."""


def error_codes() -> set[str]:
    """Every code that an error of the API can have."""
    found = set()
    for path in (SOURCE / "web").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _called(node) in ("WebError", "of", "cls"):
                found |= {
                    each.value
                    for each in node.args[1:3]
                    if isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value.islower()
                    and " " not in each.value
                }  # fmt: skip
            if isinstance(node, ast.Assign) and "_CODES_OF_STATUS" in ast.unparse(node.targets[0]):
                found |= set(ast.literal_eval(node.value).values())
    return found


def reader_reasons() -> set[str]:
    """Every reason why the reader of images refuses one, values filled in."""
    found = set()
    for part in REASONS:
        place = SOURCE / part
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _called(node) == "DataError":
                    found |= {text for each in node.args[:1] for text in _texts(each)}
    return found


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _texts(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return ["".join(each.value if isinstance(each, ast.Constant) else _FILLED for each in node.values)]
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    return []
