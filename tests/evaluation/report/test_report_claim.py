"""The CLAIM sheet: all items, answers from the run alone, the rest left to the authors."""

import re
from types import SimpleNamespace

import pytest
from support.report_images import CARD, detections, images, measure

from fractura.evaluation import Subgroup
from fractura.evaluation.report.claim import ITEMS, claim_markdown
from fractura.evaluation.report.claim_answers import answers
from fractura.evaluation.report.context import Material, part_name, parts_of
from fractura.evaluation.report.words import Words

AUTHORS_ALONE = {1, 2, 3, 4, 5, 6, 8, 15, 16, 17, 18, 19, 38, 39, 40, 41, 42}
RUN_ALONE = {22, 23, 26, 27, 29, 35, 36}


@pytest.fixture(name="material", scope="module")
def sheet_material(tmp_path_factory):
    dataset = images(tmp_path_factory.mktemp("claim"))
    return Material(measure(dataset, detections(dataset)), CARD, dataset, "images", Words(), ("whole",))


def test_every_item_is_there_once(material):
    assert [item.number for item in ITEMS] == list(range(1, 43))
    text = claim_markdown(material, "title", answers(material))
    assert [int(number) for number in re.findall(r"^## (\d+)\.", text, re.MULTILINE)] == list(range(1, 43))
    assert text.count("- [ ]") == sum(bool(item.author) for item in ITEMS)


def test_who_answers_what(material):
    found = set(answers(material))
    assert not found & AUTHORS_ALONE
    assert found >= RUN_ALONE
    assert {item.number for item in ITEMS if not item.author} == RUN_ALONE


def test_answers_are_those_of_the_run(material):
    found = {number: " ".join(sentences) for number, sentences in answers(material).items()}
    metrics = material.evaluation.metrics
    assert material.dataset.fingerprint() in found[7]
    assert "height" in found[9]
    assert "study 16" in found[13]
    assert "patient 0" in found[13]
    assert "9 images, 4 of them normal, boxes cast 5" in found[20]
    assert "16 of 16 images" in found[21]
    assert "torch 9.9.9" in found[23]
    assert "num_steps 7, seed 3" in found[25]
    assert "random_horizontal_flip" in found[25]
    assert "0.4000: the model's own, chosen for f1" in found[26]
    assert material.evaluation.intervals.method[1:] in found[29]
    assert "WRIST 8" in found[34]
    assert f"Sensitivity, by image: {100 * metrics['image_sensitivity'].value:.1f}\u00a0% (95 % CI " in found[36]
    assert "whole" in found[27]


def test_nothing_is_made_up(material):
    bare = CARD.model_copy(update={"data": {}, "settings": {}, "versions": {}, "metrics": {}})
    plain = measure(material.dataset, detections(material.dataset), rounds=0)
    found = answers(Material(plain, bare, material.dataset, "images", Words(), ("whole",)))
    assert not {12, 20, 24, 25} & set(found)
    assert found[29] == ["No intervals were computed."]


def test_signs_of_markdown_are_letters(material):
    text = claim_markdown(material, "a *b* <i> [c](d)", {})
    assert text.startswith("# a \\*b\\* \\<i\\> \\[c\\](d)\n")


def test_parts_of_the_images_by_name():
    names = [("images", "with a fracture"), ("images", "without hardware"), ("hand", "yes"), ("view", "AP")]
    groups = tuple(Subgroup(by, name, 1, 1, 0, 1, {}) for by, name in names)
    evaluation = SimpleNamespace(subgroups=groups)
    told = [part_name(Words("es"), group) for group in parts_of(evaluation)]
    assert told == ["without hardware", "hand", "proyección: AP"]
