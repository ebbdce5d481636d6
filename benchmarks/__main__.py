"""Every benchmark of docs/performance.md, one after the other, and its table: `make bench` or `python -m benchmarks`.

    python -m benchmarks [NAME …]     all of them, or those modules
    python -m benchmarks --table      only write the table anew

About 40 minutes on 2 cores. Close other programs: ratios bear a load, medians of milliseconds do not.
"""

import argparse
import subprocess
import sys

from benchmarks import table

NAMES = (
    "startup",
    "detection",
    "dicom",
    "convert",
    "evaluation",
    "check_speed",
    "evaluation_bootstrap",
    "web_list",
    "loading",
    "scale",
    "inception_training",
    "inception_detection",
)

parser = argparse.ArgumentParser(
    prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: {', '.join(NAMES)}")
parser.add_argument("--table", action="store_true", help="only write the table anew")
arguments = parser.parse_args()

failed = []
for name in () if arguments.table else arguments.names or NAMES:
    print(f"\n$ python -m benchmarks.{name}", flush=True)
    if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode:
        failed.append(name)
table.write()
if failed:
    sys.exit(f"an error stopped: {', '.join(failed)}")
