"""Near-identical images: a hash finds candidates in time that grows linearly, their pixels confirm them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fractura.core.errors import DataError
from fractura.imaging.reader import read_radiograph
from fractura.quality.checked_image import CheckedImage
from fractura.quality.perceptual_hash import near_duplicate_pairs

# Among FracAtlas's 2,261 images the details of different exposures correlate by 0.70 at most (two views of one wrist);
# those of copies that were brightened, scaled to half or saved as JPEG of quality 50 by 0.93 in the median.
LIKELY, SURE = 0.6, 0.85
_SIDE = 160
_SHIFTS = range(-4, 5)


@dataclass(frozen=True)
class NearIdentical:
    """Two images that show one exposure, or nearly one.

    Attributes:
        first: One of ours.
        second: Another of ours, or one of the other split.
        likeness: Correlation of their details, up to 1; from ``SURE`` on there is no doubt.
    """

    first: CheckedImage
    second: CheckedImage
    likeness: float


def near_identical(images: Sequence[CheckedImage], others: Sequence[CheckedImage]) -> Iterator[NearIdentical]:
    """Pairs of images that show one exposure but differ in their pixels; the first is one of ``images``."""
    known = [image for image in (*images, *others) if image.fingerprint is not None]
    ours = {image.path for image in images}
    seen = set()
    details = lru_cache(maxsize=64)(_details)  # of this call only: files change
    for pair in near_duplicate_pairs([image.fingerprint for image in known if image.fingerprint is not None]):
        first, second = known[pair.first], known[pair.second]
        if first.pixels_hash == second.pixels_hash or first.path not in ours:
            continue
        # Of an image that is there several times, one copy is enough.
        key = (first.pixels_hash, second.pixels_hash, second.path in ours)
        if key in seen:
            continue
        seen.add(key)
        try:
            likeness = _likeness(details(first.path), details(second.path), mirrored=pair.mirrored)
        except DataError:  # changed on the disk since it was examined
            continue
        if likeness >= LIKELY:
            yield NearIdentical(first, second, likeness)


def _likeness(one: NDArray[np.float32], other: NDArray[np.float32], *, mirrored: bool) -> float:
    """Correlation of two images' details, at the shift of up to 4 of 160 pixels where it is best."""
    if mirrored:
        other = other[:, ::-1]
    edge = _SHIFTS.stop
    window = other[edge:-edge, edge:-edge]
    return max(
        _correlation(one[edge + down : _SIDE - edge + down, edge + across : _SIDE - edge + across], window)
        for down in _SHIFTS
        for across in _SHIFTS
    )


def _details(path: Path) -> NDArray[np.float32]:
    """The image at 160 x 160 without its coarse shades: trabeculae, edges, notches; float32, noise smoothed."""
    grey = Image.fromarray(np.ascontiguousarray(read_radiograph(path).pixels[:, :, 1]))
    small = np.asarray(grey.resize((_SIDE, _SIDE), Image.Resampling.BOX))
    ranks = np.cumsum(np.bincount(small.ravel(), minlength=256))[small].astype(np.float32) / small.size
    coarse = Image.fromarray(ranks).resize((_SIDE // 8, _SIDE // 8), Image.Resampling.BOX)
    smooth = np.asarray(coarse.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC), dtype=np.float32)
    return np.asarray(ranks - smooth)


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first * first).sum() * (second * second).sum()))
    return float((first * second).sum()) / scale if scale > 0 else 0.0
