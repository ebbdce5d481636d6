"""One report for all tests that only read it; those that tests write for themselves have rough plots."""

import pytest
from support.report_images import detections, images, report


@pytest.fixture(name="made", scope="session")
def report_of_all_kinds(tmp_path_factory):
    """The page's file of a report that holds everything a report can hold, as users get it."""
    place = tmp_path_factory.mktemp("report")
    dataset = images(place)
    return report(place / "out", dataset, detections(dataset))


@pytest.fixture(autouse=True)
def plots_of_a_test_s_own_reports(rough_plots):
    """Rough; those of ``made`` are drawn before."""
