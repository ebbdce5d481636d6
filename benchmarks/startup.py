"""How long `fractura --help` and `import fractura` take, against Python alone.

    python -m benchmarks.startup

Ends with an error where `fractura --help` takes longer than 0.3 s: run it on an idle machine.
"""

import subprocess
import sys
import time

AIM = 0.3
"""Seconds for `fractura --help`."""
ROUNDS = 7
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import fractura": ["-c", "import fractura"],
    "fractura --help": ["-m", "fractura", "--help"],
}


def seconds(words: list[str]) -> float:
    """The time of one run."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Run all in turn, so that what else runs slows all alike, and print the best of several rounds."""
    rounds = [{name: seconds(words) for name, words in COMMANDS.items()} for _ in range(ROUNDS)]
    best = {name: min(each[name] for each in rounds) for name in COMMANDS}
    alone = best["python -c pass"]
    for name, passed in best.items():
        print(f"{name:<16}  {1000 * passed:5.0f} ms  {passed / alone:4.1f} x python")
    if best["fractura --help"] > AIM:
        sys.exit(f"fractura --help takes longer than {AIM} s")


if __name__ == "__main__":
    main()
