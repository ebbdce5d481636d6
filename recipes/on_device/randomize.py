"""Domain randomisation of a batch on the device: another tube, plate, hospital and screenshot every time.

The network must not learn the style of one hospital. Each image is moved once (flip, stretch, turn, zoom, shift), and
its grey levels pass through a random chain of changes that scanners, vendors and people make to radiographs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from on_device.images import Pictures

MINIMUM_VISIBLE, MINIMUM_SIDE = 0.4, 4.0
"""A box with less than this left on the canvas, as a fraction of its area or in pixels, is dropped."""
_STAMPS = 96
_STAMP_SIDE = 96


@dataclass(frozen=True)
class Randomisation:
    """How strongly images are changed. Probabilities apply to each image; values are drawn anew every time.

    Attributes:
        zoom: Smallest and largest zoom, relative to fitting the canvas.
        stretch: Largest stretch of one side against the other, and one over it.
        rotation: Largest turn to either side, in degrees.
        shift: Largest shift beyond that which keeps a small image on the canvas, as a fraction of the canvas.
        gamma: Largest exponent, and one over it.
        contrast: Largest factor about mid-grey, and one over it.
        brightness: Largest change, as a fraction of the range from black to white.
        curve: Probability of a random rising tone curve.
        inversion: Probability of a negative.
        sharpness: Probability of blur or sharpening.
        locality: Probability of local contrast removed or added, as vendors' multi-frequency processing does.
        coarse: Probability of a lower resolution.
        noise: Probability of grain.
        jpeg: Probability of compression.
        collimation: Probability of borders.
        stamps: Probability of letters, markers, arrows and the like.
    """

    zoom: tuple[float, float] = (0.75, 1.6)
    stretch: float = 1.3
    rotation: float = 15.0
    shift: float = 0.05
    gamma: float = 1.8
    contrast: float = 1.5
    brightness: float = 0.2
    curve: float = 0.35
    inversion: float = 0.06
    sharpness: float = 0.4
    locality: float = 0.35
    coarse: float = 0.15
    noise: float = 0.5
    jpeg: float = 0.3
    collimation: float = 0.2
    stamps: float = 0.4


MILD = Randomisation(
    zoom=(0.8, 1.25),
    stretch=1.1,
    gamma=1.4,
    contrast=1.4,
    brightness=0.15,
    curve=0.0,
    inversion=0.0,
    sharpness=0.0,
    locality=0.0,
    coarse=0.0,
    jpeg=0.0,
    collimation=0.0,
    stamps=0.0,
)
"""The augmentation of the earlier recipe."""


@dataclass(frozen=True)
class Batch:
    """Images on the canvas.

    Attributes:
        canvas: float32 ``(n, 3, side, side)`` of 0..255.
        boxes: float32 ``(n, most, 4)`` xyxy in pixels of the canvas.
        real: bool ``(n, most)``.
    """

    canvas: Tensor
    boxes: Tensor
    real: Tensor


class Randomiser:
    """Draws batches.

    Args:
        pictures: All images, on the device.
        side: Side of the square canvas, in pixels.
        strength: How images are changed.
    """

    def __init__(self, pictures: Pictures, side: int, strength: Randomisation) -> None:
        self.pictures, self.side, self.strength = pictures, side, strength
        self.device = pictures.pixels.device
        self.stamps = _stamps().to(self.device)
        matrix = torch.tensor(
            [[math.cos((2 * x + 1) * u * math.pi / 16) for x in range(8)] for u in range(8)], device=self.device
        )
        matrix[0] /= math.sqrt(2)
        self.dct = matrix / 2
        self.quantisers = torch.tensor(_LUMINANCE, dtype=torch.float32, device=self.device)

    @torch.no_grad()
    def plain(self, places: Tensor, mirrored: bool = False) -> Batch:
        """Images as a detector preprocesses them: fitted to the canvas, in its upper left corner."""
        sizes = self.pictures.sizes[places]
        scale = self.side / sizes.max(dim=1).values
        matrix = torch.diag_embed(torch.stack([scale, scale], dim=1))
        offset = torch.zeros_like(sizes)
        if mirrored:
            matrix[:, 0, 0] *= -1
            offset[:, 0] = scale * sizes[:, 0]
        grey, inside, boxes, real = self._move(places, matrix, offset)
        return Batch((grey * inside * 255).round().expand(-1, 3, -1, -1), boxes, real)

    @torch.no_grad()
    def draw(self, places: Tensor) -> Batch:
        """Images ``places`` int64 ``(n,)``, each changed at random."""
        matrix, offset = self._map(places)
        grey, inside, boxes, real = self._move(places, matrix, offset)
        grey = self._tones(grey)
        grey = self._textures(grey)
        grey = self._collimated(grey, boxes, real)
        grey = self._stamped(grey)
        grey = self._grained(grey)
        grey = self._compressed(grey)
        return Batch((grey.clamp(0, 1) * inside * 255).round().expand(-1, 3, -1, -1), boxes, real)

    # -- geometry ----------------------------------------------------------------------------------------------------

    def _map(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """From pixels of each image to pixels of the canvas: matrices ``(n, 2, 2)`` and offsets ``(n, 2)``."""
        count, strength, side = len(places), self.strength, self.side
        sizes = self.pictures.sizes[places]
        zoom = (side / sizes.max(dim=1).values) * torch.exp(self._between(count, *map(math.log, strength.zoom)))
        stretch = torch.exp(self._between(count, -1, 1) * (math.log(strength.stretch) / 2))
        angle = self._between(count, -1, 1) * math.radians(strength.rotation)
        flip = torch.where(self._chance(count, 0.5), -1.0, 1.0)
        turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], dim=1).reshape(-1, 2, 2)
        matrix = turn * torch.stack([zoom * stretch * flip, zoom / stretch], dim=1)[:, None, :]
        reach = (matrix.abs() @ sizes[:, :, None])[:, :, 0] / 2
        room = (side / 2 - reach).abs() + strength.shift * side
        shift = (torch.rand(count, 2, device=self.device) * 2 - 1) * room
        # An image with fractures keeps at least one of them on the canvas; otherwise it would pass for a normal one.
        counts = self.pictures.counts[places]
        chosen = (torch.rand(count, device=self.device) * counts).long().clamp(max=self.pictures.boxes.shape[1] - 1)
        box = self.pictures.boxes[places, chosen]
        middle = (matrix @ ((box[:, :2] + box[:, 2:] - sizes) / 2)[:, :, None])[:, :, 0]
        half = ((matrix.abs() @ ((box[:, 2:] - box[:, :2]) / 2)[:, :, None])[:, :, 0]).clamp(max=side / 2 - 1)
        seen = (shift + middle).clamp(min=half - side / 2, max=side / 2 - half) - middle
        shift = torch.where(counts[:, None] > 0, seen, shift)
        return matrix, side / 2 + shift - (matrix @ sizes[:, :, None])[:, :, 0] / 2

    def _move(self, places: Tensor, matrix: Tensor, offset: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Grey levels 0..1 ``(n, 1, side, side)``, where the image is, boxes on the canvas, and which are left."""
        count, side = len(places), self.side
        pixels = self.pictures.pixels[places].float() / 255
        sizes = self.pictures.sizes[places]
        back = torch.linalg.inv(matrix)
        shift = -(back @ offset[:, :, None])[:, :, 0]
        # Four samples per pixel: nothing is lost when an image shrinks.
        steps = (torch.arange(2 * side, device=self.device) + 0.5) / 2
        x = back[:, 0, 0, None, None] * steps[None, None, :] + back[:, 0, 1, None, None] * steps[None, :, None]
        y = back[:, 1, 0, None, None] * steps[None, None, :] + back[:, 1, 1, None, None] * steps[None, :, None]
        x, y = x + shift[:, 0, None, None], y + shift[:, 1, None, None]
        inside = (x >= 0) & (x <= sizes[:, 0, None, None]) & (y >= 0) & (y <= sizes[:, 1, None, None])
        # Sampled within the image's own pixels, so that its border does not fade.
        x = x.clamp(min=0.5).minimum(sizes[:, 0, None, None] - 0.5)
        y = y.clamp(min=0.5).minimum(sizes[:, 1, None, None] - 0.5)
        extent = pixels.shape[-1]
        grid = torch.stack([x, y], dim=-1) * (2 / extent) - 1
        grey = F.avg_pool2d(F.grid_sample(pixels, grid, mode="bilinear", align_corners=False), 2)
        mask = F.avg_pool2d(inside[:, None].float(), 2)
        boxes = self.pictures.boxes[places]
        middle = torch.einsum("nij,nkj->nki", matrix, (boxes[..., :2] + boxes[..., 2:]) / 2) + offset[:, None]
        half = (boxes[..., 2:] - boxes[..., :2]) / 2
        # An ellipse with half axes h reaches sqrt(sum_j (M_ij h_j)²) along axis i after the map M.
        reach = torch.einsum("nij,nkj->nki", matrix**2, half**2).sqrt()
        whole = torch.cat([middle - reach, middle + reach], dim=-1)
        cut = whole.clamp(0, side)
        area, left = ((each[..., 2:] - each[..., :2]).prod(dim=-1) for each in (whole, cut))
        sides = (cut[..., 2:] - cut[..., :2]).min(dim=-1).values
        real = torch.arange(boxes.shape[1], device=self.device)[None] < self.pictures.counts[places][:, None]
        real = real & (left >= MINIMUM_VISIBLE * area) & (sides >= MINIMUM_SIDE)
        assert len(grey) == count
        return grey, mask, torch.where(real[..., None], cut, 0.0), real

    # -- grey levels -------------------------------------------------------------------------------------------------

    def _tones(self, grey: Tensor) -> Tensor:
        count, strength = len(grey), self.strength
        levels = torch.linspace(0, 1, 256, device=self.device).expand(count, -1)
        gamma = torch.exp(self._between(count, -1, 1) * math.log(strength.gamma))
        contrast = torch.exp(self._between(count, -1, 1) * math.log(strength.contrast))
        brightness = self._between(count, -1, 1) * strength.brightness
        levels = levels ** gamma[:, None]
        knots = torch.rand(count, 1, 7, device=self.device) + 0.15
        rising = F.pad((knots / knots.sum(dim=2, keepdim=True)).cumsum(dim=2), (1, 0))
        curve = F.interpolate(rising, size=256, mode="linear", align_corners=True)[:, 0]
        curved = curve.gather(1, (levels * 255).round().long())
        levels = torch.where(self._chance(count, strength.curve)[:, None], curved, levels)
        levels = (levels - 0.5) * contrast[:, None] + 0.5 + brightness[:, None]
        levels = torch.where(self._chance(count, strength.inversion)[:, None], 1 - levels, levels).clamp(0, 1)
        place = (grey * 255).clamp(0, 255)
        low = place.floor().long().clamp(max=254)
        below = levels.gather(1, low.flatten(1)).view_as(grey)
        above = levels.gather(1, (low + 1).flatten(1)).view_as(grey)
        return below + (above - below) * (place - low)

    def _textures(self, grey: Tensor) -> Tensor:
        count, strength = len(grey), self.strength
        if strength.coarse:
            deviation = self._between(count, 0.7, 2.2)
            coarse = _blurred(grey, deviation)
            grey = torch.where(self._chance(count, strength.coarse)[:, None, None, None], coarse, grey)
        if strength.sharpness:
            amount = self._between(count, -1, 1.5) * self._chance(count, strength.sharpness)
            grey = grey + amount[:, None, None, None] * (grey - _blurred(grey, self._between(count, 0.6, 1.8)))
        if strength.locality:
            small = F.avg_pool2d(grey, 16)
            small = F.avg_pool2d(F.pad(small, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
            ground = F.interpolate(small, size=grey.shape[-2:], mode="bilinear", align_corners=False)
            amount = self._between(count, -0.4, 1.2) * self._chance(count, strength.locality)
            middle = self._between(count, 0.3, 0.6)
            amount = amount[:, None, None, None]
            # Where detail is added, the ground moves towards one grey, as in equalised images.
            flat = ground + amount.clamp(min=0) * 0.5 * (middle[:, None, None, None] - ground)
            grey = flat + (1 + amount) * (grey - ground)
        return grey.clamp(0, 1)

    def _grained(self, grey: Tensor) -> Tensor:
        count, strength = len(grey), self.strength
        if not strength.noise:
            return grey
        deviation = self._between(count, 0, 8 / 255) * self._chance(count, strength.noise)
        grain = torch.randn_like(grey)
        coarse = F.interpolate(torch.randn_like(grey[:, :, ::2, ::2]), scale_factor=2, mode="bilinear")
        kind = self._chance(count, 0.4)[:, None, None, None]
        return grey + deviation[:, None, None, None] * torch.where(kind, 1.5 * coarse, grain)

    def _compressed(self, grey: Tensor) -> Tensor:
        """JPEG's loss: blocks of eight pixels, their cosine transform rounded in steps of a random quality."""
        if not self.strength.jpeg:
            return grey
        count, side = len(grey), self.side
        quality = self._between(count, 20, 90)
        scale = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
        steps = (self.quantisers * scale[:, None, None]).clamp(min=1)[:, None, None]
        blocks = (grey[:, 0] * 255 - 128).reshape(count, side // 8, 8, side // 8, 8).transpose(2, 3)
        rounded = (self.dct @ blocks @ self.dct.T / steps).round() * steps
        found = (self.dct.T @ rounded @ self.dct).transpose(2, 3).reshape(count, 1, side, side)
        return torch.where(self._chance(count, self.strength.jpeg)[:, None, None, None], (found + 128) / 255, grey)

    # -- additions ---------------------------------------------------------------------------------------------------

    def _collimated(self, grey: Tensor, boxes: Tensor, real: Tensor) -> Tensor:
        """A tilted frame of one grey level that covers no box."""
        if not self.strength.collimation:
            return grey
        count, side = len(grey), self.side
        tilt = self._between(count, -0.06, 0.06) * self._chance(count, 0.5)
        steps = (torch.arange(side, device=self.device) + 0.5) / side
        x = steps[None, None, :] - 0.5 + tilt[:, None, None] * (steps[None, :, None] - 0.5)
        y = steps[None, :, None] - 0.5 - tilt[:, None, None] * (steps[None, None, :] - 0.5)
        edges = 0.5 - 0.22 * torch.rand(count, 4, device=self.device) ** 1.5
        outer = torch.where(real[..., None], boxes / side - 0.5, 0.0)
        slack = 0.5 * tilt.abs()
        least = torch.stack([-outer[..., 0], -outer[..., 1], outer[..., 2], outer[..., 3]], dim=2).max(dim=1).values
        edges = torch.maximum(edges, least + slack[:, None] + 0.01)[..., None, None]
        frame = (x < -edges[:, 0]) | (y < -edges[:, 1]) | (x > edges[:, 2]) | (y > edges[:, 3])
        level = torch.where(self._chance(count, 0.75), self._between(count, 0, 0.15), self._between(count, 0, 1))
        frame = frame & self._chance(count, self.strength.collimation)[:, None, None]
        return torch.where(frame[:, None], level[:, None, None, None], grey)

    def _stamped(self, grey: Tensor) -> Tensor:
        """Letters, dates, arrows, clips and screws, on images of both kinds alike."""
        if not self.strength.stamps:
            return grey
        count, side = len(grey), self.side
        steps = (torch.arange(side, device=self.device) + 0.5) / side
        for _ in range(2):
            stamp = self.stamps[torch.randint(len(self.stamps), (count,), device=self.device)]
            size = torch.exp(self._between(count, math.log(0.05), math.log(0.3)))
            angle = self._between(count, -0.3, 0.3) + torch.where(self._chance(count, 0.25), math.pi / 2, 0.0)
            middle = torch.rand(count, 2, device=self.device)
            x = (steps[None, None, :] - middle[:, 0, None, None]) / (size / 2)[:, None, None]
            y = (steps[None, :, None] - middle[:, 1, None, None]) / (size / 2)[:, None, None]
            cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
            grid = torch.stack([cos * x + sin * y, cos * y - sin * x], dim=-1)
            shown = F.grid_sample(stamp, grid, mode="bilinear", align_corners=False)
            shown = (
                shown
                * (self._between(count, 0.5, 1) * self._chance(count, self.strength.stamps / 2))[:, None, None, None]
            )
            level = torch.where(self._chance(count, 0.85), self._between(count, 0.75, 1), self._between(count, 0, 0.3))
            grey = grey + shown * (level[:, None, None, None] - grey)
        return grey

    # -- chance ------------------------------------------------------------------------------------------------------

    def _between(self, count: int, low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, device=self.device)

    def _chance(self, count: int, probability: float) -> Tensor:
        return torch.rand(count, device=self.device) < probability


def _blurred(grey: Tensor, deviation: Tensor, reach: int = 5) -> Tensor:
    """Each image under a Gaussian filter of its own standard deviation, in pixels."""
    steps = torch.arange(-reach, reach + 1, device=grey.device, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (steps[None] / deviation[:, None]) ** 2)
    kernel = kernel / kernel.sum(dim=1, keepdim=True)
    count = len(grey)
    padded = F.pad(grey, (reach, reach, reach, reach), mode="replicate").transpose(0, 1)
    across = F.conv2d(padded, kernel[:, None, None, :], groups=count)
    return F.conv2d(across, kernel[:, None, :, None], groups=count).transpose(0, 1)


def _stamps(seed: int = 0) -> Tensor:
    """Things on radiographs other than bone, white on black: float32 ``(n, 1, side, side)`` of 0..1."""
    generator = np.random.default_rng(seed)
    words = ["L", "R", "L", "R", "LEFT", "RIGHT", "AP", "LAT", "PA", "PORT", "STANDING", "12/03/2019", "08:41", "A-1"]
    pictures = []
    for number in range(_STAMPS):
        picture = Image.new("L", (_STAMP_SIDE, _STAMP_SIDE))
        draw = ImageDraw.Draw(picture)
        middle, kind = _STAMP_SIDE / 2, number % 4
        if kind < 2:
            word = words[int(generator.integers(len(words)))]
            size = min(70.0, 110.0 / len(word))
            draw.text((middle, middle), word, fill=255, font=ImageFont.load_default(size=size), anchor="mm")
            if generator.random() < 0.3:
                draw.ellipse((6, 6, _STAMP_SIDE - 6, _STAMP_SIDE - 6), outline=255, width=3)
        elif kind == 2:
            width = int(generator.integers(3, 9))
            draw.line((middle, 10, middle, 70), fill=255, width=width)
            head = width * 2
            draw.polygon([(middle - head, 64), (middle + head, 64), (middle, 90)], fill=255)
        else:
            length, width = int(generator.integers(20, 44)), int(generator.integers(2, 10))
            draw.rectangle((middle - width, middle - length, middle + width, middle + length), fill=255)
            for hole in range(-length, length, max(3 * width, 8)):
                if generator.random() < 0.5:
                    draw.ellipse((middle - width / 2, middle + hole, middle + width / 2, middle + hole + width), fill=0)
        pictures.append(np.asarray(picture, np.float32) / 255)
    return torch.from_numpy(np.stack(pictures))[:, None]


_LUMINANCE = [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
]
"""Quantisation steps of JPEG's grey levels at quality 50 (ITU-T T.81, table K.1)."""
