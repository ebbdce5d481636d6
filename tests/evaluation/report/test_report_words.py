"""Sentences and numbers in the reader's language: the catalogues are complete, compiled and consistent."""

import ast
import gettext
import io
import re
import string

import pytest
from support.report_images import detections, images, report
from support.translations import CATALOGUES, SOURCE, compiled, extract, read

from fractura.core.errors import UsageError
from fractura.evaluation import Metric
from fractura.evaluation.messages import Message
from fractura.evaluation.report.context import aim_text
from fractura.evaluation.report.language import LANGUAGES, Language, rate_text
from fractura.evaluation.threshold import AIMS


@pytest.fixture(name="catalogue", params=CATALOGUES, ids=lambda file: file.parts[-3])
def every_catalogue(request):
    return read(request.param)


def test_every_language_has_a_catalogue():
    assert {"en", *(file.parts[-3] for file in CATALOGUES)} == set(LANGUAGES)


def test_every_sentence_is_translated_and_no_other(catalogue):
    used = {message.id for message in extract() if message.id}
    translated = {message.id for message in catalogue if message.id and message.string and not message.fuzzy}
    assert len(used) > 300
    assert sorted(used - translated) == []  # `make translations`, then fill these in
    assert sorted({message.id for message in catalogue if message.id} - used) == []
    assert not catalogue.obsolete


@pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: file.parts[-3])
def test_the_compiled_catalogue_is_that_of_the_text(file):
    shipped, fresh = (
        gettext.GNUTranslations(io.BytesIO(data))._catalog
        for data in (file.with_suffix(".mo").read_bytes(), compiled(read(file)))
    )
    for catalogue in (shipped, fresh):  # the header names the version of Babel
        assert "charset=utf-8" in catalogue.pop("")
    assert shipped == fresh  # else: `make translations`


TAKES_TEXT = ("_", "gettext", "gettext_noop", "Message")


def literals():
    """The texts that the code passes to gettext, as Python itself reads it."""
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in TAKES_TEXT:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant):
                    yield first.value


def test_no_sentence_hides_from_the_translators():
    # Babel does not see what is inside an f-string.
    assert set(literals()) - {message.id for message in extract()} == set()


def places(words):
    return {name for _, name, _, _ in string.Formatter().parse(words) if name}


def test_translations_have_the_same_places_blanks_and_full_stops(catalogue):
    for message in catalogue:
        english, translated = message.id, message.string
        if english:
            assert places(english) == places(translated), english
            assert (translated.strip() == translated) == (english.strip() == english), english
            ends = [words.rstrip(" :").endswith(".") for words in (english, translated)]
            assert english == "No." or ends[0] == ends[1], english


def test_a_spanish_report(tmp_path):
    dataset = images(tmp_path, count=8)
    made = report(tmp_path / "out", dataset, detections(dataset), language="es")
    page = made.read_text(encoding="utf-8")
    assert '<html lang="es">' in page
    assert "herramienta de investigación" in page
    assert "Lista CLAIM" in (made.parent / "claim.md").read_text(encoding="utf-8")
    assert re.search(r'data-metric="image_sensitivity">\d+,\d', page)
    drawing = (made.parent / "plots" / "froc.svg").read_text(encoding="utf-8")
    assert "Falsos positivos por radiografía" in drawing
    assert "0,2" in (made.parent / "plots" / "scores.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_of_nothing_speaks_each_language(tmp_path, language):
    dataset = images(tmp_path, count=2, positive=False)
    assert report(
        tmp_path / "out", dataset, [each.above(1) for each in detections(dataset)], language=language, rounds=0
    )


def test_what_is_not_translated_yet_stands_in_english():
    spanish = Language("es")
    assert spanish.gettext("nobody has translated this") == "nobody has translated this"
    assert spanish.gettext("not translated: {number}", number=3) == "not translated: 3"
    assert spanish.gettext("") == ""
    assert spanish.gettext("a name with {braces}") == "a name with {braces}"


def test_messages_within_messages_are_translated():
    choice = Message("{first} and {second}", {"first": Message("the threshold"), "second": Message("the calibration")})
    assert str(choice) == "the threshold and the calibration"
    assert Language("es").message(choice) == "el umbral y la calibración"


def test_numbers():
    english, spanish = Language("en"), Language("es")
    metric = Metric(0.12345, 0.1, 0.2)
    assert english.percent(0.12345) == "12.3%"
    assert spanish.percent(0.12345) == "12,3\u202f%"
    assert spanish.number(None) == spanish.percent(None) == "–"
    assert english.interval(metric, percent=True) == "10.0–20.0"
    assert spanish.interval(metric, percent=False, digits=3) == "0,100–0,200"
    assert english.interval(Metric(0.1), percent=True) == ""
    assert [rate_text(point) for point in (0.125, 0.5, 1.0, 8)] == ["1/8", "1/2", "1", "8"]
    with pytest.raises(UsageError):
        Language("fr")


@pytest.mark.parametrize("aim", AIMS)
def test_every_aim_has_words(aim):
    assert aim_text(aim, Language("en")) != aim
    assert aim_text(aim, Language("es")) != aim_text(aim, Language("en"))


def test_an_aim_of_somebody_else_stays_as_it_is():
    assert aim_text("whatever helps", Language("es")) == "whatever helps"
