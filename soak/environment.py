"""Surroundings that nobody thought of: each command once in each of them."""

from __future__ import annotations

import itertools
import json
import os
import random
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from soak.bombs import voc
from soak.campaign import Attempt, Campaign
from soak.confined import BrokenPromiseError
from soak.hostile_pictures import put
from soak.names_shown import noise

_POWERLESS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
_SOURCES = Path(__file__).parents[1] / "src"


@dataclass(frozen=True)
class Surroundings:
    """What a command runs in.

    Attributes:
        variables: Of the environment; None takes one away.
        python: Options of Python.
        shell: Around the command, which is ``"$@"``.
        prepare: Gets the try's folder.
        powerless: Without the rights of root, which may write everywhere.
        folder: What the folder of the try is called.
        codes: Exit codes that are right.
    """

    variables: dict[str, str | None] = field(default_factory=dict)
    python: tuple[str, ...] = ()
    shell: str = '"$@"'
    prepare: Callable[[Path], None] | None = None
    powerless: bool = False
    folder: str = "place"
    codes: tuple[int, ...] = (0, 3)


def _locked(path: Path) -> None:
    path.mkdir(exist_ok=True)
    path.chmod(0o555)


def _read_only_folder(place: Path) -> None:
    place.chmod(0o555)


_MAIN = "import asyncio, multiprocessing, sys; from fractura.cli.main import main\n"
_LOOP = f"{_MAIN}async def go(): return main(sys.argv[1:])\nsys.exit(asyncio.run(go()))"
_SPAWN = (
    f"{_MAIN}if __name__ == '__main__':\n    multiprocessing.set_start_method('spawn'); sys.exit(main(sys.argv[1:]))"
)
_ISOLATED = f"import sys; sys.path.insert(0, {str(_SOURCES)!r}); {_MAIN}sys.exit(main(sys.argv[1:]))"
SURROUNDINGS = {
    "as usual": Surroundings(),
    "-W error": Surroundings(python=("-W", "error")),
    "-X dev": Surroundings(python=("-X", "dev")),
    "LC_ALL=C, no UTF-8": Surroundings({"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "a locale of Latin-1": Surroundings({"PYTHONIOENCODING": "latin-1", "LC_ALL": "POSIX", "PYTHONUTF8": "0"}),
    "an unknown locale": Surroundings({"LC_ALL": "xx_YY.nonsense"}),
    "HOME unset": Surroundings({"HOME": None, "USER": None, "LOGNAME": None}),
    "HOME that is not there": Surroundings({"HOME": "/nowhere/at/all"}),
    "a read-only home": Surroundings(
        {"HOME": "{place}/home", "XDG_CACHE_HOME": None}, prepare=lambda place: _locked(place / "home"), powerless=True
    ),
    "another user who may not write here": Surroundings(prepare=_read_only_folder, powerless=True, codes=(0, 2, 3)),
    "spaces": Surroundings(folder="a  folder with spaces "),
    "ñ": Surroundings(folder="muñeca izquierda"),
    "ñ without UTF-8": Surroundings({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, folder="muñeca"),
    "an emoji": Surroundings(folder="🦴 radiografías"),
    "a name that is not UTF-8": Surroundings(folder="mu\udcf1eca"),
    "quotes and signs": Surroundings(folder="it's \"100%\" $HOME #1 & [x] {y}"),
    "a leading dash": Surroundings(folder="-folder"),
    "no display": Surroundings({"DISPLAY": None, "WAYLAND_DISPLAY": None, "MPLBACKEND": None, "BROWSER": None}),
    "a display that is not there": Surroundings({"DISPLAY": ":99", "MPLBACKEND": None}),
    "another backend of matplotlib": Surroundings({"MPLBACKEND": "module://nothing"}),
    "an event loop that runs": Surroundings(python=("-c", _LOOP)),
    "spawn": Surroundings(python=("-c", _SPAWN)),
    "stdin closed": Surroundings(shell='"$@" <&-'),
    "stdout closed": Surroundings(shell='"$@" >&-', codes=(0, 1, 3)),
    "stderr closed": Surroundings(shell='"$@" 2>&-'),
    "all closed": Surroundings(shell='"$@" <&- >&- 2>&-', codes=(0, 1, 3)),
    "| head -1": Surroundings(shell='set -o pipefail; "$@" | head -1', codes=(0, 3, 141)),
    "| true": Surroundings(shell='set -o pipefail; "$@" | true', codes=(0, 3, 141)),
    "TMPDIR that is not there": Surroundings({"TMPDIR": "/nowhere"}),
    "a read-only TMPDIR": Surroundings({"TMPDIR": "{place}/tmp"}, prepare=lambda p: _locked(p / "tmp"), powerless=True),
    "an odd time zone": Surroundings({"TZ": "Pacific/Chatham"}),
    "a time zone that is not there": Surroundings({"TZ": "Nowhere/Nothing"}),
    "PYTHONDONTWRITEBYTECODE": Surroundings({"PYTHONDONTWRITEBYTECODE": "1"}),
    "umask 077": Surroundings(shell='umask 077; "$@"'),
    "-O": Surroundings(python=("-OO",)),
    "-I": Surroundings(python=("-I", "-c", _ISOLATED)),
    "a terminal of 20 columns": Surroundings({"COLUMNS": "20", "TERM": "dumb"}),
    "colours forced": Surroundings({"FORCE_COLOR": "1", "TERM": "xterm-256color"}),
    "few open files": Surroundings(shell='ulimit -n 64; "$@"'),
    "an empty environment": Surroundings({"*": None}),
}  # fmt: skip

COMMANDS = {
    "version": ["--version"],
    "help": ["detect", "--help"],
    "models": ["models"],
    "doctor": ["doctor", "data"],
    "phantom": ["phantom", "out", "--images", "2", "--val-images", "1", "--short-side", "192", "--long-side", "224"],
    "check": ["check", "data", "--html", "out/page.html"],
    "fix": ["check", "data", "--fix", "out"],
    "convert": ["convert", "data", "out", "--to", "coco"],
    "tfrecord": ["convert", "data", "out/a.tfrecord", "--to", "tfrecord", "--json"],
    "split": ["split", "data", "out", "--val", "0.3", "--test", "0"],
    "detect": ["detect", "data", "--model", "tiny.onnx", "--output", "out"],
    "detect here": ["detect", "data", "--model", "tiny.onnx"],
    "evaluate": ["evaluate", "tiny.onnx", "data", "--output", "out", "--rounds", "5"],
    "compare": ["compare", "tiny.onnx", "other.onnx", "data", "--rounds", "5", "--output", "out"],
    "agree": ["agree", "data", "data2", "--rounds", "5", "--output", "out"],
    "calibrate": ["calibrate", "tiny.onnx", "data", "--output", "out.onnx"],
    "configure": ["configure", "out.config", "--new", "faster_rcnn_inception_resnet_v2_640x640"],
    "reader-study": ["reader-study", "ratings.csv", "--output", "out"],
    "sample-size": ["sample-size", "ratings.csv", "--effect", "0.1", "--readers", "4"],
}


def prepare_surroundings(folder: Path) -> Attempt:
    """Every command in every surroundings, in turn."""
    folder.chmod(0o755)
    everything = [(name, command) for command in COMMANDS for name in SURROUNDINGS]
    random.Random(0).shuffle(everything)  # so that a few tries see a bit of everything
    table = itertools.cycle(everything)
    numbers = itertools.count()

    def attempt(chance: random.Random) -> None:
        name, command = next(table)
        around = SURROUNDINGS[name]
        place = folder / str(next(numbers)) / around.folder
        make_place(place, chance.randrange(1000))
        try:
            run_in(around, COMMANDS[command], place)
        except Exception as error:
            raise type(error)(f"{command}, {name}: {error}") from error
        finally:
            for path in (place, place / "home", place / "tmp"):
                if path.exists():
                    path.chmod(0o755)
            shutil.rmtree(place.parent, ignore_errors=True)

    return attempt


def make_place(place: Path, seed: int) -> None:
    """Data, models and ratings for every command."""
    from support.tiny_models import CARD, write_tiny_onnx

    for number in range(6):
        for data in ("data", "data2"):
            text = voc(f"ñ {number}.png", "Fractura", size=64)
            text = text if number % 2 else text[: text.index("<object>")] + "</annotation>"
            put(place / data / "images" / f"ñ {number}.png", noise(seed + number))
            put(place / data / "annotations" / f"ñ {number}.xml", text)
    card = CARD.model_copy(update={"class_names": ("Fractura", "yeso")})
    for model in ("tiny.onnx", "other.onnx"):
        write_tiny_onnx(place / model, card=card)
    rows = ["reader,modality,image,rating,fractured"]
    rows += [f"{r},{m},{n}.png,{(r * n + m) % 5},{n % 2}" for r in range(3) for m in range(2) for n in range(6)]
    put(place / "ratings.csv", "\n".join(rows) + "\n")


def run_in(around: Surroundings, words: list[str], place: Path) -> None:
    """Run a command.

    Raises:
        BrokenPromiseError: It ended otherwise than it should, or said that it is a bug.
    """
    start = {"PATH": os.environ["PATH"]} if "*" in around.variables else dict(os.environ)
    environment = {**start, "PYTHONPATH": str(_SOURCES), "OMP_NUM_THREADS": "1"}
    for name, value in around.variables.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value.replace("{place}", str(place))
    if around.prepare is not None:
        around.prepare(place)
    python = [sys.executable, *around.python, *([] if "-c" in around.python else ["-m", "fractura"])]
    python = [*(_POWERLESS if around.powerless and os.getuid() == 0 else ()), *python]
    done = subprocess.run(
        ["bash", "-c", around.shell, "bash", *python, *words],
        cwd=place, env=environment, capture_output=True, timeout=500,
    )  # fmt: skip
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode not in around.codes:
        raise BrokenPromiseError(f"exit code {done.returncode}: {said.strip()[-600:]}")
    for word in ("this is a bug", "Traceback", "Warning:", "Exception ignored"):
        if word in said:
            raise BrokenPromiseError(f"said: {said.strip()[-600:]}")
    if "--json" in words and done.returncode == 0 and "head" not in around.shell and done.stdout:
        json.loads(done.stdout)
    if "umask 077" in around.shell:
        open_to_others = [
            p for p in (place / "out").rglob("*") if p.is_file() and stat.S_IMODE(p.stat().st_mode) & 0o77
        ]
        if open_to_others:
            raise BrokenPromiseError(f"{open_to_others[0].name} can be read by others")


ENVIRONMENT = Campaign(
    name="environment",
    promise="Every command works, or says why not, in odd surroundings: locales, homes, names, users, pipes, "
    "warnings as errors, a running event loop, spawn",
    prepare=prepare_surroundings,
    tries=len(COMMANDS) * len(SURROUNDINGS),
    found="a pipe that the reader had closed ended a command with 1, which means a bug; now with 141; names "
    "that the locale cannot hold: `test_the_fingerprint_does_not_depend_on_what_the_locale_makes_of_names`",
    seconds_per_try=900,
)
