"""The report of an evaluation for readers: one HTML page, drawings ready for a paper, a pre-filled CLAIM sheet."""

from fractura.evaluation.report.report import write_report

__all__ = ["write_report"]
