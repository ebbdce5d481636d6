"""The report of an evaluation for readers: one HTML page, plots ready for a paper, a pre-filled CLAIM sheet."""

from fractura.evaluation.report.context import ReportContext
from fractura.evaluation.report.report import write_report

__all__ = ["ReportContext", "write_report"]
