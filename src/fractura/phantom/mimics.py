"""What resembles a fracture but is not one: growth plates, nutrient canals, skin folds, bracelets, casts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fractura.phantom.anatomy import Bone, Limb
from fractura.phantom.fracture import Fracture
from fractura.phantom.tubes import Array, Tube, paint


def growth_plates(along: Array, across: Array, plates: Sequence[float], scale: float) -> Array:
    """Factor on a bone's attenuation: a smooth dark band over the full width between two dense borders."""
    factor = np.ones_like(along)
    for plate in plates:
        # The place itself seeds the wave: a plate looks the same in every call.
        wave = 1.1 * scale * np.sin(across / (4.5 * scale) + plate) + 0.6 * scale * np.sin(across / (2.3 * scale))
        offset = np.abs(along - plate - wave) / scale
        dark, dense = np.exp(-((offset / 1.6) ** 2)), np.exp(-(((offset - 3.6) / 1.3) ** 2))
        factor *= (1 - 0.7 * dark + 0.3 * dense).astype(np.float32)
    return factor


@dataclass(frozen=True)
class Canal:
    """A vessel's canal: a thin dark line with fine dense borders, nearly along the shaft.

    Attributes:
        first: Where it enters, along.
        last: Where it ends, along.
        across: Where it enters, across.
        slope: Pixels across per pixel along.
        depth: Share of attenuation removed.
        scale: Pixels per unit.
    """

    first: float
    last: float
    across: float
    slope: float
    depth: float
    scale: float

    def keep(self, along: Array, across: Array) -> Array:
        """Factor on the bone's attenuation at local coordinates."""
        offset = np.abs(across - self.across - self.slope * (along - self.first)) / self.scale
        inside = np.clip(along - self.first, 0, 1) * np.clip((self.last - along) / (6 * self.scale), 0, 1)
        dark, dense = np.exp(-((offset / 0.9) ** 2)), np.exp(-(((offset - 2.4) / 0.9) ** 2))
        return np.asarray(1 + inside * (-self.depth * dark + 0.35 * self.depth * dense), dtype=np.float32)


def choose_canals(
    rng: np.random.Generator, bones: Sequence[Bone], fractures: dict[int, Fracture], scale: float
) -> dict[int, tuple[Canal, ...]]:
    """Canals in the shafts of some of the larger bones, away from their fractures."""
    canals: dict[int, tuple[Canal, ...]] = {}
    for index, bone in enumerate(bones):
        tube = bone.tube
        middle = tube.radius(tube.length / 2)
        if tube.name == "" or middle < 6 * scale or rng.random() > 0.3:
            continue
        first = float(rng.uniform(0.25, 0.65) * tube.length)
        length = float(rng.uniform(1.4, 2.8) * middle)
        side = float(rng.choice([-1, 1]))
        x, y = tube.point(first + length / 2)
        broken = fractures.get(index)
        if broken is not None:
            left, top, right, bottom = broken.box
            if left - length < x < right + length and top - length < y < bottom + length:
                continue
        slope = -side * float(rng.uniform(0.18, 0.45))
        canals[index] = (
            Canal(first, first + length, side * 0.95 * middle, slope, float(rng.uniform(0.3, 0.5)), scale),
        )
    return canals


def fold_skin(rng: np.random.Generator, attenuation: Array, scale: float) -> None:
    """Add up to two creases of skin or cloth: faint curved lines over bone and flesh alike, in place."""
    height, width = attenuation.shape
    count = int(rng.choice(3, p=[0.5, 0.35, 0.15]))
    if not count:
        return
    flesh = np.clip(attenuation / 0.15, 0, 1)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    for _ in range(count):
        angle = rng.uniform(0, np.pi)
        centre = rng.uniform(0.15, 0.85, 2) * (width, height)
        reach = rng.uniform(25, 110) * scale
        u = ((x - centre[0]) * np.cos(angle) + (y - centre[1]) * np.sin(angle)) / scale
        v = ((y - centre[1]) * np.cos(angle) - (x - centre[0]) * np.sin(angle)) / scale
        v = v - rng.normal(0, 0.0015) * u * u
        fade = np.clip(1.5 - 1.5 * np.abs(u) * scale / reach, 0, 1)
        thickness = rng.uniform(1.0, 2.2)
        strength = rng.uniform(0.04, 0.11) * rng.choice([-1, 1])
        crease = np.exp(-((v / thickness) ** 2)) + 0.4 * (v > 0) * np.exp(-np.abs(v) / 6)
        attenuation += (strength * crease * fade * flesh).astype(np.float32)


def wear(rng: np.random.Generator, attenuation: Array, limb: Limb, scale: float) -> None:
    """On a few images add a cast around the limb or a bracelet, in place."""
    height, width = attenuation.shape
    chance = rng.random()
    if chance < 0.07:
        tube = max(limb.flesh, key=lambda flesh: flesh.length)
        outer = tube.outer + np.float32(7 * scale)
        inner = tube.outer + np.float32(1.5 * scale)
        first, last = sorted(rng.uniform(0.1, 0.95, 2) * tube.length)
        cast = Tube(tube.start, tube.heading, tube.length, outer, inner, np.zeros_like(outer), tube.bow)
        weave = float(rng.uniform(0.006, 0.012) / scale)
        paint(
            attenuation,
            cast,
            lambda a, c: cast.chords(a, c)[0] * weave * (1 + 0.25 * np.sin(a / scale)),
            span=(first, last),
        )
    elif chance < 0.13:
        tube = max(limb.flesh, key=lambda flesh: flesh.length)
        at = float(rng.uniform(0.5, 0.8) * tube.length)
        x, y = tube.point(at)
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        hx, hy = tube.heading
        u, v = (columns - x) * hx + (rows - y) * hy, (rows - y) * hx - (columns - x) * hy
        ring = np.hypot(u / rng.uniform(0.2, 0.4), v) - tube.radius(at) * rng.uniform(0.8, 1.05)
        attenuation += (1.6 * np.exp(-((ring / (1.6 * scale)) ** 2))).astype(np.float32)
