"""Which images are accepted: how many pixels they may claim, and how deep their grey values may be."""

from __future__ import annotations

from fractura.core.errors import DataError

MAXIMUM_PIXELS = 89_478_485
"""Pillow's own limit for a decompression bomb: a 3-channel picture of 256 MiB."""
SMALLER = "close other programs, or scale the image down"
"""What to do about an image that does not fit into memory."""
BIT_DEPTHS = (8, 10, 12, 14, 16)
"""Depths that detectors have; a file of 16 bits usually holds one of the others."""


def refuse_huge(width: int, height: int, title: str) -> None:
    """Refuse an image before anything makes room for its pixels.

    Raises:
        DataError: It claims more than ``MAXIMUM_PIXELS``.
    """
    if width * height > MAXIMUM_PIXELS:
        raise too_large(title)


def too_large(title: str) -> DataError:
    """The error for an image that claims too many pixels."""
    return DataError(
        f"claims more than {MAXIMUM_PIXELS / 1e6:.0f} million pixels",
        file=title,
        hint="an image this large is most likely damaged; if it is real, scale it down first",
    )


def bit_depth_of(brightest: int) -> int:
    """The smallest of ``BIT_DEPTHS`` that holds a grey value; the largest if none does.

    Examples:
        >>> bit_depth_of(255), bit_depth_of(3000)
        (8, 12)
    """
    return next((bits for bits in BIT_DEPTHS if brightest < 1 << bits), BIT_DEPTHS[-1])
