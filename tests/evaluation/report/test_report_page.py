"""The page: its numbers are those of evaluation.json, names stay text, nothing is loaded, warnings are given."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from support.report_images import (
    CARD,
    HOSTILE,
    THRESHOLD,
    context_of,
    detections,
    images,
    measure,
    report,
    without_image,
)

from fractura.core.errors import UsageError
from fractura.evaluation.report import failures, write_report
from fractura.evaluation.report.claim_answers import answers
from fractura.evaluation.report.context import threshold_origin
from fractura.evaluation.report.language import Language

ENGLISH = Language()


class Page(HTMLParser):
    """What tests need of a page: elements with their attributes, and the text of those that hold metrics."""

    def __init__(self, file):
        super().__init__(convert_charrefs=True)
        self.elements, self.metrics, self.headings, self.words = [], [], [], []
        self._open = None
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.elements.append((tag, given))
        if "data-metric" in given:
            self.metrics.append([given["data-metric"], ""])
            self._open = "metric"
        elif tag == "span" and given.get("class") == "interval":
            self.metrics[-1].append("")
            self._open = "interval"
        elif re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag):
        if tag == "span":
            self._open = None

    def handle_data(self, data):
        self.words.append(data)
        if self._open:
            self.metrics[-1][-1] += data

    def all(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def expected(metric, shown):
    """A metric of evaluation.json, written as the page writes the one shown."""
    if metric["value"] is None:
        return "–"
    digits = len(shown.split(".")[1].rstrip("%"))
    return f"{100 * metric['value']:.{digits}f}%" if shown.endswith("%") else f"{metric['value']:.{digits}f}"


def test_every_number_is_that_of_evaluation_json(made):
    document = json.loads((made.parent / "evaluation.json").read_text(encoding="utf-8"))
    metrics = dict(document["metrics"])
    for group in document["subgroups"]:
        metrics |= {f"{group['by']}/{group['name']}/{key}": metric for key, metric in group["metrics"].items()}
    shown = Page(made).metrics
    assert len(shown) > 80
    for key, text, *interval in shown:
        assert text == expected(metrics[key], text), key
        if interval and "–" in interval[0]:
            low, high = re.search(r"([\d.]+)–([\d.]+)", interval[0]).groups()
            scale = 100 if text.endswith("%") else 1
            digits = len(low.split(".")[1])
            assert (low, high) == tuple(f"{scale * metrics[key][end]:.{digits}f}" for end in ("low", "high")), key
    assert {key for key in document["metrics"] if key.startswith("froc/")} <= {each[0] for each in shown}


def test_numbers_that_are_not_in_the_table_of_metrics(made):
    document = json.loads((made.parent / "evaluation.json").read_text(encoding="utf-8"))
    right, alone = (document["metrics"][f"image_{name}"] for name in ("sensitivity", "specificity"))
    text = Page(made).text
    assert f"With a fracture {right['part']} {right['count'] - right['part']} {right['count']}" in text
    assert f"Normal {alone['count'] - alone['part']} {alone['part']} {alone['count']}" in text
    normal = [each for each in document["outcomes"] if each["positive"] is False]
    free = sum(not each["detections"] for each in normal)
    assert f"Share 0 {free} {100 * free / len(normal):.1f}%" in text
    missed = sum(bool(each["missed"]) for each in document["outcomes"])
    alarms = sum(bool(each["false"]) for each in document["outcomes"])
    assert f"Shown: {missed} of {missed} images" in text
    assert f"Shown: {alarms} of {alarms} images" in text
    assert len(Page(made).all("img")) == 2 * (missed + alarms)


def test_hostile_names_stay_text(made):
    for name in ("report.html", "claim.html", "stard_ai.html"):
        source = (made.parent / name).read_text(encoding="utf-8")
        assert not re.search(r"<(script|b>frac|em>images|u>|i>tiny)", source)
        assert "&lt;em&gt;images&lt;/em&gt;" in source
    page = Page(made)
    assert HOSTILE in page.text
    assert any(HOSTILE in image["alt"] for image in page.all("img"))
    assert "$x_{1} <u>" in page.text
    assert "\\<em\\>" in (made.parent / "claim.md").read_text(encoding="utf-8")


def test_names_that_are_not_utf8_do_not_stop_the_report(tmp_path):
    dataset = images(tmp_path, count=2)
    context = context_of(measure(dataset, detections(dataset), rounds=0), dataset, data_name="im\udce1genes")
    made = write_report(context, tmp_path / "out")
    assert "im?genes" in made.read_text(encoding="utf-8")
    assert "im?genes" in (made.parent / "claim.md").read_text(encoding="utf-8")


def test_nothing_is_loaded_and_every_link_leads_somewhere(made):
    page = Page(made)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.elements:
        for name in ("href", "src", "xlink:href"):
            target = attributes.get(name, "#")
            if target.startswith("#"):
                assert target == "#" or target[1:] in ids
            elif not target.startswith("data:image/jpeg;base64,"):
                assert (made.parent / target).is_file(), target
        for reference in attributes.get("aria-labelledby", "").split():
            assert reference in ids
    assert any("default-src 'none'" in meta.get("content", "") for meta in page.all("meta"))


def test_pictures_have_words_and_headings_have_order(made):
    page = Page(made)
    assert all(len(image["alt"]) > 20 for image in page.all("img"))
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    assert len(page.all("caption")) == len(page.all("table"))
    drawings = [each for each in page.all("svg") if each.get("role") == "img"]
    assert len(drawings) == 10
    assert len(page.all("desc")) == len(page.all("svg"))


@pytest.mark.parametrize(
    ("changes", "threshold", "said", "not_said"),
    [
        (
            {},
            THRESHOLD,
            "chosen for the best F1 on another set of images (fingerprint 000000000000…); whether",
            "these very images",
        ),
        ({"threshold_data": "here"}, THRESHOLD, "4 of 4 images chose the threshold: ", "were trained on"),
        (
            {"threshold_data": "here"},
            THRESHOLD,
            "chosen for the best F1 on these very images",
            "other images (fingerprint",
        ),
        ({"data": {"train": {"fingerprint": "here"}}}, THRESHOLD, "4 of 4 images were trained on", "final state"),
        (
            {"data": {"val": {"fingerprint": "here"}}},
            THRESHOLD,
            "4 of 4 images chose the model's final state",
            "4 images were",
        ),
        (
            {"threshold_data": None, "data": {"val": {"fingerprint": "here"}}},
            THRESHOLD,
            "4 of 4 images chose the threshold and the model's final state: ",
            "were trained on",
        ),
        ({"threshold_data": None, "data": {}}, THRESHOLD, "on images that its card does not name", "these very images"),
        ({"threshold_data": None, "data": {}}, THRESHOLD, "is not known: its card lists no digests", "were trained on"),
        ({"threshold_data": "here"}, 0.6, "given for this evaluation; the model's own is 0.400", "4 of 4"),
    ],
)
def test_what_the_threshold_was_chosen_on(tmp_path, changes, threshold, said, not_said):
    dataset = images(tmp_path, count=4)
    card = CARD.model_copy(update=json.loads(json.dumps(changes).replace("here", dataset.fingerprint())))
    evaluation = measure(dataset, detections(dataset), rounds=0, threshold=threshold)
    context = context_of(evaluation, dataset, card)
    text = " ".join([threshold_origin(context, ENGLISH), *map(str, context.warnings)])
    assert said in text
    assert not_said not in text
    assert "There are no intervals" in text
    with_intervals = context_of(measure(dataset, detections(dataset)), dataset, card)
    assert "There are no intervals" not in " ".join(map(str, with_intervals.warnings))


@pytest.mark.parametrize("chosen_by", ["val", "threshold"])
def test_one_image_more_or_fewer_does_not_silence_the_warning(tmp_path, chosen_by):
    dataset = images(tmp_path, count=6)
    seen = {
        "train": replace(dataset, records=dataset.records[:2]),
        chosen_by: replace(dataset, records=dataset.records[1:5]),
    }
    described = {"val": None, **{part: each.describe() for part, each in seen.items()}}
    card = CARD.model_copy(update={"data": described, "threshold_data": seen[chosen_by].fingerprint()})
    context = context_of(measure(dataset, detections(dataset)), dataset, card)
    said = " ".join(map(str, context.warnings))
    assert "2 of 6 images were trained on: " in said
    assert "4 of 6 images chose the threshold" in said
    assert ("the model's final state" in said) == (chosen_by == "val")
    origin = threshold_origin(context, ENGLISH)
    assert origin == "the model's own, chosen for the best F1 on images that include 4 of these 6"
    claim = " ".join(answers(context, ENGLISH)[32])
    validated = 4 if chosen_by == "val" else 0
    assert f"2 trained on, {validated} chose the model's final state, 4 chose the threshold" in claim
    made = write_report(context, tmp_path / "out")
    assert "<dt>Of these images, chose the threshold</dt><dd>4</dd>" in made.read_text(encoding="utf-8")


def test_images_that_had_no_part_are_said_to_be_other_images(tmp_path):
    dataset = images(tmp_path, count=6)
    parts = {"train": dataset.records[:2], "val": dataset.records[2:3], "test": dataset.records[3:]}
    seen = {name: replace(dataset, records=records) for name, records in parts.items()}
    card = CARD.model_copy(
        update={
            "data": {name: seen[name].describe() for name in ("train", "val")},
            "threshold_data": seen["val"].fingerprint(),
        }
    )
    context = context_of(measure(seen["test"], detections(seen["test"])), seen["test"], card)
    assert context.warnings == []
    assert "on other images (fingerprint" in threshold_origin(context, ENGLISH)
    assert "0 trained on, 0 chose the model's final state, 0 chose the threshold" in answers(context, ENGLISH)[32][0]


def test_warnings_stand_before_the_metrics(tmp_path):
    dataset = images(tmp_path, count=4)
    card = CARD.model_copy(update={"threshold_data": dataset.fingerprint()})
    text = Page(report(tmp_path / "out", dataset, detections(dataset), card=card, rounds=0)).text
    assert text.index("images chose the threshold") < text.index("There are no intervals") < text.index("In short")


@pytest.mark.parametrize("kind", ["no images", "normal only", "fractured only", "no detections", "one image"])
def test_whatever_is_not_defined_is_a_dash(tmp_path, kind):
    count = {"no images": 0, "one image": 1}.get(kind, 6)
    dataset = images(tmp_path, count=count, positive=kind != "normal only", negative=kind != "fractured only")
    found = detections(dataset)
    if kind == "no detections":
        found = [each.above(1.0) for each in found]
    made = report(tmp_path / "out", dataset, found)
    metrics = {key: text for key, text, *_ in Page(made).metrics}
    assert any("–" in text for text in metrics.values()) or kind == "no detections"
    assert "nan" not in " ".join(metrics.values())
    assert (made.parent / "claim.md").is_file()


def test_an_image_that_is_gone_is_named_without_a_picture(tmp_path):
    dataset = images(tmp_path, count=6)
    found = detections(dataset)
    text = Page(report(tmp_path / "out", without_image(dataset, 0), found, rounds=0)).text
    assert "The image cannot be shown" in text
    assert HOSTILE in text


def test_an_image_that_says_it_has_text_burnt_in_is_not_shown(tmp_path, monkeypatch):
    dataset = images(tmp_path, count=6)
    read = failures.read_radiograph

    def written(*arguments, **more):
        image = read(*arguments, **more)
        return replace(image, facts=replace(image.facts, burnt_in_text=True))

    monkeypatch.setattr(failures, "read_radiograph", written)
    page = Page(report(tmp_path / "out", dataset, detections(dataset), rounds=0))
    assert "says that text is burnt in" in page.text
    assert not page.all("img")


def test_an_unknown_language_names_the_known_ones(tmp_path):
    dataset = images(tmp_path, count=2)
    with pytest.raises(UsageError, match="known are: en, es"):
        write_report(context_of(measure(dataset, detections(dataset)), dataset), tmp_path, language="xx")
