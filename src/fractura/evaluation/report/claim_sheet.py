"""The CLAIM sheet of one run: how much of it is answered, and the whole of it as Markdown to be filled in."""

from __future__ import annotations

from collections.abc import Sequence

from fractura.evaluation.report.claim import SHEET, SOURCES, Item
from fractura.evaluation.report.claim_answers import Answers
from fractura.evaluation.report.language import DASH, Language


def claim_introduction(answers: Answers, language: Language) -> str:
    """How many items the run answers, and where the items come from."""
    alone = sum(1 for item in SHEET if answers_to(item, answers) and not item.author)
    partly = sum(1 for item in SHEET if answers_to(item, answers) and item.author)
    return language.gettext(
        "{alone} of {all} items are answered from this run alone, {partly} in part, {left} are the authors'. Source of "
        "the items: {source}. Check them against the version that your journal asks for.",
        alone=alone,
        all=len(SHEET),
        partly=partly,
        left=len(SHEET) - alone - partly,
        source=", ".join(SOURCES),
    )


def answers_to(item: Item, answers: Answers) -> Sequence[str]:
    """The run's sentences on an item; none where it has nothing to say."""
    return () if item.number is None else answers.get(item.number, ())


def _numbers(item: Item, language: Language) -> str:
    """The item's number in the version of 2024, and that in the version of 2020."""
    new, old = item.number_2024 or DASH, item.number or DASH
    return language.gettext("{new} (in 2020: {old})", new=new, old=old)


def claim_markdown(title: str, answers: Answers, language: Language) -> str:
    """The sheet as Markdown."""
    _ = language.gettext
    to_do = _("To be added by the authors:")
    lines = [f"# {escaped(title)}", "", claim_introduction(answers, language), ""]
    for item in SHEET:
        lines += [f"## {_numbers(item, language)}. {_(item.words)}", ""]
        lines += [f"- {escaped(sentence)}" for sentence in answers_to(item, answers)]
        if item.author:
            lines.append(f"- [ ] {to_do} {_(item.author)}")
        lines.append("")
    return "\n".join(lines)


def escaped(sentence: str) -> str:
    """As Markdown text: names of files may hold its signs, and bytes that are not UTF-8."""
    clean = sentence.replace("\n", " ").encode("utf-8", "replace").decode("utf-8")
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#|" else sign for sign in clean)
