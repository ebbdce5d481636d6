import pytest

from fractura.core.errors import DataError
from fractura.formats.label_map import label_map_of, read_label_map, update_label_map, write_label_map

TUTORIAL = """item {
  id: 1
  name: 'Fractura'
  display_name: 'Fractura'
}
"""


@pytest.fixture
def label_map_file(tmp_path):
    def make(text, name="label_map.txt"):
        file = tmp_path / name
        file.write_text(text, encoding="utf-8", newline="")
        return file

    return make


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (TUTORIAL, ("Fractura",)),
        ('item { name: "b" id: 2 }\nitem { id: 1, name: "a" }  # order', ("a", "b")),
        ("item: { id: 1 name: '/m/01g317' display_name: 'Person' }", ("Person",)),
        ("item { id: 3 name: 'c' } item { id: 1 name: 'a' }", ("a", "unused 2", "c")),
        ("\ufeffitem {\r\n id: 1\r\n name: 'Fisura ósea'\r\n}", ("Fisura ósea",)),
        ("item { id: 1 display_name: 'only' }", ("only",)),
        ("item { id: 0x1 name: 'hex' }", ("hex",)),
        ("item { id: 01 name: 'octal' }", ("octal",)),
        ("item { id: 0 name: 'background' }\nitem { id: 1 name: 'a' }", ("a",)),
        ("item { id: 1 name: 'b' } item { id: 0 display_name: 'background' name: 'none_of_the_above' }", ("b",)),
    ],
)
def test_what_is_read(label_map_file, text, names):
    assert read_label_map(label_map_file(text)).class_names == names


def test_what_is_not_used_is_noted(label_map_file):
    text = "item {\n id: 1\n name: 'a'\n keypoints { id: 0 label: 'x' }\n}\nitem { id: 0 name: 'background' }\n"
    assert read_label_map(label_map_file(text)).notes == (
        "line 4: 'keypoints' is not used",
        "line 6: the item of id 0, 'background', is not a class: the background needs no item",
    )


def test_classes_of_the_same_display_name_are_told_apart(label_map_file):
    text = "item { id: 1 name: '/m/a' display_name: 'Wrist' }\nitem { id: 2 name: '/m/b' display_name: 'Wrist' }\n"
    label_map = read_label_map(label_map_file(text))
    assert label_map.class_names == ("Wrist (/m/a)", "Wrist (/m/b)")
    assert (label_map.id_of("/m/a"), label_map.id_of("/m/b")) == (1, 2)
    with pytest.raises(DataError, match="'Wrist' is not in the label map"):
        label_map.id_of("Wrist")


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("", None, "no items"),
        ("item { id: 1 name: 'a' }\nitem { id: 1 name: 'b' }", "line 2", "the id 1 is used twice"),
        ("item { id: 1 name: 'a' }\nitem { id: 2 name: 'a' }", "line 2", "the name 'a' is used twice"),
        ("item { id: 1 name: 'a' }\nitem { id: 2 name: 'b' display_name: 'a' }", "line 2", "used twice"),
        ("item { name: 'a'\n id: -1 }", "line 2", "not in 1 to"),
        ("item { name: 'a' id: 1.5 }", "line 1", "not a whole number"),
        ("item { name: 'a' id: 010 }", "line 1", "the id 010 means 8 in protobuf"),
        ("item {\n name: 'Background'\n id: 0 }", "line 3", "id 0 means background"),
        ("item { id: 0 name: 'background' }", None, "no items"),
        ("items { id: 1 name: 'a' }", "line 1", "'items' is not a field of label maps"),
        ("item { id: 1 name: 'a' }\nversion: 2", "line 2", "'version' is not a field of label maps"),
        ("item { id: 1 nmae: 'a' }", "line 1", "'nmae' is not a field of an item"),
        ("item {\n  id: 1\n  name: 'a'\n\nitem {\n  id: 2\n}\n", "line 1, column 1", "'item' is not closed"),
        ("<html></html>", None, "is a web page"),
        ("item { name: 'a' id: 1000000000 }", "line 1", "not in 1 to"),
        ("item { name: 'a' }", "line 1", "no id"),
        ("item { id: 1 }", "line 1", "no name"),
        ("item { id: 1 name: a }", "line 1", "needs quotes"),
        ("item: 1", "line 1", "needs braces"),
        ("item { id: 1", "line 1, column 1", "not closed"),
    ],
)
def test_errors_name_the_line(label_map_file, text, place, problem):
    file = label_map_file(text)
    with pytest.raises(DataError) as caught:
        read_label_map(file)
    assert caught.value.place == place
    assert problem in caught.value.problem
    assert caught.value.file == str(file)


def test_names_and_display_names_find_the_id(label_map_file):
    label_map = read_label_map(label_map_file("item { id: 2 name: 'code' display_name: 'Fracture' }"))
    assert label_map.id_of("code") == label_map.id_of("Fracture") == 2
    with pytest.raises(DataError, match="did you mean 'Fracture'"):
        label_map.id_of("fractured")


def test_written_as_the_tutorial_has_it(tmp_path):
    file = tmp_path / "label_map.txt"
    write_label_map(label_map_of(["Fractura"]), file)
    assert file.read_text(encoding="utf-8") == TUTORIAL


def test_names_with_quotes_survive(tmp_path):
    names = ("it's", 'a "b"', "línea\n2", "back\\slash")
    file = tmp_path / "label_map.pbtxt"
    write_label_map(label_map_of(names), file)
    assert read_label_map(file).class_names == names


def test_a_second_run_never_renumbers(label_map_file):
    file = label_map_file("# ours\r\nitem { id: 4 name: 'wrist' }\r\nitem { id: 2 name: 'hip' }")
    before = file.read_bytes()
    assert update_label_map(file, ["hip", "wrist"]).ids == {"wrist": 4, "hip": 2}
    assert file.read_bytes() == before
    assert update_label_map(file, ["ankle", "hip"]).ids == {"wrist": 4, "hip": 2, "ankle": 5}
    after = file.read_bytes()
    assert after.startswith(before)
    assert b"\n" not in after.replace(b"\r\n", b"")
    assert read_label_map(file).ids == {"wrist": 4, "hip": 2, "ankle": 5}


def test_a_first_run_writes_the_file(tmp_path):
    file = tmp_path / "label_map.pbtxt"
    update_label_map(file, ["b", "a"])
    assert read_label_map(file).ids == {"b": 1, "a": 2}
