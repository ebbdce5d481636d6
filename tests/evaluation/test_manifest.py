"""Tables about images."""

from dataclasses import replace

import pytest
from support.evaluation_images import dataset, image

from fractura.core.errors import DataError
from fractura.evaluation import evaluate, image_groups
from fractura.evaluation.manifest import read_manifest


@pytest.fixture(name="table")
def write(tmp_path):
    def write_text(text):
        path = tmp_path / "manifest.csv"
        path.write_text(text, encoding="utf-8-sig")
        return path

    return write_text


DATA = dataset(image(name="a.png"), image([[1, 1, 9, 9]], name="b.png"), image(name="c.png"))


def test_it_fills_in_what_images_do_not_say(table):
    manifest = read_manifest(table("image,patient,study,view\nfolder/a.png,1,s, AP \nb.png,2,,\n"))
    data = replace(DATA, records=(DATA.records[0], replace(DATA.records[1], patient="own"), DATA.records[2]))
    filled = manifest.complete(data)
    assert [record.patient for record in filled] == ["1", "own", None]
    assert [record.study for record in filled] == ["s", None, None]
    assert filled.records[0].view == "AP"
    assert manifest.missing(data) == 1


def test_columns_of_yes_and_no_and_of_few_words_are_groups(table):
    rows = ["image,hardware,site,label,age,view", "a.png,1,North,x,30,AP", "b.png,0,South,y,40,PA", "c.png,Yes,,x,5,AP"]
    manifest = read_manifest(table("\n".join(rows)))
    groups = {(group.by, group.name): group.images.tolist() for group in manifest.groups(DATA)}
    assert groups == {
        ("hardware", "yes"): [True, False, True],
        ("site", "North"): [True, False, False],
        ("site", "South"): [False, True, False],
    }
    assert manifest.without(DATA, "hardware").images.tolist() == [False, True, False]


def test_tables_of_other_people(table):
    """GRAZPEDWRI-DX's columns and names without endings, and a semicolon, as Excel writes it in half of Europe."""
    text = "filestem;patient_id;age;gender;cast\na;7;14,5;M;\nb;8;9;F;1\n;;;;\n"
    manifest = read_manifest(table(text))
    assert [record.patient for record in manifest.complete(DATA)] == ["7", "8", None]
    assert [(group.by, group.images.tolist()) for group in manifest.groups(DATA)] == [
        ("gender", [False, True, False]),
        ("gender", [True, False, False]),
        ("cast", [False, True, False]),
    ]
    assert manifest.missing(DATA) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("picture,x\na.png,1\n", "has no column that names the image"),
        ("image,x\na.png,1\na.png,2\n", "second row for a.png"),
        ("", "has no column that names the image"),
    ],
)
def test_other_tables_are_refused(table, text, said):
    with pytest.raises(DataError, match=said):
        read_manifest(table(text))


def test_a_table_of_other_images_and_an_unknown_column_are_refused(table):
    manifest = read_manifest(table("image,hardware\nz.png,1\n"))
    with pytest.raises(DataError, match=r"no row for any of the images, such as a\.png"):
        manifest.complete(DATA)
    with pytest.raises(DataError, match="did you mean 'hardware'"):
        manifest.without(DATA, "hardwar")


def test_groups_from_the_records_themselves():
    views = ("AP", None, "PA")
    records = [replace(record, body_part="HAND", view=view) for record, view in zip(DATA, views, strict=True)]
    data = dataset(*records)
    names = {(group.by, group.name): int(group.images.sum()) for group in image_groups(data)}
    assert names == {("images", "with a fracture"): 1, ("body part", "HAND"): 3, ("view", "AP"): 1, ("view", "PA"): 1}


def test_a_group_has_the_metrics_of_its_images_alone_and_a_size_those_of_its_boxes():
    from support.evaluation_images import detections

    small, large = [0, 0, 10, 10], [50, 50, 150, 150]
    data = dataset(
        image([small, large]), image([large, [0, 100, 40, 190]], None, [False, True], name="b"), image(name="c")
    )
    found = [
        detections((*small, 0.9)),
        detections((*large, 0.8), (160, 160, 190, 190, 0.7)),
        detections((0, 0, 9, 9, 0.6)),
    ]
    evaluation = evaluate(data, found, threshold=0.5, rounds=10, groups=image_groups(data))
    groups = {(group.by, group.name): group for group in evaluation.subgroups}
    positive = groups[("images", "with a fracture")]
    assert (positive.images, positive.boxes, positive.negative) == (2, 3, 0)
    assert positive.metrics["false_positives_per_image/iou50"].value == 0.5
    assert positive.metrics["image_specificity"].value is None
    assert groups[("box size", "small")].metrics["box_sensitivity/iou50"].value == 1.0
    assert groups[("box size", "large")].boxes == 2  # the difficult one is not to be found
    assert groups[("box size", "large")].metrics["box_sensitivity/iou50"].value == 0.5
    # the large box is found before any false positive is
    assert groups[("box size", "large")].metrics["froc/iou50/0.125"].value == 0.5
    assert ("box size", "medium") not in groups
