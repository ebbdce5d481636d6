"""One image of a data folder, read and measured once for all checks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from fractura.core.errors import DataError
from fractura.core.files import read_file
from fractura.imaging.dicom import ImageFacts, is_dicom
from fractura.imaging.headers import image_kind
from fractura.imaging.reader import Radiograph, radiograph_channels, read_radiograph
from fractura.quality.perceptual_hash import Fingerprint, fingerprint
from fractura.quality.traits import Traits, image_traits


@dataclass(frozen=True, kw_only=True)
class CheckedImage:
    """One image as the checks see it.

    Attributes:
        path: Its file.
        size: Width and height as displayed; None if it cannot be read.
        bytes_hash: SHA-256 of the file; empty if it cannot be read at all.
        pixels_hash: SHA-256 of size and pixels as displayed; empty if it cannot be decoded.
        fault: Why it cannot be read.
        bit_depth: Bits that its values use.
        orientation: EXIF orientation, 1 to 8.
        source: How it was stored, in words; images of one origin share it.
        fingerprint: To find its near-duplicates; None if it cannot be decoded.
        traits: Its appearance in numbers; None if it cannot be decoded.
        facts: What a DICOM says of it.
    """

    path: Path
    size: tuple[int, int] | None
    bytes_hash: str
    pixels_hash: str
    fault: DataError | None = None
    bit_depth: int = 8
    orientation: int = 1
    source: str = ""
    fingerprint: Fingerprint | None = None
    traits: Traits | None = None
    facts: ImageFacts = field(default_factory=ImageFacts)


def check_image(path: Path) -> CheckedImage:
    """Read and measure an image; what is wrong with it becomes its ``fault``."""
    bytes_hash = ""
    try:
        data = read_file(path)
        bytes_hash = hashlib.sha256(data).hexdigest()
        image = read_radiograph(data, name=str(path))
    except DataError as fault:
        return CheckedImage(path=path, size=None, bytes_hash=bytes_hash, pixels_hash="", fault=fault)
    digest = hashlib.sha256(f"{image.width}x{image.height}".encode())
    digest.update(image.pixels.data)
    return CheckedImage(
        path=path,
        size=(image.width, image.height),
        bytes_hash=bytes_hash,
        pixels_hash=digest.hexdigest(),
        bit_depth=image.bit_depth,
        orientation=image.exif_orientation,
        source=_source(data, path, image),
        fingerprint=fingerprint(image.pixels),
        traits=image_traits(image.pixels),
        facts=image.facts,
    )


def _source(data: bytes, path: Path, image: Radiograph) -> str:
    """Kind, colours and depth, and the machine of a DICOM: what distinguishes one scanner or export from another."""
    kind = "dicom" if is_dicom(data[:132], path.name) else image_kind(data)
    channels = "grey" if radiograph_channels(data, name=path.name) == 1 else "colour"
    device = f", machine {image.facts.device}" if image.facts.device else ""
    return f"{kind}, {channels}, {image.bit_depth} bits{device}"
