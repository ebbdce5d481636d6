"""Schematic limbs: which bones lie where, how thick their cortex is, and the flesh around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fractura.phantom.tubes import STATIONS_PER_PIXEL, Point, Tube, profile


@dataclass(frozen=True)
class Bone:
    """One bone of an image.

    Attributes:
        tube: Its shape.
        breakable: Whether fractures are put on it.
        plates: Places along the axis where growth plates lie, if the patient is young.
    """

    tube: Tube
    breakable: bool = True
    plates: tuple[float, ...] = ()


@dataclass(frozen=True)
class Limb:
    """All that lies in the beam: bones, and flesh as overlapping tubes."""

    bones: tuple[Bone, ...]
    flesh: tuple[Tube, ...]


class Sketch:
    """Collects tubes drawn in the frame of a limb and lays them on the image.

    The frame: origin in the middle of the image, ``y`` down the limb, unit = one pixel of an image with a long side of
    464 pixels.

    Args:
        rng: Source of all chance.
        centre: Where the origin comes to lie, pixels.
        angle: Radians the limb is turned.
        scale: Pixels per unit.
        mirrored: Left limb instead of right.
        young: The growth plates are open.
    """

    def __init__(
        self, rng: np.random.Generator, centre: Point, angle: float, scale: float, mirrored: bool, young: bool
    ) -> None:
        self.rng = rng
        self.centre = centre
        self.turn = (float(np.cos(angle)), float(np.sin(angle)))
        self.scale = scale
        self.side = -1.0 if mirrored else 1.0
        self.young = young
        self.wall = float(rng.uniform(0.24, 0.42))
        self.sponge = float(rng.uniform(0.26, 0.42))
        self.bones: list[Bone] = []
        self.flesh: list[Tube] = []

    def place(self, x: float, y: float) -> Point:
        """A point of the frame on the image."""
        cos, sin = self.turn
        x, y = x * self.side * self.scale, y * self.scale
        return self.centre[0] + cos * x - sin * y, self.centre[1] + sin * x + cos * y

    def _axis(self, start: Point, end: Point) -> tuple[Point, Point, float]:
        first, last = self.place(*start), self.place(*end)
        dx, dy = last[0] - first[0], last[1] - first[1]
        length = float(np.hypot(dx, dy))
        return first, (dx / length, dy / length), length

    def bone(
        self,
        start: Point,
        end: Point,
        radius: float,
        *,
        near_end: float = 1.4,
        far_end: float = 1.4,
        flare: float = 0.16,
        waist: float = 0.08,
        bow: float = 0.03,
        breakable: bool = True,
        plates: bool = True,
        name: str = "",
    ) -> Tube:
        """Add a long bone from ``start`` to ``end`` with a shaft of this radius."""
        first, heading, length = self._axis(start, end)
        jitter = self.rng.uniform(0.94, 1.06, 3)
        outer = profile(
            length,
            radius * self.scale * float(jitter[0]),
            near_end=near_end * float(jitter[1]),
            far_end=far_end * float(jitter[2]),
            flare=flare,
            waist=waist,
        )
        share = np.linspace(0, 1, len(outer), dtype=np.float32)
        # Cortex is thick in the shaft and a thin shell at the ends; there the inside is spongy bone instead of marrow.
        shaft = np.clip(np.minimum(share, 1 - share) / (1.7 * flare), 0, 1)
        shaft = shaft * shaft * (3 - 2 * shaft)
        shell = max(0.055 * radius * self.scale, 0.7 * self.scale)
        cortex = shell + (self.wall * radius * self.scale - shell) * shaft
        slope = np.gradient(outer) * STATIONS_PER_PIXEL
        inner = np.maximum(outer - cortex * np.sqrt(1 + np.minimum(slope**2, 9)), 0)
        filling = 0.09 + (self.sponge - 0.09) * (1 - shaft)
        amplitude = self.rng.normal(0, bow, 2) * length
        curve = amplitude[0] * np.sin(np.pi * share) + 0.4 * amplitude[1] * np.sin(2 * np.pi * share)
        tube = Tube(
            first,
            heading,
            length,
            outer,
            inner.astype(np.float32),
            filling.astype(np.float32),
            curve.astype(np.float32),
            name=name,
        )
        open_plates: list[float] = []
        if self.young and plates:
            for nearness, multiple in ((0.0, near_end), (1.0, far_end)):
                depth = self.rng.uniform(0.75, 1.15) * multiple * radius * self.scale
                if self.rng.random() < 0.8:
                    open_plates.append(depth if nearness == 0.0 else length - depth)
        self.bones.append(Bone(tube, breakable and name != "", tuple(open_plates)))
        return tube

    def pebble(self, x: float, y: float, radius: float) -> None:
        """Add a small round bone (of the wrist or the ankle)."""
        angle = self.rng.uniform(0, np.pi)
        half = radius * self.rng.uniform(0.85, 1.15)
        dx, dy = half * np.cos(angle), half * np.sin(angle)
        self.bone(
            (x - dx, y - dy),
            (x + dx, y + dy),
            radius * self.rng.uniform(0.8, 0.95),
            near_end=1.0,
            far_end=1.0,
            flare=0.3,
            waist=0.0,
            bow=0.0,
            breakable=False,
            plates=False,
        )

    def muscle(
        self, start: Point, end: Point, near: float, far: float, *, belly: float = 0.0, fat: float = 0.1
    ) -> None:
        """Add flesh from ``start`` to ``end`` whose radius goes from ``near`` to ``far``, bulging by ``belly``."""
        first, heading, length = self._axis(start, end)
        share = np.linspace(0, 1, int(length * STATIONS_PER_PIXEL) + 1, dtype=np.float32)
        wave = self.rng.normal(0, 0.02, 3)
        ripple = sum(w * np.sin((k + 2) * np.pi * share + k) for k, w in enumerate(wave))
        outer = (near + (far - near) * share) * (1 + ripple) + belly * np.sin(np.pi * share**0.8) ** 2
        outer = outer * self.scale
        cap = 0.8 * np.maximum(outer, 1.0)
        for distance in (share * length, (1 - share) * length):
            outer = outer * np.sqrt(1 - np.clip(1 - distance / cap, 0, 1) ** 2)
        outer = outer.astype(np.float32)
        inner = np.maximum(outer * np.float32(1 - fat) - np.float32(1.2 * self.scale), 0)
        bow = (self.rng.normal(0, 0.012) * length * np.sin(np.pi * share)).astype(np.float32)
        self.flesh.append(Tube(first, heading, length, outer, inner, np.full_like(outer, 1.45), bow))


def _hand(sketch: Sketch, y: float, size: float, *, spread: float, breakable: bool) -> None:
    """Wrist bones, metacarpals and fingers below ``y``; ``size`` 1 is a hand about 190 units long."""
    rng = sketch.rng
    for row, count in ((0, 3), (1, 4)):
        for k in range(count):
            x = (k - (count - 1) / 2) * 14.5 * size + rng.normal(0, 1.2)
            sketch.pebble(x, y + (11 + 14 * row) * size + rng.normal(0, 1.2), rng.uniform(7.0, 9.0) * size)
    sketch.muscle((0, y - 25 * size), (-4 * size, y + 100 * size), 27 * size, 38 * size, fat=0.06)
    for k in range(5):
        ray = (k - 1.6) * 0.16 * spread + rng.normal(0, 0.025)
        if k == 4:
            ray += 0.35 * spread
        base = np.array([(k - 1.8) * 11.5 * size, y + 34 * size - (9 * size if k == 4 else 0)])
        direction = np.array([np.sin(ray), np.cos(ray)])
        lengths = np.array([44, 27, 17, 12], dtype=float) * size * (0.86 if k in (0, 4) else 1.0)
        radii = np.array([5.4, 4.7, 4.0, 3.4]) * size * (1.1 if k == 4 else 1.0)
        at = base
        for bone in range(3 if k == 4 else 4):
            end = at + direction * lengths[bone]
            sketch.bone(
                tuple(at),
                tuple(end),
                radii[bone],
                near_end=1.5,
                far_end=1.4 if bone < 3 else 1.2,
                flare=0.2,
                waist=0.12,
                bow=0.012,
                breakable=breakable,
                name=("metacarpal", "phalanx", "phalanx", "")[bone],
            )
            at = end + direction * 2.6 * size
            bend = rng.normal(0, 0.05)
            direction = np.array([direction[0] + bend * direction[1], direction[1] - bend * direction[0]]) / np.hypot(
                1, bend
            )
        start = base + np.array([np.sin(ray), np.cos(ray)]) * lengths[0] * 0.8
        tip = at + direction * 5 * size
        sketch.muscle(tuple(start), tuple(tip), 14.5 * size, 11 * size, fat=0.05)


def forearm(sketch: Sketch) -> None:
    """Radius and ulna, often crossing, with the wrist and sometimes the elbow."""
    rng = sketch.rng
    radius, gap = rng.uniform(10.5, 13.5), rng.uniform(14, 18)
    wrist = rng.uniform(60, 140)
    elbow = wrist - rng.uniform(240, 300)
    crossing = rng.uniform(-1.0, 0.5) * gap if rng.random() < 0.4 else -gap
    sketch.bone((crossing, elbow + 22), (-gap * 0.95, wrist), radius, near_end=1.25, far_end=1.85, name="radius")
    sketch.bone((gap * 0.8, elbow), (gap * 1.15, wrist - 6), radius * 0.92, near_end=1.75, far_end=1.2, name="ulna")
    lean = rng.normal(0, 80)
    sketch.bone((lean, elbow - 180), (3, elbow + 6), radius * 1.25, far_end=2.1, name="humerus", plates=False)
    sketch.muscle((lean * 1.3, elbow - 220), (3, elbow + 45), 50, 44)
    sketch.muscle((0, elbow - 40), (0, wrist + 22), rng.uniform(46, 58), rng.uniform(30, 36), belly=rng.uniform(0, 10))
    _hand(sketch, wrist, rng.uniform(0.95, 1.1), spread=rng.uniform(0.5, 1), breakable=False)


def lower_leg(sketch: Sketch) -> None:
    """Tibia and fibula with the ankle or the knee in sight."""
    rng = sketch.rng
    radius = rng.uniform(14.5, 18)
    ankle = rng.uniform(110, 200)
    knee = ankle - rng.uniform(300, 350)
    apart = rng.uniform(20, 30) if rng.random() < 0.75 else rng.uniform(-4, 16)
    sketch.bone((0, knee), (2, ankle), radius, near_end=2.0, far_end=1.55, flare=0.15, bow=0.015, name="tibia")
    sketch.bone(
        (apart + 8, knee + 24), (apart, ankle + 14), radius * 0.48, near_end=1.7, far_end=1.75, flare=0.1, name="fibula"
    )
    lean = rng.normal(0, 45)
    sketch.bone((lean, knee - 220), (0, knee - 4), radius * 1.1, far_end=2.15, bow=0.02, name="femur")
    sketch.muscle((lean, knee - 260), (0, knee + 48), 78, 54)
    sketch.bone((-14, ankle + 18), (26, ankle + 20), 17, near_end=1.1, far_end=0.9, flare=0.3, bow=0, plates=False)
    sketch.bone((-34, ankle + 47), (34, ankle + 40), 15, near_end=1.2, far_end=1.0, flare=0.3, bow=0, plates=False)
    sketch.muscle((0, knee - 45), (4, ankle + 36), rng.uniform(50, 60), rng.uniform(34, 40), belly=rng.uniform(0, 14))
    sketch.muscle((-20, ankle + 26), (20, ankle + 30), 46, 46)


def upper_limb_bone(sketch: Sketch) -> None:
    """One big bone, humerus or femur, with the neighbours at its joints, often flexed."""
    rng = sketch.rng
    radius = rng.uniform(14, 18)
    joint = rng.uniform(60, 150)
    top = joint - rng.uniform(260, 320)
    thigh = rng.random() < 0.5
    sketch.bone(
        (0, top),
        (0, joint),
        radius,
        near_end=1.35,
        far_end=2.1,
        flare=0.14,
        bow=0.02,
        name="femur" if thigh else "humerus",
    )
    head = radius * rng.uniform(1.4, 1.7)
    sketch.bone((2, top + 30), (-34, top - 8), radius * 1.05, near_end=1.0, far_end=1.1, flare=0.25, plates=False)
    sketch.pebble(-36, top - 10, head)
    bend = rng.uniform(0, 1.5)
    direction = np.array([np.sin(bend), np.cos(bend)])
    normal = np.array([direction[1], -direction[0]])
    start = np.array([0.0, joint + 6])
    first, second = start + normal * 9, start - normal * 12 + direction * 12
    sketch.bone(
        tuple(first), tuple(first + direction * 250), radius * 0.9, near_end=1.9, name="tibia" if thigh else "ulna"
    )
    sketch.bone(
        tuple(second),
        tuple(second + direction * 240),
        radius * (0.5 if thigh else 0.8),
        name="fibula" if thigh else "radius",
    )
    if thigh:
        sketch.pebble(-26 * np.cos(bend), joint - 6, 13)
    width = rng.uniform(56, 76)
    sketch.muscle((0, top - 70), (0, joint + 34), width * 1.2, width * 0.8, fat=0.12)
    sketch.muscle(tuple(start - direction * 20), tuple(start + direction * 290), width * 0.85, width * 0.6, belly=6)


def hand(sketch: Sketch) -> None:
    """A whole hand with the ends of radius and ulna."""
    rng = sketch.rng
    wrist = rng.uniform(-160, -125)
    size = rng.uniform(1.35, 1.65)
    for x, radius, name in ((-17, 10.5, "radius"), (19, 8.5, "ulna")):
        sketch.bone((x * 0.9, wrist - 230), (x, wrist), radius * size * 0.9, far_end=1.8 if x < 0 else 1.3, name=name)
    sketch.muscle((0, wrist - 260), (0, wrist + 20), 44, 34 * size)
    _hand(sketch, wrist, size, spread=rng.uniform(0.7, 1.25), breakable=True)


LIMBS: tuple[tuple[Callable[[Sketch], None], float], ...] = (
    (forearm, 0.36),
    (lower_leg, 0.29),
    (upper_limb_bone, 0.25),
    (hand, 0.10),
)
"""The limbs and how often each is imaged."""


def make_limb(rng: np.random.Generator, width: int, height: int) -> Limb:
    """Lay a limb on an image of this size."""
    scale = max(width, height) / 464
    upright = 0.0 if height >= width else np.pi / 2
    angle = upright + rng.normal(0, 0.16) + (np.pi if rng.random() < 0.35 else 0.0)
    centre = (width * (0.5 + rng.normal(0, 0.07)), height * (0.5 + rng.normal(0, 0.05)))
    sketch = Sketch(
        rng,
        centre,
        angle,
        scale * rng.uniform(1.05, 1.35),
        mirrored=bool(rng.random() < 0.5),
        young=bool(rng.random() < 0.4),
    )
    draw = LIMBS[int(rng.choice(len(LIMBS), p=[share for _, share in LIMBS]))][0]
    draw(sketch)
    return Limb(tuple(sketch.bones), tuple(sketch.flesh))
