"""Every benchmark that runs in minutes on phantoms, one after the other: `make bench`."""

import subprocess
import sys

QUICK = (
    ["benchmarks.startup"],
    ["benchmarks.split"],
    ["benchmarks.check_speed"],
    ["benchmarks.web_list"],
    ["benchmarks.check_faults", "--rounds", "3"],
    ["benchmarks.phantom_baseline"],
    ["benchmarks.detection_speed"],
    ["benchmarks.evaluation_bootstrap"],
    ["benchmarks.catalogue", "faster_rcnn_efficientnet_lite0_448x448", "dfine_nano", "rfdetr_nano"],
    ["benchmarks.inception_training", "--steps", "2"],
)

failed = []
for command in QUICK:
    print(f"\n$ python -m {' '.join(command)}", flush=True)
    if subprocess.run([sys.executable, "-m", *command]).returncode:  # some say so where an aim is missed
        failed.append(command[0])
if failed:
    sys.exit(f"an aim was missed, or an error stopped it: {', '.join(failed)}")
