"""One report for all tests that only read it."""

import pytest
from support.report_images import detections, images, report


@pytest.fixture(name="made", scope="session")
def report_of_all_kinds(tmp_path_factory):
    """The page's file of a report that holds everything a report can hold."""
    place = tmp_path_factory.mktemp("report")
    dataset = images(place)
    return report(place / "out", dataset, detections(dataset))
