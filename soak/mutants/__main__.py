"""Put faults into modules, and say which of them the tests do not find.

python -m soak.mutants                          a sample of each subject
python -m soak.mutants boxes --tries 100 --seed 7
python -m soak.mutants formats/csv.py --all
"""

import argparse
import random
import tempfile
from collections import Counter
from pathlib import Path

from soak.mutants.explained import unexplained
from soak.mutants.laboratory import ROOT, Laboratory
from soak.mutants.mutations import mutants
from soak.mutants.subjects import SUBJECTS

parser = argparse.ArgumentParser(prog="python -m soak.mutants", description=__doc__.splitlines()[0])
parser.add_argument("names", nargs="*", metavar="NAME", help="subjects, or modules of them, such as formats/csv.py")
parser.add_argument("--tries", type=int, default=40, help="mutants of each subject (default: 40)")
parser.add_argument("--all", action="store_true", help="all mutants instead of a sample")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--tests", nargs="*", help="arguments of pytest instead of the subject's own tests")
arguments = parser.parse_args()

for subject in SUBJECTS:
    files = subject.files()
    if arguments.names and subject.name not in arguments.names:
        files = [file for file in files if file.endswith(tuple(f"/{name}" for name in arguments.names))]
    if not files:
        continue
    everything = [mutant for file in files for mutant in mutants(ROOT, file)]
    candidates = unexplained(everything)
    chosen = candidates
    if not arguments.all and arguments.tries < len(candidates):
        chosen = random.Random(arguments.seed).sample(candidates, arguments.tries)
        chosen.sort(key=lambda mutant: (mutant.file, mutant.number))
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        laboratory = Laboratory(Path(folder), files, arguments.tests or subject.test_arguments())
        for name in laboratory.failed:
            print(f"{subject.name}: left out, since it fails without a fault: {name}")
        results: dict[str, Counter] = {}
        try:
            for mutant in chosen:
                verdict = laboratory.try_out(mutant)
                results.setdefault(mutant.file, Counter())[verdict.killed_by is not None] += 1
                if verdict.killed_by is None:
                    print(f"survived {verdict.tests} tests: {mutant}", flush=True)
        finally:
            laboratory.close()
    for file, counts in results.items():
        print(f"{file}: {counts[True]} of {counts.total()} killed")
    killed, total = (sum(counts[True] for counts in results.values()), len(chosen))
    print(f"{subject.name}: {killed} of {total} killed, {killed / total:.1%}", end="; ")
    print(f"drawn from {len(candidates)}, {len(everything) - len(candidates)} more are explained", flush=True)
