"""The catalogue of named models. Needs no PyTorch, so that the base install can show it.

Each model is declared once, in its family's ``family.py``; the catalogue, the registry, the tests and the benchmarks
all derive from that declaration.
"""

from __future__ import annotations

from fractura.core.errors import UsageError, suggest_name
from fractura.models.detr.family import DetectionTransformerFamily
from fractura.models.family import Family, ModelEntry
from fractura.models.faster_rcnn.family import FasterRCNNFamily

DEFAULT_MODEL = "faster_rcnn_efficientnet_lite0_448x448"

MEASURED_ON = "from a JPEG of 373 x 454 pixels to boxes, ONNX Runtime, 2 threads of an AVX2 processor, summed"
"""What ``processor_milliseconds`` measure; on an idle machine less time passes, as the threads share the work."""

FAMILIES: tuple[Family, ...] = (FasterRCNNFamily(), DetectionTransformerFamily())

CATALOGUE: tuple[ModelEntry, ...] = tuple(entry for family in FAMILIES for entry in family.entries)
"""Every model that has a name."""


def model_names() -> tuple[str, ...]:
    """Names of all models in the catalogue.

    >>> DEFAULT_MODEL in model_names()
    True
    """
    return tuple(entry.name for entry in CATALOGUE)


def find_model(name: str) -> ModelEntry:
    """The catalogue entry called ``name``.

    >>> find_model("dfine_nano").family
    'D-FINE'

    Raises:
        UsageError: No model has this name.
    """
    for entry in CATALOGUE:
        if entry.name == name:
            return entry
    raise UsageError(f"no model is called '{name}'", hint=suggest_name(name, model_names()))
