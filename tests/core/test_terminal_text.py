"""Names from other people's files are shown on a terminal, and never obeyed."""

import json

import pytest
from support.web_places import folder
from support.web_places import image as make_image

from fractura.cli import output
from fractura.cli.main import main
from fractura.core.errors import DataError
from fractura.core.json_text import json_text
from fractura.core.reporter import STDERR

STEERING = ["\x1b]0;owned\x07", "\x1b[2J", "\x9b31m", "\x08\x08", "\x7f", "\u202egnp", "\u2066a\u2069", "\r"]


@pytest.mark.parametrize("name", STEERING)
def test_everything_that_is_written_for_people(name, capsys):
    output.write_line(name)
    output.write_paragraph(name)
    output.say(name)
    output.warn(name)
    output.complain(name)
    output.complain_of(DataError("is damaged", file=name, place=name, hint=name))
    output.write_table([name, "image"], [[name, name]], title=name)
    output.CONSOLE.say(name)
    STDERR.warn(name)
    written = "".join(capsys.readouterr())
    assert not [letter for letter in name if not letter.isprintable() and letter in written]
    assert name[0].encode("unicode_escape").decode() in written


def test_json_means_the_same():
    document = {name: [name] for name in STEERING}
    text = json_text(document)
    assert json.loads(text) == document
    assert all(letter.isprintable() or letter == "\n" for letter in text)


def test_a_command(tmp_path, capsys):
    data = folder(tmp_path / "data")
    make_image(data / "images" / "a\x1b[2J\u202eb.png")
    main(["check", str(data)])
    main(["check", str(data), "--json"])
    written = "".join(capsys.readouterr())
    assert "a\\x1b[2J\\u202eb.png" in written
    assert not {"\x1b", "\u202e"} & set(written)
