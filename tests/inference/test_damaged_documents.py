"""JSON that an earlier command left, damaged: the next command says so, or does without it."""

import json

import pytest
from support.tiny_models import CARD

from fractura.core.errors import DataError, UsageError
from fractura.inference.origin import ResultOrigin
from fractura.inference.result_folder import ResultFolder
from fractura.inference.settings import DetectionSettings
from fractura.phantom import make_phantoms
from fractura.phantom.series import MANIFEST, SMALLEST_SIDE
from fractura.workflows.sample_size import plan_reader_study

COMPONENTS = {"cases": 50, "reader": 0.001, "modality_reader": 0.0001, "error": 2e-3, "cov1": 1e-3, "cov2": 8e-4}


@pytest.mark.parametrize("images", [5, None, "x", {"a": 1}, [5, None]])
def test_results_whose_images_are_not_a_list(images, tmp_path):
    (tmp_path / "results.json").write_text(json.dumps({"made_by": "fractura", "images": images}))
    origin = ResultOrigin(card=CARD, digest="", settings=DetectionSettings.of(CARD))
    with ResultFolder(tmp_path, origin, [], overwrite=True):
        pass
    assert json.loads((tmp_path / "results.json").read_text())["complete"]


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1},
        {"name": "../x.jpg"},
        {"width": 1.5},
        {"width": "x"},
        {"boxes": 5},
        {"boxes": [[1, 2, 3]]},
        {"boxes": None},
    ],
)
def test_a_manifest_of_phantoms(change, tmp_path):
    size = (SMALLEST_SIDE, SMALLEST_SIDE)
    make_phantoms(tmp_path / "a", images=1, size=size)
    manifest = json.loads((tmp_path / "a" / MANIFEST).read_text())
    manifest["images"][0] |= change
    (tmp_path / "a" / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(UsageError, match="not a manifest of phantoms"):
        make_phantoms(tmp_path / "a", images=1, size=size)


@pytest.mark.parametrize(
    "components",
    [
        5,
        {**COMPONENTS, "cov3": "x"},
        {**COMPONENTS, "cov3": True},
        {**COMPONENTS, "cov3": 1e999},
        {**COMPONENTS, "cov3": 10**400},
        {**COMPONENTS, "cov3": 7e-4, "cases": 0},
        {**COMPONENTS, "cov3": 7e-4, "cases": "50"},
        COMPONENTS,
    ],
)
def test_a_document_of_a_reader_study(components, tmp_path):
    document = {"figures": [{"figure": "auc", "components": components}]}
    (tmp_path / "reader_study.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match=r"is not a reader_study\.json"):
        plan_reader_study(tmp_path / "reader_study.json", effect=0.05)
