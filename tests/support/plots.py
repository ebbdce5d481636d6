"""Plots whose looks do not matter."""

from contextlib import contextmanager
from unittest.mock import patch


@contextmanager
def rough_plots():
    """The files of all plots are written, but of few dots and without fonts: these take half the time of a report."""
    from fractura.evaluation.report import svg

    with patch.object(svg, "DOTS_PER_INCH", 50), patch.dict(svg.STYLE, {"pdf.use14corefonts": True}):
        yield
