"""Mutation testing as campaigns: each try is a mutant, drawn from all that are not explained."""

from __future__ import annotations

import atexit
import random
from pathlib import Path

from soak.campaign import Attempt, Campaign
from soak.mutants.explained import unexplained
from soak.mutants.laboratory import ROOT, Laboratory
from soak.mutants.mutations import mutants
from soak.mutants.subjects import SUBJECTS, Subject


class SurvivedError(Exception):
    """No test found a fault."""


def _prepare(subject: Subject, folder: Path) -> Attempt:
    files = subject.files()
    candidates = unexplained(mutant for file in files for mutant in mutants(ROOT, file))
    laboratory = Laboratory(folder, files, subject.test_arguments())
    atexit.register(laboratory.close)
    print(f"mutants-{subject.name}: drawn from {len(candidates)}; tests left out: {laboratory.failed or 'none'}")

    def attempt(draw: random.Random) -> None:
        verdict = laboratory.try_out(draw.choice(candidates))
        if verdict.killed_by is None:
            raise SurvivedError(f"{verdict.tests} tests do not find {verdict.mutant}")

    return attempt


def _campaign(subject: Subject) -> Campaign:
    return Campaign(
        name=f"mutants-{subject.name}",
        promise=f"Of small faults put into {subject.title}, one at a time, the tests find at least 85 %",
        prepare=lambda folder: _prepare(subject, folder),
        tries=subject.tries,
        found=subject.found,
        allowed=0.15,
    )


CAMPAIGNS = tuple(_campaign(subject) for subject in SUBJECTS)
