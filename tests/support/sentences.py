"""The English that the command line may show, found in the package's code.

Any text of two words or more counts, and a single word where it is a heading or names what goes on; f-strings become
templates with named places, such as ``{path} cannot be read``. ``support.translations`` puts them into the catalogues.
"""

import ast
import inspect
import re
from itertools import product
from pathlib import Path
from typing import get_args

import fractura
from fractura.evaluation.metric_names import LEVELS, metric_text
from fractura.inference.answer import Answer

SOURCE = Path(fractura.__file__).parent
LEFT_OUT = (
    "cli/translated_parser.py", "cli/registry.py",  # see ``help_texts``
    "core/html.py", "evaluation/report/svg.py", "evaluation/report/axes.py", "evaluation/report/drawing.py",
    "quality/report_page.py",  # markup
    "tensorflow_od/flags.py", "tensorflow_od/model_main_tf2.py", "tensorflow_od/exporter_main_v2.py",  # other programs
)  # fmt: skip
NOT_ON_THE_TERMINAL = ("web/", "hospital/", "node/")
"""Of these only errors and remarks reach it: the page has its own tables of words, objects for other systems say the
same in every language, and a database is asked in SQL."""
_PATTERNS = re.compile(r"\^|\\A|# |:root|(?:[A-Z]\w+ ){6}")
HEADINGS = ("write_table", "progress", "track")
"""Calls whose texts count though they are one word."""
WORDS = (
    "error", "warning", "note", "start", "done", "stopped",  # in front of a colon
    "split", "folder", "negatives", "negative", "boxes", "image", "answer", "probability", "detections", "best",
    "score", "size", "group", "complete", "first", "second", "loaded", "fresh", "unused", "study", "patient",
)  # fmt: skip
"""Single words that the terminal shows."""
COMBINED = (
    *(f"fracture {answer}{rest}" for answer in get_args(Answer) for rest in ("", ": {certainty}")),
    *(f"{level} {what}" for level in LEVELS for what in ("AUC", "sensitivity", "specificity", "PPV / NPV")),
    *(
        metric_text(f"{level}_{what}")
        for level in LEVELS
        for what in ("auc", "sensitivity", "specificity", "ppv", "npv")
    ),
    *(f"{{count}} {noun}{end}" for noun in ("image", "change", "error", "warning", "note") for end in ("", "s")),
    *(f"{what}s {{before}} before, {{after}} after" for what in ("image", "detection")),
    *(
        f"the {{method}} calibration makes scores of {worse} worse on other images: try {{others}}"
        for worse in ("images", "detections", "images and detections")
    ),
    "No such file or directory", "Permission denied", "Is a directory", "Not a directory", "File exists",
    "No space left on device", "Read-only file system",
    "{family}; start: nothing; {licence}", "fractura train: going on in {output}",
    "done: step {step} of {num_steps}, {steps} steps in {seconds}, peak memory {memory}",
    "step {step}  {shown}  false positives per image {rate} at threshold {threshold}  (best {best})  ({seconds})",
    "{images} of {clusters} patients", "{images} of {clusters} studies",
    "start: nothing", "box size: small", "box size: medium", "box size: large",
)  # fmt: skip
"""Texts that the code puts together of words."""
SAYING = ("say", "warn", "warning", "error", "info", "progress", "track")
NOT_SHOWN = ("compile", "match", "search", "fullmatch", "sub", "Field", "debug", "add_argument", "getLogger", "split",
             "_", "gettext", "gettext_noop", "Message")  # fmt: skip
"""Calls whose texts nobody reads, or that Babel finds."""
_FORMAT_PLACE = re.compile(r"(\{[a-z_]*(?::[.\dgf]+)?\}|%[sd])")
_PLACE = re.compile(r"\{\w*\}")
_WORD = re.compile(r"[A-Za-z]{2,}")


def sentences(file: Path) -> list[str]:
    """The templates of one file of the package, in its order."""
    if file.relative_to(SOURCE).as_posix() in LEFT_OUT:
        return []
    name = file.relative_to(SOURCE).as_posix()
    finder = _Finder(said=not name.startswith(NOT_ON_THE_TERMINAL), of_a_command=name.startswith("cli/"))
    return finder.of(ast.parse(file.read_text(encoding="utf-8")))


class _Finder:
    def __init__(self, *, said: bool, of_a_command: bool) -> None:
        self.found: list[str] = []
        self.said, self.heading, self.of_a_command = said, False, of_a_command

    def of(self, tree: ast.AST) -> list[str]:
        self._visit(tree)
        return list(dict.fromkeys(self.found))

    def _visit(self, node: ast.AST) -> None:
        before = self.said, self.heading
        match node:
            case ast.Expr(value=ast.Constant()) | ast.keyword(arg="style"):  # a docstring; a colour
                return
            case ast.Call():
                name = _called(node)
                if name in NOT_SHOWN:
                    self._visit(node.func)
                    return
                self.said = self.said or name in SAYING or (name.endswith("Error") and name != "WebError")
                self.heading = name in HEADINGS
            case ast.Assign(targets=[ast.Name(id="hint")]):
                self.said = True
            case ast.Assign(targets=[ast.Name(id="columns" | "numeric")]):
                self.heading = self.of_a_command
            case ast.Constant(value=str()) | ast.JoinedStr() | ast.BinOp() if texts := templates(node):
                self._take(texts)
                self.heading = False
        for child in _inside(node):
            self._visit(child)
        self.said, self.heading = before

    def _take(self, texts: list[str]) -> None:
        for text in (
            line.strip().removeprefix(", ").removeprefix("; ").removeprefix(": ")
            for line in "\n".join(texts).split("\n")
        ):
            words = _WORD.findall(_PLACE.sub(" ", text))
            enough = 1 if self.heading or (text != _PLACE.sub("", text) and " " in text) else 2
            if _PATTERNS.match(text):
                continue
            if self.said and len(words) >= enough and (self.heading or " " in text):
                self.found.append(text)


def _inside(node: ast.AST) -> list[ast.AST]:
    """The nodes to go on with: of a text, its values."""
    if isinstance(node, ast.JoinedStr | ast.BinOp) and (parts := _alternatives(node)):
        return [part for alternative in parts for part in alternative if isinstance(part, ast.expr)]
    return list(ast.iter_child_nodes(node))


def templates(node: ast.AST) -> list[str]:
    """All that an expression may say, with a place for each value; none if it is not a text."""
    return [_rendered(parts) for parts in _alternatives(node)]


_Parts = list[str | ast.expr]


def _alternatives(node: ast.AST) -> list[_Parts]:
    if isinstance(node, ast.Constant):
        return [_constant(node.value)] if isinstance(node.value, str) else []
    if isinstance(node, ast.JoinedStr):
        return _joined([_of_value(value) for value in node.values])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [_alternatives(node.left), _alternatives(node.right)]
        known = [side or [[part]] for side, part in zip(sides, (node.left, node.right), strict=True)]
        return _joined(known) if any(sides) else []
    if isinstance(node, ast.IfExp):
        sides = [_alternatives(node.body), _alternatives(node.orelse)]
        known = [side or [[part]] for side, part in zip(sides, (node.body, node.orelse), strict=True)]
        return known[0] + known[1] if any(sides) else []
    return []


def _constant(text: str) -> _Parts:
    """A text, with the places that ``str.format`` or the logger fills in."""
    pieces = _FORMAT_PLACE.split(text)
    if "{" in "".join(pieces[::2]) or "}" in "".join(pieces[::2]):
        return [text]
    places: list[str | ast.expr] = [ast.Name(place.strip("{}%").partition(":")[0] or "value") for place in pieces[1::2]]
    return [part for pair in zip(pieces[::2], [*places, ""], strict=True) for part in pair if part != ""]


def _of_value(value: ast.expr) -> list[_Parts]:
    if isinstance(value, ast.FormattedValue):
        return _alternatives(value.value) or [[value.value]]
    return _alternatives(value)


def _joined(each: list[list[_Parts]]) -> list[_Parts]:
    return [[part for parts in chosen for part in parts] for chosen in product(*each)]


def _rendered(parts: _Parts) -> str:
    text, taken = "", set()
    for part in parts:
        if isinstance(part, str):
            text += part.replace("{", "{{").replace("}", "}}")
            continue
        name = wanted = _named(part)
        number = 1
        while name in taken:
            number += 1
            name = f"{wanted}_{number}"
        taken.add(name)
        text += "{" + name + "}"
    return text


def _named(node: ast.AST) -> str:
    """A name for the place of a value: ``names`` for ``', '.join(names[:3])``."""
    if isinstance(node, ast.Name):
        return node.id.strip("_").lower()
    if isinstance(node, ast.Attribute):
        return node.attr.strip("_").lower()
    if isinstance(node, ast.Call):
        if node.args:
            return _named(node.args[-1])
        return _named(node.func.value) if isinstance(node.func, ast.Attribute) else _named(node.func)
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr) and not isinstance(child, ast.Constant):
            return _named(child)
    return "value"


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def help_texts() -> list[str]:
    """What the help of every command says: summaries, headings, descriptions by paragraph, options."""
    import typer

    from fractura.cli.main import app, load_command
    from fractura.cli.registry import COMMANDS
    from fractura.cli.translated_parser import SAID_BY_TYPER, paragraphs

    group = typer.main.get_command(app)
    found = [*SAID_BY_TYPER, *(text for command in COMMANDS for text in (command.panel, command.summary))]
    for command in (group, *(load_command(each.name) for each in COMMANDS)):
        found += paragraphs(inspect.cleandoc(command.help or ""))
        for parameter in command.params:
            found.append(getattr(parameter, "help", None) or "")
            default = getattr(parameter, "show_default", None)
            found.append(default if isinstance(default, str) else "")
    return [text for text in dict.fromkeys(" ".join(text.split()) for text in found) if text]
