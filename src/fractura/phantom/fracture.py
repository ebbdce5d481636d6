"""Fractures: how a bone breaks, what that does to its shape, and the box that encloses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fractura.phantom.anatomy import Bone
from fractura.phantom.tubes import Array, Motion, Tube

Kind = Literal["displaced", "comminuted", "hairline"]
Box = tuple[float, float, float, float]
"""left, top, right, bottom in pixels of the image."""

MARGIN = 5.0
"""Pixels, on an image with a long side of 464, between a fracture and its box."""

SHORTEST_SIDE = 20.0
"""No side of a box is shorter, on such an image."""


@dataclass(frozen=True, eq=False)
class Line:
    """A jagged line across a bone: ``along`` as a function of ``across``.

    Attributes:
        place: Where it crosses the axis.
        slope: Obliquity, pixels along per pixel across.
        helix: Pixels along by which a spiral climbs from the axis to the bone's edge; 0 for a plain line.
        radius: Radius of the bone there.
        teeth: Offsets along, float32 ``(k,)``, at even steps from ``-1.5 radius`` to ``1.5 radius``.
    """

    place: float
    slope: float
    helix: float
    radius: float
    teeth: Array

    def along(self, across: Array) -> Array:
        """Where the line lies."""
        nodes = np.linspace(-1.5 * self.radius, 1.5 * self.radius, len(self.teeth))
        value = self.place + self.slope * across + np.interp(across, nodes, self.teeth)
        if self.helix:
            value = value + self.helix * np.arcsin(np.clip(across / self.radius, -1, 1)) * (2 / np.pi)
        return np.asarray(value, dtype=np.float32)


@dataclass(frozen=True)
class Crack:
    """A thin dark line in an unmoved bone.

    Attributes:
        line: Its course.
        first: Where it starts, across.
        last: Where it ends, across.
        width: Half its thickness, pixels.
        depth: Share of the bone's attenuation that it removes, 0..1.
    """

    line: Line
    first: float
    last: float
    width: float
    depth: float

    def keep(self, along: Array, across: Array) -> Array:
        """Share of the attenuation that is left at local coordinates."""
        tilt = np.hypot(1.0, abs(self.line.slope) + abs(self.line.helix) / self.line.radius)
        distance = np.abs(along - self.line.along(across)) / tilt
        # It gapes a little where it leaves the cortex, and closes towards its blind end.
        edge = np.clip(np.abs(across) / self.line.radius, 0, 1) ** 3
        profile = np.exp(-((distance / (self.width * (1 + 0.8 * edge))) ** 2))
        inside = np.clip(across - self.first + 0.5, 0, 1) * np.clip(self.last - across + 0.5, 0, 1)
        return np.asarray(1 - self.depth * profile * inside, dtype=np.float32)


@dataclass(frozen=True)
class Fragment:
    """A piece of a broken bone.

    Attributes:
        part: How much of the bone's local coordinates belongs to it, 0..1, as a function of (along, across).
        motion: Where it went.
        first: It has nothing before this place along the axis.
        last: Nor after this one.
    """

    part: Callable[[Array, Array], Array]
    motion: Motion
    first: float
    last: float


@dataclass(frozen=True)
class Fracture:
    """A fracture of one bone.

    Attributes:
        kind: ``displaced``, ``comminuted`` or ``hairline``.
        box: left, top, right, bottom in pixels of the image: all that is visible of it, and a small margin.
        fragments: The pieces; none if the bone keeps its shape.
        cracks: Lines in it, if it does.
    """

    kind: Kind
    box: Box
    fragments: tuple[Fragment, ...] = ()
    cracks: tuple[Crack, ...] = ()


def enclose(x: Array, y: Array, scale: float) -> Box:
    """The box around points, with its margin and shortest side, on whole pixels."""
    left, top, right, bottom = float(x.min()), float(y.min()), float(x.max()), float(y.max())
    wider = max(MARGIN * scale, (SHORTEST_SIDE * scale - (right - left)) / 2)
    taller = max(MARGIN * scale, (SHORTEST_SIDE * scale - (bottom - top)) / 2)
    return (
        float(np.floor(left - wider)),
        float(np.floor(top - taller)),
        float(np.ceil(right + wider)),
        float(np.ceil(bottom + taller)),
    )


def _line(rng: np.random.Generator, place: float, radius: float, slope: float, jag: float, helix: float = 0.0) -> Line:
    teeth = rng.normal(0, jag * radius, 13).astype(np.float32)
    return Line(place, slope, helix, radius, teeth)


def _sides(tube: Tube, line: Line) -> Array:
    """Points across the bone, from edge to edge of the line."""
    ends = line.along(np.array([-line.radius, line.radius], dtype=np.float32))
    edge = max(tube.radius(float(end)) for end in ends)
    return np.linspace(-edge, edge, 25, dtype=np.float32)


def hairline(rng: np.random.Generator, tube: Tube, place: float, scale: float) -> Fracture:
    """A thin line without displacement: transverse, oblique or spiral, mostly not all the way through."""
    radius = tube.radius(place)
    style = rng.choice(3, p=[0.4, 0.4, 0.2])
    slope = (rng.normal(0, 0.12), rng.choice([-1, 1]) * rng.uniform(0.4, 1.1), rng.normal(0, 0.2))[style]
    helix = float(rng.choice([-1, 1]) * rng.uniform(0.9, 1.6) * radius) if style == 2 else 0.0
    line = _line(rng, place, radius, float(slope), 0.05, helix)
    extent = 1.0 if rng.random() < 0.5 else rng.uniform(0.6, 0.95)
    edge = radius * 1.1
    first, last = (-edge, -edge + 2 * edge * extent)
    if rng.random() < 0.5:
        first, last = -last, -first
    width, depth = float(rng.uniform(1.0, 1.6) * scale), float(rng.uniform(0.65, 0.95))
    cracks = [Crack(line, first, last, width, depth)]
    if style == 2:
        behind = _line(rng, place + 0.25 * helix, radius, float(slope), 0.05, -helix)
        cracks.append(Crack(behind, first, last, width, depth * 0.45))
    x, y = [], []
    for crack in cracks:
        across = np.linspace(max(first, -radius), min(last, radius), 25, dtype=np.float32)
        points = tube.to_image(crack.line.along(across), across)
        x.append(points[0])
        y.append(points[1])
    return Fracture("hairline", enclose(np.concatenate(x), np.concatenate(y), scale), cracks=tuple(cracks))


def _slip(rng: np.random.Generator, tube: Tube, place: float, moves_far: bool, scale: float) -> Motion:
    """A visible shift and turn of the shorter end about the fracture."""
    radius = tube.radius(place)
    loose = tube.length - place if moves_far else place
    most = min(0.32, 45 * scale / max(loose, 1.0))
    angle = rng.choice([-1, 1]) * rng.uniform(0.25, 1.0) * most
    sideways = rng.choice([-1, 1]) * rng.uniform(0.35, 1.0) * radius
    apart = rng.uniform(-0.1, 0.35) * radius * (1 if moves_far else -1)
    hx, hy = tube.heading
    return Motion(tube.point(place), float(angle), (apart * hx - sideways * hy, apart * hy + sideways * hx))


def displaced(rng: np.random.Generator, tube: Tube, place: float, scale: float) -> Fracture:
    """Two fragments with a gap, a step and an angle between them."""
    radius = tube.radius(place)
    slope = rng.normal(0, 0.2) if rng.random() < 0.5 else rng.choice([-1, 1]) * rng.uniform(0.4, 1.0)
    line = _line(rng, place, radius, float(slope), 0.1)
    moves_far = place > tube.length / 2
    slip = _slip(rng, tube, place, moves_far, scale)
    across = _sides(tube, line)
    course = line.along(across)

    def near(along: Array, across: Array) -> Array:
        return np.asarray(np.clip(line.along(across) - along, 0, 1))

    def far(along: Array, across: Array) -> Array:
        return np.asarray(np.clip(along - line.along(across), 0, 1))

    reach = float(np.abs(line.along(np.array([-tube.reach, tube.reach], dtype=np.float32)) - place).max() + radius)
    still = Motion()
    fragments = (
        Fragment(near, still if moves_far else slip, -1.0, place + reach),
        Fragment(far, slip if moves_far else still, place - reach, tube.length + 1),
    )
    edges = [fragment.motion.apply(*tube.to_image(course, across)) for fragment in fragments]
    x, y = (np.concatenate([edge[axis] for edge in edges]) for axis in (0, 1))
    return Fracture("displaced", enclose(x, y, scale), fragments=fragments)


def _cell(
    near: Line, far: Line, seeds: Sequence[tuple[float, float]], index: int, gap: float
) -> Callable[[Array, Array], Array]:
    """The part of the splinter zone that is closer to seed ``index`` than to the others."""

    def part(along: Array, across: Array) -> Array:
        own = np.hypot(along - seeds[index][0], across - seeds[index][1])
        room = np.minimum(along - near.along(across), far.along(across) - along)
        for k, (a, c) in enumerate(seeds):
            if k != index:
                room = np.minimum(room, (np.hypot(along - a, across - c) - own) / 2)
        return np.asarray(np.clip(room - gap + 0.5, 0, 1), dtype=np.float32)

    return part


def comminuted(rng: np.random.Generator, tube: Tube, place: float, scale: float) -> Fracture:
    """Two ends with three to six splinters between them."""
    radius = tube.radius(place)
    half = float(rng.uniform(0.45, 0.85) * radius)
    slope = float(rng.normal(0, 0.3))
    near_line = _line(rng, place - half, radius, slope, 0.14)
    far_line = _line(rng, place + half, radius, slope + float(rng.normal(0, 0.25)), 0.14)
    moves_far = place > tube.length / 2
    slip = _slip(rng, tube, place, moves_far, scale * 0.6)
    still = Motion()
    reach = float(radius * (2 + abs(slope) * 2) + tube.reach)
    near_motion, far_motion = (still, slip) if moves_far else (slip, still)
    fragments = [
        Fragment(lambda a, c: np.clip(near_line.along(c) - a, 0, 1), near_motion, -1.0, place + reach),
        Fragment(lambda a, c: np.clip(a - far_line.along(c), 0, 1), far_motion, place - reach, tube.length + 1),
    ]
    count = int(rng.integers(3, 7))
    seeds = [
        (
            place + float(rng.uniform(-1, 1)) * half + slope * side * radius,
            side * radius,
        )
        for side in (float(s) for s in np.linspace(-0.8, 0.8, count) + rng.normal(0, 0.12, count))
    ]
    across = _sides(tube, near_line)
    points = [
        near_motion.apply(*tube.to_image(near_line.along(across), across)),
        far_motion.apply(*tube.to_image(far_line.along(across), across)),
    ]
    for index, (seed_along, seed_across) in enumerate(seeds):
        push = rng.normal(0, 0.16 * radius, 2) + 0.5 * np.array(slip.shift)
        motion = Motion(
            tube.point(seed_along, seed_across), float(rng.normal(0, 0.3)), (float(push[0]), float(push[1]))
        )
        cell = _cell(near_line, far_line, seeds, index, 0.5 * scale)
        fragments.append(Fragment(cell, motion, place - reach, place + reach))
        grid_along, grid_across = np.meshgrid(
            np.linspace(place - reach, place + reach, 60, dtype=np.float32),
            np.linspace(-radius, radius, 30, dtype=np.float32),
        )
        own = (cell(grid_along, grid_across) > 0.5) & (np.abs(grid_across) < tube.outer[tube.station(grid_along)])
        if own.any():
            points.append(motion.apply(*tube.to_image(grid_along[own], grid_across[own])))
    x, y = (np.concatenate([np.ravel(point[axis]) for point in points]) for axis in (0, 1))
    return Fracture("comminuted", enclose(x, y, scale), fragments=tuple(fragments))


BREAKS: dict[Kind, Callable[[np.random.Generator, Tube, float, float], Fracture]] = {
    "displaced": displaced,
    "comminuted": comminuted,
    "hairline": hairline,
}


def break_bone(rng: np.random.Generator, bone: Bone, kind: Kind, scale: float) -> Fracture:
    """Break a bone somewhere off its joint surfaces and growth plates; more often near an end than in the middle."""
    tube = bone.tube
    share = rng.beta(1.6, 1.6) if rng.random() < 0.5 else rng.choice([rng.uniform(0.08, 0.25), rng.uniform(0.75, 0.92)])
    place = float(np.clip(share, 0.08, 0.92) * tube.length)
    for plate in bone.plates:
        clear = 1.3 * tube.radius(plate)
        if abs(place - plate) < clear:
            place = plate + clear if plate < tube.length / 2 else plate - clear
    return BREAKS[kind](rng, tube, place, scale)
