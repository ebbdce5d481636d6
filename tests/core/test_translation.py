"""The catalogues are complete, compiled and consistent; a finished sentence finds its template again."""

import ast
import gettext
import io
import string

import pytest
from support import sentences
from support.translations import CATALOGUES, SOURCE, compiled, extract, read

from fractura.core.translation import LANGUAGES, Translator


@pytest.fixture(name="catalogue", params=CATALOGUES, ids=lambda file: file.parts[-3])
def every_catalogue(request):
    return read(request.param)


@pytest.fixture(name="used", scope="module")
def used_fixture():
    return {message.id for message in extract() if message.id}


def test_every_language_has_a_catalogue():
    assert {"en", *(file.parts[-3] for file in CATALOGUES)} == set(LANGUAGES)


def test_every_sentence_is_translated_and_no_other(catalogue, used):
    translated = {message.id for message in catalogue if message.id and message.string and not message.fuzzy}
    assert len(used) > 600
    assert sorted(used - translated) == []  # `make translations`, then fill these in
    assert sorted({message.id for message in catalogue if message.id} - used) == []
    assert not catalogue.obsolete


@pytest.mark.parametrize("file", CATALOGUES, ids=lambda file: file.parts[-3])
def test_the_compiled_catalogue_is_that_of_the_text(file):
    shipped, fresh = (
        gettext.GNUTranslations(io.BytesIO(data))._catalog
        for data in (file.with_suffix(".mo").read_bytes(), compiled(read(file)))
    )
    for catalogue in (shipped, fresh):  # the header names the version of Babel
        assert "charset=utf-8" in catalogue.pop("")
    assert shipped == fresh  # else: `make translations`


TAKES_TEXT = ("_", "gettext", "gettext_noop", "Message")


def literals():
    """The texts that the code passes to gettext, as Python itself reads it."""
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in TAKES_TEXT:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant):
                    yield first.value


def test_no_sentence_hides_from_the_translators(used):
    # Babel does not see what is inside an f-string.
    assert set(literals()) - used == set()


def places(words):
    return {name for _, name, _, _ in string.Formatter().parse(words) if name is not None}


def test_translations_have_the_same_places_blanks_and_full_stops(catalogue):
    for message in catalogue:
        english, translated = message.id, message.string
        if english:
            assert places(english) == places(translated), english
            assert (translated.strip() == translated) == (english.strip() == english), english
            ends = [words.rstrip(" :").endswith(".") for words in (english, translated)]
            assert english == "No." or ends[0] == ends[1], english


def test_every_sentence_of_the_terminal_finds_its_template_again(catalogue):
    """With values in its places, for that is how the command line gets it; no other template is in the way."""
    spanish, lost = Translator("es"), []
    found = {text for file in sorted(SOURCE.rglob("*.py")) for text in sentences.sentences(file)}
    for text in sorted({*found, *sentences.COMBINED}):
        values = {place: f"x{number}" for number, place in enumerate(sorted(places(text)))}
        said = spanish.sentence(text.format(**values))
        if " " in text and said != catalogue.get(text).string.format(**values):
            lost.append((text, said))
    assert len(found) > 1500
    assert lost == []


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("'there is no such file'", ["there is no such file"]),
        ("f'{path.name} cannot be read: {error.strerror or error}'", ["{name} cannot be read: {strerror}"]),
        ("f'{len(boxes)} of {len(boxes)} boxes'", ["{boxes} of {boxes_2} boxes"]),
        ("'write: {a: 1}'", ["write: {{a: 1}}"]),
        ("'images of {kind}'", ["images of {kind}"]),
        ("'choose another folder' + (', or replace it' if earlier else '')",
         ["choose another folder, or replace it", "choose another folder"]),
        ("f'{n} image{\"\" if n == 1 else \"s\"}'", ["{n} image", "{n} images"]),
        ("'no' if given else f'none of {names[0]!r}'", ["no", "none of {names}"]),
        ("hint + ', then again'", ["{hint}, then again"]),
        ("hint", []),
    ],
)  # fmt: skip
def test_a_template_is_made_from_what_the_code_says(expression, found):
    assert sentences.templates(ast.parse(expression, mode="eval").body) == found


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        ("the scores are not calibrated", "las puntuaciones no están calibradas"),
        ("warning: the scores are not calibrated", "aviso: las puntuaciones no están calibradas"),
        # values stay, also those that look like sentences, and numbers have their comma
        ("converting.png is unchanged", "converting.png no cambia"),
        ("a class name is empty in 'it was there already'", "hay un nombre de clase vacío en 'it was there already'"),
        ("threshold before: 0.25; written into the card of a/b.onnx",
         "umbral anterior: 0,25; escrito en la ficha de a/b.onnx"),
        ("fractura 0.1.0, Python 3.11, Linux", "fractura 0.1.0, Python 3.11, Linux"),
        # a value that is a sentence is translated, too
        ("f1: the scores are not calibrated", "f1: las puntuaciones no están calibradas"),
        ("line 3: model.x has no effect: it was there already", "línea 3: model.x no tiene efecto: ya estaba allí"),
        ("  → write them as a,b,c", "  → escríbalos como a,b,c"),
        ("box (1, 2, 3, 4) has no area", "la caja (1, 2, 3, 4) no tiene superficie"),
        ("skipped a.png: is a folder, not a file\n  → give a file",
         "omitida: a.png: es una carpeta, no un archivo\n  → indique un archivo"),
        ("2 errors and 1 warning in 3 images, compared with 1 image of b",
         "2 errores y 1 aviso en 3 imágenes, comparado con 1 imagen de b"),
        ("boxes: fracture 1", "cajas: fracture 1"),
        ("0.667 (0.500–1.000) 2 of 3, 0.333, 1.00", "0,667 (0,500–1,000) 2 de 3; 0,333; 1,00"),
        ("isotonic calibration, expected error on images it was not fitted on (5 parts): images 0.576 before, "
         "0.501 after; detections 0.163 before, 0.174 after",
         "calibración isotonic, error esperado en imágenes con las que no se ajustó (5 partes): imágenes: 0,576 antes, "
         "0,501 después; detecciones: 0,163 antes, 0,174 después"),
        ("step 2  AP50 0.125  false positives per image 0.500 at threshold 0.250  (best 0.125)  (0 s)",
         "paso 2  AP50 0,125  falsos positivos por imagen 0,500 en el umbral 0,250  (mejor 0,125)  (0 s)"),
        ("a.png: cannot be read: No such file or directory",
         "a.png: no se puede leer: el archivo o la carpeta no existe"),
        ("positive likelihood ratio by patient", "razón de verosimilitud positiva por paciente"),
        ("threshold 0.25, sensitivity not measured", "umbral 0,25, sensibilidad no medida"),
        ("it is free. A research tool, not a medical device.",
         "it is free. Herramienta de investigación; no es un dispositivo médico."),
        ("average precision, IoU 0.5: 0.470 (0.326–0.594)", "precisión media, IoU 0,5: 0,470 (0,326–0,594)"),
        ("  for exporter_main_v2.py, export --to saved_model; detect with a SavedModel",
         "  para exporter_main_v2.py, export --to saved_model; detect con un SavedModel"),
        ("passed over, for not being images: 1 .exe, 1 .png beside a DICOMDIR, 2 DICOM structured report",
         "pasados por alto, por no ser imágenes: 1 .exe, 1 .png junto a un DICOMDIR, 2 informe estructurado DICOM"),
        ("2 wrist left", "2 wrist left"),
        # names of the user's that happen to be words of ours
        ("data", "data"),
        ("nobody has translated this", "nobody has translated this"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_finished_sentence_is_translated(english, spanish):
    assert Translator("es").sentence(english) == spanish
    assert Translator("en").sentence(english) == english


def test_a_table_stays_in_line():
    table = ["  tensors of                 loaded   fresh", "  first stage, heads              4     0.5"]
    assert Translator("es").sentence("\n".join(table)).split("\n") == [
        "  tensores de              cargados  nuevos",
        "  primera etapa, cabezas          4     0,5",
    ]


def test_long_lists_of_names_stay():
    names = ", ".join(f"x{number} y" for number in range(3000))
    assert Translator("es").sentence(f"known are: {names}") == f"se conocen: {names}"
    assert Translator("es").sentence(names) == names


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        ("0.93", "0,93"),
        ("47.1%", "47,1\u202f%"),
        ("0.93 (0.91–0.95)", "0,93 (0,91–0,95)"),
        ("1.2.3", "1.2.3"),
        ("a.5", "a.5"),
        ("12", "12"),
    ],
)
def test_numbers_have_the_decimal_comma(english, spanish):
    assert Translator("es").number(english) == spanish
    assert Translator("en").number(english) == english
