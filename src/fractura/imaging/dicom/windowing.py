"""From stored values to the picture a viewer shows: PS3.3 C.11.1 (modality), C.11.2 (VOI), C.7.6.3.1.2 (inversion).

In this order: modality LUT or rescale; VOI LUT, else the first window, else the span of the values that occur;
inversion; padding is black. Every step is a function of the stored value alone, so it is computed once for each value
between the least and the greatest, and the pixels are looked up in a table.
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

    Without a VOI LUT or window, the least value of the image is black and the greatest white, or the other way round
    where the header says so; this is logged, as viewers differ here. The same is done where the window shows nothing
    at all: all black or all white.

    Args:
        stored: int32 ``(h, w)``, ``BitsStored`` bits each.
        header: Its header.
        title: What to call the image in the log.

    Returns:
        uint8 ``(h, w)`` with white bone on black, and the bits its values use.
    """
    image = _occurring(stored, header)
    table, bits = _shown(image, header), header.bits_stored
    if table is None or _shows_nothing(table, image):
        reason = "it names no window" if table is None else "its window shows nothing"
        _logger.log(
            logging.INFO if table is None else logging.WARNING, "%s: %s; the span of its values is shown", title, reason
        )
        values, window = _spanned(image, header)
        table = _through_window(values, window, header)
        bits = bit_depth_of(len(image.domain) - 1)
    grey = table[image.places]
    if image.padded is not None:
        grey[image.padded] = 0
    return grey, bits


def grey_values(stored: NDArray[np.int32], header: DicomHeader) -> GreyValues:
    """An image's values for any window; what is shown first is what ``displayed`` shows, a VOI LUT apart.

    Args:
        stored: int32 ``(h, w)``, ``BitsStored`` bits each.
        header: Its header.
    """
    image = _occurring(stored, header)
    table = _shown(image, header)
    values, window = _spanned(image, header)
    if header.voi_lut is None and header.window is not None and table is not None and not _shows_nothing(table, image):
        window = header.window
    return GreyValues(image.places, values, window, header.inverted, image.padded)


@dataclass(frozen=True, eq=False)
class _Image:
    """Stored values as positions in the range from the least to the greatest of those that are not padding.

    Attributes:
        places: int32 ``(h, w)``: positions in ``domain``.
        domain: int64 ``(n,)``: each value of the range.
        occurs: bool ``(n,)``: whether it occurs.
        padded: As in ``GreyValues``.
    """

    places: NDArray[np.int32]
    domain: NDArray[np.int64]
    occurs: NDArray[np.bool_]
    padded: NDArray[np.bool_] | None


def _occurring(stored: NDArray[np.int32], header: DicomHeader) -> _Image:
    padded = _padded(stored, header)
    visible = stored if padded is None else stored[~padded]
    first, last = int(visible.min()), int(visible.max())
    occurs = np.zeros(last - first + 1, dtype=np.bool_)
    occurs[visible - first] = True
    places = (np.clip(stored, first, last) - first).astype(np.int32)
    return _Image(places, np.arange(first, last + 1, dtype=np.int64), occurs, padded)


def _shows_nothing(table: NDArray[np.uint8], image: _Image) -> bool:
    """True if an image with different values would be all of one grey."""
    used = table[image.occurs]
    return len(used) > 1 and int(used.min()) == int(used.max())


def _spanned(image: _Image, header: DicomHeader) -> tuple[NDArray[np.float64], Window]:
    """What each stored value means, and the window from the least of those that occur to the greatest."""
    values = _modality_values(image.domain, header)
    lowest, highest = float(values[image.occurs].min()), float(values[image.occurs].max())
    # All alike: black
    width = highest - lowest or 1.0
    return values, Window(lowest + width / 2, width, "LINEAR_EXACT")


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


def _shown(image: _Image, header: DicomHeader) -> NDArray[np.uint8] | None:
    """Grey level of each value through VOI LUT or window; None if there is neither."""
    values = _modality_values(image.domain, header)
    if header.voi_lut is not None:
        white = (1 << header.voi_lut.bits) - 1
        light = _through_table(np.rint(values).astype(np.int64), header.voi_lut) / white
        return grey_levels(1 - light if header.inverted else light)
    return None if header.window is None else _through_window(values, header.window, header)


def _through_window(values: NDArray[np.float64], window: Window, header: DicomHeader) -> NDArray[np.uint8]:
    light = windowed(values, window)
    return grey_levels(1 - light if header.inverted else light)


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
