"""Finding images by name, and names that no two images share."""

from pathlib import Path

import pytest
from support.format_images import make_images

from fractura.core.errors import DataError
from fractura.formats.image_index import ImageIndex, UniqueNames, unique_names

CASES = ImageIndex([Path("a/x.png"), Path("a/X.png"), Path("a/y.JPG"), Path("b/y.png"), Path("b/z.jpeg")], [Path()])


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("a/x.png", "a/x.png"),
        ("A/X.png", None),
        ("X.png", None),
        ("C:\\films\\a\\X.png", "a/X.png"),
        ("B/Z.JPEG", "b/z.jpeg"),
        ("./b/../z.jpeg", "b/z.jpeg"),
        ("y.jpg", "a/y.JPG"),
        ("y.gif", None),
        ("", None),
    ],
)
def test_by_path_or_name(written, found):
    if found is None:
        with pytest.raises(DataError, match=r"is not in|may be any of 2"):
            CASES.find(written)
    else:
        assert CASES.find(written) == Path(found)


def test_images_below_a_folder_leave_out_what_is_hidden(tmp_path):
    make_images(tmp_path / "deep" / "er", 2)
    make_images(tmp_path / ".hidden", 1)
    (tmp_path / "._image.png").write_bytes(b"")
    assert [image.name for image in ImageIndex.below([tmp_path]).images] == ["image 0.png", "image 1.png"]
    with pytest.raises(DataError, match="cannot be listed"):
        ImageIndex.below([tmp_path / "missing"])


def test_names_are_unique_whatever_the_case_unless_asked():
    names, exact = UniqueNames(), UniqueNames(key=str)
    words = [("a", ".png"), ("A", ".png"), ("a-2", ".png"), ("a", ".xml")]
    assert [names.take(*each) for each in words] == ["a.png", "A-2.png", "a-2-2.png", "a.xml"]
    assert [exact.take(*each) for each in words] == ["a.png", "A.png", "a-2.png", "a.xml"]


def test_a_name_that_is_shared_gets_its_folders():
    root = Path("data")
    images = [root / "a/1.png", root / "b/1.png", root / "c/1.PNG", Path("elsewhere/1.png")]
    assert list(unique_names((image, root) for image in images).values()) == [
        "1.png",
        "b_1.png",
        "c_1.PNG",
        "1-2.png",
    ]
