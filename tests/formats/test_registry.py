"""The table of formats."""

import pytest

from fractura.core.errors import UsageError
from fractura.formats.format import CLASS_LIST, FACTS, FLAGS, FRACTIONS, WEIGHTS
from fractura.formats.registry import FORMATS, find_format


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_recognised_and_says_what_it_holds(name):
    each = find_format(name)
    assert each.name == name
    assert each.title
    assert each.find or each.why_json or each.why_table
    assert each.holds <= FLAGS | FACTS | CLASS_LIST | FRACTIONS | WEIGHTS | {"review", "study", "device"}
    assert not (each.reads_folders and each.describes)


def test_a_format_that_is_not_there():
    with pytest.raises(UsageError, match="there is no format 'cooc'") as caught:
        find_format("cooc")
    assert caught.value.hint == "did you mean 'coco'?"
