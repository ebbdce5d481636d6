"""How many radiographs a node receives, examines and delivers in a second: `python -m benchmarks.node --minutes 30`.

A modality sends phantoms as fast as the node takes them; an archive on this machine receives the results. The node is a
process of its own with a small queue, so that it must push back. Prints the rate, the longest queue, how often the
sender was told to wait, and the memory at the middle and at the end: a node that leaks has more at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # senders and archives are those of the tests
from support.dicom_network import OUT_OF_RESOURCES, SUCCESS, Archive, free_port, phantom_radiograph, send

RESULTS_PER_IMAGE = 2
QUEUE = 20
PHANTOMS = 16


def memory_of(process: int) -> float:
    """Resident memory in MiB."""
    text = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS:")) / 1024


def images():
    """Phantoms without end, each with UIDs of its own; their pixels repeat, to spare the node's cores."""
    phantoms = [phantom_radiograph(number) for number in range(PHANTOMS)]
    number = 0
    while True:
        dataset = phantoms[number % PHANTOMS]
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            setattr(dataset, keyword, f"2.25.{10**20 + number}.{len(keyword)}")
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        yield dataset
        number += 1


def main() -> None:
    """Run it and print the numbers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.node", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2.0, help="how long the modality sends (default: 2)")
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as place, Archive() as archive:
        port, peer = free_port(), archive.destination()
        words = [*("--folder", f"{place}/queue"), *("--port", str(port)), "--json"]
        for name, value in {
            "callers": ["MODALITY"],
            "queue_instances": QUEUE,
            "destinations": [peer],
        }.items():
            words += ["--set", f"{name}={json.dumps(value)}"]
        environment = {**os.environ, "FRACTURA_DEVICE_UID": "2.25.4711"}
        node = subprocess.Popen([sys.executable, "-m", "fractura", "node", *words], env=environment)
        try:
            measure(node.pid, port, archive, minutes)
        finally:
            node.terminate()
            node.wait()


def measure(node: int, port: int, archive: Archive, minutes: float) -> None:
    """Send until the time is over, wait for the last result, and print."""
    while True:
        try:
            send(port, [])
            break
        except ConnectionError:
            time.sleep(0.2)
    start, sent, waits, longest, middle = time.monotonic(), 0, 0, 0, 0.0
    end = start + 60 * minutes
    for image in images():
        while (answer := send(port, [image])[0]) == OUT_OF_RESOURCES:
            waits += 1
            time.sleep(0.1)
        if answer != SUCCESS:
            raise SystemExit(f"the node answered {answer}")
        sent += 1
        longest = max(longest, sent - len(archive.received) // RESULTS_PER_IMAGE)
        if not middle and time.monotonic() > start + 30 * minutes:
            middle = memory_of(node)
        if time.monotonic() > end:
            break
    while len(archive.received) < sent * RESULTS_PER_IMAGE:
        time.sleep(0.1)
    seconds = time.monotonic() - start
    print(f"{sent} images in {seconds:.0f} s: {sent / seconds:.2f} images/s, {RESULTS_PER_IMAGE} results each")
    print(f"longest queue: {longest} of {QUEUE}; told to wait {waits} times")
    print(f"memory: {middle:.0f} MiB at half time, {memory_of(node):.0f} MiB at the end")
    print(f"sent twice: {sum(len(times) - 1 for times in archive.received.values())} results")


if __name__ == "__main__":
    main()
