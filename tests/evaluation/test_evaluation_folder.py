"""The tables of an evaluation's folder, read as a spreadsheet reads them."""

import csv
import json

import pytest
from support.evaluation_images import dataset, detections, image

from fractura.evaluation.evaluate import evaluate
from fractura.evaluation.evaluation_folder import holds_evaluation, write_tables
from fractura.evaluation.subgroups import image_groups


@pytest.fixture
def evaluation():
    """A fracture found next to a false positive, a normal image, and a miss that is flagged difficult."""
    data = dataset(
        image([[10, 10, 50, 50]], name="=a.png"),
        image(name="b.png"),
        image([[10, 10, 50, 50]], difficult=[True], name="c.png"),
    )
    found = [detections((10, 10, 50, 50, 0.75), (100, 100, 150, 150, 0.5)), detections(), detections()]
    return evaluate(data, found, threshold=0.5, rounds=0, groups=image_groups(data))


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_each_image_has_a_row_with_its_counts(evaluation, tmp_path):
    write_tables(evaluation, tmp_path)
    names = ("image", "positive", "score", "boxes", "missed", "detections", "false_positives")
    assert [tuple(row[name] for name in names) for row in rows(tmp_path / "images.csv")] == [
        ("'=a.png", "1", "0.75", "1", "0", "2", "1"),
        ("b.png", "0", "0.0", "0", "0", "0", "0"),
        ("c.png", "", "0.0", "1", "0", "0", "0"),
    ]


def test_each_metric_has_a_row_and_those_of_groups_follow(evaluation, tmp_path):
    write_tables(evaluation, tmp_path)
    table = rows(tmp_path / "metrics.csv")
    whole = [row for row in table if row["by"] == ""]
    assert table[: len(whole)] == whole
    assert {row["metric"] for row in whole} == set(evaluation.metrics)
    [sensitivity] = [row for row in whole if row["metric"] == "box_sensitivity/iou30"]
    assert (sensitivity["value"], sensitivity["part"], sensitivity["count"]) == ("1.0", "1", "1")
    assert sensitivity["text"]
    assert sensitivity["low"] == sensitivity["high"] == ""
    groups = {(row["by"], row["group"]) for row in table} - {("", "")}
    assert groups == {(each.by, each.name) for each in evaluation.subgroups}
    assert ("images", "with a fracture") in groups


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        (json.dumps({"metrics": {}, "outcomes": []}), True),
        (json.dumps({"metrics": {}}), False),
        (json.dumps({"outcomes": []}), False),
        ("[]", False),
        ("{", False),
        (None, False),
    ],
)
def test_a_folder_with_an_evaluation(text, holds, tmp_path):
    if text is not None:
        (tmp_path / "evaluation.json").write_text(text, encoding="utf-8")
    assert holds_evaluation(tmp_path) is holds
