"""The image list of a large folder, with five times the slack of the aim in benchmarks/web_list.py."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SLACK = 5


@pytest.mark.slow
def test_the_list_of_20000_images_under_50_questions_a_second(tmp_path):
    specification = importlib.util.spec_from_file_location("web_list", ROOT / "benchmarks" / "web_list.py")
    web_list = importlib.util.module_from_spec(specification)
    sys.modules["web_list"] = web_list
    specification.loader.exec_module(web_list)
    web_list.make_folder(tmp_path / "images", 20_000)
    best = float("inf")
    for _ in range(3):  # another program may take the processor for a moment
        found = web_list.measure(tmp_path / "images", 20_000, rate=50, seconds=5)
        assert found.failed == 0
        best = min(best, web_list.quantile(found.answers, 0.95))
        if best <= SLACK * web_list.AIM_SECONDS:
            break
    assert best <= SLACK * web_list.AIM_SECONDS
