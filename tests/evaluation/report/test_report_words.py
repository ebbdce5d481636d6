"""Every sentence of the report is there in Spanish, with the same places to fill in; numbers have a comma."""

import ast
import re
import string
from pathlib import Path

import pytest
from support.report_images import detections, images, report

import fractura.evaluation.report
from fractura.core.errors import UsageError
from fractura.evaluation import Metric
from fractura.evaluation.report.claim import ITEMS
from fractura.evaluation.report.spanish import SPANISH
from fractura.evaluation.report.words import Words, rate

ROOM = Path(fractura.evaluation.report.__file__).parent


def sentences():
    """The literals that are passed to ``say`` in the room's files."""
    for file in sorted(ROOM.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("say", "m.say", "self.say"):
                for part in ast.walk(node.args[0]):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and " " in part.value.strip():
                        yield part.value


def test_every_sentence_is_there_in_spanish():
    used = {words for words in sentences() if words != "by "} | {item.words for item in ITEMS}
    used |= {item.author for item in ITEMS if item.author}
    assert len(used) > 200
    assert used - set(SPANISH) == set()


def places(words):
    return {name for _, name, _, _ in string.Formatter().parse(words) if name}


def test_translations_have_the_same_places_blanks_and_full_stops():
    for english, spanish in SPANISH.items():
        assert places(english) == places(spanish), english
        assert (spanish.strip() == spanish) == (english.strip() == english), english
        assert english == "No." or english.rstrip(" :").endswith(".") == spanish.rstrip(" :").endswith("."), english


def test_a_spanish_report(tmp_path):
    dataset = images(tmp_path, count=8)
    made = report(tmp_path / "out", dataset, detections(dataset), language="es")
    page = made.read_text(encoding="utf-8")
    assert '<html lang="es">' in page
    assert "herramienta de investigación" in page
    assert "Lista CLAIM" in (made.parent / "claim.md").read_text(encoding="utf-8")
    assert re.search(r'data-metric="image_sensitivity">\d+,\d', page)
    drawing = (made.parent / "plots" / "froc.svg").read_text(encoding="utf-8")
    assert "Marcas falsas por radiografía" in drawing


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_report_of_nothing_speaks_each_language(tmp_path, language):
    dataset = images(tmp_path, count=2, positive=False)
    assert report(
        tmp_path / "out", dataset, [each.above(1) for each in detections(dataset)], language=language, rounds=0
    )


def test_numbers():
    english, spanish = Words("en"), Words("es")
    metric = Metric(0.12345, 0.1, 0.2)
    assert english.percent(0.12345) == "12.3\u00a0%"
    assert spanish.percent(0.12345) == "12,3\u00a0%"
    assert spanish.number(None) == "–"
    assert english.interval(metric, share=True) == "10.0–20.0"
    assert spanish.interval(metric, share=False, digits=3) == "0,100–0,200"
    assert english.interval(Metric(0.1), share=True) == ""
    assert [rate(point) for point in (0.125, 0.5, 1.0, 8)] == ["1/8", "1/2", "1", "8"]
    with pytest.raises(UsageError):
        Words("fr")
    with pytest.raises(KeyError):
        spanish("nobody has translated this")
