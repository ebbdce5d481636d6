"""An image's grey values before a window cuts them to 8 bits, so that any other window can be laid over them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fractura.imaging.dicom.header import Window


@dataclass(frozen=True, eq=False)
class GreyValues:
    """A grey image with more to show than 256 levels.

    Attributes:
        places: int32 ``(h, w)``: positions in ``values``.
        values: float64 ``(n,)``: grey values in the unit that ``window`` counts in.
        window: What is shown first.
        inverted: Low values are shown white.
        padded: bool ``(h, w)``: what is no part of the image, shown black; None if nothing is.
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
