"""What a report is made from, and what readers must be warned of before they believe it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from fractura.core.dataset import Dataset
from fractura.core.model_card import ModelCard
from fractura.evaluation.bootstrap import METHOD, UNITS
from fractura.evaluation.leakage import Overlap, fingerprint_of
from fractura.evaluation.report.words import Words
from fractura.evaluation.result import Evaluation, Subgroup

FRACTURED = ("images", "with a fracture")
"""How the evaluation calls the images that have a box."""


@dataclass(frozen=True, eq=False)
class Material:
    """An evaluation with all that belongs to it.

    Attributes:
        evaluation: What was measured.
        card: Of the model.
        dataset: The images that it was measured on.
        data_name: What people call them.
        say: The reader's words.
        views: How the model examined each image.
    """

    evaluation: Evaluation
    card: ModelCard
    dataset: Dataset
    data_name: str
    say: Words
    views: tuple[str, ...]

    @cached_property
    def fingerprint(self) -> str:
        """Of the images and their boxes."""
        return self.dataset.fingerprint()

    @cached_property
    def overlap(self) -> Overlap:
        """How many of the images had a part in making the model."""
        return Overlap.of(self.card, self.dataset)

    @property
    def threshold_is_own(self) -> bool:
        """The threshold is one of the model's, not one given for this evaluation."""
        return self.evaluation.threshold in (self.card.threshold, self.card.fast_threshold)

    @property
    def threshold_data(self) -> str | None:
        """Fingerprint of the images that the threshold was chosen on; older cards name validation images only."""
        return self.card.threshold_data or fingerprint_of(self.card, "val")

    @property
    def interval_method(self) -> str:
        """One sentence: how the intervals came about."""
        intervals, say = self.evaluation.intervals, self.say
        if intervals is None:
            return say("No intervals were computed.")
        method = say(METHOD, rounds=intervals.rounds, clusters=intervals.clusters, units=say(UNITS[intervals.unit]))
        return f"{method[:1].upper()}{method[1:]}."

    def threshold_origin(self) -> str:
        """One sentence: where the threshold comes from."""
        say, card = self.say, self.card
        if not self.threshold_is_own:
            return say(
                "given for this evaluation; the model's own is {threshold}", threshold=say.number(card.threshold, 3)
            )
        aim = say(" for {aim}", aim=card.threshold_aim) if card.threshold_aim else ""
        if self.threshold_data is None:
            return say("the model's own, chosen{aim} on images that its card does not name", aim=aim)
        shared, images = self.overlap.threshold, self.threshold_data[:12]
        if shared is None:
            return say(
                "the model's own, chosen{aim} on another set of images (fingerprint {images}…); whether it shares "
                "images "
                "with these is not known",
                aim=aim,
                images=images,
            )
        if shared == self.overlap.images:
            return say("the model's own, chosen{aim} on these very images", aim=aim)
        if shared:
            return say(
                "the model's own, chosen{aim} on images that hold {shared} of these {images}",
                aim=aim,
                shared=shared,
                images=self.overlap.images,
            )
        return say("the model's own, chosen{aim} on other images (fingerprint {images}…)", aim=aim, images=images)

    def warnings(self) -> list[str]:
        """Sentences that must stand before the metrics."""
        say, evaluation = self.say, self.evaluation
        found = self.overlap.warnings(say, own_threshold=self.threshold_is_own, calibrated=evaluation.calibrated)
        if evaluation.intervals is None:
            found.append(say("There are no intervals: nobody can tell how far chance alone may move a metric."))
        return found


def parts_of(evaluation: Evaluation) -> list[Subgroup]:
    """The parts of the images; without the fractured ones, on which all that is told of boxes is told already."""
    return [group for group in evaluation.subgroups if (group.by, group.name) != FRACTURED]


def part_name(say: Words, group: Subgroup) -> str:
    """``view: AP``; for a column of yes and no its name alone, for a choice of images the other."""
    by, name = say.known(group.by), say.known(group.name)
    if group.by == FRACTURED[0]:
        return name
    return by if group.name == "yes" else f"{by}: {name}"
