"""Export trained models to files that other programs run."""

from fractura.export.export import FORMATS, ExportResult, export_model

__all__ = ["FORMATS", "ExportResult", "export_model"]
