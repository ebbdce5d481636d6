"""The terminal in Spanish: who decides, what is translated, and what stays."""

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from support.format_images import png
from support.translations import CATALOGUES, read

import fractura
from fractura.cli import output
from fractura.cli import terminal_language as language
from fractura.cli.main import app, load_command, main
from fractura.cli.registry import COMMANDS, find_command
from fractura.cli.translated_parser import paragraphs, translate_help
from fractura.core.errors import DataError
from fractura.core.translation import Translator

VARIABLES = ("FRACTURA_LANGUAGE", "LANGUAGE", *language.LOCALE_VARIABLES)


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """No locale, and English again afterwards."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    yield
    language.use("en")


def run(*words, **environment):
    """A process of its own, so that gettext and Typer start afresh."""
    return subprocess.run(
        [sys.executable, "-m", "fractura", *words],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "COLUMNS": "110", **environment},
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "environment", "code"),
    [
        ([], {}, "en"),
        ([], {"LANG": "es_ES.UTF-8"}, "es"),
        ([], {"LANG": "es"}, "es"),
        ([], {"LANG": "C"}, "en"),
        ([], {"LANG": "pt_BR.UTF-8"}, "en"),
        ([], {"LANG": "es_AR", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
        ([], {"LANG": "en_US", "LC_ALL": "es_AR.UTF-8"}, "es"),
        ([], {"LANG": "es_AR", "FRACTURA_LANGUAGE": "en"}, "en"),
        ([], {"LC_ALL": "C", "FRACTURA_LANGUAGE": "es"}, "es"),
        (["--language", "en", "check", "a"], {"LANG": "es_ES.UTF-8", "FRACTURA_LANGUAGE": "es"}, "en"),
        (["check", "a", "--language=es"], {}, "es"),
        (["check", "--language"], {"LANG": "es"}, "es"),
        (["detect", "--", "--language", "es"], {}, "en"),
    ],
)
def test_who_decides(monkeypatch, words, environment, code):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert language.chosen(words) == code


@pytest.fixture(name="folder")
def folder_fixture(tmp_path):
    (tmp_path / "a.png").write_bytes(png(64, 48))
    (tmp_path / "a.xml").write_text(
        "<annotation><filename>a.png</filename><size><width>64</width><height>48</height></size><object>"
        "<name>fracture</name><bndbox><xmin>70</xmin><ymin>5</ymin><xmax>90</xmax><ymax>20</ymax></bndbox></object>"
        "</annotation>",
        encoding="utf-8",
    )
    return tmp_path


def test_the_locale_gives_spanish_and_the_option_wins(folder):
    spanish = run("check", str(folder), LANG="es_ES.UTF-8")
    assert f"se examina cada imagen de {folder} …" in spanish.stderr
    for words, environment in ((["--language", "en"], {"LANG": "es_ES.UTF-8"}), ([], {"LANG": "C"})):
        english = run("check", str(folder), *words, **environment)
        assert f"examining every image of {folder} …" in english.stderr
        assert english.returncode == spanish.returncode
    assert "se examina" in run("--language", "es", "check", str(folder)).stderr


def test_json_is_the_same_in_every_language(folder):
    spanish, english = (run("check", str(folder), "--json", "--language", code) for code in ("es", "en"))
    assert spanish.returncode == english.returncode == 3
    assert json.loads(spanish.stdout) == json.loads(english.stdout)
    assert spanish.stderr != english.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chek"], ["La orden 'chek' no existe", "¿Quiso decir 'check'", "Ayuda: 'fractura"]),
        (["check"], ["Falta el argumento", "Uso: fractura check [OPCIONES]"]),
        (["check", "--nonsense"], ["La opción no existe: --nonsense"]),
        (["check", "a", "--against"], ["La opción '--against' necesita un argumento"]),
        (["serve", "--port", "x"], ["Valor no válido para '--port'", "'x' no es un número entero válido"]),
        (["--language", "fr", "check"], ["'fr' no es ninguno de"]),
        (["export", "a", "--to"], ["La opción '--to' necesita un argumento"]),
    ],
)
def test_mistakes_in_a_command_line(words, said):
    answer = run(*words, LANG="es_AR.UTF-8")
    assert answer.returncode == 2
    text = " ".join(answer.stderr.replace("│", " ").split())
    assert [each for each in said if each not in text] == []


def test_the_help_in_spanish_holds_no_english():
    answer = run("evaluate", "--help", LANG="es_ES.UTF-8")
    for said in ("Uso: fractura evaluate [OPCIONES]", "Argumentos", "Opciones", "[obligatorio]", "Muestra esta ayuda"):
        assert said in answer.stdout
    assert not [word for word in (" the ", "Usage", "Options", "default:", "required") if word in answer.stdout]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["detect", "nowhere"], ["error: nowhere: no existe ese archivo o esa carpeta", "→ compruebe la ruta"]),
        (["check", "nowhere"], ["error: nowhere: la carpeta no existe"]),
        (["check", "{folder}", "--only", "boxs"], ["error: no existe la comprobación 'boxs'"]),
        (["check", "{folder}"], ["error: boxes.invalid (1)", "objeto 1: la caja (70, 5, 90, 20) queda fuera"]),
        (["convert", "{folder}", "{folder}", "--to", "voc"], ["a.xml, objeto 1: la caja (70, 5, 90, 20) queda fuera"]),
        (["evaluate", "nowhere", "{folder}"], ["error: nowhere: el modelo no existe"]),
        (["fetch", "zoo:nothing"], ["error: no hay nada que descargar llamado 'zoo:nothing'"]),
        (["train", "{folder}"], ["error: falta --output"]),
        (["models"], ["listo para usar", "para entrenar: fractura train DATA --model NAME", "nombre", "tamaño"]),
        (["doctor"], ["instalación básica: completa", "núcleos de procesador"]),
    ],
)  # fmt: skip
def test_errors_hints_and_results(capsys, folder, words, said):
    main([*(word.format(folder=folder) for word in words), "--language", "es"])
    captured = capsys.readouterr()
    shown = f"{captured.out}{captured.err}"
    assert [each for each in said if each.format(folder=folder) not in shown] == []


@pytest.mark.parametrize(
    ("words", "code"),
    [([], "es"), (["--language", "en"], "en"), (["--language", "es"], "es")],
)
@pytest.mark.parametrize("command", ["evaluate", "compare", "agree"])
def test_reports_are_written_in_the_language_of_the_terminal(monkeypatch, command, words, code):
    written = []

    def write(*_, language, **__):
        written.append(language)
        raise DataError("enough")

    monkeypatch.setenv("LANG", "es_ES.UTF-8")
    monkeypatch.setattr(fractura, find_command(command).function, write, raising=False)
    assert main([command, "a", "b", "c"][: 4 if command == "compare" else 3] + words) == DataError.exit_code
    assert written == [code]


def test_paths_are_never_translated(capsys, monkeypatch):
    monkeypatch.setattr(language, "_current", Translator("es"))
    output.write_path(Path("the scores are not calibrated"))
    output.write_table(["image", "score"], [["scan 1.25", "0.25"]])
    output.complain_of(DataError("is a folder, not a file", file="the scores are not calibrated"))
    captured = capsys.readouterr()
    assert captured.out.startswith("the scores are not calibrated\n")
    assert {"imagen", "puntuación", "scan 1.25", "0,25"} <= set(re.split(r"\s{2,}", captured.out))
    assert captured.err == "error: the scores are not calibrated: es una carpeta, no un archivo\n"


def test_warnings_that_are_logged_are_shown_once(capsys, monkeypatch):
    monkeypatch.setattr(language, "_current", Translator("es"))
    logger = logging.getLogger("fractura.inference.detect")
    with output.showing_warnings():
        logger.warning("skipped %s", "a.png: is a folder, not a file")
        logger.info("going on")
    logger.warning("nobody listens any more")
    assert capsys.readouterr().err == "omitida: a.png: es una carpeta, no un archivo\n"


def help_texts(name):
    command = typer.main.get_command(app) if name == "fractura" else load_command(name)
    if name == "fractura":
        translate_help(command)
    found = [*paragraphs(command.help), *(getattr(each, "help", None) for each in command.params)]
    found += [getattr(each, "show_default", None) for each in command.params]
    for each in getattr(command, "commands", {}).values():
        found += [each.help, each.rich_help_panel]
    return [" ".join(text.split()) for text in found if isinstance(text, str) and text]


@pytest.mark.parametrize("name", ["fractura", *(command.name for command in COMMANDS)])
def test_every_help_text_is_translated(name):
    """Walks the parser: a new option without its Spanish is found here."""
    same = {message.id for message in read(CATALOGUES[0]) if message.string == message.id}
    english = help_texts(name)
    language.use("es")
    spanish = help_texts(name)
    assert len(spanish) == len(english) > 1
    assert [text for text, other in zip(english, spanish, strict=True) if text == other and text not in same] == []


def test_english_reads_no_catalogue(capsys):
    assert main(["--help"]) == 0
    assert "_catalogue" not in vars(language._current)
    assert main(["--language", "es", "--version"]) == 0
    assert "Uso" not in capsys.readouterr().out
