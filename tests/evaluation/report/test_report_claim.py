"""The CLAIM sheet: all items, answers from the run alone, the rest left to the authors."""

import re
from types import SimpleNamespace

import pytest
from support.report_images import CARD, context_of, detections, images, measure

from fractura.evaluation import Subgroup
from fractura.evaluation.report.claim import ITEMS, SHEET
from fractura.evaluation.report.claim_answers import answers
from fractura.evaluation.report.claim_sheet import claim_markdown
from fractura.evaluation.report.context import ReportContext, subgroup_name
from fractura.evaluation.report.language import Language

ENGLISH = Language()
AUTHORS_ALONE = {1, 2, 3, 4, 5, 6, 8, 15, 16, 17, 18, 19, 38, 39, 40, 41, 42}
RUN_ALONE = {22, 23, 26, 27, 29, 35, 36}


@pytest.fixture(name="context", scope="module")
def context_of_the_sheet(tmp_path_factory):
    dataset = images(tmp_path_factory.mktemp("claim"))
    return context_of(measure(dataset, detections(dataset)), dataset)


def test_every_item_of_both_versions_is_there_once(context):
    assert [item.number for item in ITEMS] == list(range(1, 43))
    text = claim_markdown("title", answers(context, ENGLISH), ENGLISH)
    numbers = re.findall(r"^## (\d+|–) \(in 2020: (\d+|–)\)\.", text, re.MULTILINE)
    assert [new for new, _ in numbers] == [*map(str, range(1, 45)), "–"]
    assert sorted(int(old) for _, old in numbers if old != "–") == list(range(1, 43))
    assert text.count("- [ ]") == sum(bool(item.author) for item in SHEET)


@pytest.mark.parametrize(
    ("words", "new", "old"),
    [
        ("De-identification", 11, 12),
        ("How the images were acquired", 13, None),
        ("Intended sample size and how it was determined", 21, 19),
        ("Test on external data", 33, 32),
        ("Registration number and registry", 34, 40),
        ("Flow of participants or images", 35, 33),
        ("Where software, model and data are to be had", 43, None),
        ("Funding and role of the funders", 44, 42),
        ("Definitions of the data elements", None, 11),
    ],
)
def test_items_have_the_numbers_of_2024(words, new, old):
    assert [(item.number_2024, item.number) for item in SHEET if item.words == words] == [(new, old)]


def test_who_answers_what(context):
    found = set(answers(context, ENGLISH))
    assert not found & AUTHORS_ALONE
    assert found >= RUN_ALONE
    assert {item.number for item in ITEMS if not item.author} == RUN_ALONE


def test_answers_are_those_of_the_run(context):
    found = {number: " ".join(sentences) for number, sentences in answers(context, ENGLISH).items()}
    metrics = context.evaluation.metrics
    assert context.dataset.fingerprint() in found[7]
    assert "height" in found[9]
    assert "study 16" in found[13]
    assert "patient 0" in found[13]
    assert "9 images, 4 of them normal, boxes cast 5" in found[20]
    assert "16 of 16 images" in found[21]
    assert "torch 9.9.9" in found[23]
    assert "num_steps 7, seed 3" in found[25]
    assert "random_horizontal_flip" in found[25]
    assert "0.4000: the model's own, chosen for the best F1" in found[26]
    assert context.evaluation.intervals.method[1:] in found[29]
    assert "WRIST 8" in found[34]
    assert f"Sensitivity, by image: {100 * metrics['image_sensitivity'].value:.1f}% (95% CI " in found[36]
    assert "whole" in found[27]


def test_nothing_is_made_up(context):
    bare = CARD.model_copy(update={"data": {}, "settings": {}, "versions": {}, "metrics": {}})
    plain = measure(context.dataset, detections(context.dataset), rounds=0)
    found = answers(context_of(plain, context.dataset, bare), ENGLISH)
    assert not {12, 20, 24, 25} & set(found)
    assert found[29] == ["No intervals were computed."]


def test_signs_of_markdown_are_letters():
    text = claim_markdown("a *b* <i> [c](d)", {}, ENGLISH)
    assert text.startswith("# a \\*b\\* \\<i\\> \\[c\\](d)\n")


def test_names_of_subgroups():
    names = [
        ("images", "with a fracture"),
        ("images", "without hardware"),
        ("hand", "yes"),
        ("view", "AP"),
        ("shift", "medium"),
        ("box size", "small"),
    ]
    counts = {"images": 1, "positive": 1, "negative": 0, "boxes": 1}
    groups = tuple(Subgroup(by=by, name=name, metrics={}, **counts) for by, name in names)
    context = ReportContext(evaluation=SimpleNamespace(subgroups=groups), card=CARD, dataset=None, data_name="images")
    names = [[subgroup_name(group, Language(code)) for group in context.subgroups] for code in ("en", "es")]
    assert names == [
        ["without hardware", "hand", "view: AP", "shift: medium", "box size: small"],
        ["sin material de osteosíntesis", "mano", "proyección: AP", "shift: medium", "tamaño de la caja: pequeña"],
    ]
