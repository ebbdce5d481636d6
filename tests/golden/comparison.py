"""Golden JSON: what is left out, how it is written, and when two of them are the same."""

import json
import math
import re
from pathlib import Path

from golden.files import ANSWER, GREY_LEVELS

RELATIVE, ABSOLUTE = 1e-4, 1e-6
LOOSE = {GREY_LEVELS: 1.5, ANSWER: 2e-3}  # codecs, and the arithmetic of networks, differ from machine to machine
_DECIMAL = re.compile(r"(-?\d+\.\d+(?:e[-+]?\d+)?|-?\d+e-\d+)")
# Values under these keys differ from run to run or from machine to machine; the keys stay.
VOLATILE_KEYS = {"version", "versions", "seconds", "duration", "time", "date", "created", "started", "size_on_disk"}
_PACKAGE = (
    r"\b(?:fractura|python|numpy|scipy|pillow|onnx|onnxruntime|torch|matplotlib|transformers|accelerate|tensorflow)"
    r" \d+\.\d+[\w.+-]*\w"
)
_VOLATILE_TEXT = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "<digest>"),
    (re.compile(r"\bu?[0-9a-f]{16}\b"), "<id>"),
    (re.compile(r"\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{12}\b|\b[0-9]{12}\b"), "<digest>"),
    (re.compile(r"\b20\d\d-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?"), "<time>"),
    (re.compile(rf"{_PACKAGE}(?:, {_PACKAGE})*"), "<versions>"),
)


def normalise(value, place: Path):
    """The same document without what may differ between two runs of one program.

    Replaced: the folder of the run, digests, ids, dates, versions (which packages are named depends on what was
    imported before), and all values under ``VOLATILE_KEYS``.
    """
    if isinstance(value, dict):
        return {
            normalise(key, place): _hidden(each) if key in VOLATILE_KEYS else normalise(each, place)
            for key, each in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [normalise(each, place) for each in value]
    if isinstance(value, str):
        for form in {str(place), str(place.resolve())}:
            value = value.replace(form, "<place>")
        for pattern, word in _VOLATILE_TEXT:
            value = pattern.sub(word, value)
    return value


def _hidden(value):
    return None if value is None else "<hidden>"


def without_numbers(value):
    """The same document with a word for each number: for what training measures, which no two machines share."""
    if isinstance(value, dict):
        return {key: without_numbers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [without_numbers(each) for each in value]
    return "<number>" if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def to_text(value, indent="") -> str:
    """Indented JSON in the document's own order; a list of numbers is one line, whatever its length."""
    inner = indent + "  "
    if isinstance(value, dict) and value:
        lines = [f"{inner}{json.dumps(key, ensure_ascii=False)}: {to_text(each, inner)}" for key, each in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(each, (dict, list, str)) for each in value):
        return "[\n" + ",\n".join(inner + to_text(each, inner) for each in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


def differences(expected, found, where="") -> list[str]:
    """One line for each place where the two differ; numbers may differ by a ten-thousandth."""
    if type(expected) is not type(found):
        return [f"{where}: expected {_short(expected)}, found {_short(found)}"]
    if isinstance(expected, dict):
        lines = [f"{where}/{key}: missing" for key in expected if key not in found]
        lines += [f"{where}/{key}: new, {_short(found[key])}" for key in found if key not in expected]
        shared = [key for key in expected if key in found]
        if not lines and shared != list(found):
            lines.append(f"{where}: the keys stand in another order")
        return lines + [line for key in shared for line in differences(expected[key], found[key], f"{where}/{key}")]
    if isinstance(expected, list):
        counts = len(expected), len(found)
        lines = [] if counts[0] == counts[1] else [f"{where}: expected {counts[0]} entries, found {counts[1]}"]
        pairs = enumerate(zip(expected, found, strict=False))
        return lines + [line for number, pair in pairs for line in differences(*pair, f"{where}/{number}")]
    if _same(expected, found, where):
        return []
    return [f"{where}: expected {_short(expected)}, found {_short(found)}"]


def _same(expected, found, where: str) -> bool:
    if isinstance(expected, float):
        absolute = next((limit for key, limit in LOOSE.items() if f"/{key}/" in where), ABSOLUTE)
        return math.isclose(expected, found, rel_tol=RELATIVE, abs_tol=absolute)
    if isinstance(expected, str) and expected != found:
        return _same_words(_DECIMAL.split(expected), _DECIMAL.split(found))
    return expected == found


def _same_words(expected: list[str], found: list[str]) -> bool:
    """Equal words, and printed numbers equal but for rounding: one unit of the last digit that is printed."""
    if len(expected) != len(found) or expected[::2] != found[::2]:
        return False
    for first, second in zip(expected[1::2], found[1::2], strict=True):
        mantissa, _, exponent = first.partition("e")
        unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
        if not math.isclose(float(first), float(second), rel_tol=RELATIVE, abs_tol=1.01 * unit):
            return False
    return True


def _short(value) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 120 else text[:117] + "…"
