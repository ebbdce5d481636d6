"""One report for all tests that only read it."""

import pytest
from support.report_films import films, marks, report


@pytest.fixture(name="made", scope="session")
def report_of_all_kinds(tmp_path_factory):
    """The page's file of a report that holds everything a report can hold."""
    place = tmp_path_factory.mktemp("report")
    dataset = films(place)
    return report(place / "out", dataset, marks(dataset))
