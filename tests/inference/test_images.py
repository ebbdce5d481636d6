"""Which files are images, and that no two of them share a name."""

from pathlib import Path

import numpy as np
import pytest
from support.dicom_images import DIGITAL_RADIOGRAPHY, dicom

from fractura.core.errors import DataError
from fractura.imaging.reader import read_radiograph
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


def test_a_link_to_itself_is_a_file_that_cannot_be_read(tmp_path):
    touch(tmp_path, "a.jpg")
    try:
        (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    except OSError:
        pytest.skip("this system does not let the test make links")
    found = find_images([tmp_path]).images
    assert [image.name for image in found] == ["a", "loop"]
    with pytest.raises(DataError, match="cannot be read"):
        read_radiograph(found[1].path)


@pytest.mark.parametrize(
    ("given", "said"),
    [([], "no files or folders"), (["empty"], "holds no images"), (["missing"], "no such file")],
)
def test_nothing_to_look_at_is_an_error(tmp_path, given, said):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=said):
        find_images([tmp_path / Path(name) for name in given])


def patient_cd(folder):
    """What a hospital burns: images without extension, and much beside them."""
    values = np.arange(48, dtype=np.uint16).reshape(6, 8) * 80
    objects = {
        "DICOMDIR": "1.2.840.10008.1.3.10",
        "DICOM/P1/IM000001": DIGITAL_RADIOGRAPHY,
        "DICOM/P1/IM000002.IMA": DIGITAL_RADIOGRAPHY,
        "DICOM/P1/1.2.840.77": DIGITAL_RADIOGRAPHY,
        "DICOM/P1/SR000001": "1.2.840.10008.5.1.4.1.1.88.33",
        "DICOM/P1/SR000002.dcm": "1.2.840.10008.5.1.4.1.1.88.67",
        "DICOM/P1/PR000001": "1.2.840.10008.5.1.4.1.1.11.1",
        "DICOM/P1/report": "1.2.840.10008.5.1.4.1.1.104.1",
    }
    for name, sop_class in objects.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(dicom(values, bits=12, SOPClassUID=sop_class))
    return touch(folder, "VIEWER/viewer.exe", "VIEWER/logo.png", "autorun.inf")


def test_a_patient_cd_gives_its_radiographs_and_counts_the_rest(tmp_path):
    for given in (patient_cd(tmp_path), tmp_path / "DICOMDIR"):
        found = find_images([given])
        assert names(found) == ["1.2.840", "IM000001", "IM000002"]
        assert found.passed_over == {
            ".exe": 1,
            ".inf": 1,
            ".png beside a DICOMDIR": 1,
            "DICOM directory (DICOMDIR)": 1,
            "DICOM encapsulated document": 1,
            "DICOM presentation state": 1,
            "DICOM structured report": 2,
        }
