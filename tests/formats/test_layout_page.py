"""The examples of the page of layouts are read, as they stand there."""

import re
from pathlib import Path

import numpy as np
import pytest
from support.format_images import png

from fractura.formats import read_dataset
from fractura.formats.registry import FORMATS

PAGE = (Path(__file__).parents[2] / "docs" / "guide" / "formats.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
EXAMPLES = [
    ("csv" if kind == "text" else kind, text) for kind, text in BLOCKS if kind in ("json", "xml") or ",wid" in text
]
EXAMPLES += [("csv", text) for kind, text in BLOCKS if kind == "text" and text.startswith("image_id")]


def test_every_format_has_its_place_on_the_page():
    assert [name for name in FORMATS if f"`{name}`" not in PAGE] == []
    assert len(EXAMPLES) == 9


@pytest.mark.parametrize(("kind", "text"), EXAMPLES, ids=[text.split()[0][:30] for _, text in EXAMPLES])
def test_the_example_is_read(kind, text, tmp_path):
    for number in (1, 2):
        (tmp_path / f"wrist {number}.png").write_bytes(png(320, 240, number))
    (tmp_path / f"annotations.{kind}").write_text(text, encoding="utf-8")
    data = read_dataset(tmp_path, problems=[])
    assert data.class_names in (("fracture",), ("finding",))
    assert [len(record.boxes) for record in data] == [1, 0][: len(data)]
    np.testing.assert_allclose(data.records[0].boxes.xyxy, [[40, 50, 120, 140]], atol=0.1)
