"""Architectures with absurd numbers, as a damaged or hostile card may have them."""

import pytest
from support.tiny_faster_rcnn import build
from support.tiny_transformers import save_folder

from fractura.core.errors import ModelError, NotEnoughMemoryError
from fractura.models import build_detector, build_from_architecture
from fractura.models.architecture_limits import largest_number


def changed(place, value):
    document = build().architecture()
    *path, last = place
    part = document
    for key in path:
        part[key] = dict(part[key]) if isinstance(part[key], dict) else list(part[key])
        part = part[key]
    part[last] = value
    return document


@pytest.mark.parametrize("value", [2**40, 10**30, -(2**40)])
@pytest.mark.parametrize(
    "place", [("num_classes",), ("feature_extractor", "channels"), ("first_stage_box_predictor_depth",)]
)
def test_no_network_has_such_numbers(place, value):
    with pytest.raises(ModelError, match="is more than any network has") as caught:
        build_from_architecture(changed(place, value))
    assert caught.value.place == ".".join(place)


@pytest.mark.parametrize("value", [100_000, 1_000_000])
def test_a_network_larger_than_memory_is_refused_before_it_is_built(value):
    with pytest.raises(NotEnoughMemoryError, match="GiB"):
        build_from_architecture(changed(("feature_extractor", "channels"), value))


def test_what_a_library_refuses_with_an_error_of_its_own_kind_is_a_clear_error(tmp_path):
    document = build_detector(f"hf:{save_folder(tmp_path / 'tiny', 'd_fine')}", 1).architecture()
    document["config"] = {**document["config"], "decoder_attention_heads": -1}
    with pytest.raises(ModelError, match="does not make a network"):
        build_from_architecture(document)


def test_what_people_train_is_not_refused():
    from fractura.models.catalogue import FAMILIES

    for entry in (entry for family in FAMILIES for entry in family.entries):
        assert largest_number(entry.describe(1)) <= 4096
