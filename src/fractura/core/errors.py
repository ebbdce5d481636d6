"""Every error that a user can cause, with the exit code that the command line gives it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from fractura.core.printable import printable


class FracturaError(Exception):
    """A problem the user can act on.

    Args:
        problem: What is wrong, in one sentence.
        file: The file it is about, if any.
        place: Where in the file (line, object number, field), if known.
        hint: What to do about it, in one sentence.

    Examples:
        >>> print(DataError("box has no area", file="a.xml", place="object 2", hint="draw the box again"))
        a.xml, object 2: box has no area
          → draw the box again
    """

    exit_code = 1

    def __init__(
        self, problem: str, *, file: Path | str | None = None, place: str | None = None, hint: str | None = None
    ) -> None:
        # What is quoted of a file may hold half a character, which no page and no JSON can carry.
        self.problem = printable(problem)
        self.file = str(file) if file is not None else None
        self.place = None if place is None else printable(place)
        self.hint = None if hint is None else printable(hint)
        super().__init__(str(self))

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.file, self.place) if part)
        text = f"{where}: {self.problem}" if where else self.problem
        return f"{text}\n  → {self.hint}" if self.hint else text


class UsageError(FracturaError):
    """The command or call itself is wrong: unknown option, unknown setting, impossible combination."""

    exit_code = 2


class DataError(FracturaError):
    """An image, annotation or data folder cannot be used as it is."""

    exit_code = 3


class ModelError(FracturaError):
    """A model folder, checkpoint or exported file cannot be used as it is, or training went wrong."""

    exit_code = 4


class MissingDependencyError(FracturaError):
    """Something must be installed first: an extra, a driver, a network."""

    exit_code = 5


class NotEnoughMemoryError(FracturaError):
    """The machine has too little memory for what was asked."""

    exit_code = 5


def require(module: str, extra: str) -> None:
    """Raise ``MissingDependencyError`` unless ``module`` can be imported; name the extra that brings it."""
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise MissingDependencyError(
            f"this needs the package '{module}', which is not installed",
            hint=f'install it with: pip install "fractura[{extra}]"',
        )


def own_line(error: BaseException) -> str:
    """The last of our own lines that an unforeseen error passed; its text may quote an image and is not to be logged.

    Examples:
        >>> own_line(ValueError("a name"))
        'an unknown line'
    """
    trace, place = error.__traceback__, "an unknown line"
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "")
        if name.startswith("fractura"):
            place = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def first_line(error: BaseException) -> str:
    r"""What an error of a library says, short enough for a line of ours; its kind, if it says nothing.

    Examples:
        >>> first_line(ValueError("bad shape\nat 0x7f"))
        'bad shape'
        >>> first_line(KeyboardInterrupt())
        'KeyboardInterrupt'
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]


def nearest_name(word: str, names: Iterable[str]) -> str | None:
    """The one of ``names`` that ``word`` was probably meant to be; None if nothing is close.

    Examples:
        >>> nearest_name("fractur", ["fracture", "metal"])
        'fracture'
    """
    from difflib import get_close_matches

    known = sorted(names)
    folded = {name.casefold().strip(): name for name in known}
    found = get_close_matches(word.casefold().strip(), list(folded), n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def suggest_name(word: str, names: Iterable[str]) -> str:
    """A hint for an unknown name: the nearest known one, or all of them.

    Examples:
        >>> suggest_name("boxes.hug", ["boxes.huge", "images.blank"])
        "did you mean 'boxes.huge'?"
    """
    known = sorted(names)
    nearest = nearest_name(word, known)
    if nearest is not None:
        return f"did you mean '{nearest}'?"
    return f"known are: {', '.join(known)}" if known else "there is none to choose from"
