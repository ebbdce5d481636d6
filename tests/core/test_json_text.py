"""Reading JSON as a stranger wrote it."""

import json

import pytest

from fractura.core.json_text import json_object_in, parse_json


@pytest.mark.parametrize("text", ["1e999", "[-1E+400]", '{"a": 1.5e309}'])
@pytest.mark.parametrize(
    "kind", [str, str.encode, lambda text: text.encode("utf-16"), lambda text: text.encode("utf-8-sig")]
)
def test_a_number_beyond_all_numbers_is_not_infinity(text, kind):
    with pytest.raises(ValueError, match="is out of range"):
        parse_json(kind(text))


@pytest.mark.parametrize("text", ["1e308", "1e-999", '"1e999"', "[0.1e10, 12e003]", '{"é": "\\ud800"}'])
def test_all_else_is_as_json_reads_it(text):
    assert parse_json(text) == parse_json(text.encode()) == json.loads(text)


def test_a_file_with_such_a_number_holds_no_object(tmp_path):
    (tmp_path / "a.json").write_text('{"a": 1e999}', encoding="utf-8")
    assert json_object_in(tmp_path / "a.json") is None
