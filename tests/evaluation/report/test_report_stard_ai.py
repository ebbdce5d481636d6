"""The STARD-AI sheet: 40 items in order, answers from the run alone."""

import re

import pytest
from support.report_images import CARD, context_of, detections, images, measure

from fractura.evaluation.report.claim_answers import answers
from fractura.evaluation.report.language import Language
from fractura.evaluation.report.stard_ai import STARD_AI_ITEMS, stard_markdown, stard_rows

ENGLISH = Language()


@pytest.fixture(name="context", scope="module")
def context_of_the_sheet(tmp_path_factory):
    dataset = images(tmp_path_factory.mktemp("stard"))
    return context_of(measure(dataset, detections(dataset)), dataset)


def rows_of(context, language=ENGLISH):
    return stard_rows(context.evaluation, answers(context, language), language)


def test_every_item_is_there_once_and_in_order():
    numbers = [item.number for item in STARD_AI_ITEMS]
    assert list(dict.fromkeys(int(re.match(r"\d+", number).group()) for number in numbers)) == list(range(1, 41))
    parts = [number for number in numbers if not number.isdigit()]
    assert parts == ["15a", "15b", "15c", "15d", "16a", "16b", "16c", "17a", "17b", "26a", "26b", "40a", "40b"]
    assert len(set(numbers)) == len(numbers) == 48


def test_answers_are_those_of_the_run(context):
    rows = {row.number: row for row in rows_of(context)}
    evaluation = context.evaluation
    positive, specificity = evaluation.metrics["image_sensitivity"], evaluation.metrics["image_specificity"]
    assert rows["30"].answers == [
        f"Of {positive.count} fractured images, {positive.part} were flagged.",
        f"Of {specificity.count} normal images, {specificity.count - specificity.part} were flagged.",
    ]
    assert {number for number, row in rows.items() if not row.authors} == {"18", "30", "31"}
    assert context.dataset.fingerprint() in " ".join(rows["11"].answers)
    assert "AUC of images" in " ".join(rows["31"].answers)
    assert not rows["6"].answers
    assert not rows["39"].answers


def test_without_fractured_images_the_cross_table_has_one_row(tmp_path):
    dataset = images(tmp_path, count=2, positive=False)
    context = context_of(measure(dataset, detections(dataset), rounds=0), dataset, CARD)
    (row,) = [row for row in rows_of(context) if row.number == "30"]
    assert len(row.answers) == 1
    assert row.answers[0].startswith("Of 2 normal images")


def test_the_sheet_as_markdown(context):
    text = stard_markdown("a *b*", rows_of(context), ENGLISH)
    assert text.startswith("# a \\*b\\*\n")
    assert re.findall(r"^## (\w+)\.", text, re.MULTILINE) == [item.number for item in STARD_AI_ITEMS]
    assert text.count("- [ ]") == sum(row.authors for row in rows_of(context))


def test_every_item_is_translated(context):
    pairs = zip(rows_of(context), rows_of(context, Language("es")), strict=True)
    assert [english.number for english, spanish in pairs if english.words == spanish.words] == []
