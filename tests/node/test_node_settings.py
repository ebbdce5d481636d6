"""A node's settings: closed, safe, and explained without their values."""

import pytest

from fractura.core.errors import DataError, UsageError
from fractura.node.settings import NodeSettings, read_settings

PEER = {"ae_title": "PACS", "host": "pacs", "port": 104}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "the setting 'folder' is missing"),
        ({"folder": "q", "prot": 1}, "there is no setting 'prot'; did you mean 'port'?"),
        ({"folder": "q", "host": "0.0.0.0"}, "only if 'callers' names those that may send"),
        ({"folder": "q", "ae_title": "SEVENTEEN LETTERS"}, "the setting 'ae_title'"),
        ({"folder": "q", "ae_title": "A\\B"}, "the setting 'ae_title'"),
        ({"folder": "q", "port": 70000}, "the setting 'port'"),
        ({"folder": "q", "results": ["pdf"]}, "the setting 'results.0'"),
        ({"folder": "q", "destinations": [{"name": "a"}]}, "either 'dicom' or 'web'"),
        ({"folder": "q", "destinations": [{"name": "a", "dicom": PEER}] * 2}, "two destinations have one name"),
        ({"folder": "q", "destinations": [{"name": "a", "dicom": {**PEER, "hots": 1}}]}, "did you mean 'host'?"),
        ({"folder": "q", "destinations": [{"name": "a", "web": {"url": "ftp://x"}}]}, "destinations.0.web.url"),
        ({"folder": "q", "destinations": [{"name": "a", "web": {"url": "http://me:secret@x/"}}]}, "web.url"),
        ({"folder": "q", "pull": {"web": {"url": "http://x", "username": "me"}}}, "belong together"),
        ({"folder": "q", "tls": {"certificate": "c.pem"}}, "the setting 'tls.key' is missing"),
    ],
)
def test_a_mistake_is_named_with_its_place(values, said):
    with pytest.raises(UsageError) as caught:
        NodeSettings.create(values)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_yaml_and_toml_say_the_same(tmp_path):
    (tmp_path / "node.yaml").write_text(
        "folder: q\nport: 104\ncallers: [PACS]\ndestinations:\n"
        "  - name: pacs\n    dicom: {ae_title: PACS, host: pacs, port: 104}\n"
    )
    (tmp_path / "node.toml").write_text(
        'folder = "q"\nport = 104\ncallers = ["PACS"]\n[[destinations]]\nname = "pacs"\n'
        '[destinations.dicom]\nae_title = "PACS"\nhost = "pacs"\nport = 104\n'
    )
    one, other = (NodeSettings.create(read_settings(tmp_path / f"node.{end}")) for end in ("yaml", "toml"))
    assert one == other
    assert one.destinations[0].dicom.host == "pacs"


@pytest.mark.parametrize(
    ("name", "text", "error", "said"),
    [
        ("node.json", "{}", UsageError, "a .yaml or a .toml file"),
        ("node.yaml", "port: [", DataError, "line 1"),
        ("node.yaml", "- port", UsageError, "does not hold settings by name"),
        ("node.toml", "port = ", DataError, "cannot be read as settings"),
    ],
)
def test_a_file_that_is_not_settings(tmp_path, name, text, error, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(error, match=said):
        read_settings(tmp_path / name)
