"""Turn a trained model into a file that other programs run."""

from fractura.export.export import FORMATS, ExportResult, export_model

__all__ = ["FORMATS", "ExportResult", "export_model"]
