"""What is quoted in an error may hold half a character; the error never does."""

import pytest

from fractura.core.errors import DataError
from fractura.core.printable import printable


@pytest.mark.parametrize(("text", "wanted"), [("ñ", "ñ"), ("a\ud800", "a\\ud800"), ("\udcff", "\\udcff"), ("", "")])
def test_every_part_of_an_error_can_be_written(text, wanted):
    assert printable(text) == wanted
    error = DataError(text, place=text, hint=text)
    assert (error.problem, error.place, error.hint) == (wanted, wanted, wanted)
    str(error).encode()
