"""What a report is made from, and what readers must be warned of before they believe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from fractura.core.dataset import Dataset
from fractura.core.errors import UsageError
from fractura.core.model_card import ModelCard
from fractura.evaluation.bootstrap import METHOD, UNITS
from fractura.evaluation.leakage import Leakage, fingerprint_of
from fractura.evaluation.messages import Message, gettext_noop
from fractura.evaluation.report.language import Language
from fractura.evaluation.result import Evaluation, Subgroup
from fractura.evaluation.threshold import Aim
from fractura.imaging.dicom.demographics import Demographics

_FRACTURED = ("images", "with a fracture")
"""How the evaluation calls the images that have a box."""
_BOX_SIZE = "box size"
"""How it calls the sizes of boxes."""
_WORDS = frozenset(
    (
        *(gettext_noop("images"), gettext_noop("body part"), gettext_noop("view"), gettext_noop("laterality")),
        *(gettext_noop("device"), gettext_noop("box size"), gettext_noop("small"), gettext_noop("medium")),
        *(
            gettext_noop("large"),
            gettext_noop("hand"),
            gettext_noop("leg"),
            gettext_noop("hip"),
            gettext_noop("shoulder"),
        ),
        *(gettext_noop("frontal"), gettext_noop("lateral"), gettext_noop("oblique"), gettext_noop("mixed")),
        *(gettext_noop("hardware"), gettext_noop("multiscan")),
    )
)
"""Names of subgroups that are translated: those of the evaluation and the columns of FracAtlas's table. Whatever else
divides the images is called as its author called it."""
_VIEWS = {
    "whole": gettext_noop("whole image"),
    "flipped": gettext_noop("mirrored"),
    "tiles": gettext_noop("enlarged parts"),
    "flipped_tiles": gettext_noop("enlarged parts, mirrored"),
}
_AIMS = {
    "f1": gettext_noop("the best F1"),
    "sensitivity": gettext_noop("a sensitivity of {share}"),
    "fp_per_image": gettext_noop("{number} false positives per image"),
    "image_sensitivity": gettext_noop("an image sensitivity of {share}"),
    "image_specificity": gettext_noop("an image specificity of {share}"),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class ReportContext:
    """An evaluation with all that belongs to it, in no language yet.

    Attributes:
        evaluation: What was measured.
        card: Of the model.
        dataset: The images that it was measured on.
        data_name: What people call them.
        views: How the model examined each image; None if as its card says.
        unused: Images that were found and not analysed: how many, by the reason.
        people: Age and sex of the person on each image, in the order of the images; empty where it was not read.
    """

    evaluation: Evaluation
    card: ModelCard
    dataset: Dataset
    data_name: str
    views: tuple[str, ...] | None = None
    unused: Mapping[str, int] = field(default_factory=dict)
    people: tuple[Demographics, ...] = ()

    @property
    def views_used(self) -> tuple[str, ...]:
        """How the model examined each image."""
        return self.card.views if self.views is None else self.views

    @cached_property
    def fingerprint(self) -> str:
        """Of the images and their boxes."""
        return self.dataset.fingerprint()

    @cached_property
    def leakage(self) -> Leakage:
        """How many of the images had a part in making the model."""
        return Leakage.of(self.card, self.dataset)

    @property
    def threshold_is_own(self) -> bool:
        """The threshold is one of the model's, not one given for this evaluation."""
        return self.evaluation.threshold in (self.card.threshold, self.card.fast_threshold)

    @cached_property
    def warnings(self) -> list[Message]:
        """What readers must know before they read the metrics."""
        evaluation = self.evaluation
        found = self.leakage.warnings(own_threshold=self.threshold_is_own, calibrated=evaluation.calibrated)
        if evaluation.intervals is None:
            found.append(Message("There are no intervals: nobody can tell how far chance alone may move a metric."))
        return found

    @property
    def subgroups(self) -> list[Subgroup]:
        """Without that of the fractured images, whose boxes are those of all images."""
        return [group for group in self.evaluation.subgroups if (group.by, group.name) != _FRACTURED]


def threshold_origin(context: ReportContext, language: Language) -> str:
    """One sentence: where the threshold comes from."""
    _, card = language.gettext, context.card
    if not context.threshold_is_own:
        return _(
            "given for this evaluation; the model's own is {threshold}", threshold=language.number(card.threshold, 3)
        )
    chosen_on = card.threshold_data or fingerprint_of(card, "val")  # older cards name validation images only
    aim = _(" for {aim}", aim=aim_text(card.threshold_aim, language)) if card.threshold_aim else ""
    if chosen_on is None:
        return _("the model's own, chosen{aim} on images that its card does not name", aim=aim)
    shared, all_images, fingerprint = context.leakage.threshold, context.leakage.images, chosen_on[:12]
    if shared is None:
        return _(
            "the model's own, chosen{aim} on another set of images (fingerprint {fingerprint}…); whether it shares "
            "images with this one is not known",
            aim=aim,
            fingerprint=fingerprint,
        )
    if shared == all_images:
        return _("the model's own, chosen{aim} on these very images", aim=aim)
    if shared:
        return _(
            "the model's own, chosen{aim} on images that include {shared} of these {images}",
            aim=aim,
            shared=shared,
            images=all_images,
        )
    return _(
        "the model's own, chosen{aim} on other images (fingerprint {fingerprint}…)", aim=aim, fingerprint=fingerprint
    )


def aim_text(aim: str, language: Language) -> str:
    """What a threshold was chosen for, in words; an aim that only the author of a card understands stays as it is.

    Examples:
        >>> aim_text("sensitivity=0.9", Language("en"))
        'a sensitivity of 90.0%'
    """
    try:
        parsed = Aim.parse(aim)
    except UsageError:
        return aim
    return language.gettext(
        _AIMS[parsed.name],
        share=language.percent(parsed.value),
        number=language.number(parsed.value),
    )


def interval_method(context: ReportContext, language: Language) -> str:
    """One sentence: how the intervals came about."""
    intervals, _ = context.evaluation.intervals, language.gettext
    if intervals is None:
        return _("No intervals were computed.")
    method = _(METHOD, rounds=intervals.rounds, clusters=intervals.clusters, units=_(UNITS[intervals.unit]))
    return f"{method[:1].upper()}{method[1:]}."


def views_text(context: ReportContext, language: Language) -> str:
    """How the model examined each image, in words."""
    return ", ".join(language.gettext(_VIEWS.get(view, view)) for view in context.views_used)


def subgroup_name(group: Subgroup, language: Language) -> str:
    """``view: AP``; for a column of yes and no its name alone, for a choice of images the other.

    Examples:
        >>> counts = {"images": 1, "positive": 1, "negative": 0, "boxes": 1}
        >>> subgroup_name(Subgroup(by="hardware", name="yes", metrics={}, **counts), Language("es"))
        'material de osteosíntesis'
    """
    if group.by == _FRACTURED[0]:
        column = group.name.removeprefix("without ")
        return language.gettext("without {column}", column=known_word(column, language))
    by = known_word(group.by, language)
    if group.name == "yes":
        return by
    return f"{by}: {known_word(group.name, language) if group.by == _BOX_SIZE else group.name}"


def known_word(word: str, language: Language) -> str:
    """What divides the images, or the name of a subgroup, translated if it is not the author's own."""
    return language.gettext(word) if word in _WORDS else word
