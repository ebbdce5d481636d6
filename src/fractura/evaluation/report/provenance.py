"""The chapter that says what was measured with what: images, model, threshold, settings, versions."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Iterable, Mapping
from typing import Any

from fractura._version import __version__
from fractura.core.html import text
from fractura.evaluation.leakage import fingerprint_of
from fractura.evaluation.report.context import Material
from fractura.evaluation.report.markup import Cell, Markup, bullets, definitions, paragraph, section

_PACKAGES = ("numpy", "pillow", "onnxruntime", "torch", "matplotlib")


def provenance(m: Material) -> Markup:
    """Images, model, threshold, settings, versions."""
    say, card, evaluation = m.say, m.card, m.evaluation
    images: list[tuple[Cell, Cell]] = [
        (say("Read from"), m.data_name),
        (say("Fingerprint (SHA-256)"), _code(m.fingerprint)),
        (
            say("Images"),
            say(
                "{images}: {positive} with a fracture, {negative} normal",
                images=evaluation.images,
                positive=evaluation.positive,
                negative=evaluation.negative,
            ),
        ),
        (
            say("Boxes"),
            say("{boxes}, and {difficult} difficult", boxes=evaluation.boxes, difficult=evaluation.difficult),
        ),
        (say("Patients"), _count_or_unknown(m, evaluation.patients)),
        (say("Studies"), _count_or_unknown(m, evaluation.studies)),
        (say("Classes"), ", ".join(evaluation.class_names)),
    ]
    model: list[tuple[Cell, Cell]] = [
        (say("Name"), card.name),
        (say("Architecture"), str(card.architecture["name"])),
        (say("Trained on (fingerprint)"), _code(fingerprint_of(card, "train") or say("not on the card"))),
        (say("Validated on (fingerprint)"), _code(fingerprint_of(card, "val") or say("not on the card"))),
        (say("Of these images, trained on"), _count_or_unknown(m, m.overlap.trained)),
        (say("Of these images, chose the model's final state"), _count_or_unknown(m, m.overlap.validated)),
        (say("Of these images, chose the threshold"), _count_or_unknown(m, m.overlap.threshold)),
        (say("Threshold"), f"{say.number(evaluation.threshold, 4)}: {m.threshold_origin()}"),
        (say("Views of an image"), ", ".join(m.views)),
        (say("Calibration"), say("yes") if card.calibration else say("none")),
        (say("Trained with"), _versions_text(card.versions) or say("not on the card")),
    ]
    parts: list[Cell] = [
        Markup(f"<h3>{text(say('Images'))}</h3>"),
        definitions(images),
        Markup(f"<h3>{text(say('Model'))}</h3>"),
        definitions(model),
        Markup(f"<h3>{text(say('This measurement'))}</h3>"),
        definitions(
            [
                (say("Measured with"), _versions_text(versions())),
                (say("Intervals"), m.interval_method),
            ]
        ),
        _details(say("Training settings"), card.settings),
        _details(say("Architecture in full"), card.architecture),
    ]
    return section("provenance", say("What was measured, and with what"), parts)


def notes(m: Material) -> Markup:
    """What the evaluation itself has to say."""
    say = m.say
    lines = [say.known(note) for note in m.evaluation.notes]
    body = bullets(lines) if lines else paragraph(say("None."))
    return section("notes", say("Notes"), [body])


def versions() -> dict[str, str]:
    """Releases of the programs at work here, by name; what is not installed is left out."""
    found = {"fractura": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def counted(values: Iterable[str | None]) -> dict[str, int]:
    """How often each value occurs, most often first; what is not known is left out."""
    counts: dict[str, int] = {}
    for value in values:
        if value is not None:
            counts[value] = counts.get(value, 0) + 1
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def _versions_text(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in found.items())


def _count_or_unknown(m: Material, count: int | None) -> str:
    return m.say("not known") if count is None else str(count)


def _code(words: str) -> Markup:
    return Markup(f"<code>{text(words)}</code>")


def _details(title: str, document: Mapping[str, Any]) -> Cell:
    shown = json.dumps(document, indent=1, ensure_ascii=False)
    return Markup(f'<details><summary>{text(title)}</summary><pre tabindex="0">{text(shown)}</pre></details>')
