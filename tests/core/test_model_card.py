"""The card survives a round trip and refuses what it does not know."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from fractura.core.errors import ModelError, nearest_name, suggest_name
from fractura.core.model_card import FORMAT_VERSION, ModelCard, read_card, write_card

FULL = ModelCard(
    name="wrist",
    architecture={"name": "faster_rcnn_lite0", "anchors": [16, 32]},
    class_names=("fracture", "Gips Ä"),
    preprocessing={"longest_side": 640},
    threshold=0.35,
    data={"fingerprint": "ab", "images": 3, "negatives": 1, "boxes": 4},
    settings={"num_steps": 10},
    metrics={"AP50": 0.5, "AP75": None},
    versions={"fractura": "0.1.0"},
    licence="Apache-2.0",
    citation="none",
)
LEAST = {"name": "m", "architecture": {"name": "a"}, "class_names": ["fracture"]}


def test_round_trip_through_a_folder(tmp_path):
    file = write_card(FULL, tmp_path / "new" / "model")
    assert file.name == "card.json"
    assert read_card(tmp_path / "new" / "model") == FULL
    assert read_card(file) == FULL
    assert "Gips Ä" in file.read_text(encoding="utf-8")
    assert [entry.name for entry in file.parent.iterdir()] == ["card.json"]


def test_defaults():
    card = ModelCard.from_json(json.dumps(LEAST))
    assert (card.threshold, card.format_version, card.data, card.licence) == (0.5, FORMAT_VERSION, {}, None)
    assert card.class_names == ("fracture",)


def test_a_card_does_not_change():
    with pytest.raises(ValidationError):
        FULL.threshold = 0.9


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"treshold": 0.4}, ["unknown key 'treshold'", "did you mean 'threshold'?"]),
        ({"zzz": 1}, ["unknown key 'zzz'", "known are:", "class_names"]),
        ({"threshold": 1.5}, ["threshold", "less than or equal to 1"]),
        ({"threshold": float("nan")}, ["threshold"]),
        ({"class_names": []}, ["class_names"]),
        ({"class_names": ["a", "b", "a"]}, ["class_names", "holds a more than once"]),
        ({"class_names": [""]}, ["class_names.0"]),
        ({"class_names": "fracture"}, ["class_names"]),
        ({"architecture": {"size": 3}}, ["architecture", "needs the detector's 'name'"]),
        ({"metrics": {"AP": float("nan")}}, ["JSON"]),
        ({"format_version": FORMAT_VERSION + 1}, ["format_version", "update fractura"]),
    ],
)
def test_a_wrong_value_is_named(change, said):
    with pytest.raises(ModelError) as caught:
        ModelCard.from_json(json.dumps({**LEAST, **change}), source="some/card.json")
    assert "some/card.json" in str(caught.value)
    for part in said:
        assert part in str(caught.value)


@pytest.mark.parametrize("key", list(LEAST))
def test_what_is_missing_is_named(key):
    document = {name: value for name, value in LEAST.items() if name != key}
    with pytest.raises(ModelError, match=f"lacks '{key}'"):
        ModelCard.from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", b"\xff\xfe\x00"])
def test_what_is_no_card_is_refused(text, tmp_path):
    (tmp_path / "card.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ModelError, match="model card is not"):
        read_card(tmp_path)


def test_a_folder_without_a_card_says_what_a_model_is(tmp_path):
    with pytest.raises(ModelError, match="no model card here"):
        read_card(tmp_path)


@pytest.mark.parametrize(
    ("word", "names", "nearest"),
    [
        ("Fractur", ["fracture", "cast"], "fracture"),
        ("FRACTURE", ["fracture", "cast"], "fracture"),
        ("xyz", ["fracture", "cast"], None),
        ("a", [], None),
    ],
)
def test_nearest_name(word, names, nearest):
    assert nearest_name(word, names) == nearest
    assert suggest_name(word, names)


@pytest.mark.parametrize("name", ["model.onnx", "built-in"])
def test_an_exported_model_is_not_taken_for_a_folder(name):
    with pytest.raises(ModelError, match="exported model") as error:
        read_card(Path(name))
    assert "model folder" in error.value.hint
