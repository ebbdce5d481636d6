"""The items of STARD-AI (reporting diagnostic accuracy studies of AI), in short, and the sheet as Markdown.

Source: Sounderajah et al., Nature Medicine 2025, 10.1038/s41591-025-03953-8: 40 items, some of several parts. The items
are in our words; authors check them against the published list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fractura.evaluation.messages import gettext_noop as _
from fractura.evaluation.report.chapters import crosstable
from fractura.evaluation.report.claim_answers import Answers
from fractura.evaluation.report.claim_sheet import escaped
from fractura.evaluation.report.language import Language
from fractura.evaluation.result import Evaluation

STARD_AI_SOURCE = "10.1038/s41591-025-03953-8"


@dataclass(frozen=True)
class StardItem:
    """One item of the checklist, or one part of it.

    Attributes:
        number: 1 to 40, with a letter where the item has parts.
        words: What it asks for.
        claim: The items of CLAIM, by their number of 2020, whose answers hold here too.
        authors: False where a run can answer alone.
    """

    number: str
    words: str
    claim: tuple[int, ...] = ()
    authors: bool = True


STARD_AI_ITEMS = (
    StardItem("1", _("Title or abstract: a study of diagnostic accuracy of AI, with one measure of it or more")),
    StardItem("2", _("Structured summary of design, methods, results and conclusions")),
    StardItem("3", _("Background, intended use, whether the test is new, and how it fits into the work of the clinic")),
    StardItem("4", _("Objectives and hypotheses")),
    StardItem("5", _("Prospective or retrospective study")),
    StardItem("6", _("Approval by an ethics committee, or why none was needed")),
    StardItem("7", _("Criteria of inclusion and of exclusion, in their order, of participants and of data")),
    StardItem("8", _("By what participants were identified: symptoms, earlier results, a registry")),
    StardItem("9", _("Where and when participants were identified")),
    StardItem("10", _("Whether the participants are a consecutive, a random or a convenience series")),
    StardItem("11", _("Source of the data: routine, collected for this study, or an open repository"), (7,)),
    StardItem("12", _("Who annotated the data, with which experience, and how")),
    StardItem("13", _("Machines that made the images; software of the test, with version"), (23,)),
    StardItem("14", _("How the images were acquired and pre-processed"), (9,)),
    StardItem("15a", _("The index test (the model), so that it can be repeated"), (22, 27)),
    StardItem(
        "15b", _("How it was developed: training, validation, test, external evaluation, with numbers"), (20, 25)
    ),
    StardItem("15c", _("The index test's threshold, why, and whether it was specified beforehand"), (26,)),
    StardItem("15d", _("Who is to use the index test, and the expertise needed")),
    StardItem("16a", _("The reference standard, so that it can be repeated"), (14,)),
    StardItem("16b", _("Why this reference standard")),
    StardItem(
        "16c", _("From what a case is positive by the reference standard, why, and whether specified beforehand")
    ),
    StardItem(
        "17a", _("What those who performed or read the index test knew of the patient and of the reference standard")
    ),
    StardItem("17b", _("What the assessors of the reference standard knew of the patient and of the index test")),
    StardItem("18", _("How accuracy was estimated or compared"), (28, 29), authors=False),
    StardItem("19", _("How indeterminate results were handled")),
    StardItem("20", _("How missing data were handled"), (13,)),
    StardItem("21", _("Analyses of variability in accuracy, and which were specified beforehand"), (30,)),
    StardItem("22", _("Intended sample size and how it was determined")),
    StardItem("23", _("Analysis of errors; bias and fairness of the algorithm"), (37,)),
    StardItem("24", _("Flow of participants, as a diagram"), (33,)),
    StardItem(
        "25", _("Demographic, clinical and technical characteristics of training, validation and test data"), (34,)
    ),
    StardItem("26a", _("How severe the disease was in those who have it")),
    StardItem("26b", _("Which other diagnoses the others had")),
    StardItem("27", _("Time and treatment between index test and reference standard")),
    StardItem("28", _("Whether fractures are as frequent and of the kind expected where the test is to be used")),
    StardItem("29", _("How external data differ from those of training, validation and test"), (32,)),
    StardItem("30", _("Cross table of index test and reference standard"), authors=False),
    StardItem("31", _("Accuracy with its precision"), (36,), authors=False),
    StardItem("32", _("Harm done by index test or reference standard")),
    StardItem("33", _("Limits: bias, statistical uncertainty, generalisability")),
    StardItem("34", _("Meaning for practice, intended use and clinical role")),
    StardItem("35", _("Ethics and fairness of using the index test")),
    StardItem("36", _("Registration number and registry")),
    StardItem("37", _("Where the full protocol is")),
    StardItem("38", _("Funding and role of the funders")),
    StardItem("39", _("Commercial interests")),
    StardItem("40a", _("Where data and code are to be had, and how they may be used")),
    StardItem("40b", _("Whether the outputs are kept and can be audited")),
)


@dataclass(frozen=True)
class StardRow:
    """An item as a reader sees it.

    Attributes:
        number: As in :class:`StardItem`.
        words: What it asks for, in the reader's language.
        answers: The run's sentences; none where it has nothing to say.
        authors: Whether authors have to add to it.
    """

    number: str
    words: str
    answers: Sequence[str]
    authors: bool


def stard_rows(evaluation: Evaluation, answers: Answers, language: Language) -> list[StardRow]:
    """Every item, with the answers to the items of CLAIM that ask the same; the cross table answers item 30."""
    rows = []
    for item in STARD_AI_ITEMS:
        found = [sentence for number in item.claim for sentence in answers.get(number, ())]
        if item.number == "30":
            found = _crosstable(evaluation, language)
        rows.append(StardRow(item.number, language.gettext(item.words), found, item.authors or not found))
    return rows


def _crosstable(evaluation: Evaluation, language: Language) -> list[str]:
    """Numbers of images, of the kinds that there are."""
    table = crosstable(evaluation)
    sentences = []
    if table.positive and table.positive[2]:
        flagged, _not, images = table.positive
        sentences.append(
            language.gettext("Of {images} fractured images, {flagged} were flagged.", images=images, flagged=flagged)
        )
    if table.negative and table.negative[2]:
        flagged, _not, images = table.negative
        sentences.append(
            language.gettext("Of {images} normal images, {flagged} were flagged.", images=images, flagged=flagged)
        )
    return sentences


def stard_introduction(language: Language) -> str:
    """What the sheet is, and where the items come from."""
    return language.gettext(
        "The 40 items of STARD-AI in short, filled in as far as the run can know. Source of the items: {source}. Check "
        "them against the published list.",
        source=STARD_AI_SOURCE,
    )


def stard_markdown(title: str, rows: Sequence[StardRow], language: Language) -> str:
    """The sheet as Markdown."""
    to_do = language.gettext("To be added by the authors")
    lines = [f"# {escaped(title)}", "", stard_introduction(language), ""]
    for row in rows:
        lines += [f"## {row.number}. {row.words}", "", *(f"- {escaped(sentence)}" for sentence in row.answers)]
        lines += [f"- [ ] {to_do}", ""] if row.authors else [""]
    return "\n".join(lines)
