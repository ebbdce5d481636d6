"""The short form of the fuzzing of ``make soak``: a few hundred damaged files a reader, always the same ones."""

import math

import pytest

from soak.children import failures_apart
from soak.fuzz.harness import Fuzzer
from soak.fuzz.readers import READERS

FEWER = {"archive-tar": 60, "dicom": 40, "pipeline-config": 40, "training-state": 60, "saved-model": 0}
"""Where a file takes long; TensorFlow's SavedModels are left to ``make soak``."""


@pytest.mark.parametrize("reader", [each for each in READERS if FEWER.get(each.name) != 0], ids=lambda each: each.name)
def test_damaged_files_give_an_error_of_ours_or_what_they_say(reader, tmp_path):
    tries = FEWER.get(reader.name, 150)
    assert list(failures_apart(Fuzzer(reader, tmp_path), tries, 0, reader.seconds, math.inf)) == []
