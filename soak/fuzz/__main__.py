"""Read one file as a campaign would: ``python -m soak.fuzz NAME soak/crashers/FILE``."""

import sys
import tempfile
from pathlib import Path

from soak.fuzz.readers import READERS

name, path = sys.argv[1].removeprefix("fuzz-"), Path(sys.argv[2])
reader = next(each for each in READERS if each.name == name)
with tempfile.TemporaryDirectory() as folder:
    _, read = reader.prepare(Path(folder))
    parts = path.name.split("--")
    print(read(path.read_bytes(), parts[1].replace("+", "/") if len(parts) > 2 else ""))
