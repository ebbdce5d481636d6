"""Reporters: what the default one logs, and progress through items."""

import logging
from contextlib import contextmanager

import pytest

from fractura.core.reporter import LOG, SILENT, STDERR, LogReporter, track


class Recorder(LogReporter):
    """Keeps every report of progress."""

    def __init__(self):
        self.reports = []

    @contextmanager
    def progress(self, description, unit="items"):
        self.reports.append((description, unit))
        try:
            yield lambda done, total: self.reports.append((done, total))
        finally:
            self.reports.append("closed")


def test_warnings_and_remarks_are_logged(caplog):
    with caplog.at_level(logging.INFO, logger="fractura"):
        LOG.say("reading 100 %")
        LOG.warn("one image is damaged")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", "reading 100 %"),
        ("WARNING", "one image is damaged"),
    ]


def test_stderr_gets_the_text_as_it_is(capsys):
    STDERR.say("\t+ [red]AP: 0.5")
    STDERR.warn("one image is damaged")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "\t+ [red]AP: 0.5\nwarning: one image is damaged\n")


def test_silence(capsys, caplog):
    with caplog.at_level(logging.DEBUG), SILENT.progress("detecting") as progress:
        SILENT.say("a")
        SILENT.warn("b")
        progress(1, 2)
    captured = capsys.readouterr()
    assert captured.out == captured.err == caplog.text == ""


@pytest.mark.parametrize(
    ("items", "total", "expected"), [(["a", "b"], None, 2), (iter("ab"), None, None), (iter("ab"), 7, 7)]
)
def test_each_item_is_reported_when_it_is_done(items, total, expected):
    reporter = Recorder()
    for number, _ in enumerate(track(reporter, items, "detecting", total)):
        assert reporter.reports[-1] == (number, expected)
    assert reporter.reports == [("detecting", "items"), (0, expected), (1, expected), (2, expected), "closed"]


def test_an_error_ends_the_progress():
    reporter = Recorder()

    def items():
        yield 1
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        list(track(reporter, items(), "detecting"))
    assert reporter.reports[-2:] == [(1, None), "closed"]
