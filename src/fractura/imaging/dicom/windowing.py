"""From stored values to the picture a viewer shows: PS3.3 C.11.1 (modality), C.11.2 (VOI), C.7.6.3.1.2 (inversion).

In this order: modality LUT or rescale; VOI LUT, else the first window, else the full stored range; inversion; padding
is black. Every step is a function of the stored value alone, so it is computed once for each value that occurs, and
the pixels are looked up in a table.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fractura.imaging.dicom.header import DicomHeader, LookupTable, Window
from fractura.imaging.limits import bit_depth_of

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class GreyValues:
    """A grey image with more than 256 levels, before a window cuts it to 8 bits.

    Attributes:
        places: int32 ``(h, w)``: positions in ``values``.
        values: float64 ``(n,)``: grey values in the unit that ``window`` counts in.
        window: What is shown first.
        inverted: Low values are shown white.
        padded: bool ``(h, w)``: what is not part of the image, shown black; None if nothing is.
    """

    places: NDArray[np.int32]
    values: NDArray[np.float64]
    window: Window
    inverted: bool = False
    padded: NDArray[np.bool_] | None = field(default=None, repr=False)

    @property
    def lowest(self) -> float:
        """The least grey value of the image."""
        return float(self.values.min())

    @property
    def highest(self) -> float:
        """The greatest grey value of the image."""
        return float(self.values.max())

    def shown(self, centre: float, width: float) -> NDArray[np.uint8]:
        """The image through a window.

        Args:
            centre: Value shown as middle grey.
            width: Range of values from black to white, above 0; at least 1 for DICOM's ``LINEAR``.

        Returns:
            uint8 ``(h, w)``, white bone on black.
        """
        light = windowed(self.values, Window(centre, width, self.window.function))
        grey = grey_levels(1 - light if self.inverted else light)[self.places]
        if self.padded is not None:
            grey[self.padded] = 0
        return grey


def displayed(stored: NDArray[np.int32], header: DicomHeader, title: str) -> tuple[NDArray[np.uint8], int]:
    """Grey levels of an image.

    Without a VOI LUT or window, the image is scaled as ``imaging.reader`` scales a PNG of more than 8 bits: by the
    smallest of 8, 10, 12, 14 and 16 bits that holds its brightest value. The same is done, and logged, where the
    window shows nothing at all: all black or all white.

    Args:
        stored: int32 ``(h, w)``, ``BitsStored`` bits each.
        header: Its header.
        title: What to call the image in the log.

    Returns:
        uint8 ``(h, w)`` with white bone on black, and the bits its values use.
    """
    padded = _padded(stored, header)
    visible = stored if padded is None else stored[~padded]
    first, last = int(visible.min()), int(visible.max())
    domain = np.arange(first, last + 1, dtype=np.int64)
    table = _shown(domain, header)
    if table is not None and _shows_nothing(table, visible):
        _logger.warning("%s: its window shows nothing; the full range of values is shown", title)
        table = None
    bits = header.bits_stored
    if table is None:
        table, bits = _full_range(domain, header)
    grey = table[np.clip(stored, first, last) - first]
    if padded is not None:
        grey[padded] = 0
    return grey, bits


def grey_values(stored: NDArray[np.int32], header: DicomHeader) -> GreyValues:
    """An image's values for any window; what is shown first is what ``displayed`` shows, a VOI LUT apart.

    Args:
        stored: int32 ``(h, w)``, ``BitsStored`` bits each.
        header: Its header.
    """
    padded = _padded(stored, header)
    visible = stored if padded is None else stored[~padded]
    first, last = int(visible.min()), int(visible.max())
    domain = np.arange(first, last + 1, dtype=np.int64)
    places = (np.clip(stored, first, last) - first).astype(np.int32)
    table = _shown(domain, header)
    if table is None or _shows_nothing(table, visible):
        counted, bits = _range_values(domain, header)
        white = (1 << bits) - 1
        return GreyValues(places, counted.astype(np.float64), Window(white / 2, white, "LINEAR_EXACT"), False, padded)
    values = _modality_values(domain, header)
    window = header.window
    if header.voi_lut is not None or window is None:
        lowest, highest = float(values.min()), float(values.max())
        window = Window((lowest + highest) / 2, max(1.0, highest - lowest), "LINEAR_EXACT")
    return GreyValues(places, values, window, header.inverted, padded)


def _shows_nothing(table: NDArray[np.uint8], visible: NDArray[np.int32]) -> bool:
    """True if an image with different values would be all of one grey."""
    first = int(visible.min())
    used = table[np.unique(visible) - first]
    return first < int(visible.max()) and int(used.min()) == int(used.max())


def _padded(stored: NDArray[np.int32], header: DicomHeader) -> NDArray[np.bool_] | None:
    """bool ``(h, w)``: what is not part of the image; None where that would be nothing, or all of it."""
    if header.padding is None:
        return None
    padded: NDArray[np.bool_] = (stored >= header.padding[0]) & (stored <= header.padding[1])
    return None if padded.all() or not padded.any() else padded


def _modality_values(domain: NDArray[np.int64], header: DicomHeader) -> NDArray[np.float64]:
    """What the stored values mean: through the modality LUT, or rescaled."""
    if header.modality_lut is not None:
        return np.asarray(_through_table(domain, header.modality_lut), dtype=np.float64)
    return np.asarray(domain * header.slope + header.intercept, dtype=np.float64)


def _shown(domain: NDArray[np.int64], header: DicomHeader) -> NDArray[np.uint8] | None:
    """Grey level of each value through VOI LUT or window; None if there is neither."""
    if header.voi_lut is None and header.window is None:
        return None
    values = _modality_values(domain, header)
    if header.voi_lut is not None:
        white = (1 << header.voi_lut.bits) - 1
        light = _through_table(np.rint(values).astype(np.int64), header.voi_lut) / white
    else:
        assert header.window is not None
        light = windowed(values, header.window)
    return grey_levels(1 - light if header.inverted else light)


def _full_range(domain: NDArray[np.int64], header: DicomHeader) -> tuple[NDArray[np.uint8], int]:
    """Grey level of each value where no window is given, and the bits in use."""
    values, bits = _range_values(domain, header)
    return grey_levels(values / ((1 << bits) - 1)), bits


def _range_values(domain: NDArray[np.int64], header: DicomHeader) -> tuple[NDArray[np.int64], int]:
    """Each value counted from black, where no window is given, and the bits that hold them.

    A rescale moves and stretches the whole range, which changes nothing here, or turns it round.
    """
    if header.modality_lut is not None:
        values, stored_bits = _through_table(domain, header.modality_lut), header.modality_lut.bits
        is_open, turned = stored_bits == 16, header.inverted
    else:
        values, stored_bits = domain, header.bits_stored
        if int(values[0]) < 0:
            values = values + (1 << (stored_bits - 1))
        # A depth equal to its container says nothing of the detector.
        is_open, turned = stored_bits == 16, header.inverted != (header.slope < 0)
    white = (1 << (bit_depth_of(int(values.max())) if is_open else stored_bits)) - 1
    values = white - np.minimum(values, white) if turned else values
    return values, bit_depth_of(int(values.max()))


def _through_table(values: NDArray[np.int64], table: LookupTable) -> NDArray[np.int64]:
    """Values below the table take its first entry, values above its last."""
    return table.entries[np.clip(values - table.first, 0, len(table.entries) - 1)]


def windowed(values: NDArray[np.float64], window: Window) -> NDArray[np.float64]:
    """Values through a window, 0 to 1: PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    if window.function == "SIGMOID":
        power = np.clip(-4 * (values - window.centre) / window.width, -700, 700)
        return 1 / (1 + np.exp(power))
    if window.function == "LINEAR_EXACT":
        return np.clip((values - window.centre) / window.width + 0.5, 0, 1)
    if window.width == 1:
        return (values > window.centre - 0.5).astype(np.float64)
    return np.clip((values - (window.centre - 0.5)) / (window.width - 1) + 0.5, 0, 1)


def grey_levels(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """0 to 1 as 0 to 255, rounded."""
    return np.floor(np.clip(light, 0, 1) * 255 + 0.5).astype(np.uint8)
