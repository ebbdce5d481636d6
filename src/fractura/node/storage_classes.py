"""Which DICOM objects a node takes, packed in which ways, and which it sends."""

from __future__ import annotations

_CLASSES = "1.2.840.10008.5.1.4.1.1."
RADIOGRAPHS = tuple(
    _CLASSES + end
    for end in (
        "1",  # computed radiography
        "1.1",  # digital X-ray, for presentation
        "1.1.1",  # digital X-ray, for processing
        "7",  # secondary capture, as scanners write it
        "7.2",  # its kinds with several frames: grey of 8 bits, grey of more bits, colour
        "7.3",
        "7.4",
        "12.2",  # radiofluoroscopy
    )
)
"""Classes of projection radiography, by UID (PS3.6)."""

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
TRANSFER_SYNTAXES = (
    EXPLICIT,
    IMPLICIT,
    "1.2.840.10008.1.2.2",  # big endian
    "1.2.840.10008.1.2.5",  # RLE
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG of 12 bits
    "1.2.840.10008.1.2.4.57",  # JPEG lossless
    "1.2.840.10008.1.2.4.70",  # JPEG lossless, first-order prediction
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
)
"""What the reader of pixels unpacks. Deflated objects are not among them: their size shows only after unpacking."""
