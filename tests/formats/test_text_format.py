import pytest
from hypothesis import given
from hypothesis import strategies as st

from fractura.core.errors import DataError
from fractura.formats.protobuf.text_format import Message, Scalar, parse, read_text
from fractura.formats.protobuf.text_format_edit import quoted, set_value
from fractura.formats.protobuf.text_format_tokens import whole_number


def plain(message):
    """The tree as nested lists: [(name, value or list)]."""
    return [(f.name, plain(f.value) if isinstance(f.value, Message) else f.value.text) for f in message.fields]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# only a comment", []),
        ("a: 1", [("a", "1")]),
        ("a:1,b:2;c:3", [("a", "1"), ("b", "2"), ("c", "3")]),
        ("a { b: 'x' }", [("a", [("b", "x")])]),
        ('a: { b: "x" } # end', [("a", [("b", "x")])]),
        ("a < b: -0.5 >", [("a", [("b", "-0.5")])]),
        ("a: [1, 2.5, .5]", [("a", "1"), ("a", "2.5"), ("a", ".5")]),
        ("a: []", []),
        ("a [{b: 1}, {b: 2}]", [("a", [("b", "1")]), ("a", [("b", "2")])]),
        ("a: 'one' \"two\"", [("a", "onetwo")]),
        (r"a: 'it\'s \x41\102\t\u00e9'", [("a", "it's AB\té")]),
        (r"a: '\303\251'", [("a", "é")]),
        ("a: 1e-3f b: - inf c: true", [("a", "1e-3f"), ("b", "-inf"), ("c", "true")]),
        ("[some.extension] { x: 1 } a: 1", [("[some.extension]", [("x", "1")]), ("a", "1")]),
        ("a: [CONV]", [("a", "CONV")]),
        ("a\r\n{\r\nb: 1\r\n}", [("a", [("b", "1")])]),
    ],
)
def test_what_is_read(text, expected):
    assert plain(parse(text).root) == expected


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("a {\n b: 1\n", "line 1, column 1", "'a' is not closed: '}' is missing at the end"),
        ("a {\n b {\n  c: 1\n}\nd: 2", "line 2, column 2", "'b' is not closed: '}' is missing before line 4"),
        ("a {\n b {\n }\n c {\n}\nd: 2", "line 4, column 2", "'c' is not closed: '}' is missing before line 5"),
        ("a {\n b: 1\nc {\n d: 2\n}\n", "line 1, column 1", "'a' is not closed: '}' is missing before line 3"),
        ("a {\nb {\nc: 1\n}\nd: 2", "line 1, column 1", "'a' is not closed: '}' is missing at the end"),
        ("a { b < c: 1", "line 1, column 5", "'b' is not closed: '>' is missing at the end"),
        ("a: 1\nb", "line 2, column 2", "expected ':'"),
        ("a: 'x", "line 1, column 4", "not closed on its line"),
        ("a: 'x\ny'", "line 1, column 4", "not closed on its line"),
        ("\n\n a: @", "line 3, column 5", "unexpected character"),
        ("a: 1 }", "line 1, column 6", "'}' closes nothing"),
        ("a: “x”", "line 1, column 4", "“ is a curly quote"),
        ("a: 1\u00a0b: 2", "line 1, column 5", "special space (U+00A0)"),
        ("a: [1 2]", "line 1, column 7", "expected ','"),
        ("a: -x", "line 1, column 5", "expected a number"),
        ("a: 1x", "line 1, column 4", "unexpected character"),
        (r"p: 'C:\data'", "line 1, column 7", r"'\d' is not a valid escape"),
        (r"p: '\xff'", "line 1, column 4", "UTF-8"),
        ("a{" * 2000, "line 1, column 123", "nested"),
        ("a { b: 1 >", "line 1, column 10", "'>' closes nothing"),
    ],
)
def test_errors_name_the_place(text, place, problem):
    with pytest.raises(DataError) as caught:
        parse(text)
    assert caught.value.place == place
    assert problem in caught.value.problem


def test_a_string_that_ends_with_a_curly_quote_gets_a_hint():
    with pytest.raises(DataError, match="ends with the curly quote ”"):
        parse('input_path: "train.record”\n')


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<!DOCTYPE html>\n<title>pipeline.config</title>", "a web page (HTML)"),
        ("\n<html lang='en'><body>model {</body></html>", "a web page (HTML)"),
        ("<?xml version='1.0'?><annotation/>", "is XML"),
        ('{"model": {"faster_rcnn": {}}}', "is JSON"),
        ('[\n  {"id": 1}]', "is JSON"),
        ('// Label maps.\nsyntax = "proto2";\nmessage Item { }', "is a .proto file"),
        ("message Item {\n  optional int32 id = 1;\n}", "is a .proto file"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0", "a pointer of Git LFS"),
        ("404: Not Found", "no such file"),
        ("import os\n\nprint(1)", "is Python code"),
        ("a: 1\n<<<<<<< HEAD\nb: 1\n=======\nb: 2\n>>>>>>> main\n", "an unfinished merge"),
    ],
)
def test_another_kind_of_file_is_named(text, problem):
    with pytest.raises(DataError) as caught:
        parse(text)
    assert problem in caught.value.problem


@pytest.mark.parametrize(("text", "number"), [("7", 7), ("-7", -7), ("0", 0), ("01", 1), ("0x1F", 31), ("-00", 0)])
def test_whole_numbers(text, number):
    assert whole_number(text) == number


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("1.5", ValueError, "invalid literal"),
        ("010", DataError, "means 8 in protobuf"),
        ("-0500", DataError, "means -320 in protobuf"),
        ("09", DataError, "leading zero means octal"),
    ],
)
def test_what_is_no_whole_number(text, kind, said):
    with pytest.raises(kind, match=said):
        whole_number(text)


def test_a_windows_path_gets_a_hint():
    with pytest.raises(DataError, match="Windows path"):
        parse(r"input_path: 'C:\pacientes\tren.tfrecord'")


@pytest.mark.parametrize(
    ("text", "path", "value", "expected"),
    [
        ("a: 1 # why\nb: 2\n", ["a"], "7", "a: 7 # why\nb: 2\n"),
        ("a: 1\na: 2", ["a"], "7", "a: 1\na: 7"),
        ("s: [1, 2] # two", ["s"], "[3]", "s: [3] # two"),
        ("m {\n    a: 1 # one\n}\n", ["m", "b"], "2", "m {\n    a: 1 # one\n    b: 2\n}\n"),
        ("m {\r\n  a: 1\r\n}\r\n", ["m", "b"], "2", "m {\r\n  a: 1\r\n  b: 2\r\n}\r\n"),
        ("m { a: 1; }", ["m", "b"], "2", "m { a: 1; b: 2 }"),
        ("m {\n  # soon\n}\n", ["m", "b"], "2", "m {\n  # soon\n  b: 2\n}\n"),
        ("m { n { } }", ["m", "n", "b"], "2", "m { n {\n    b: 2\n  } }"),
        ("a: 1", ["m", "b"], "'x'", "a: 1\nm {\n  b: 'x'\n}"),
        ("", ["m", "n", "b"], "2", "m {\n  n {\n    b: 2\n  }\n}\n"),
        ("x { a: 1 }\nx { a: 2 }", ["x", "a"], "3", "x { a: 1 }\nx { a: 3 }"),
    ],
)
def test_an_edit_changes_only_what_it_must(text, path, value, expected):
    edited = set_value(parse(text), path, value)
    assert edited.text == expected
    assert edited.root == parse(expected).root


def test_an_edit_below_a_plain_value_is_refused():
    with pytest.raises(DataError, match="should be a message"):
        set_value(parse("a: 1"), ["a", "b"], "2")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from("'\""))
def test_quoting_is_undone_by_reading(content, quote):
    document = parse("a: " + quoted(content, like=quote))
    assert [f.value.text for f in document.root.fields if isinstance(f.value, Scalar)] == [content]


@given(st.text("ab{}<>[]:;,#'\"\\ \n-01.e", max_size=60))
def test_any_text_is_parsed_or_refused(text):
    try:
        document = parse(text)
    except DataError:
        return
    for field in document.root.fields:
        assert text[field.start :].startswith(field.name)


def test_files_must_be_utf8(tmp_path):
    file = tmp_path / "a.config"
    file.write_bytes(b"\xef\xbb\xbfa: 'ni\xc3\xb1o'\r\n")
    assert read_text(file) == "a: 'niño'\r\n"
    file.write_bytes(b"a: 'ni\xf1o'")
    with pytest.raises(DataError, match="not UTF-8") as caught:
        read_text(file)
    assert caught.value.place == "byte 6"
    file.write_bytes("a: 1".encode("utf-16"))
    with pytest.raises(DataError, match="is UTF-16 text"):
        read_text(file)
    file.write_bytes(b"a: 1\0\0")
    with pytest.raises(DataError, match="byte 4: is not text"):
        read_text(file)
    with pytest.raises(DataError, match="cannot be read"):
        read_text(tmp_path / "none")
