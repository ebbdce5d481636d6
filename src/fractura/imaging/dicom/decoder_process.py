"""Compressed frames decoded by helper processes."""

from __future__ import annotations

from pathlib import Path

from fractura.imaging.dicom.decoder_worker import REQUEST
from fractura.imaging.helper_process import HelperProcesses

_helpers = HelperProcesses(Path(__file__).with_name("decoder_worker.py"))


def decode_apart(frame: bytes, syntax: str, width: int, height: int, samples: int, bits: int) -> bytes | None:
    """Values of one compressed frame, one byte each up to 8 bits and two (little-endian) above.

    Returns:
        ``width * height * samples`` values, without sign, colour by pixel; None if the frame cannot be decoded.
    """
    allocated = 8 if bits <= 8 else 16
    request = REQUEST.pack(width, height, samples, bits, allocated, len(syntax), len(frame))
    wanted = width * height * samples * allocated // 8
    values = _helpers.ask(request + syntax.encode("ascii") + frame, wanted + allocated)
    return None if values is None or len(values) < wanted else values[:wanted]
