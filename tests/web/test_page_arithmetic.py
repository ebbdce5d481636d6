"""The page's pure modules, run in the browser: view, grey window, boxes, history, languages."""

import io
import json
import math
import random
import re

import pytest
from PIL import Image
from support.page_driver import opened
from support.server_messages import error_codes, reader_reasons
from support.tiny_models import write_tiny_onnx

from fractura.core.errors import DataError
from fractura.formats.faults import box_fault, size_fault
from fractura.imaging.reader import read_radiograph
from fractura.web.api_errors import image_vanished


@pytest.fixture(name="run", scope="module")
def run_fixture(chromium, tmp_path_factory):
    """Runs a function on one of the page's modules."""
    model = write_tiny_onnx(tmp_path_factory.mktemp("model") / "tiny.onnx")
    with opened(chromium, "serve", "--model", model) as window:

        def run(module, function, *values):
            return window.page.evaluate(
                f"async (values) => ({function})(await import('/{module}.js'), ...values)",
                list(values),
            )

        yield run


def test_what_lies_under_the_pointer_stays_under_it(run):
    generator = random.Random(3)
    image, stage = {"width": 2000, "height": 1500}, {"width": 900, "height": 700}
    for number in range(20):
        point = {"x": generator.uniform(300, 600), "y": generator.uniform(250, 450)}
        factor = generator.uniform(0.6, 6)
        before, after = run(
            "view",
            """(view, image, stage, point, factor, turn) => {
                const start = view.fit(image, stage, turn);
                return [view.toImage(start, point), view.toImage(view.zoomed(start, factor, point, image, stage),
                point)];
            }""",
            image,
            stage,
            point,
            factor,
            number % 4,
        )
        assert after == pytest.approx(before)


@pytest.mark.parametrize(("turn", "expected"), [(0, (130, 90)), (1, (60, 80)), (2, (70, 10)), (3, (140, 20))])
def test_a_point_of_the_image_in_a_rotated_view(run, turn, expected):
    """Scale 2, the image's corner at (100, 50): a point 15 to the right of it and 20 below, and back."""
    script = """(view, turn) => {
        const there = view.toStage({ scale: 2, x: 100, y: 50, turn }, { x: 15, y: 20 });
        return [there, view.toImage({ scale: 2, x: 100, y: 50, turn }, there)];
    }"""
    there, back = run("view", script, turn)
    assert (there["x"], there["y"]) == expected
    assert back == {"x": 15, "y": 20}


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("inverted", [False, True])
def test_a_picture_drawn_with_one_window_is_shown_with_another(run, dark, inverted):
    """The linear change equals drawing the image's values with the wanted window."""

    def grey(value, window):
        share = (value - (window["centre"] - window["width"] / 2)) / window["width"]
        return 1 - share if dark else share

    drawn, wanted = {"centre": 2000, "width": 3000}, {"centre": 1500, "width": 900}
    change = run("picture", "(picture, ...values) => picture.greyChange(...values)", drawn, wanted, dark, inverted)
    for value in (600, 1200, 1500, 1900, 3000):
        direct = 1 - grey(value, wanted) if inverted else grey(value, wanted)
        assert change["slope"] * grey(value, drawn) + change["intercept"] == pytest.approx(direct)


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        # drawn from any corner, whole pixels, within the image; left and top from 1
        ("between", ({"x": 50.4, "y": 20.6}, {"x": 9.6, "y": 70.2}), (10, 21, 50, 70)),
        ("between", ({"x": -30, "y": -2}, {"x": 500, "y": 400}), (1, 1, 300, 240)),
        # moved against the border, a box keeps its size
        ("shifted", ({"xmin": 10, "ymin": 10, "xmax": 60, "ymax": 40}, -30, 5), (1, 15, 51, 45)),
        ("shifted", ({"xmin": 10, "ymin": 10, "xmax": 60, "ymax": 40}, 900, 900), (250, 210, 300, 240)),
        # an edge never passes the other
        ("stretched", ({"xmin": 10, "ymin": 10, "xmax": 60, "ymax": 40}, "e", {"x": 3, "y": 0}), (10, 10, 12, 40)),
        ("stretched", ({"xmin": 10, "ymin": 10, "xmax": 60, "ymax": 40}, "nw", {"x": 20.5, "y": -9}), (21, 1, 60, 40)),
    ],
)
def test_boxes_stay_whole_and_within_the_image(run, function, values, expected):
    box = run("boxes", f"(boxes, ...values) => boxes.{function}(...values)", *values, {"width": 300, "height": 240})
    assert tuple(box[side] for side in ("xmin", "ymin", "xmax", "ymax")) == expected


def test_a_moved_box_is_no_longer_known_to_be_truncated(run):
    box = {"xmin": 1, "ymin": 10, "xmax": 60, "ymax": 40, "truncated": True, "pose": "Left"}
    moved = run("boxes", "(boxes, box, image) => boxes.shifted(box, 9, 0, image)", box, {"width": 300, "height": 240})
    assert moved.get("truncated") is None
    assert moved["pose"] == "Left"


def test_history_goes_back_and_forth(run):
    script = """(module) => {
        const history = new module.History(0, 4);
        for (const state of [1, 2, 3, 4, 5]) history.push(state);
        const back = [history.undo(), history.undo(), history.undo(), history.undo()];
        const forth = history.redo();
        history.push(9);
        return [back, forth, history.redo(), history.canRedo];
    }"""
    assert run("history", script) == [[4, 3, 2, 2], 3, 9, False]


def test_both_languages_say_the_same_things(run):
    english = json.loads(run("words_en", "(words) => JSON.stringify(words.english)"))
    spanish = json.loads(run("words_es", "(words) => JSON.stringify(words.spanish)"))
    assert set(english) == set(spanish)
    values = {word: sorted(part.split("}")[0] for part in text.split("{")[1:]) for word, text in english.items()}
    assert values == {
        word: sorted(part.split("}")[0] for part in text.split("{")[1:]) for word, text in spanish.items()
    }


SAID_OF_LABELS = [
    box_fault((5, 5, math.inf, 9), 64, 48),
    box_fault((20, 5, 5, 20), 64, 48),
    box_fault((5, 5, 6, 9), 64, 48, smallest=2),
    box_fault((60, 5, 70, 20), 64, 48),
    box_fault((-3, 5, 1, 20), 64, 48, margin=9, smallest=2),
    *size_fault((48, 64), (64, 48), orientation=6),
    *size_fault((48, 64), (64, 48)),
    *size_fault((1, 2), (64, 48)),
    *size_fault((None, 2), (64, 48)),
    "has no class name",
    "has a line break in its class name",
]  # fmt: skip


STREAM = io.BytesIO()
Image.effect_noise((64, 48), 60).save(STREAM, "PNG")
ENCODED = STREAM.getvalue()


def said_of(data: bytes) -> str:
    """Why the reader refuses this file."""
    with pytest.raises(DataError) as error:
        read_radiograph(data, name="image.png")
    return error.value.problem


def test_every_message_of_the_server_has_a_spanish_translation(run):
    """Found in the server's code: each code of an error, and each reason that stands next to it."""
    codes = error_codes()
    assert {"undecided", "image_unreadable", "not_found"} <= codes
    words = run("words_es", "(words) => Object.keys(words.spanish)")
    assert sorted(code for code in codes if f"error.{code}" not in words) == []
    unreadable = [said_of(data) for data in (b"", b"nothing", ENCODED[:60], ENCODED[:-200])]
    reasons = [*reader_reasons(), *SAID_OF_LABELS, *unreadable, image_vanished().message]
    assert len(reasons) > 25
    said = run("messages_es", "(messages, ...texts) => texts.map(messages.inSpanish)", *reasons)
    assert [reason for reason, text in zip(reasons, said, strict=True) if not text] == []
    english = re.compile(r"\b(the|is|image|box|file|pixels|cannot|has|not|or|and|of|with)\b")
    assert [text for text in said if english.search(text)] == []


def test_what_has_no_translation_is_not_shown_in_english(run):
    script = """(module) => {
        module.language.set("es");
        const said = [module.sayError("nonsense", module.fromServer("some words")),
                      module.sayError("box_invalid", module.fromServer("some words")),
                      module.sayError("box_invalid", module.fromServer("has no class name"))];
        module.language.set("en");
        return [...said, module.sayError("nonsense", module.fromServer("some words"))];
    }"""
    assert run("i18n", script) == [
        "El servidor no aceptó la solicitud (nonsense).",
        "No se puede guardar una caja",
        "No se puede guardar una caja: no tiene nombre de clase",
        "some words",
    ]
