"""Commands that write a folder or a file, killed at random moments: convert, split, check, detect, evaluate, …"""

from __future__ import annotations

import hashlib
import io
import os
import random
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from soak.campaign import Attempt, Campaign
from soak.killing import Ended, Main, files_in, refuse_differences, run_forked

_TRIES = 50
_MOST_KILLS, _MOST_RUNS = 3, 100
_TIME = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
Reader = Callable[[Path], object]
"""Reads what a command writes; raises ``FracturaError`` where that is not whole."""


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command that is killed.

    Attributes:
        words: After ``fractura``, with ``{data}``, ``{model}``, ``{other}``, ``{trained}`` and ``{out}``.
        output: Name of what it writes, in the folder of the try.
        read: What reads it.
        make: Writes its input into a folder: ``data`` and, for an earlier run of other content, ``fewer``.
        overwrite: The option that replaces an earlier run's results; None if there is none.
        codes: Exit codes of a run that has done its work.
        main: Runs it; None is ``fractura``.
    """

    words: str
    output: str
    read: Reader
    make: Callable[[Path], None]
    overwrite: str | None = "--overwrite"
    codes: tuple[int, ...] = (0,)
    main: Main | None = None


class _Tries:
    """What all tries of a command share: its input, and what it writes when nobody kills it."""

    def __init__(self, command: Command, folder: Path) -> None:
        from fractura.cli.main import main

        self.command, self.main = command, command.main or main
        self.given, self.scratch, self.here = folder / "given", folder / "scratch", folder / "here"
        self.given.mkdir()
        command.make(self.given)
        self.input = _digests(self.given)
        self.earlier = folder / "earlier"
        self.read_earlier = self._uninterrupted("fewer")[1]
        shutil.move(self.here, self.earlier)
        self.ended, self.read_whole = self._uninterrupted("data")
        self.whole = self._left()
        self.usual = files_in(self.scratch / "temporary").keys()  # ONNX Runtime leaves one

    def _words(self, data: str) -> list[str]:
        names = {"data": data, "model": "model.onnx", "other": "other.onnx", "trained": "trained"}
        places = {name: self.given / place for name, place in names.items()}
        return [word.format(**places, out=self.here / self.command.output) for word in self.command.words.split()]

    def _uninterrupted(self, data: str) -> tuple[Ended, dict[str, object]]:
        self.here.mkdir()
        ended = run_forked(self.main, self._words(data), self.scratch)
        if ended.code not in self.command.codes:
            raise AssertionError(f"nobody killed it, and it ended with {ended.code}: {ended.said}")
        ended.import_all()
        return ended, self._readings()

    def _left(self) -> dict[str, str]:
        return _digests(self.here)

    def _readings(self) -> dict[str, object]:
        """What the reader makes of the output and of every folder in it; without those that it refuses."""
        from fractura.core.errors import FracturaError

        found = {}
        for path in {self.here / self.command.output, *(path for path in self.here.rglob("*") if path.is_dir())}:
            with suppress(FracturaError):
                found[path.relative_to(self.here).as_posix()] = self.command.read(path)
        return found

    def attempt(self, chance: random.Random) -> None:
        """Kill it one to three times, each time in the run after, and let the last run end."""
        shutil.rmtree(self.here)
        replaces = self.command.overwrite is not None and chance.random() < 0.4
        if replaces:
            shutil.copytree(self.earlier, self.here, symlinks=True)
        else:
            self.here.mkdir()
        words, kills, wanted = self._words("data"), 0, chance.randint(1, _MOST_KILLS)
        for _ in range(_MOST_RUNS):
            may = [self.command.overwrite] if self.command.overwrite and (replaces or kills) else []
            kills += run_forked(self.main, words + may, self.scratch, self.ended.moment(chance)).code is None
            self._examine(replaces)
            if kills == wanted:
                break
        if not kills:
            raise AssertionError(f"{_MOST_RUNS} runs, and none was killed")
        self._finish(words)

    def _examine(self, replaces: bool) -> None:
        """Whatever can be read is whole: the new results, or those they were to replace."""
        for name, found in self._readings().items():
            allowed = [self.read_whole.get(name), *([self.read_earlier.get(name)] if replaces else [])]
            if found not in allowed:
                raise AssertionError(f"{name} reads as {str(found)[:300]}, not as {str(allowed)[:300]}")

    def _finish(self, words: list[str]) -> None:
        """The same command, then what its error hints at."""
        ended, again = run_forked(self.main, words, self.scratch), self.command.overwrite
        if ended.code in (2, 3) and again and again in ended.said:
            ended = run_forked(self.main, [*words, again], self.scratch)
        was_whole = not again and ended.code == 2 and self._left() == self.whole
        if ended.code not in self.command.codes and not was_whole:
            raise AssertionError(f"after the kill it ends with {ended.code}: {ended.said[-600:]}")
        refuse_differences(self._left(), self.whole, "after the kill and another run")
        refuse_differences(_digests(self.given), self.input, "the input")
        if litter := files_in(self.scratch / "temporary").keys() - self.usual:
            raise AssertionError(f"temporary files are left: {sorted(litter)[:5]}")


def _digests(folder: Path) -> dict[str, str]:
    """Of every file, but for the times in it."""
    return {
        name: hashlib.sha256(re.sub(_TIME, b"", _unpacked(name, content))).hexdigest()
        for name, content in files_in(folder).items()
    }


def _unpacked(name: str, content: bytes) -> bytes:
    """Without the times in a Word file, which is an archive."""
    if not name.endswith(".docx"):
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return repr({each: archive.read(each) for each in archive.namelist()}).encode()


def _prepare(command: Command, folder: Path) -> Attempt:
    return _Tries(command, folder).attempt


def _images(folder: Path) -> None:
    """Two data sets that share no image, ``data`` and ``fewer``, and two tiny models."""
    from support.tiny_models import CARD, write_tiny_onnx

    from fractura.phantom import make_phantoms

    card = CARD.model_copy(update={"class_names": ("Fractura", "yeso")})
    write_tiny_onnx(folder / "model.onnx", card=card)
    write_tiny_onnx(folder / "other.onnx", card=card, scores=(0.35, 0.8, 0.1))
    for name, images, seed in (("data", 12, 1), ("fewer", 5, 2)):
        make_phantoms(folder / name, images=images, seed=seed, size=(192, 200))


def _messy(folder: Path) -> None:
    """The same with mistakes that ``check --fix`` finds."""
    _images(folder)
    first, second, *_ = sorted((folder / "data" / "images").iterdir())
    shutil.copyfile(first, first.with_name("copy.jpg"))
    annotation = folder / "data" / "annotations" / first.with_suffix(".xml").name
    shutil.copyfile(annotation, annotation.with_name("copy.xml"))
    (second.parent / "damaged.png").write_bytes(b"\x89PNG damaged")


def _dataset(path: Path) -> object:
    from fractura.formats import read_dataset

    problems: list[object] = []
    dataset = read_dataset(path, problems=problems)
    return len(dataset), dataset.class_names, dataset.fingerprint()


def _sharded(path: Path) -> object:
    """Shards are read by a pattern or a sharded name."""
    return _dataset(path.with_name(f"{path.name}-?????-of-00003"))


def _model(folder: Path) -> None:
    """A trained model of a few thousand weights, and images."""
    import torch
    from safetensors.torch import save_file
    from support.tiny_faster_rcnn import build

    from fractura.core.model_card import WEIGHTS_FILE, ModelCard, write_card

    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    _images(folder)
    detector = build()
    card = ModelCard(name="m", architecture=detector.architecture(), class_names=("Fractura",), threshold=0.4)
    write_card(card, folder / "trained")
    save_file(detector.state_dict(), folder / "trained" / WEIGHTS_FILE)


def _export(words: list[str]) -> int:
    """``fractura``, where PyTorch makes the graph of a model once, most of an export; the rest is killed."""
    from fractura.cli.main import main
    from fractura.export import onnx as exporting

    make, made = exporting.write_graph, Path(tempfile.gettempdir()).parent / "graph.onnx"

    def make_once(detector: object, draft: Path) -> None:
        if not made.is_file():
            make(detector, draft)
            shutil.copyfile(draft, made)
        shutil.copyfile(made, draft)

    exporting.write_graph = make_once
    return main(words)


def _one_file(path: Path) -> object:
    from fractura.core.files import read_file

    if path.suffix != ".onnx":
        return None  # the folder around it
    return hashlib.sha256(read_file(path)).hexdigest()


def _nothing(folder: Path) -> None:
    """The command needs no input."""


def _results(path: Path, *, document: str) -> object:
    """A folder of results counts as whole unless a note says otherwise."""
    from fractura.core.errors import DataError
    from fractura.core.output_folder import refuse_unfinished

    refuse_unfinished(path)
    if not (path / document).is_file():
        raise DataError("is not there", file=path / document)
    # Without the lock and the temporary file of a run that was killed before it changed anything.
    return {name: digest for name, digest in _digests(path).items() if not name.startswith(".fractura-")}


def _plots_in_no_time(folder: Path) -> None:
    """Drawing takes ten seconds a report, and it is the writing that is killed: every plot is one line."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    _images(folder)
    drawing = b'<svg viewBox="0 0 9 9" xmlns="http://www.w3.org/2000/svg"><path d="M0 0L9 9"/></svg>'
    FigureCanvasSVG.print_svg = lambda canvas, file, **_: file.write(drawing)
    FigureCanvasPdf.print_pdf = lambda canvas, file, **_: file.write(b"%PDF")
    FigureCanvasAgg.draw = lambda canvas: None
    FigureCanvasAgg.buffer_rgba = lambda canvas: np.zeros((4, 4, 4), np.uint8)


def _campaign(name: str, promise: str, command: Command, *, tries: int = _TRIES, found: str = "") -> Campaign:
    return Campaign(f"kill-{name}", promise, partial(_prepare, command), tries, found, seconds_per_try=1800)


_AGAIN = "afterwards its readers refuse what is not whole, and the same command ends as if nothing had been"
_LEFT = "`test_what_a_killed_process_left_is_gone_after_the_next_write`"
_DETECT = "detect {data} --model {model} --output {out}"
_EVALUATE = "evaluate {model} {data} --output {out} --rounds 20"

CAMPAIGNS = (
    *(
        _campaign(
            f"convert-{to}",
            f"`kill -9` of `convert --to {to}`: {_AGAIN}",
            Command(words=f"convert {{data}} {{out}} --to {to}", output="out", read=_dataset, make=_images),
            found=f"a kill in the write of the folder's note left a temporary file for good, 4 of 125: {_LEFT}",
        )
        for to in ("voc", "yolo", "coco", "createml", "csv")
    ),
    _campaign(
        "convert-tfrecord",
        f"`kill -9` of `convert --to tfrecord`: {_AGAIN}",
        Command(words="convert {data} {out} --to tfrecord", output="out.tfrecord", read=_dataset, make=_images),
        found=f"the temporary file, as large as the data, was left for good, 14 of 25: {_LEFT}",
    ),
    _campaign(
        "convert-shards",
        f"`kill -9` of `convert --to tfrecord --shards 3`: {_AGAIN}",
        Command(words="convert {data} {out} --to tfrecord --shards 3", output="out", read=_sharded, make=_images),
        found="shards of an earlier data set among those of the new one read as a whole, at least 4 of 25: "
        f"`test_a_kill_between_two_shards_leaves_no_mixture`; temporary files were left for good, 14 of 25: {_LEFT}",
    ),
    _campaign(
        "split",
        f"`kill -9` of `split`: {_AGAIN}",
        Command(words="split {data} {out} --val 0.3 --test 0.2", output="out", read=_dataset, make=_images),
        found=f"a temporary file was left for good, 1 of 25: {_LEFT}",
    ),
    _campaign(
        "check",
        f"`kill -9` of `check --fix --html`: {_AGAIN}",
        Command(
            words="check {data} --fix {out} --html {out}.html",
            output="out",
            read=_dataset,
            make=_messy,
            overwrite=None,
            codes=(0, 1, 3),
        ),
        found=f"the page's temporary file was left for good, 1 of 25: {_LEFT}; killed in the write of its note, the "
        "folder was refused as not empty: `test_killed_before_its_note_has_its_name_it_can_be_run_again`",
    ),
    _campaign(
        "phantom",
        f"`kill -9` of `phantom`: {_AGAIN}",
        Command(
            words="phantom {out} --images 8 --val-images 3 --short-side 192 --long-side 200 --workers 1",
            output="out",
            read=_dataset,
            make=_nothing,
            overwrite=None,
        ),
        found="the folder read as a smaller data set, 11 of 25, or was refused by the next run, 2 of 25: "
        "`test_killed_phantoms_do_not_read_as_a_smaller_data_set`",
    ),
    _campaign(
        "detect",
        f"`kill -9` of `detect` on a folder: {_AGAIN}",
        Command(words=_DETECT, output="out", read=partial(_results, document="results.json"), make=_images),
        found="with `--overwrite`, earlier pictures were gone before the folder was marked (by reading the code): "
        "`test_a_folder_is_marked_before_the_first_earlier_result_is_gone`",
    ),
    _campaign(
        "export",
        f"`kill -9` of `export` to ONNX, once the graph is made: {_AGAIN}",
        Command(
            words="export {trained} --output {out} --images {data}",
            output="out.onnx",
            read=_one_file,
            make=_model,
            main=_export,
            overwrite=None,
        ),
        found="the draft, as large as the model, was left among the system's temporary files for good (by reading the "
        f"code): {_LEFT}",
    ),
    _campaign(
        "evaluate",
        f"`kill -9` of `evaluate` with its report: {_AGAIN}",
        Command(
            words=_EVALUATE, output="out", read=partial(_results, document="evaluation.json"), make=_plots_in_no_time
        ),
    ),
    _campaign(
        "compare",
        f"`kill -9` of `compare` with its report: {_AGAIN}",
        Command(
            words="compare {model} {other} {data} --output {out} --rounds 20",
            output="out",
            read=partial(_results, document="comparison.json"),
            make=_plots_in_no_time,
        ),
    ),
)
