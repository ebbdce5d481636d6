"""From stored values to the picture a viewer shows: PS3.3 C.11.1 (modality), C.11.2 (VOI), C.7.6.3.1.2 (inversion).

In this order: modality LUT or rescale; VOI LUT, else the first window, else the full stored range; inversion; padding
is black. Every step is a function of the stored value alone, so all are worked out once for each value there is, and
the pixels are looked up.
"""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray

from fractura.dicom.header import DicomHeader, LookUpTable, Window

_BIT_DEPTHS = (8, 10, 12, 14, 16)
_logger = logging.getLogger(__name__)


def displayed(stored: NDArray[np.int32], header: DicomHeader, title: str) -> tuple[NDArray[np.uint8], int]:
    """Grey levels of a film.

    Without a VOI LUT or window, the film is scaled as ``radiograph.py`` scales a PNG of more than 8 bits: by the
    smallest of 8, 10, 12, 14 and 16 bits that holds its brightest value. The same is done, and logged, where the
    window shows nothing at all: all black or all white.

    Args:
        stored: int32 ``(h, w)``, ``BitsStored`` bits each.
        header: Its header.
        title: What to call the film in the log.

    Returns:
        uint8 ``(h, w)`` with white bone on black, and the bits its values use.
    """
    padded = None
    if header.padding is not None:
        padded = (stored >= header.padding[0]) & (stored <= header.padding[1])
        if padded.all() or not padded.any():
            padded = None
    visible = stored if padded is None else stored[~padded]
    first, last = int(visible.min()), int(visible.max())
    domain = np.arange(first, last + 1, dtype=np.int64)
    table = _shown(domain, header)
    if table is not None and first < last:
        used = table[np.unique(visible) - first]
        if int(used.min()) == int(used.max()):
            _logger.warning("%s: its window shows nothing; the full range of values is shown", title)
            table = None
    bits = header.bits_stored
    if table is None:
        table, bits = _full_range(domain, header)
    grey = table[np.clip(stored, first, last) - first]
    if padded is not None:
        grey[padded] = 0
    return grey, bits


def _shown(domain: NDArray[np.int64], header: DicomHeader) -> NDArray[np.uint8] | None:
    """Grey level of each value through VOI LUT or window; None if there is neither."""
    if header.voi_lut is None and header.window is None:
        return None
    if header.modality_lut is not None:
        values = np.asarray(_looked_up(domain, header.modality_lut), dtype=np.float64)
    else:
        values = np.asarray(domain * header.slope + header.intercept, dtype=np.float64)
    if header.voi_lut is not None:
        white = (1 << header.voi_lut.bits) - 1
        light = _looked_up(np.rint(values).astype(np.int64), header.voi_lut) / white
    else:
        assert header.window is not None
        light = _windowed(values, header.window)
    return _grey(1 - light if header.inverted else light)


def _full_range(domain: NDArray[np.int64], header: DicomHeader) -> tuple[NDArray[np.uint8], int]:
    """Grey level of each value where no window is given, and the bits in use.

    A rescale moves and stretches the whole range, which changes nothing here, or turns it round.
    """
    if header.modality_lut is not None:
        values, stored_bits = _looked_up(domain, header.modality_lut), header.modality_lut.bits
        is_open, turned = stored_bits == 16, header.inverted
    else:
        values, stored_bits = domain, header.bits_stored
        if int(values[0]) < 0:
            values = values + (1 << (stored_bits - 1))
        # A depth equal to its container says nothing of the detector.
        is_open, turned = stored_bits == 16, header.inverted != (header.slope < 0)
    white = (1 << (_depth(int(values.max())) if is_open else stored_bits)) - 1
    values = white - np.minimum(values, white) if turned else values
    bits = _depth(int(values.max()))
    return _grey(values / ((1 << bits) - 1)), bits


def _depth(brightest: int) -> int:
    return next((bits for bits in _BIT_DEPTHS if brightest < 1 << bits), _BIT_DEPTHS[-1])


def _looked_up(values: NDArray[np.int64], table: LookUpTable) -> NDArray[np.int64]:
    """Values below the table take its first entry, values above its last."""
    return table.entries[np.clip(values - table.first, 0, len(table.entries) - 1)]


def _windowed(values: NDArray[np.float64], window: Window) -> NDArray[np.float64]:
    """C.11.2.1.2 and C.11.2.1.3: 0 to 1."""
    if window.function == "SIGMOID":
        power = np.clip(-4 * (values - window.centre) / window.width, -700, 700)
        return 1 / (1 + np.exp(power))
    if window.function == "LINEAR_EXACT":
        return np.clip((values - window.centre) / window.width + 0.5, 0, 1)
    if window.width == 1:
        return (values > window.centre - 0.5).astype(np.float64)
    return np.clip((values - (window.centre - 0.5)) / (window.width - 1) + 0.5, 0, 1)


def _grey(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.floor(np.clip(light, 0, 1) * 255 + 0.5).astype(np.uint8)
