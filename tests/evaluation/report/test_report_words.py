"""Sentences and numbers of the report in the reader's language."""

import re

import pytest
from support.report_images import detections, images, report

from fractura.core.errors import UsageError
from fractura.core.translation import LANGUAGES
from fractura.evaluation import Metric
from fractura.evaluation.messages import Message
from fractura.evaluation.report.context import aim_text
from fractura.evaluation.report.language import Language, rate_text
from fractura.evaluation.threshold import AIMS


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
