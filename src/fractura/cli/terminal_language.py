"""The language of the terminal: what a command shows to people is translated here, at the edge.

``--language`` decides, then ``FRACTURA_LANGUAGE``, then the locale: LC_ALL, LC_MESSAGES or LANG. JSON, tables in files,
exit codes and the names of options are the same in every language.
"""

from __future__ import annotations

import gettext
import os
import sys
from collections.abc import Sequence

from fractura.core.translation import DOMAIN, LANGUAGE_VARIABLE, LANGUAGES, LOCALE, Code, Translator

LOCALE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
_current = Translator("en")


def chosen(words: Sequence[str]) -> Code:
    """The language that a command line and the environment ask for.

    Args:
        words: Those after ``fractura``. The option may stand before the command or after it.

    Examples:
        >>> chosen(["check", "images", "--language", "es"]), chosen(["--language=en", "check"])
        ('es', 'en')
    """
    for number, word in enumerate(words):
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if name == "--language":
            code = _known(value if equals else "".join(words[number + 1 : number + 2]))
            if code is not None:
                return code
    return _known(os.environ.get(LANGUAGE_VARIABLE, "")) or _of_the_system()


def _known(word: str) -> Code | None:
    return next((code for code in LANGUAGES if code == word), None)


def _of_the_system() -> Code:
    locale = next((os.environ[name] for name in LOCALE_VARIABLES if os.environ.get(name)), "")
    if not locale and sys.platform == "win32":
        import ctypes
        from locale import windows_locale

        locale = windows_locale.get(ctypes.windll.kernel32.GetUserDefaultUILanguage(), "")
    return _known(locale[:2].lower() if locale[2:3] in ("", "_", "-", ".", "@") else "") or "en"


def use(code: Code) -> None:
    """From now on, speak one of ``LANGUAGES``. The parser's own words come from the same catalogue, through gettext."""
    global _current
    _current = Translator(code)
    if code == "en":
        gettext.textdomain("messages")
        return
    os.environ["LANGUAGE"] = code  # which gettext obeys, and processes that this one starts inherit
    gettext.bindtextdomain(DOMAIN, str(LOCALE))
    gettext.textdomain(DOMAIN)


def code() -> Code:
    """The language in use."""
    return _current.code


def word(text: str) -> str:
    """A heading, or what goes on, in the language in use."""
    return _current.word(text)


def sentence(text: str) -> str:
    """What a command says to people, in the language in use."""
    return _current.sentence(text)


def cell(text: str) -> str:
    """A cell of a table: a number as the language writes it, or a phrase."""
    number = _current.number(text)
    return _current.sentence(text) if number == text else number
