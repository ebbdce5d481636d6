"""Saving on a disk that refuses to take more: an error, and everything is as it was."""

import sys

import pytest
from support.web_places import WRITE, client, folder, image_ids

if sys.platform == "win32":
    pytest.skip("Windows knows no limit on the size of files", allow_module_level=True)
import resource


def test_neither_boxes_nor_comment_change(tmp_path):
    """The comment is longer than the boxes' file may be, and the other way round."""
    data = folder(tmp_path / "data")
    file = data / "annotations" / "image2.xml"
    before = file.read_bytes()
    boxes = [{"name": "Fractura", "xmin": 1, "ymin": 1, "xmax": 9 + each, "ymax": 9} for each in range(60)]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with client(mode="label", folder=data) as web:
        url = f"/api/annotations/{image_ids(web)['image2.png']}"
        known = web.get(url).json()
        for wanted in ({"boxes": boxes[:1], "comment": "x" * 1900}, {"boxes": boxes, "comment": "why?"}):
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
            try:
                answer = web.put(url, headers={**WRITE, "If-Match": known["etag"]}, json=wanted)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            assert (answer.status_code, answer.json()["error"]["code"]) == (507, "disk_refused")
            assert file.read_bytes() == before
            assert {**web.get(url).json(), "has_backup": None} == {**known, "has_backup": None}
        assert web.put(url, headers={**WRITE, "If-Match": known["etag"]}, json=wanted).status_code == 200
