"""The two benchmarks of `fractura check`, with five times the slack of the metrics they are held to."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def benchmark(name: str):
    specification = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_gross_faults_are_found_and_clean_images_are_clean():
    command = [sys.executable, "-m", "benchmarks.check_faults", "--rounds", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_time_grows_linearly():
    """Not as the square: eight times the records would then take 64 times as long."""
    speed = benchmark("check_speed")
    speed.seconds_for(500)  # imports and caches
    few, many = speed.seconds_for(2_500), speed.seconds_for(20_000)
    assert many < 5 * 8 * few
    assert many < 5 * 12


@pytest.mark.slow
def test_real_images_in_time(real_images):
    import time

    from fractura.quality import check_dataset

    started = time.process_time()
    reports = [check_dataset(real_images(f"fracatlas/{split}")) for split in ("train", "val")]
    assert all(report.is_clean for report in reports)
    assert sum(report.images for report in reports) == 2261
    assert time.process_time() - started < 5 * 2 * 30  # two cores, thirty seconds
