"""Detection transformers of the library ``transformers``: D-FINE, RT-DETRv2, RF-DETR and DEIMv2, one code."""

from fractura.models.detr.detector import DetectionTransformer
from fractura.models.detr.settings import DetectionTransformerSettings

__all__ = ["DetectionTransformer", "DetectionTransformerSettings"]
