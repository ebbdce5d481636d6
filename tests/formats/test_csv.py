"""CSV: the tutorial's columns, ours, negative images, and files that are damaged."""

import csv
import io
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from support.format_images import CLASSES, boxes_of, make_dataset, make_images, same_images

from fractura.core.dataset import Dataset
from fractura.core.errors import DataError
from fractura.formats.csv import csv_bytes
from fractura.formats.reading import read_dataset

read_csv = partial(read_dataset, source_format="csv")

TUTORIAL = "filename,width,height,class,xmin,ymin,xmax,ymax\n"


def write(folder, text):
    (folder / "a.csv").write_text(text, encoding="utf-8")
    return folder / "a.csv"


def test_what_the_tutorials_script_writes(tmp_path):
    make_images(tmp_path, 2)
    data = read_csv(write(tmp_path, TUTORIAL + "image 0.png,120,90,a,1,2,30,40\nimage 0.png,120,90,b,1.5,2,30,40\n"))
    assert data.class_names == ("a", "b")
    assert data.records[0].boxes.xyxy.tolist() == [[1, 2, 30, 40], [1.5, 2, 30, 40]]


@pytest.mark.parametrize(
    "text",
    [
        "image,label,x1,y1,x2,y2\nimage 0.png,a,1,2,30,40\n",
        "Path;Class;xmin;ymin;xmax;ymax;width;height\nC:\\x\\image 0.png;a;1;2;30;40;120;90\n",
        '\ufefffilename,class,xmin,ymin,xmax,ymax\r\n"image 0.png",a,1,2,30,40\r\n\r\n',
    ],
)
def test_other_names_and_separators(text, tmp_path):
    make_images(tmp_path, 1)
    assert read_csv(write(tmp_path, text)).records[0].boxes.xyxy.tolist() == [[1, 2, 30, 40]]


def test_a_row_without_box_is_a_negative_image(tmp_path):
    make_images(tmp_path, 2)
    data = read_csv(write(tmp_path, TUTORIAL + "image 0.png,120,90,a,1,2,30,40\nimage 1.png,64,200,,,,,\n"))
    assert [record.is_negative for record in data] == [False, True]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("image 0.png,120,90,a,1,2,30", "7 cells"),
        ("image 0.png,120,90,,1,2,30,40", "no class"),
        ("image 0.png,120,90,a,1,2,,40", "xmax is not a number"),
        ("image 0.png,120,90,a,1,2,nan,40", "xmax is not a number"),
        ("image 0.png,120,90,a,1,2,1_0,40", "xmax is not a number"),
        ("image 0.png,120,90,a,30,2,1,40", "no area"),
        ("image 0.png,90,120,a,1,2,30,40", "swapped"),
        ("image 9.png,120,90,a,1,2,30,40", "is not in"),
        ("image 1.png,64,201,a,1,2,30,40", "something else"),
        ("image 1.png,64,200,,,,,", "denies"),
        ("image 0.png,120.5,90,a,1,2,30,40", "whole numbers"),
    ],
)
def test_faults_are_named_with_file_and_line(row, said, tmp_path):
    make_images(tmp_path, 2)
    path = write(tmp_path, f"{TUTORIAL}image 1.png,64,200,a,1,2,30,40\n{row}\n")
    with pytest.raises(DataError, match=said) as caught:
        read_csv(path)
    assert (caught.value.file, caught.value.place) == (str(path), "line 3")


@pytest.mark.parametrize("text", ["", "a,b\n", "filename,class\n", '"', TUTORIAL])
def test_what_is_no_table_of_boxes(text, tmp_path):
    with pytest.raises(DataError):
        read_csv(write(tmp_path, text))


def test_what_is_written_is_read_again(tmp_path):
    from dataclasses import replace

    data = make_dataset(tmp_path)
    known = replace(data.records[1], patient='a, "b"', split="val", body_part="WRIST", view="AP", laterality="L")
    data = replace(data, records=(data.records[0], known, *data.records[2:]))
    (tmp_path / "a.csv").write_bytes(csv_bytes(data))
    again = read_csv(tmp_path / "a.csv")
    same_images(data, again)
    image = next(record for record in again if record.name == known.name)
    assert (image.patient, image.split, image.body_part, image.view, image.laterality) == (
        'a, "b"',
        "val",
        "WRIST",
        "AP",
        "L",
    )
    assert csv_bytes(again.with_class_names(CLASSES)) == csv_bytes(data)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(boxes=boxes_of())
def test_any_box_comes_back(boxes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("csv")
    (record,) = make_images(folder, 1)
    data = Dataset(CLASSES, (type(record)(record.image, 120, 90, boxes),), folder)
    (folder / "a.csv").write_bytes(csv_bytes(data))
    same_images(data, read_csv(folder / "a.csv"))


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "'=quoted", "''=twice", "'plain'", "it's")


def test_no_cell_is_a_formula_and_names_come_back(tmp_path):
    """A spreadsheet opens annotations.csv, too."""
    data = make_dataset(tmp_path / "images", len(FORMULAS))
    renamed = []
    for record, name in zip(data, FORMULAS, strict=True):
        image = record.image.rename(record.image.with_name(f"{name}.png".replace("/", "_")))
        renamed.append(replace(record, image=image, patient=name, name=None))
    data = Dataset(FORMULAS[:3], tuple(renamed), data.root)
    content = csv_bytes(data)
    assert not [cell for row in csv.reader(io.StringIO(content.decode())) for cell in row if cell[:1] in tuple("=+-@")]
    (tmp_path / "images" / "annotations.csv").write_bytes(content)
    again = read_csv(tmp_path / "images" / "annotations.csv")
    assert again.class_names == tuple(sorted(FORMULAS[:3]))
    assert {(each.name, each.patient) for each in again} == {(each.name, each.patient) for each in data}
