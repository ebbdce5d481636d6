"""The items of the CLAIM checklist (Checklist for AI in Medical Imaging), in short.

Sources: Mongan, Moy and Kahn, Radiology: Artificial Intelligence 2020;2(2):e200029, and its update of 2024: Tejani et
al., Radiology: Artificial Intelligence 2024;6(4):e240300. The items are in our words; authors check them against the
version that their journal asks for.
"""

from __future__ import annotations

from dataclasses import dataclass

from fractura.evaluation.messages import gettext_noop as _

SOURCES = ("10.1148/ryai.2020200029", "10.1148/ryai.240300")


@dataclass(frozen=True)
class Item:
    """One item of the checklist.

    Attributes:
        number: In the version of 2020, 1 to 42, by which answers are kept; None where it is new in 2024.
        words: What it asks for.
        author: What authors have to add; empty where a run can answer alone.
    """

    number: int | None
    words: str
    author: str = ""

    @property
    def number_2024(self) -> int | None:
        """In the version of 2024, 1 to 44; None where it has no such item."""
        if self.number is None:
            return next(number for number, item in NEW_ITEMS.items() if item is self)
        return _NUMBERS_2024.get(self.number)


ITEMS = (
    Item(1, _("The title or abstract names the AI method"), _("Name it, such as: deep learning, object detection.")),
    Item(2, _("Structured summary of design, methods, results and conclusions"), _("Write it.")),
    Item(3, _("Scientific and clinical background, intended use"), _("Write it.")),
    Item(4, _("Objectives and hypotheses"), _("Write them.")),
    Item(5, _("Prospective or retrospective study"), _("Say which.")),
    Item(6, _("Goal of the study"), _("Say whether it is a feasibility study, a new model, a validation.")),
    Item(7, _("Sources of the data"), _("Say which hospitals, machines and years the images come from.")),
    Item(8, _("How, where and when images were chosen"), _("Say who was eligible and who was left out, and why.")),
    Item(9, _("Pre-processing"), _("Say what was done to the images before fractura read them.")),
    Item(10, _("Selection of subsets of the data"), _("Say if images were left out before, and by which rule.")),
    Item(
        11, _("Definitions of the data elements"), _("Define what counts as a fracture and how boxes were to be drawn.")
    ),
    Item(12, _("De-identification"), _("Say how names were removed from the images and from the files.")),
    Item(13, _("Missing data"), _("Say how missing images and missing data were handled.")),
    Item(
        14,
        _("Definition of the ground truth"),
        _("Say what the boxes are based on: one reading, consensus, CT, follow-up."),
    ),
    Item(15, _("Why this ground truth"), _("Give the reason and its weaknesses.")),
    Item(
        16,
        _("Source of the boxes, qualification of those who drew them"),
        _("Give their number, profession and experience."),
    ),
    Item(
        17, _("Annotation of the test images, and its tools"), _("Say who was told what, and name program and version.")
    ),
    Item(
        18,
        _("Variability within and between readers, and how disagreement was settled"),
        _("Let two people draw the same images and measure it with: fractura agree."),
    ),
    Item(19, _("Intended sample size and how it was determined"), _("Give the calculation.")),
    Item(20, _("How images were assigned to training, validation and test"), _("Say by which rule or program.")),
    Item(
        21,
        _("Level at which the partitions are disjoint"),
        _("Say whether no patient is in two of them, and how you know."),
    ),
    Item(22, _("The model: inputs, outputs, layers")),
    Item(23, _("Software: libraries and versions")),
    Item(24, _("Starting values of the weights"), _("Say what the starting weights had been trained on.")),
    Item(25, _("Training: augmentation, settings, number of models"), _("Say how many other settings were tried.")),
    Item(26, _("How the final model was chosen")),
    Item(27, _("Ensembles")),
    Item(28, _("Measures of performance"), _("Say which was the primary one, as specified beforehand.")),
    Item(29, _("Statistical significance and uncertainty")),
    Item(30, _("Robustness or sensitivity analysis"), _("Add what was tried besides subgroups.")),
    Item(31, _("Explainability and its validation"), _("Add any further method, and how it was validated.")),
    Item(32, _("Test on external data"), _("Say whether these images come from elsewhere than the training images.")),
    Item(33, _("Flow of participants or images"), _("Add the steps before these images, from the first query on.")),
    Item(34, _("Demographic and clinical characteristics of each partition"), _("Add what table 1 does not say.")),
    Item(35, _("Performance of the final model on all partitions")),
    Item(36, _("Diagnostic accuracy with its precision")),
    Item(
        37, _("Analysis of failures"), _("Go through the pictures with a radiologist and say what they have in common.")
    ),
    Item(38, _("Limits, bias, generalisability"), _("Write them.")),
    Item(39, _("Meaning for practice"), _("Write it.")),
    Item(40, _("Registration number and registry"), _("Give them, or say that there is none.")),
    Item(41, _("Where the full protocol is"), _("Say where.")),
    Item(42, _("Funding and role of the funders"), _("Say who paid, and what they decided.")),
)
"""In the order of 2020."""
NEW_ITEMS = {
    13: Item(None, _("How the images were acquired"), _("Name machines and settings.")),
    32: Item(None, _("Evaluation on internal data"), _("Say whether images from the same source were measured, too.")),
    43: Item(None, _("Where software, model and data are to be had"), _("Say where, or why not.")),
}
"""Those of 2024 alone, by their number there."""
_ORDER_2024 = (*range(1, 11), 12, 13, *range(14, 19), 20, 21, 19, *range(22, 33), 40, *range(33, 40), 41, 42)
"""The numbers of 2020 in the order of 2024, which has no item 11 of 2020."""
_NUMBERS_2024 = dict(zip(_ORDER_2024, (number for number in range(1, 45) if number not in NEW_ITEMS), strict=True))
SHEET = tuple(sorted((*ITEMS, *NEW_ITEMS.values()), key=lambda item: item.number_2024 or len(ITEMS) + 9))
"""All items of both versions, in the order of 2024; last what only 2020 asks for."""
