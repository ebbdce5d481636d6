"""Single decisions of the evaluation, each worked out by hand: what counts, on how many, from which limit on."""

import json
from dataclasses import replace

import numpy as np
import pytest
from support.evaluation_images import dataset, detections, image

from fractura.core.errors import DataError
from fractura.evaluation import evaluate, image_groups
from fractura.evaluation.agreement import agreements, images_apart
from fractura.evaluation.comparison import compare
from fractura.evaluation.manifest import read_manifest
from fractura.evaluation.metric_names import Metric, metric_text
from fractura.evaluation.metric_set import groups_of
from fractura.evaluation.table import build_table

BOX, FAR = [10, 10, 50, 50], [100, 100, 150, 150]


def of(record, **facts):
    return replace(record, **facts)


@pytest.fixture
def case():
    """Five images of two classes, two patients and one image without: the score of each is that of its detection.

    The first patient has a fracture found with 0.9 and a normal image flagged with 0.4; the second one an image of the
    other class that is missed, and one with nothing but a difficult box; the last image is normal, flagged with 0.6.
    """
    data = dataset(
        of(image([BOX], name="1"), patient="p", study="s"),
        of(image(name="2"), patient="p"),
        of(image([BOX], [1], name="3"), patient="q"),
        of(image([BOX], difficult=[True], name="4"), patient="q"),
        image(name="5"),
        class_names=("a", "b"),
    )
    found = [
        detections((*BOX, 0.9)),
        detections((*FAR, 0.4)),
        detections(),
        detections((*BOX, 0.8)),
        detections((*FAR, 0.6)),
    ]
    return data, found


def test_studies_and_patients_are_positive_negative_or_neither(case):
    table = build_table(*case)
    first, scores, positive, negative = groups_of(table, "patient")
    assert first.tolist() == [0, 2, 4]
    assert scores.tolist() == pytest.approx([0.9, 0.8, 0.6])
    assert positive.tolist() == [True, True, False]
    assert negative.tolist() == [False, False, True]
    first, scores, positive, negative = groups_of(table, "image")
    assert positive.tolist() == [True, False, True, False, False]
    assert negative.tolist() == [False, True, False, False, True]
    assert (table.unit, table.clusters.tolist()) == ("patient", [0, 0, 1, 1, 2])


def test_what_metrics_are_measured_on(case):
    metrics = evaluate(*case, threshold=0.5).metrics
    assert {key: metrics[key].count for key in ("AP50", "froc/iou30/1", "image_auc", "image_youden")} == {
        "AP50": 2,
        "froc/iou30/1": 2,
        "image_auc": 4,
        "image_youden": 4,
    }
    assert metrics["patient_auc"].count == 3
    assert metrics["study_auc"].count == 4, "the image without anything to find or leave alone counts for neither"
    assert metrics["image_sensitivity_at_specificity/0.8"].count == 2
    assert metrics["image_ece"].count == metrics["image_brier"].count == 4
    assert metrics["detection_ece"].count == metrics["detection_brier"].count == 3, (
        "the one on a difficult box does not"
    )


def test_each_class_has_its_share(case):
    metrics = evaluate(*case, threshold=0.5).metrics
    for name, part in (("a", 1), ("b", 0)):
        found = metrics[f"box_sensitivity/iou30/{name}"]
        assert (found.value, found.part, found.count) == (part, part, 1)
    assert not [key for key in evaluate(dataset(image([BOX])), [detections()]).metrics if "iou30/fracture" in key]


def test_shares_of_images_and_patients(case):
    """At 0.5: of two fractured images one is flagged, of two normal ones one. Both right: 1 of 2 and 1 of 2."""
    metrics = evaluate(*case, threshold=0.5).metrics
    shares = {key: (metrics[key].part, metrics[key].count) for key in metrics if key.startswith(("image_", "patient_"))}
    assert shares["image_sensitivity"] == (1, 2)
    assert shares["image_specificity"] == (1, 2)
    assert shares["image_ppv"] == (1, 2)
    assert shares["image_npv"] == (1, 2)
    assert shares["patient_sensitivity"] == (2, 2), "a patient is flagged by any image"
    assert shares["patient_specificity"] == (0, 1)
    assert metrics["image_brier"].value == pytest.approx((0.1**2 + 0.4**2 + 1 + 0.6**2) / 4)
    assert metrics["detection_brier"].value == pytest.approx((0.1**2 + 0.4**2 + 0.6**2) / 3)


@pytest.mark.parametrize(
    ("metric", "digits", "text"),
    [
        (Metric(None), 3, "–"),
        (Metric(0.0), 3, "0.000"),
        (Metric(0.12345), 2, "0.12"),
        (Metric(0.5, 0.25), 2, "0.50"),
        (Metric(0.5, None, 0.75), 2, "0.50"),
        (Metric(0.5, 0.0, 0.75), 1, "0.5 (0.0–0.8)"),
    ],
)
def test_metrics_as_text(metric, digits, text):
    assert metric.to_text(digits) == text


def test_words_for_metrics():
    assert metric_text("AP50/hairline/open") == "average precision, IoU 0.5, hairline/open"
    assert metric_text("box_sensitivity/iou30/a/b") == "share of fractures found, IoU 0.3, a/b"
    assert metric_text("patient_sensitivity_at_specificity/0.9") == "sensitivity by patient, at a specificity of 0.9"
    assert metric_text("image_ece") == "expected calibration error of image scores"
    with pytest.raises(KeyError):
        metric_text("film_auc")


@pytest.mark.parametrize(
    ("side", "size"),
    [((14, 14), "small"), ((20, 10), "medium"), ((20, 39), "medium"), ((20, 40), "large"), ((200, 200), "large")],
)
def test_sizes_of_boxes_begin_at_their_lower_end(side, size):
    """Of 200 x 200 pixels: 200 are 0.5 %, 800 are 2 %."""
    data = dataset(image([[0, 0, *side]]))
    [group] = evaluate(data, [detections((0, 0, *side, 0.9))], groups=image_groups(data)).subgroups
    assert (group.by, group.name, group.images, group.positive, group.boxes) == ("box size", size, 1, 1, 1)


def test_detections_on_boxes_of_another_size_are_left_out_of_a_size_and_false_ones_are_not():
    """The small box is found after a false positive, the large one before: 1 false positive on 2 images is 0.5."""
    small, large = [0, 0, 10, 10], [50, 50, 150, 150]
    data = dataset(image([small, large]), image(name="b"))
    found = [detections((*large, 0.9), (*small, 0.5)), detections((160, 160, 190, 190, 0.7))]
    groups = {group.name: group.metrics for group in evaluate(data, found, groups=image_groups(data)).subgroups}
    assert groups["large"]["froc/iou50/0.25"].value == 1
    assert (groups["small"]["froc/iou50/0.25"].value, groups["small"]["froc/iou50/0.5"].value) == (0, 1)
    assert groups["small"]["box_sensitivity/iou50"].part == groups["small"]["box_sensitivity/iou50"].count == 1


def test_the_froc_ends_at_ten_false_positives_per_image():
    """Fractures found after 0, 10 and 11 false positives on one image."""
    boxes = [[0, 0, 10, 10], [30, 0, 40, 10], [60, 0, 70, 10]]
    false = [(x, 100, x + 8, 108) for x in range(0, 110, 10)]
    order = [boxes[0], *false[:10], boxes[1], false[10], boxes[2]]
    rows = [(*corners, 1 - place / 100) for place, corners in enumerate(order)]
    curve = evaluate(dataset(image(boxes)), [detections(*rows)]).curves.froc["iou30"]
    assert curve["false_positives_per_image"] == [0, 10]
    assert curve["sensitivity"] == pytest.approx([1 / 3, 2 / 3])
    assert curve["threshold"] == pytest.approx([1.0, 0.89])


def test_the_worst_are_few_and_the_card_keeps_the_main_curve(case):
    evaluation = evaluate(*case, threshold=0.3)
    assert [outcome.record.name for outcome in evaluation.worst_misses()] == ["3"]
    assert [outcome.record.name for outcome in evaluation.worst_false_alarms()] == ["5", "2"]
    assert [outcome.record.name for outcome in evaluation.worst_false_alarms(1)] == ["5"]
    assert evaluation.worst_misses(0) == []
    assert list(evaluation.summary()["curves"]["froc"]) == ["iou30"]
    document = evaluation.to_dict()
    assert json.loads(json.dumps(document)) == document
    assert {key: document[key] for key in ("images", "positive", "negative", "boxes", "difficult", "detections")} == {
        **{"images": 5, "positive": 2, "negative": 2, "boxes": 2, "difficult": 1, "detections": 4},
    }
    assert (document["patients"], document["studies"]) == (3, 5), "an image without one is one of its own"
    assert document["prevalence"] is None
    assert [outcome["positive"] for outcome in document["outcomes"]] == [True, False, True, None, False]


def test_rows_for_the_terminal(case):
    """A prevalence adds a row to each level; of a group the columns that are defined are filled."""
    data, found = case
    plain, told = (evaluate(data, found, prevalence=given, groups=image_groups(data)) for given in (None, 0.25))
    names = [name for name, _ in told.rows()]
    assert [name for name in names if name not in dict(plain.rows())] == [
        f"{level} PPV / NPV, prevalence 0.25" for level in ("image", "study", "patient")
    ]
    # Sensitivity and specificity are both 1/2, so predictive values are those of a coin.
    assert dict(told.rows())["image PPV / NPV, prevalence 0.25"] == "0.250 / 0.750"
    [images, size] = plain.subgroup_rows()
    assert images[:3] == ["images: with a fracture", "3", "2"]
    assert size[:3] == ["box size: large", "5", "2"]
    assert size[3] == size[6] == size[7] == "", "neither AP nor false positives nor an AUC is of one size"
    assert size[5] == "0.50"


# ---------------------------------------------------------------- tables about images


@pytest.fixture
def manifest(tmp_path):
    def read(*lines):
        (tmp_path / "m.csv").write_text("\n".join(lines), encoding="utf-8")
        return read_manifest(tmp_path / "m.csv")

    return read


def test_a_column_of_more_than_twelve_words_is_text(manifest):
    data = dataset(*(image(name=f"{number}.png") for number in range(13)))
    rows = [f"{number}.png,w{number},w{min(number, 11)},{number},yes" for number in range(13)]
    table = manifest("image,many,few,numbers,all", *rows)
    assert {group.by for group in table.groups(data)} == {"few", "all"}
    assert len([group for group in table.groups(data) if group.by == "few"]) == 12
    [everything] = [group for group in table.groups(data) if group.by == "all"]
    assert everything.images.all()


def test_rows_that_are_short_long_or_of_other_images(manifest):
    data = dataset(image(name="a.png"), image(name="b.png"))
    table = manifest("filename,x,y", "d\\a.png", "b.png, Word ,NO,more", "c.png,other,1")
    assert table.rows["a.png"] == {"x": "", "y": ""}
    assert table.rows["b.png"] == {"x": "Word", "y": "no"}
    assert {(group.by, group.name): group.images.tolist() for group in table.groups(data)} == {
        ("x", "Word"): [False, True],
        ("y", "yes"): [False, False],
    }
    assert table.missing(dataset(image(name="z.png"), image(name="a.png"))) == 1
    assert table.complete(dataset()).records == ()


def test_ages_and_sexes_of_a_table(manifest):
    table = manifest("name,Gender,AGE", "a.png,F,34", "b.png,male,x")
    data = dataset(image(name="a.png"), image(name="b.png"), image(name="c.png"))
    first, second, third = table.demographics(data)
    assert first.age == 34
    assert second.age is None
    assert first.sex != second.sex
    assert None not in (first.sex, second.sex)
    assert (third.age, third.sex) == (None, None)


def test_tables_that_cannot_be_read_say_why(manifest, tmp_path):
    with pytest.raises(DataError, match=r"has a second row for a\.png") as caught:
        manifest("image,x", "a.png,1", "b.png,1", "c/a.png,2")
    assert caught.value.place == "line 4"
    with pytest.raises(DataError, match="there is no such file"):
        read_manifest(tmp_path / "none.csv")
    (tmp_path / "b.csv").write_bytes(b"image\n\xff\xfe\n")
    with pytest.raises(DataError, match="is not UTF-8 text"):
        read_manifest(tmp_path / "b.csv")
    with pytest.raises(DataError) as caught:
        manifest("image,x").complete(dataset(image(name="a.png")))
    assert caught.value.hint == "its rows are named like nothing"


# ---------------------------------------------------------------- readers and models


def test_readers_are_measured_on_the_images_of_both():
    """The first reader saw 1 to 3, the second 2 to 4: both have a fracture on 2, only the second one on 3."""
    first = dataset(image([BOX], name="1"), image([BOX], name="2"), image(name="3"))
    second = dataset(image([BOX], name="2"), image([BOX], name="3"), image(name="4"))
    assert images_apart(first, second) == images_apart(second, first) == (1, 1)
    assert images_apart(first, dataset(image(name="2"))) == (2, 0)
    with pytest.raises(DataError, match="no image name is in both"):
        images_apart(first, dataset(image(name="9")))
    one, other = agreements({"A": first, "B": second}, rounds=0)
    assert [(each.reader, each.against, each.images) for each in (one, other)] == [("B", "A", 2), ("A", "B", 2)]
    assert one.metrics["kappa"].value == other.metrics["kappa"].value == 0.0
    assert (one.metrics["kappa"].count, one.metrics["image_sensitivity"].value) == (2, 1.0)
    assert (one.metrics["image_specificity"].value, other.metrics["image_sensitivity"].value) == (0.0, 0.5)
    assert one.metrics["f1/iou30"].value == pytest.approx(2 / 3)
    assert {key.split("/")[0] for key in one.metrics} == {
        *("kappa", "f1", "box_sensitivity", "false_positives_per_image", "image_sensitivity", "image_specificity"),
    }


def test_each_of_two_models_is_measured_at_its_own_threshold(case):
    data, found = case
    comparison = compare((data, found), (data, found), thresholds=(0.5, 0.85), rounds=5)
    assert comparison.flagged == {"both": 1, "first": 2, "second": 0, "neither": 2}
    # Chance: 3/5 of one and 1/5 of the other flagged, so 3/25 + 8/25 agree; 3 of 5 do.
    assert comparison.kappa == pytest.approx((3 / 5 - 11 / 25) / (1 - 11 / 25))
    difference = comparison.differences["image_specificity"]
    assert (difference.first, difference.second, difference.difference) == (0.5, 1.0, 0.5)
    assert (comparison.images, comparison.unit, comparison.clusters, comparison.rounds) == (5, "patient", 3, 5)
    assert "curves" not in comparison.to_dict()
    specificity = comparison.mcnemar["image_specificity"]
    assert np.isfinite(specificity.p)
