"""The sentences of the report and of the terminal for translators: ``make translations`` runs this file.

It writes the sentences that the code and the templates hold now into every catalogue, keeps the translations there are,
and compiles them. New sentences then have an empty ``msgstr``, to be filled in; run it again afterwards.
"""

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from support import sentences

SOURCE = sentences.SOURCE
CATALOGUES = sorted((SOURCE / "core" / "locale").glob("*/LC_MESSAGES/fractura.po"))
_METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
_OPTIONS = {"**/templates/**.html": {"silent": "false"}}
_KEYWORDS = {**DEFAULT_KEYWORDS, "gettext_noop": None, "Message": None}


def extract() -> Catalog:
    """All sentences of the package, with the files they are in."""
    found = Catalog()
    for text in (*sentences.help_texts(), *sentences.WORDS, *sentences.COMBINED):
        found.add(text, locations=[("cli", None)])
    for path in sorted(SOURCE.rglob("*.py")):
        for text in sentences.sentences(path):
            found.add(text, locations=[(path.relative_to(SOURCE).as_posix(), None)])
    for file, _, text, comments, context in sorted(
        extract_from_dir(SOURCE, _METHODS, _OPTIONS, _KEYWORDS), key=lambda entry: (entry[0], entry[1])
    ):
        found.add(text, locations=[(Path(file).as_posix(), None)], auto_comments=comments, context=context)
    return found


def read(file: Path) -> Catalog:
    """A catalogue."""
    return read_po(io.BytesIO(file.read_bytes()))


def compiled(catalogue: Catalog) -> bytes:
    """What gettext reads."""
    stream = io.BytesIO()
    write_mo(stream, catalogue)
    return stream.getvalue()


def update() -> None:
    """Bring every catalogue up to date and compile it."""
    for file in CATALOGUES:
        catalogue = read(file)
        catalogue.update(extract(), no_fuzzy_matching=True, update_creation_date=False)
        catalogue.obsolete.clear()
        stream = io.BytesIO()
        write_po(stream, catalogue, width=120)
        file.write_bytes(stream.getvalue())
        file.with_suffix(".mo").write_bytes(compiled(catalogue))


if __name__ == "__main__":
    update()
