"""The CLAIM checklist (Checklist for AI in Medical Imaging): its items in short, and the sheet as HTML and Markdown.

Source: Mongan, Moy and Kahn, Radiology: Artificial Intelligence 2020;2(2):e200029; numbers are those of that version.
The items are in our words; authors check them against the version that their journal asks for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fractura.core.html import text
from fractura.evaluation.report.context import Material
from fractura.evaluation.report.markup import Cell, Markup, joined, paragraph, section, table

SOURCE = "https://pmc.ncbi.nlm.nih.gov/articles/PMC8017414/"


@dataclass(frozen=True)
class Item:
    """One item of the checklist.

    Attributes:
        number: 1 to 42.
        words: What it asks for.
        author: What authors have to add; empty where a run can answer alone.
    """

    number: int
    words: str
    author: str = ""


ITEMS = (
    Item(1, "The title or abstract names the AI method", "Name it, such as: deep learning, object detection."),
    Item(2, "Structured summary of design, methods, results and conclusions", "Write it."),
    Item(3, "Scientific and clinical background, intended use", "Write it."),
    Item(4, "Objectives and hypotheses", "Write them."),
    Item(5, "Prospective or retrospective study", "Say which."),
    Item(6, "Goal of the study", "Say whether it is a feasibility study, a new model, a validation."),
    Item(7, "Sources of the data", "Say which hospitals, machines and years the images come from."),
    Item(8, "How, where and when images were chosen", "Say who was eligible and who was left out, and why."),
    Item(9, "Pre-processing", "Say what was done to the images before fractura read them."),
    Item(10, "Choice of parts of the data", "Say if images were left out before, and by which rule."),
    Item(11, "Definitions of the data elements", "Define what counts as a fracture and how boxes were to be drawn."),
    Item(12, "De-identification", "Say how names were taken off the images and out of the files."),
    Item(13, "Missing data", "Say how missing images and facts were dealt with."),
    Item(14, "Definition of the ground truth", "Say what the boxes rest on: one reading, consensus, CT, follow-up."),
    Item(15, "Why this ground truth", "Give the reason, and its weak sides."),
    Item(16, "Source of the boxes, qualification of those who drew them", "Give number, profession and experience."),
    Item(17, "Tools of annotation", "Name program and version."),
    Item(18, "Variability within and between those who drew, and how disagreement was settled",
         "Let two people draw the same images and measure it with: fractura agree."),
    Item(19, "Intended sample size and how it was found", "Give the calculation."),
    Item(20, "How images were assigned to training, validation and test", "Say by which rule or program."),
    Item(21, "Level at which the parts are disjoint", "Say whether no patient is in two of them, and how you know."),
    Item(22, "The model: inputs, outputs, layers"),
    Item(23, "Software: libraries and versions"),
    Item(24, "Starting values of the weights", "Say what the starting weights had been trained on."),
    Item(25, "Training: augmentation, settings, number of models", "Say how many other settings were tried."),
    Item(26, "How the final model was chosen"),
    Item(27, "Ensembles"),
    Item(28, "Measures of performance", "Say which was the primary one, laid down beforehand."),
    Item(29, "Statistical significance and uncertainty"),
    Item(30, "Robustness or sensitivity analysis", "Add what was tried beside the parts of the images."),
    Item(31, "Explainability and its validation", "Add any further method, and how it was validated."),
    Item(32, "Test on external data", "Say whether these images are from elsewhere than those of training."),
    Item(33, "Flow of participants or images", "Draw it, from the first query to these images."),
    Item(34, "Demographic and clinical characteristics of each part", "Add age, sex and what else is known."),
    Item(35, "Performance of the final model on all parts"),
    Item(36, "Diagnostic accuracy with its precision"),
    Item(37, "Analysis of failures", "Look at the pictures with a radiologist, and say what they have in common."),
    Item(38, "Limits, bias, generalisability", "Write them."),
    Item(39, "Meaning for practice", "Write it."),
    Item(40, "Registration number and registry", "Give them, or say that there is none."),
    Item(41, "Where the full protocol is", "Say where."),
    Item(42, "Funding and role of the funders", "Say who paid, and what they decided."),
)  # fmt: skip

Answers = Mapping[int, Sequence[str]]
"""For items by number, sentences from the run; items without any are absent."""


def claim_section(m: Material, answers: Answers) -> Markup:
    """The sheet as a chapter."""
    say = m.say
    rows = [
        [
            str(item.number),
            say(item.words),
            joined(paragraph(sentence) for sentence in answers.get(item.number, ())),
            _to_do(m, item, answers),
        ]
        for item in ITEMS
    ]
    columns = [say("No."), say("Asked for"), say("From this run"), say("Left to the authors")]
    body: list[Cell] = [
        paragraph(_introduction(m, answers)),
        table("claim-items", say("CLAIM checklist of 2020, 42 items in short"), columns, rows, numeric=False),
    ]
    return section("claim", say("CLAIM checklist"), body)


def claim_markdown(m: Material, title: str, answers: Answers) -> str:
    """The sheet as Markdown, to be filled in."""
    say = m.say
    lines = [f"# {_escaped(title)}", "", _introduction(m, answers), ""]
    for item in ITEMS:
        lines += [f"## {item.number}. {say(item.words)}", ""]
        lines += [f"- {_escaped(sentence)}" for sentence in answers.get(item.number, ())]
        if item.author:
            lines.append(f"- [ ] {say('To be added by the authors:')} {say(item.author)}")
        lines.append("")
    return "\n".join(lines)


def _introduction(m: Material, answers: Answers) -> str:
    alone = sum(1 for item in ITEMS if item.number in answers and not item.author)
    partly = sum(1 for item in ITEMS if item.number in answers and item.author)
    return m.say(
        "{alone} of {all} items are answered from this run alone, {partly} in part, {left} are the authors'. Source of "
        "the items: {source}. Check them against the version that your journal asks for.",
        alone=alone,
        all=len(ITEMS),
        partly=partly,
        left=len(ITEMS) - alone - partly,
        source=SOURCE,
    )


def _to_do(m: Material, item: Item, answers: Answers) -> Cell:
    if not item.author:
        return m.say("nothing") if item.number in answers else ""
    return Markup(f'<span class="todo">□</span> {text(m.say(item.author))}')


def _escaped(sentence: str) -> str:
    """As Markdown text: names of files may hold its signs."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#|" else sign for sign in sentence.replace("\n", " "))
