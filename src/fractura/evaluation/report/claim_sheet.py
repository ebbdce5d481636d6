"""The CLAIM sheet of one run: how much of it is answered, and the whole of it as Markdown to be filled in."""

from __future__ import annotations

from fractura.evaluation.report.claim import ITEMS, SOURCE
from fractura.evaluation.report.claim_answers import Answers
from fractura.evaluation.report.language import Language


def claim_introduction(answers: Answers, language: Language) -> str:
    """How many items the run answers, and where the items come from."""
    alone = sum(1 for item in ITEMS if item.number in answers and not item.author)
    partly = sum(1 for item in ITEMS if item.number in answers and item.author)
    return language.gettext(
        "{alone} of {all} items are answered from this run alone, {partly} in part, {left} are the authors'. Source of "
        "the items: {source}. Check them against the version that your journal asks for.",
        alone=alone,
        all=len(ITEMS),
        partly=partly,
        left=len(ITEMS) - alone - partly,
        source=SOURCE,
    )


def claim_markdown(title: str, answers: Answers, language: Language) -> str:
    """The sheet as Markdown."""
    _ = language.gettext
    to_do = _("To be added by the authors:")
    lines = [f"# {_escaped(title)}", "", claim_introduction(answers, language), ""]
    for item in ITEMS:
        lines += [f"## {item.number}. {_(item.words)}", ""]
        lines += [f"- {_escaped(sentence)}" for sentence in answers.get(item.number, ())]
        if item.author:
            lines.append(f"- [ ] {to_do} {_(item.author)}")
        lines.append("")
    return "\n".join(lines)


def _escaped(sentence: str) -> str:
    """As Markdown text: names of files may hold its signs, and bytes that are not UTF-8."""
    clean = sentence.replace("\n", " ").encode("utf-8", "replace").decode("utf-8")
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#|" else sign for sign in clean)
