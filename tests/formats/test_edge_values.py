"""Values at the edges of what readers and writers of formats decide, each worked out by hand."""

import struct
from dataclasses import replace

import pytest
from support.format_images import make_dataset, make_images

from fractura.core.errors import DataError
from fractura.formats import read_dataset
from fractura.formats.protobuf.wire import FIXED32, fields, fixed32_field
from fractura.formats.text_files import number_in
from fractura.formats.tfrecord.frames import shard_paths
from fractura.formats.voc import parse_voc
from fractura.formats.voc.serializer import voc_bytes
from fractura.formats.yolo.yolo import plan_yolo


def test_a_fixed_number_of_four_bytes():
    data = fixed32_field(9, 0x01020304)
    assert data == bytes([9 << 3 | 5]) + struct.pack("<I", 0x01020304)
    assert list(fields(data, 0, len(data))) == [(9, FIXED32, 1, 5)]


def test_numbers_that_are_none_are_quoted_in_part():
    with pytest.raises(DataError, match=r"^xmin is not a number: 'x{40}'\n") as caught:
        number_in("x" * 41, "xmin", "correct the row")
    assert caught.value.hint == "correct the row"


def test_the_fewest_and_the_most_shards(tmp_path):
    assert [path.name for path in shard_paths(tmp_path / "a", 1)] == ["a-00000-of-00001"]
    assert [path.name for path in shard_paths(tmp_path / "a", 99_999)[-1:]] == ["a-99998-of-99999"]
    for number in (0, 100_000):
        with pytest.raises(DataError, match=f"cannot write {number} files"):
            shard_paths(tmp_path / "a", number)


def test_faults_of_one_image_that_is_missing_count_as_one(tmp_path):
    """Nine images with boxes are read; of a tenth, three rows name a file that is not there: a tenth may be lost."""
    make_images(tmp_path, 9)
    rows = [f"image {number},a,1,2,30,40\n" for number in range(9)] + ["gone,a,1,2,30,40\n"] * 3
    (tmp_path / "a.csv").write_text("image_id,class_name,x_min,y_min,x_max,y_max\n" + "".join(rows))
    problems = []
    assert len(read_dataset(tmp_path, on_error="skip", problems=problems)) == 9
    assert len(problems) == 3


def test_a_wrong_row_takes_its_image_with_it_and_no_other(tmp_path):
    make_images(tmp_path, 11)
    rows = [f"image {number},a,1,2,30,40\n" for number in range(11)] + ["image 3,a,1,2,x,40\n"]
    (tmp_path / "a.csv").write_text("image_id,class_name,x_min,y_min,x_max,y_max\n" + "".join(rows))
    names = [record.name for record in read_dataset(tmp_path, on_error="skip", problems=[])]
    assert sorted(names) == sorted(f"image {number}.png" for number in range(11) if number != 3)


@pytest.mark.parametrize(
    ("train", "val", "merged"),
    [
        (["b", "a"], ["c", "a"], ("b", "a", "c")),  # an order that somebody chose
        (["a", "c"], ["b", "c"], ("a", "b", "c")),  # sorted, so chosen by nobody
        (["a", "c"], ["c", "b"], ("a", "c", "b")),
    ],
)
def test_class_names_of_folders_of_splits(train, val, merged, tmp_path):
    for split, names in (("train", train), ("val", val)):
        make_images(tmp_path / split, 3)
        for number in range(3):
            (tmp_path / split / f"image {number}.png").rename(tmp_path / split / f"{split} {number}.png")
            (tmp_path / split / f"{split} {number}.txt").write_text(f"{number % 2} 0.5 0.5 0.25 0.2\n")
        (tmp_path / split / "classes.txt").write_text("".join(f"{name}\n" for name in names))
    data = read_dataset(tmp_path, problems=[])
    assert data.class_names == merged
    assert {(record.name, merged[record.boxes.labels[0]]) for record in data} == {
        (f"{split} {number}.png", names[number % 2])
        for split, names in (("train", train), ("val", val))
        for number in range(3)
    }


def test_darknet_names_its_parts_in_a_data_file(tmp_path):
    make_images(tmp_path / "pictures", 2)
    for number in range(2):
        (tmp_path / "pictures" / f"image {number}.txt").write_text(f"{number} 0.5 0.5 0.25 0.2\n")
    (tmp_path / "obj.names").write_text("b\na\n")
    (tmp_path / "other.names").write_text("not\nthese\n")
    (tmp_path / "train.txt").write_text("pictures/image 0.png\n")
    (tmp_path / "valid.txt").write_text("pictures/image 1.png\n")
    (tmp_path / "obj.data").write_text(
        "classes=2\nsome remark\n train = train.txt\nvalid = valid.txt\nnames = obj.names\n"
    )
    data = read_dataset(tmp_path, source_format="yolo", problems=[])
    assert data.class_names == ("b", "a")
    assert [(record.name, record.split, record.boxes.labels.tolist()) for record in data] == [
        ("image 0.png", "train", [0]),
        ("image 1.png", "val", [1]),
    ]


def test_yolo_is_not_written_where_only_some_images_have_a_split(tmp_path):
    data = make_dataset(tmp_path / "in", 4)
    records = [replace(record, split=split) for record, split in zip(data, ["train", None, "val", None], strict=True)]
    some = replace(data, records=tuple(records))
    with pytest.raises(DataError, match="2 of 4 images are in no split, and YOLO has folders for splits only"):
        list(plan_yolo(some))


@pytest.mark.parametrize(
    ("tag", "change", "expected"),
    [
        ("pose", {"pose": "Left"}, ["name", "pose", "truncated", "difficult", "bndbox"]),
        ("truncated", {"truncated": True}, ["name", "pose", "truncated", "difficult", "bndbox"]),
        ("difficult", {"difficult": True}, ["name", "pose", "truncated", "difficult", "bndbox"]),
        (None, {"score": 0.5}, ["name", "pose", "truncated", "difficult", "score", "bndbox"]),
    ],
)
def test_what_an_object_lacks_is_written_where_labelimg_has_it(tag, change, expected):
    text = (
        b"<annotation>\n\t<filename>a.png</filename>\n\t<size><width>9</width><height>9</height><depth>1</depth></size>\n"
        b"\t<object>\n\t\t<name>a</name>\n\t\t<pose>Right</pose>\n\t\t<truncated>0</truncated>\n"
        b"\t\t<difficult>0</difficult>\n\t\t<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox>\n"
        b"\t</object>\n</annotation>\n"
    )
    lines = [line for line in text.splitlines(keepends=True) if tag is None or f"<{tag}>".encode() not in line]
    read = parse_voc(b"".join(lines), "a.xml")
    written = voc_bytes(replace(read, objects=(replace(read.objects[0], **change),)))
    tags = [line.split(b">")[0].strip(b"\t<").decode() for line in written.splitlines() if line.startswith(b"\t\t")]
    assert tags == expected
    assert parse_voc(written, "a.xml").objects == (replace(read.objects[0], **change),)
