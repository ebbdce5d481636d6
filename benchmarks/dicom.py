"""Decoding of compressed DICOM files against pydicom alone: python -m benchmarks.dicom [FILE …]

Without files, one radiograph of 2,000 x 2,500 pixels in 12 bits is encoded as JPEG 2000, JPEG-LS and JPEG lossless.
Peers: pydicom's ``pixel_array`` with the same decoders, without windowing; and reading with two threads against one.
"""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pydicom

from benchmarks.contest import in_turn, keep
from fractura.imaging.reader import read_radiograph

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # the encoder is that of the tests
from support.dicom_images import LOSSLESS, dicom

ROUNDS, FILES = 5, 4


def radiograph() -> np.ndarray:
    """Smooth shapes and noise, as compressible as a real one."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[0:2500, 0:2000]
    smooth = 1800 + 1200 * np.sin(rows / 400) * np.cos(columns / 300)
    return np.clip(smooth + random.normal(0, 12, smooth.shape), 0, 4095).astype(np.uint16)


def ours(files: list[Path], threads: int = 1) -> float:
    """Seconds for all files."""
    started = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(read_radiograph, files))
    return time.perf_counter() - started


def pydicom_alone(files: list[Path]) -> float:
    """Seconds for all files."""
    started = time.perf_counter()
    for file in files:
        assert pydicom.dcmread(file).pixel_array.size
    return time.perf_counter() - started


def main() -> None:
    """Each syntax, or the files given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    arguments = parser.parse_args()
    with TemporaryDirectory() as place:
        groups = {"files given": arguments.files} if arguments.files else {}
        if not groups:
            pixels = radiograph()
            for name in ("jpeg lossless sv1", "jpeg-ls", "jpeg 2000 lossless"):
                file = Path(place) / f"{name}.dcm"
                file.write_bytes(dicom(pixels, bits=12, syntax=LOSSLESS[name], WindowCenter=2000, WindowWidth=3000))
                groups[name] = [file] * FILES
        for name, files in groups.items():
            ours(files[:1])
            first, second = in_turn(lambda files=files: ours(files), lambda files=files: pydicom_alone(files), ROUNDS)
            what = f"{len(files)} DICOM files of {name}, to display values"
            keep(f"dicom-{name}", what, ("fractura", first), ("pydicom alone, stored values", second))
            first, second = in_turn(lambda files=files: ours(files, 2), lambda files=files: ours(files), ROUNDS)
            keep(f"dicom-{name}-threads", what, ("two threads", first), ("one thread", second))


if __name__ == "__main__":
    main()
