"""Parse command lines like the Object Detection API's scripts (absl flags), and turn errors into exit codes.

Accepted are ``--flag=value``, ``--flag value``, one dash instead of two, and ``--flag``, ``--noflag`` and
``--flag=false`` for booleans; a lone ``--``, which the scripts' documentation puts first, is ignored.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fractura.core.errors import FracturaError, UsageError, suggest_name
from fractura.core.memory import is_out_of_memory, not_enough_memory

_TRUE, _FALSE = ("true", "t", "1", "yes", "y"), ("false", "f", "0", "no", "n")


@dataclass(frozen=True)
class Flag:
    """One flag.

    Attributes:
        kind: Type of its value.
        help: One line for ``--help``.
        default: Value without it.
        required: Whether it must be given.
        refused: Why only the default is accepted; empty if every value is.
        idle: Why it has no effect; a line says so where it is given.
    """

    kind: Literal["text", "path", "int", "bool"]
    help: str
    default: Any = None
    required: bool = False
    refused: str = ""
    idle: str = ""


LOGGING = {
    "alsologtostderr": Flag("bool", "Accepted; messages always go to stderr.", False),
    "logtostderr": Flag("bool", "Accepted; messages always go to stderr.", False),
    "verbosity": Flag("int", "Accepted; no effect.", 0),
    "help": Flag("bool", "Show this and stop.", False),
}


def parse_flags(arguments: Sequence[str], flags: Mapping[str, Flag]) -> dict[str, Any]:
    """Values of all ``flags``, including defaults.

    >>> parse_flags(["--steps=7", "--noshow"], {"steps": Flag("int", ""), "show": Flag("bool", "", True)})
    {'steps': 7, 'show': False}

    Raises:
        UsageError: A flag is unknown (the nearest is named), lacks its value, has one of the wrong kind, or is missing.
    """
    values = {name: flag.default for name, flag in flags.items()}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            continue
        if not word.startswith("-") or word.strip("-") == "":
            raise UsageError(
                f"'{word}' does not belong to a flag", hint="write --flag=value, and quote values with spaces"
            )
        name, equals, text = word.lstrip("-").partition("=")
        if name not in flags and name.startswith("no") and flags.get(name[2:], Flag("text", "")).kind == "bool":
            if equals:
                raise UsageError(f"--{name} takes no value")
            values[name[2:]] = False
            continue
        if name not in flags:
            raise UsageError(f"there is no flag '--{name}'", hint=suggest_name(name, flags))
        flag = flags[name]
        if flag.kind != "bool" and not equals:
            if not rest:
                raise UsageError(f"--{name} needs a value", hint=f"write --{name}=…")
            text = rest.pop(0)
        values[name] = True if flag.kind == "bool" and not equals else _value(name, flag, text)
        if flag.idle:
            sys.stderr.write(f"--{name} has no effect: {flag.idle}\n")
        if flag.refused and values[name] != flag.default:
            raise UsageError(f"--{name} is not supported: {flag.refused}", hint="leave it out")
    missing = [name for name, flag in flags.items() if flag.required and values[name] is None]
    if missing and not values.get("help"):
        raise UsageError(f"--{missing[0]} is missing", hint=f"{flags[missing[0]].help}")
    return values


def _value(name: str, flag: Flag, text: str) -> Any:
    if flag.kind == "bool":
        if text.lower() not in _TRUE + _FALSE:
            raise UsageError(f"--{name} must be true or false, not '{text}'")
        return text.lower() in _TRUE
    if flag.kind == "int":
        try:
            return int(text)
        except ValueError:
            raise UsageError(f"--{name} needs a whole number, not '{text}'") from None
    if not text:
        raise UsageError(f"--{name} is empty", hint=flag.help)
    return Path(text) if flag.kind == "path" else text


def help_text(program: str, summary: str, flags: Mapping[str, Flag]) -> str:
    """The output of ``--help``."""
    lines = [f"{program}: {summary}", ""]
    for name, flag in flags.items():
        default = f" (default: {flag.default})" if flag.default not in (None, False) else ""
        lines.append(f"  --{name}: {flag.help}{default}{' Required.' if flag.required else ''}")
    return "\n".join(lines) + "\n"


def run_command(
    program: str,
    summary: str,
    flags: Mapping[str, Flag],
    command: Callable[[Mapping[str, Any]], None],
    arguments: Sequence[str],
) -> int:
    """Parse ``arguments`` and run ``command`` with their values.

    Returns:
        The exit code, with the same meaning as those of ``fractura``.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        values = parse_flags(arguments, flags)
        if values.get("help"):
            sys.stdout.write(help_text(program, summary, flags))
            return 0
        command(values)
    except FracturaError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("error: interrupted\n")
        return 130
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        shortage = not_enough_memory("", error)
        sys.stderr.write(f"error: {shortage}\n")
        return shortage.exit_code
    return 0
