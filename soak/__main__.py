"""Run campaigns, keep their results and write the table of docs/reliability.md anew.

python -m soak                         every campaign, as `make soak` does
python -m soak kill-convert fuzz-voc   these
python -m soak fuzz-voc --tries 1000 --seed 7
python -m soak --list
"""

import argparse
import math
import sys

from soak import table
from soak.campaign import keep, run
from soak.registry import CAMPAIGNS

parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__.splitlines()[0])
parser.add_argument("names", nargs="*", metavar="NAME", help="campaigns, or how their names begin (default: all)")
parser.add_argument("--tries", type=int, help="instead of the campaign's own number")
parser.add_argument("--seconds", type=float, default=math.inf, help="for each campaign: no new try begins after these")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--list", action="store_true", help="name the campaigns")
parser.add_argument("--table", action="store_true", help="only write the table anew")
arguments = parser.parse_args()

chosen = [each for each in CAMPAIGNS if not arguments.names or each.name.startswith(tuple(arguments.names))]
if not chosen:
    parser.error(f"no campaign is called {' or '.join(arguments.names)}")
if arguments.list:
    for each in chosen:
        print(f"{each.name}: {each.promise} ({each.tries} tries)")
    sys.exit()

failed = []
for each in [] if arguments.table else chosen:
    result = run(each, arguments.tries or each.tries, arguments.seed, arguments.seconds)
    keep(result)
    print(f"{each.name}: {result['failures']} failures in {result['tries']} tries, {result['seconds']} s", flush=True)
    if result["failures"] > each.allowed * result["tries"]:
        failed.append(each.name)
table.write(CAMPAIGNS)
if failed:
    sys.exit(f"a promise was broken: {', '.join(failed)}")
