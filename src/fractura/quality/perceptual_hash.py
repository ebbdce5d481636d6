"""Images that show the same picture: the same exposure saved again, scaled, cut a little, brightened or mirrored.

A perceptual hash finds candidates and pixels confirm them: of radiographs alone, too many different ones share a hash.
Candidates come from sorting, not from comparing all pairs: the hashes are sorted by their bits in several random orders
(Charikar, Similarity estimation techniques from rounding algorithms, 2002), and each is compared with its next few
neighbours only. Time grows as n log n whatever the images are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HASH_SIDE = 16
THUMBNAIL_SIDE = 32
MAXIMUM_DISTANCE = 64
MINIMUM_CORRELATION = 0.93
MAXIMUM_ASPECT_RATIO = 1.12

_DCT_SIDE = 64
_ORDERS = 24
_NEIGHBOURS = 8
_WORDS = HASH_SIDE * HASH_SIDE // 64
_COMMON_BIT = 0.02
"""A bit that this share of the images or fewer has (or lacks) separates nothing and is sorted by last."""
_ONES = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).sum(axis=1, dtype=np.uint8)
"""Bits that are set in each byte."""


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of an image to find its near-duplicates; about 1 kB.

    Attributes:
        bits: 32 bytes: 256 signs of low frequencies (pHash).
        mirrored_bits: The same of the image mirrored left to right.
        thumbnail: 1,024 bytes: the image as 32 x 32 grey values, equalised, row by row.
        aspect: Width over height.
    """

    bits: bytes
    mirrored_bits: bytes
    thumbnail: bytes
    aspect: float


@dataclass(frozen=True)
class NearDuplicatePair:
    """Two images that show the same picture.

    Attributes:
        first: Position of one.
        second: Position of the other; larger than ``first``.
        distance: Bits of 256 in which their hashes differ.
        correlation: Of their thumbnails, up to 1.
        mirrored: One is the other's mirror image.
    """

    first: int
    second: int
    distance: int
    correlation: float
    mirrored: bool


def fingerprint(pixels: NDArray[np.uint8]) -> Fingerprint:
    """Take an image's fingerprint.

    Args:
        pixels: uint8 ``(h, w, 3)`` or ``(h, w)``, as displayed.
    """
    grey = pixels if pixels.ndim == 2 else pixels[:, :, 1]  # radiographs are grey; green is the brightest of the rest
    height, width = grey.shape
    picture = Image.fromarray(np.ascontiguousarray(grey))
    reduced = _equalised(np.asarray(picture.resize((_DCT_SIDE, _DCT_SIDE), Image.Resampling.BOX)))
    transform = _cosines()
    frequencies = transform @ reduced @ transform.T
    odd_columns = np.where(np.arange(1, HASH_SIDE + 1) % 2, -1, 1)  # mirroring turns the sign of odd frequencies
    pairs = THUMBNAIL_SIDE, _DCT_SIDE // THUMBNAIL_SIDE
    thumbnail = reduced.reshape(*pairs, *pairs).mean(axis=(1, 3))
    return Fingerprint(
        _signs(frequencies),
        _signs(frequencies * odd_columns),
        np.rint(thumbnail).astype(np.uint8).tobytes(),
        width / height,
    )


def near_duplicate_groups(
    fingerprints: Sequence[Fingerprint],
    *,
    maximum_distance: int = MAXIMUM_DISTANCE,
    minimum_correlation: float = MINIMUM_CORRELATION,
    confirm: Callable[[int, int], bool] | None = None,
) -> list[tuple[int, ...]]:
    """Positions of images that show the same picture, in groups of two or more, each sorted.

    Images that are linked by others are in one group.

    Args:
        fingerprints: One an image.
        maximum_distance: As for ``near_duplicate_pairs``.
        minimum_correlation: As for ``near_duplicate_pairs``.
        confirm: Has the last word on two positions, say on the images' full pixels.
    """
    found = near_duplicate_pairs(
        fingerprints, maximum_distance=maximum_distance, minimum_correlation=minimum_correlation
    )
    links = ((pair.first, pair.second) for pair in found if confirm is None or confirm(pair.first, pair.second))
    return [group for group in connected_groups(len(fingerprints), links) if len(group) > 1]


def near_duplicate_pairs(
    fingerprints: Sequence[Fingerprint],
    *,
    maximum_distance: int = MAXIMUM_DISTANCE,
    minimum_correlation: float = MINIMUM_CORRELATION,
) -> list[NearDuplicatePair]:
    """Pairs of images that show the same picture, sorted by position.

    Of many copies of one picture not every pair is listed, but enough to link them all.

    Args:
        fingerprints: One an image.
        maximum_distance: Bits of 256 in which two hashes may differ.
        minimum_correlation: Of the two thumbnails, which confirms a candidate. In 2,036 images of FracAtlas the pairs
            within 64 bits that are different pictures correlate by 0.915 at most; all others above are consecutive
            exposures of one limb.
    """
    count = len(fingerprints)
    if count < 2:
        return []
    bits = _unpacked([each.bits for each in fingerprints] + [each.mirrored_bits for each in fingerprints])
    packed = np.ascontiguousarray(np.packbits(bits, axis=1)).view(np.uint64)
    first, second = _candidates(bits, packed, maximum_distance)
    mirrored = (first >= count) != (second >= count)
    # An image with another's mirror image is the same as its mirror image with the other: keep the smaller positions.
    low, high = np.minimum(first % count, second % count), np.maximum(first % count, second % count)
    distances = _differing_bits(packed[first], packed[second])
    aspects = np.array([each.aspect for each in fingerprints])
    ratio = aspects[low] / aspects[high]
    kept = (low != high) & (ratio <= MAXIMUM_ASPECT_RATIO) & (ratio >= 1 / MAXIMUM_ASPECT_RATIO)
    low, high, mirrored, distances = low[kept], high[kept], mirrored[kept], distances[kept]
    correlations = _correlations(fingerprints, low, high, mirrored)
    best: dict[tuple[int, int], NearDuplicatePair] = {}
    for place in np.flatnonzero(correlations >= minimum_correlation):
        key = int(low[place]), int(high[place])
        pair = NearDuplicatePair(*key, int(distances[place]), float(correlations[place]), bool(mirrored[place]))
        if key not in best or pair.correlation > best[key].correlation:
            best[key] = pair
    return [best[key] for key in sorted(best)]


def connected_groups(count: int, links: Iterable[tuple[int, int]]) -> list[tuple[int, ...]]:
    """Positions 0 to ``count`` - 1 in groups: two are together if links lead from one to the other.

    Returns:
        Each group sorted, the groups by their first position; a position without link is a group of one.
    """
    parent = list(range(count))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for one, other in links:
        smaller, larger = sorted((root(one), root(other)))
        parent[larger] = smaller
    groups: dict[int, list[int]] = {}
    for place in range(count):
        groups.setdefault(root(place), []).append(place)
    return [tuple(group) for group in groups.values()]


def _equalised(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Each grey value replaced by half way between the shares of pixels below and up to it, times 255.

    An image saved with another window or gamma then becomes the same.
    """
    counts = np.bincount(grey.ravel(), minlength=256)
    middle = np.cumsum(counts) - counts / 2
    return (middle * (255 / grey.size)).astype(np.float32)[grey]


@cache
def _cosines() -> NDArray[np.float32]:
    """float32 ``(16, 64)``: cosine waves of the frequencies 1 to 16; 0, the mean grey, is left out."""
    places = (np.arange(_DCT_SIDE) + 0.5) * np.pi / _DCT_SIDE
    return np.cos(np.arange(1, HASH_SIDE + 1)[:, None] * places[None, :]).astype(np.float32)


def _signs(frequencies: NDArray[np.floating[Any]]) -> bytes:
    return np.packbits(frequencies > 0).tobytes()


def _unpacked(hashes: Sequence[bytes]) -> NDArray[np.uint8]:
    """uint8 ``(n, 256)`` of 0 and 1."""
    joined = np.frombuffer(b"".join(hashes), dtype=np.uint8)
    return np.unpackbits(joined.reshape(len(hashes), -1), axis=1)


def _candidates(
    bits: NDArray[np.uint8], packed: NDArray[np.uint64], maximum_distance: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of hashes that are neighbours in some order and near each other: two int64 ``(m,)``, no pair twice."""
    generator = np.random.default_rng(0)  # which orders does not matter, but each run must find the same
    share = bits.mean(axis=0)
    telling = np.flatnonzero(np.minimum(share, 1 - share) > _COMMON_BIT)
    rest = np.setdiff1d(np.arange(bits.shape[1]), telling)
    columns = np.ascontiguousarray(bits.T)
    size = len(bits)
    found: list[NDArray[np.int64]] = []
    for _ in range(_ORDERS):
        order = np.concatenate([generator.permutation(telling), rest])[:64]
        key = np.ascontiguousarray(np.packbits(columns[order], axis=0).T).view(">u8")[:, 0]
        places = np.argsort(key.astype(np.uint64), kind="stable")  # equal hashes stay neighbours in every order
        in_order = packed[places]
        for step in range(1, min(_NEIGHBOURS, size - 1) + 1):
            near = np.flatnonzero(_differing_bits(in_order[:-step], in_order[step:]) <= maximum_distance)
            one, other = places[near], places[near + step]
            found.append(np.minimum(one, other) * size + np.maximum(one, other))
    pairs = np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)
    return pairs // size, pairs % size


def _differing_bits(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.int64]:
    """int64 ``(n,)``: Hamming distances of two uint64 ``(n, 4)``."""
    different = first ^ second
    # bitwise_count came with numpy 2.0
    bits = np.bitwise_count(different) if hasattr(np, "bitwise_count") else _ONES[different.view(np.uint8)]
    return np.asarray(bits.sum(axis=1, dtype=np.int64))


def _correlations(
    fingerprints: Sequence[Fingerprint],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    mirrored: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """float64 ``(n,)``: of the thumbnails of each pair; an even picture correlates with even ones only."""
    found = np.empty(len(first))
    for place, (one, other, turned) in enumerate(zip(first, second, mirrored, strict=True)):
        there = _thumbnail(fingerprints[other])
        found[place] = _correlation(_thumbnail(fingerprints[one]), there[:, ::-1] if turned else there)
    return found


def _thumbnail(each: Fingerprint) -> NDArray[np.float64]:
    return np.frombuffer(each.thumbnail, dtype=np.uint8).reshape(THUMBNAIL_SIDE, THUMBNAIL_SIDE).astype(np.float64)


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    first, second = first - first.mean(), second - second.mean()
    spread = float(np.sqrt((first**2).sum() * (second**2).sum()))
    if spread == 0:
        return 1.0 if not first.any() and not second.any() else 0.0
    return float((first * second).sum() / spread)
