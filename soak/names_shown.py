"""Hostile names of everything that pages, pictures, tables and the terminal show."""

from __future__ import annotations

import csv
import io
import itertools
import random
import re
import shutil
from pathlib import Path
from xml.sax.saxutils import escape

from soak.bombs import voc
from soak.campaign import Attempt, Campaign
from soak.confined import confined, untouched
from soak.hostile_names import FORMULAS, MARKUP, ODD
from soak.hostile_pictures import put
from soak.names_in_files import SIDE, WRITTEN, check_folder

_HALF = re.compile("[\ud800-\udfff]")  # of a character: what is left of a name that is not UTF-8


def prepare_shown(folder: Path) -> Attempt:
    """Images, folders, classes, patients, readers, groups and models with hostile names, in all that shows them."""
    from fractura.cli.main import load_command, main

    for command in ("check", "convert", "detect", "evaluate", "compare", "agree", "reader-study", "calibrate", "split"):
        load_command(command)
    import matplotlib.pyplot  # noqa: F401

    numbers = itertools.count()
    ways = itertools.cycle(
        ["detect", "evaluate", "check", "fix", "agree", "reader-study", "compare", "split", "calibrate"]
    )

    def attempt(chance: random.Random) -> None:
        place, way = folder / str(next(numbers)), next(ways)
        data, names = _hostile_data(place, chance)
        try:
            words = _showing(way, place, data, names, chance)
            with untouched(place, "out"):
                outcome = confined(lambda: main(words), place)
            outcome.holds()
            if (place / "out").is_dir():
                check_folder(place / "out")
        except Exception as error:
            raise type(error)(f"{way} of {names!r}: {error}") from error
        finally:
            shutil.rmtree(place, ignore_errors=True)

    return attempt


def _hostile_data(place: Path, chance: random.Random) -> tuple[str, dict[str, str]]:
    """A data folder, and the names in it."""
    words = [each for each in (*MARKUP, *FORMULAS, *ODD) if each.strip("./ \\") and "\x00" not in each]
    names = {kind: chance.choice(words) for kind in ("class", "patient", "reader", "group", "model", "folder")}
    names = {kind: name[:60] for kind, name in names.items()}
    names["class"] = _HALF.sub("", re.sub("[\x00-\x1f]", "", names["class"])) or "x"
    folder = names["folder"].replace("/", "_")[:60].strip() or "data"
    folder = "data" if folder.startswith("-") or "\ud800" <= folder[:1] <= "\udfff" else folder
    stems = set()
    for number in range(6):
        stem = chance.choice(words).replace("/", "_")[:60] + str(number)
        stems.add(stem)
        put(place / folder / "images" / f"{stem}.png", noise(number))
        text = voc("", escape(names["class"]), size=SIDE) if number % 2 else voc("", size=SIDE)
        if number == 4:
            text = re.sub("<object>.*</object>", "", text)
        put(place / folder / "annotations" / f"{stem}.xml", text)
    names["images"] = sorted(stems)[0]
    return folder, names


def noise(seed: int) -> bytes:
    """A small picture of its own for each seed."""
    import numpy as np
    from PIL import Image

    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(pixels).resize((SIDE, SIDE)).save(stream, "PNG")
    return stream.getvalue()


def _showing(way: str, place: Path, data: str, names: dict[str, str], chance: random.Random) -> list[str]:
    from support.tiny_models import CARD, write_tiny_onnx

    texts = {kind: _HALF.sub("", name) or "x" for kind, name in names.items()}
    card = CARD.model_copy(
        update={
            "name": texts["model"],
            "class_names": (names["class"], "Fractura") if names["class"] != "Fractura" else ("Fractura", "b"),
            "licence": texts["reader"],
            "citation": texts["group"],
            "threshold_aim": texts["model"],
        }
    )
    for file in ("tiny.onnx", "other.onnx"):
        write_tiny_onnx(place / file, card=card)
    images = sorted(path.name for path in (place / data / "images").iterdir())
    stream = io.StringIO(newline="")
    rows = [["image", "patient", texts["group"], "sex", "device"]]
    rows += [
        [name, f"{texts['patient']}{n // 2}", f"{texts['reader']}{n % 2}", "F", texts["patient"]]
        for n, name in enumerate(images)
    ]
    csv.writer(stream).writerows(rows)
    put(place / "groups.csv", stream.getvalue())
    language = ["--language", chance.choice(["en", "es"])]
    json_words = ["--json"] * chance.randrange(2)
    if way == "reader-study":
        stream = io.StringIO(newline="")
        table = [["reader", "modality", "image", "rating", "fractured"]]
        for reader, modality, number in itertools.product(range(3), (0, 1), range(6)):
            who = [f"{texts['reader']}{reader}", f"{texts['group']}{modality}", f"{texts['patient']}{number}.png"]
            table.append([*who, str(chance.randrange(5)), str(number % 2)])
        csv.writer(stream).writerows(table)
        put(place / "ratings.csv", stream.getvalue())
        return ["reader-study", "ratings.csv", "--output", "out", *language, *json_words]
    if way == "agree":
        shutil.copytree(place / data, place / f"{data}2")
        return [
            "agree",
            data,
            f"{data}2",
            "--model",
            "tiny.onnx",
            "--rounds",
            "5",
            "--output",
            "out",
            *language,
            *json_words,
        ]
    measured = ["--groups", "groups.csv", "--rounds", "5", "--output", "out", *language, *json_words]
    return {
        "detect": ["detect", data, "--model", "tiny.onnx", "--output", "out", "--identifiers", *json_words],
        "evaluate": ["evaluate", "tiny.onnx", data, *measured],
        "compare": ["compare", "tiny.onnx", "other.onnx", data, *measured],
        "check": ["check", data, "--html", "out/page.html", *json_words],
        "fix": ["check", data, "--fix", "out", *json_words],
        "split": [
            "split",
            data,
            "out",
            "--val",
            "0.3",
            "--test",
            "0",
            "--to",
            chance.choice(WRITTEN[:-1]),
            *json_words,
        ],
        "calibrate": ["calibrate", "tiny.onnx", data, "--output", "out.onnx", *json_words],
    }[way]


SHOWN = Campaign(
    name="names-shown",
    promise="Whatever images, folders, classes, patients, readers, groups and models are called: pages, pictures, "
    "tables and the terminal show it as text",
    prepare=prepare_shown,
    tries=450,
    found="Control characters of names on the terminal; a bug in tables for Word, no XML in drawings, 1 of 5: "
    "`test_names_that_no_xml_holds_are_written_out`, `test_names_that_no_xml_holds_are_drawn_all_the_same`",
    seconds_per_try=600,
)
