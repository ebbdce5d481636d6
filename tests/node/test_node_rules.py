"""A node keeps to a hospital's rules: which images it examines, and of which results it sends."""

import pytest
from support.dicom_network import radiograph

from fractura.core.errors import UsageError
from fractura.node.examination import examination_of
from fractura.node.queue import Queue
from fractura.node.settings import NodeSettings


@pytest.fixture(scope="module")
def blank(tmp_path_factory):
    """An image on which the built-in model finds nothing."""
    path = tmp_path_factory.mktemp("images") / "blank.dcm"
    made = radiograph(7)
    made.Modality = "DX"
    made.save_as(path)
    return path.read_bytes()


def results(folder, data, caller, rules):
    (folder / "rules.toml").write_text(rules)
    settings = NodeSettings.create({"folder": folder / "queue", "results": ["sr"], "rules": folder / "rules.toml"})
    queue = Queue(settings.folder)
    queue.receive("1.2.3", data, caller)
    image = queue.next_image()
    queue.close()
    assert image.caller == caller
    return [each.Modality for each in examination_of(settings)(image)]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("", ["SR"]),
        ('[images]\nmodality = ["dx"]\ncalling_ae_title = ["ROOM1"]', ["SR"]),
        ('[images]\nmodality = ["CR"]', []),
        ('[images]\ncalling_ae_title = ["ROOM2"]', []),
        ('[results]\nsend = "above-threshold"', []),
        ('[results]\nsend = "never"', []),
    ],
)
def test_only_what_the_rules_ask_for_is_sent(blank, tmp_path, rules, expected):
    assert results(tmp_path, blank, "ROOM1", rules) == expected


def test_of_an_image_that_was_fetched_the_caller_is_not_asked(blank, tmp_path):
    assert results(tmp_path, blank, None, '[images]\ncalling_ae_title = ["ROOM2"]') == ["SR"]


def test_an_unknown_rule_is_refused_at_the_start(blank, tmp_path):
    with pytest.raises(UsageError, match="there is no such rule"):
        results(tmp_path, blank, None, "[images]\nmodalities = []")
