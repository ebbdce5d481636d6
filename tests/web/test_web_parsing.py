"""A save parses the XML file once at most, and what the server remembers of a file is what a reader finds in it."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from support.web_places import WRITE, annotation, client, folder, image_ids

from fractura.core.errors import DataError
from fractura.formats.voc import VocObject, parse_voc
from fractura.formats.voc import parser as voc_parser
from fractura.formats.voc import serializer as voc_serializer
from fractura.web.annotation_store import AnnotationStore
from fractura.web.api_errors import WebError
from fractura.web.folder_index import FolderIndex
from fractura.web.schemas import AnnotationIn, BoxIn


@pytest.fixture(name="counts")
def counts_fixture(monkeypatch):
    """How often an XML file was parsed and an image opened."""
    counts = Counter()

    def count(place, name, what):
        original = getattr(place, name)

        def counted(*values, **more):
            counts[what] += 1
            return original(*values, **more)

        monkeypatch.setattr(place, name, counted)

    count(voc_parser, "parse_xml", "parsed")
    count(voc_serializer, "parse_xml", "parsed")
    count(Image, "open", "opened")
    return counts


def box(left):
    return {"name": "Fractura", "xmin": left, "ymin": 10, "xmax": left + 40, "ymax": 40}


@pytest.mark.parametrize("name", ["image1.png", "image2.png"])
def test_a_save_of_the_page_parses_once_and_opens_the_image_once(tmp_path, counts, name):
    """As the page does it: it opens an image (one without and one with a file), then saves and saves."""
    with client(mode="label", folder=folder(tmp_path / "data")) as web:
        web.app.state.shared.folder.index.stop()  # it reads files of its own accord
        path = f"/api/annotations/{image_ids(web)[name]}"
        assert web.get(f"/api/images/{image_ids(web)[name]}/picture").status_code == 200
        now = web.get(path).json()
        exists, sent = now["exists"], []
        for number in range(4):
            sent.append(box(10 + number))
            counts.clear()
            answer = web.put(path, headers={**WRITE, "If-Match": now["etag"]}, json={"boxes": sent})
            assert answer.status_code == 200, answer.text
            now = answer.json()
            assert len(now["boxes"]) == number + 1
            # a new file is written from nothing; a change patches the old one, whose tree it needs
            assert counts["parsed"] == (1 if exists else 0)
            assert counts["opened"] == (0 if exists else 1)
            exists = True
        counts.clear()
        assert web.put(path, headers={**WRITE, "If-Match": now["etag"]}, json={"boxes": sent}).status_code == 200
        assert web.get(path).json()["boxes"] == now["boxes"]
        assert counts == {}


def test_a_file_that_another_program_changed_is_parsed_again(tmp_path, counts):
    with client(mode="label", folder=folder(tmp_path / "data")) as web:
        path = f"/api/annotations/{image_ids(web)['image2.png']}"
        first = web.get(path).json()
        annotation(tmp_path / "data" / "annotations" / "image2.xml", "image2.png", VocObject("Yeso", 1, 2, 30, 40))
        counts.clear()
        second = web.get(path).json()
        assert counts["parsed"] >= 1
        assert [each["name"] for each in second["boxes"]] == ["Yeso"]
        assert second["etag"] != first["etag"]


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6) | st.sampled_from(
    ["Fractura", " a  b ", "a\nb", "\na", "a\r\n", "\t", "<b>&amp;", "]]>", "\u2028", "'\""]
)
BOXES = st.builds(
    lambda name, left, top, side, difficult, pose: BoxIn(
        name=name, xmin=left, ymin=top, xmax=left + side, ymax=top + side, difficult=difficult, pose=pose
    ),
    TEXTS,
    st.floats(-5, 150),
    st.floats(-5, 80),
    st.floats(1, 90),
    st.booleans(),
    st.none() | TEXTS,
)


@given(saves=st.lists(st.tuples(st.lists(BOXES, max_size=4), st.booleans()), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_remembered_of_a_save_is_what_a_reader_finds(tmp_path_factory, saves):
    """No second reading is needed because it would find the same; boxes for which it would not are refused."""
    index = FolderIndex(folder(tmp_path_factory.mktemp("save") / "data"), lambda rows: None)
    store = AnnotationStore(index)
    row = next(row for row in index.rows() if row.name == "image1.png")
    for boxes, verified in saves:
        try:
            stored = store.save(
                row, store.load(row).etag, AnnotationIn(boxes=boxes, normal=not boxes, verified=verified)
            )
        except WebError as error:
            if error.code != "box_invalid":
                raise
            continue
        read = parse_voc(row.annotation.read_bytes(), row.annotation.name)
        assert stored.annotation == read
        assert stored.data == read.source == row.annotation.read_bytes()
        assert row.summary.objects == read.objects


def test_a_class_name_that_a_reader_would_shorten_is_refused(tmp_path):
    index = FolderIndex(folder(tmp_path / "data"), lambda rows: None)
    store, row = AnnotationStore(index), index.rows()[0]
    wanted = AnnotationIn(boxes=[BoxIn(name="Fractura\n", xmin=10, ymin=10, xmax=50, ymax=40)])
    with pytest.raises(WebError, match="line break") as caught:
        store.save(row, '"none"', wanted)
    assert isinstance(caught.value.__cause__, DataError)
    assert not row.annotation.exists()
