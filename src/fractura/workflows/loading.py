"""Opening the model of a command."""

from __future__ import annotations

from pathlib import Path

from fractura.core.reporter import Reporter
from fractura.inference import Model, Precision, load_model


def open_model(
    model: Path | str,
    reporter: Reporter,
    *,
    label_map: Path | None = None,
    precision: Precision = "float32",
    many: bool,
) -> Model:
    """``load_model``; says what was made of a wish for another precision than float32."""
    loaded = load_model(model, label_map=label_map, precision=precision, many=many)
    if loaded.precision != "float32":
        reporter.say(f"computes in {loaded.precision}: boxes and scores differ slightly from those in float32")
    elif precision != "float32":
        reporter.warn(f"computes in float32: {precision} is slower on this machine")
    return loaded
