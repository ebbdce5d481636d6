"""One reader, fed with damaged files, and led by what it does with them.

A file that makes a reader run lines that none before it did, or say what it did not say before, joins those that are
damaged further: so a reader is followed into its depths. Only an error of ours or a result that holds what readers
promise is right; all else is a failure, and the file is kept in ``soak/crashers`` to be read again with
``python -m soak.fuzz NAME FILE``.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import random
import re
import struct
import sys
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from fractura.core.errors import FracturaError
from soak.campaign import Campaign
from soak.fuzz.mutations import Mutation, change_bytes

CRASHERS = Path(__file__).parents[1] / "crashers"
LONGEST = 1 << 20
"""Bytes of a file; what grows over this is not tried."""
_FOLLOWED = 0.03
"""Share of the executions whose lines are followed, which makes them several times slower."""
_MOST_KEPT = 3000
_MOST_LINES = 300_000
"""Of one execution that are followed: the rest of it runs at full speed."""
_LENGTH = struct.Struct("<Q")
_PARTICULARS = re.compile(r"'[^']*'|\"[^\"]*\"|\([^)]*\)|[\d.]+|/\S+|line .*|byte .*")


@dataclass(frozen=True)
class Seed:
    """A file that is right, or nearly so.

    Attributes:
        data: Its bytes.
        name: Which of the reader's files it is, where it reads several.
    """

    data: bytes
    name: str = ""


Read = Callable[[bytes, str], Hashable]
"""Reads a file, given with its ``Seed.name``, and says in a few words what it found. It raises what the reader raises,
and an ``AssertionError`` where what was read is not right."""


@dataclass(frozen=True)
class Reader:
    """A reader to be tried.

    Attributes:
        name: What the campaign is called, behind ``fuzz-``.
        title: What it reads, for the table.
        prepare: Gets an empty folder; returns the files to start from, and the function that reads.
        mutations: How files are damaged; one that stands here twice is used twice as often.
        repair: Makes checksums and lengths right again, most of the time.
        traced: Packages whose lines are followed.
        tries: Executions in ``make soak``.
        seconds: After this long a try hangs.
        found: As in ``Campaign``.
    """

    name: str
    title: str
    prepare: Callable[[Path], tuple[Sequence[Seed], Read]]
    mutations: tuple[Mutation, ...] = (change_bytes,)
    repair: Callable[[bytes, random.Random], bytes] | None = None
    traced: tuple[str, ...] = ("fractura",)
    tries: int = 100_000
    seconds: int = 60
    found: str = ""

    def campaign(self) -> Campaign:
        """The campaign that tries it."""
        return Campaign(
            name=f"fuzz-{self.name}",
            promise=f"A damaged {self.title} ends in an error of ours, or is read as what it says",
            prepare=lambda folder: Fuzzer(self, folder),
            tries=self.tries,
            found=self.found,
            seconds_per_try=self.seconds,
            apart=True,
        )


class Fuzzer:
    """Damages files and has them read, one a call.

    Args:
        reader: Of what.
        folder: Empty; for the reader's files.
    """

    def __init__(self, reader: Reader, folder: Path) -> None:
        self._reader = reader
        seeds, self._read = reader.prepare(folder)
        self._kept = [seed for seed in dict.fromkeys(seeds) if len(seed.data) <= LONGEST]
        self._seen: set[Hashable] = set()
        self._lines: set[tuple[int, int]] = set()
        self._names = tuple(f"{os.sep}{name}{os.sep}" for name in reader.traced) + tuple(
            f"{os.sep}{name}.py" for name in reader.traced
        )
        self._known_code: dict[Any, bool] = {}
        self._left = 0
        self._longest_kept = 2 * max(len(seed.data) for seed in self._kept) + 1000
        self._current = mmap.mmap(-1, LONGEST + 64)

    def __call__(self, draw: random.Random) -> None:
        """One execution."""
        seed = self._damaged(draw)
        head = _LENGTH.pack(len(seed.data)) + seed.name.encode().ljust(56, b"\0")
        self._current[: 64 + len(seed.data)] = head + seed.data
        is_followed = draw.random() < _FOLLOWED
        try:
            said = self._followed(seed) if is_followed else self._outcome(seed)
        except BaseException as error:
            error.add_note(f"[{_kept_crasher(self._reader.name, seed)}]")
            raise
        if said not in self._seen:
            self._seen.add(said)
            if len(self._kept) < _MOST_KEPT and len(seed.data) <= self._longest_kept:
                self._kept.append(seed)

    def last_words(self) -> str:
        """Keep what is being read; asked for after a crash, in another process."""
        (length,) = _LENGTH.unpack(self._current[:8])
        name = self._current[8:64].rstrip(b"\0").decode()
        return f"[{_kept_crasher(self._reader.name, Seed(self._current[64 : 64 + length], name))}]"

    def _damaged(self, draw: random.Random) -> Seed:
        # The later ones came about by damage that did something new: they are worth more of it.
        start = draw.choice(self._kept[-40:]) if draw.random() < 0.4 else draw.choice(self._kept)
        others = [draw.choice(self._kept).data for _ in range(2)]
        data = start.data
        for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
            data = draw.choice(self._reader.mutations)(data, draw, others)
        if self._reader.repair is not None and draw.random() < 0.9:
            data = self._reader.repair(data, draw)
        return Seed(data[:LONGEST], start.name)

    def _outcome(self, seed: Seed) -> Hashable:
        try:
            return "read", self._read(seed.data, seed.name)
        except FracturaError as error:
            str(error).encode()  # what cannot be printed helps nobody
            return type(error).__name__, _PARTICULARS.sub("", error.problem)[:100]

    def _followed(self, seed: Seed) -> Hashable:
        """The outcome, or a new value where lines were run for the first time."""
        before, self._left = len(self._lines), _MOST_LINES
        sys.settrace(self._enter)
        try:
            said = self._outcome(seed)
        finally:
            sys.settrace(None)
        return said if len(self._lines) == before else ("lines", len(self._lines))

    def _enter(self, frame: FrameType, _event: str, _value: object) -> Any:
        code = frame.f_code
        known = self._known_code.get(code)
        if known is None:
            known = self._known_code[code] = any(name in code.co_filename for name in self._names)
        return self._line if known else None

    def _line(self, frame: FrameType, event: str, _value: object) -> Any:
        if event == "line":
            self._lines.add((id(frame.f_code), frame.f_lineno))
            self._left -= 1
            if not self._left:
                sys.settrace(None)
        return self._line


def _kept_crasher(reader: str, seed: Seed) -> str:
    CRASHERS.mkdir(exist_ok=True)
    digest = hashlib.sha256(seed.data).hexdigest()[:10]
    path = CRASHERS / "--".join(filter(None, (reader, seed.name.replace("/", "+"), digest)))
    path.write_bytes(seed.data)
    return path.name
