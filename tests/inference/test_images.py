"""Which files are images, and that no two of them share a name."""

from pathlib import Path

import pytest

from fractura.core.errors import DataError
from fractura.inference.discovery import find_images


def touch(folder, *names):
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    return folder


def names(found):
    return [image.name for image in found.images]


def test_folders_are_searched_in_order_and_the_rest_is_counted(tmp_path):
    touch(tmp_path, "b.PNG", "a.jpg", "sub/c.tif", "a.xml", "sub/c.xml", "notes", "._a.jpg")
    found = find_images([tmp_path])
    assert [image.path.relative_to(tmp_path).as_posix() for image in found.images] == ["a.jpg", "b.PNG", "sub/c.tif"]
    assert found.passed_over == {".xml": 2, "notes": 1, ".jpg": 1}


def test_a_file_given_by_name_is_taken_at_its_word(tmp_path):
    touch(tmp_path, "image.raw")
    assert names(find_images([tmp_path / "image.raw"])) == ["image"]


def test_a_image_met_twice_counts_once(tmp_path):
    touch(tmp_path, "a.jpg", "b.jpg")
    found = find_images([tmp_path / "b.jpg", tmp_path, str(tmp_path / "." / "a.jpg")])
    assert names(found) == ["b", "a"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["p1/x.jpg", "p2/x.jpg"], ["p1__x_jpg", "p2__x_jpg"]),
        (["p1/x.jpg", "p1/x.png"], ["p1__x_jpg", "p1__x_png"]),
        (["p1/x.jpg", "p2/X.jpg", "p2/y.jpg"], ["p1__x_jpg", "p2__X_jpg", "y"]),
        (["a/p/x.jpg", "b/p/x.jpg", "c/p/x.jpg"], ["p__x_jpg", "p__x_jpg-2", "p__x_jpg-3"]),
        (["p/x.jpg", "p__x_jpg.png", "q/x.jpg"], ["p__x_jpg", "p__x_jpg-2", "q__x_jpg"]),
    ],
)
def test_names_are_unique_whatever_the_case(tmp_path, files, expected):
    touch(tmp_path, *files)
    assert names(find_images([tmp_path])) == expected


def test_linked_folders_are_followed_and_circles_end(tmp_path):
    touch(tmp_path / "real", "a.jpg")
    given = tmp_path / "given"
    given.mkdir()
    try:
        (given / "link").symlink_to(tmp_path / "real", target_is_directory=True)
        (tmp_path / "real" / "back").symlink_to(given, target_is_directory=True)
    except OSError:
        pytest.skip("this system does not let the test make links")
    assert names(find_images([given])) == ["a"]


@pytest.mark.parametrize(
    ("given", "said"),
    [([], "no files or folders"), (["empty"], "holds no images"), (["missing"], "no such file")],
)
def test_nothing_to_look_at_is_an_error(tmp_path, given, said):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=said):
        find_images([tmp_path / Path(name) for name in given])
