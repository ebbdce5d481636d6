"""Names, paths, flags and encodings as other programs and other machines write them."""

import json

import pytest
from support.format_images import make_images

from fractura.core.dataset import BoxFlags
from fractura.core.errors import DataError
from fractura.formats import read_dataset
from fractura.formats.flag_words import flag_of

BOX = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>31</xmax><ymax>42</ymax></bndbox>"
COCO = {
    "images": [{"id": "3f-a", "file_name": "image 0.png"}, {"id": 2.0, "file_name": "image 1.png"}],
    "annotations": [{"id": "x", "image_id": "3f-a", "category_id": "bone", "bbox": [1, 2, 30, 40]}],
    "categories": [{"id": "bone", "name": "a"}],
}


def annotation(name, inside, depth="1"):
    size = f"<size><width>120</width><height>90</height><depth>{depth}</depth></size>"
    return f"<annotation><filename>{name}</filename>{size}{inside}</annotation>"


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (("0", "0.0", "", "Unspecified", "unspecified ", "false", "No", "-1", "N/A", 0, 0.0, False, None), False),
        (("1", "1.0", "true", "Yes", "0.3", "2", "1e0", 1, 2, 0.25, True), True),
        (("perhaps", "1_0", "0x1", "nan nan", [], {}, "١"), None),
    ],
)  # fmt: skip
def test_flags(words, flag):
    assert [flag_of(word) for word in words] == [flag] * len(words)


@pytest.mark.parametrize("word", ["Unspecified", "0.0", "0.35", "1.0", "yes"])
@pytest.mark.parametrize("source", ["voc", "csv", "coco"])
def test_flags_of_every_format(word, source, tmp_path):
    make_images(tmp_path, 1)
    if source == "voc":
        flags = f"<truncated>{word}</truncated><difficult>{word}</difficult>"
        (tmp_path / "image 0.xml").write_text(annotation("image 0.png", f"<object><name>a</name>{flags}{BOX}</object>"))
    elif source == "csv":
        header = "filename,class,xmin,ymin,xmax,ymax,truncated,difficult\n"
        (tmp_path / "a.csv").write_text(f"{header}image 0.png,a,1,2,31,42,{word},{word}\n")
    else:
        box = {**COCO["annotations"][0], "truncated": word, "difficult": word}
        (tmp_path / "a.json").write_text(json.dumps({**COCO, "images": COCO["images"][:1], "annotations": [box]}))
    flag = word not in ("Unspecified", "0.0")
    assert read_dataset(tmp_path).records[0].flags == (BoxFlags(difficult=flag, truncated=flag),)


@pytest.mark.parametrize("depth", ["24", "3.0", "Unspecified", "", "-1", "RGB", "8 bit"])
def test_any_depth(depth, tmp_path):
    make_images(tmp_path, 1)
    (tmp_path / "image 0.xml").write_text(annotation("image 0.png", f"<object><name>a</name>{BOX}</object>", depth))
    assert len(read_dataset(tmp_path).records[0].boxes) == 1


def test_ids_of_any_kind(tmp_path):
    make_images(tmp_path, 2)
    (tmp_path / "a.json").write_text(json.dumps(COCO))
    assert [len(record.boxes) for record in read_dataset(tmp_path)] == [1, 0]
    numbers = {**COCO, "images": [{"id": "1", "file_name": "image 0.png"}], "categories": [{"id": "7", "name": "a"}]}
    numbers["annotations"] = [{**COCO["annotations"][0], "image_id": 1, "category_id": 7}]
    (tmp_path / "a.json").write_text(json.dumps(numbers))
    assert len(read_dataset(tmp_path, problems=[]).records[0].boxes) == 1


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("/content/drive/x/train/images", None),
        ("C:\\Users\\x\\train\\images", None),
        ("../train/images", None),
        ("./train/images", None),
        ("/content/elsewhere", "'/content/elsewhere' for train is not there"),
    ],
)
def test_places_of_another_machine(place, said, tmp_path):
    make_images(tmp_path / "train" / "images", 1)
    (tmp_path / "train" / "labels").mkdir()
    (tmp_path / "train" / "labels" / "image 0.txt").write_text("0 0.5 0.5 0.25 0.2\n")
    (tmp_path / "data.yaml").write_text(f"names: ['a']\ntrain: {place}\nval: ../valid/images\n")
    if said:
        with pytest.raises(DataError, match=said):
            read_dataset(tmp_path)
        return
    problems = []
    assert [record.split for record in read_dataset(tmp_path, problems=problems)] == ["train"]
    assert ["'../valid/images' for val is not there" in str(problem) for problem in problems] == [True]


@pytest.mark.parametrize("source", ["voc", "yolo", "coco", "csv", "createml"])
def test_percent_encoded_names(source, tmp_path):
    (record,) = make_images(tmp_path, 1)
    record.image.rename(tmp_path / "muñeca 1.png")
    name = "mu%C3%B1eca%201"
    box = {"label": "a", "coordinates": {"x": 16, "y": 22, "width": 30, "height": 40}}
    contents = {
        "voc": (f"{name}.xml", annotation(f"{name}.png", f"<object><name>a</name>{BOX}</object>")),
        "yolo": (f"{name}.txt", "0 0.5 0.5 0.25 0.2\n"),
        "coco": ("a.json", json.dumps({**COCO, "images": [{"id": "3f-a", "file_name": f"{name}.png"}]})),
        "csv": ("a.csv", f"filename,class,xmin,ymin,xmax,ymax\nhttps://x.org/{name}.png,a,1,2,31,42\n"),
        "createml": ("a.json", json.dumps([{"image": f"{name}.png", "annotations": [box]}])),
    }
    file, content = contents[source]
    (tmp_path / file).write_text(content, encoding="utf-8")
    (read,) = read_dataset(tmp_path, problems=[])
    assert (read.name, len(read.boxes)) == ("muñeca 1.png", 1)


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("cp1252", r"is not UTF-8 text, but most likely Windows-1252 \(cp1252\)"),
        ("utf-16", "is UTF-16 text"),
        ("utf-16-le", "is UTF-16 text"),
        ("utf-16-be", "is UTF-16 text"),
        ("utf-32", "is UTF-32 text"),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.csv", "data.yaml"])
def test_other_encodings_are_named(encoding, said, name, tmp_path):
    make_images(tmp_path, 1)
    texts = {
        "a.json": json.dumps({**COCO, "categories": [{"id": "bone", "name": "muñeca"}]}, ensure_ascii=False),
        "a.csv": "filename,class,xmin,ymin,xmax,ymax\nimage 0.png,muñeca,1,2,31,42\n",
        "data.yaml": "names: [muñeca]\n",
    }
    (tmp_path / name).write_bytes(texts[name].encode(encoding))
    with pytest.raises(DataError, match=said) as caught:
        read_dataset(tmp_path)
    assert caught.value.file == str(tmp_path / name)


@pytest.mark.parametrize(("word", "column"), [("NaN", 23), ("Infinity", 23), ("-Infinity", 23)])
def test_what_is_no_number_in_json_is_named_with_its_place(word, column, tmp_path):
    make_images(tmp_path, 1)
    text = json.dumps(COCO).replace('"bbox"', f'\n"NaN \\" in a name": 1, "area": {word}, "bbox"')
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DataError, match=f"it holds {word}, which is not a number in JSON") as caught:
        read_dataset(tmp_path)
    assert caught.value.place.startswith("line 2, column ")
    assert int(caught.value.place.rpartition(" ")[2]) > column
