"""Domain randomisation: options that give the images of one hospital the style of another's.

A detector that has only seen the images of one scanner also learns that scanner. Each of these options imitates
something that scanners, vendors or people do to radiographs. They change grey levels only: boxes stay.
"""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from pydantic import Field

from fractura.training.transform import AugmentationOption, LabelledImage, Probability

_KNOTS = 7
_SHORTEST_RISE = 0.15
_STAMPS = ("L", "R", "LEFT", "RIGHT", "AP", "LAT", "PA", "STANDING", "12/03/2019", "08:41", "arrow", "arrow", "screw")


class RandomToneCurve(AugmentationOption):
    """A random rising tone curve, since each vendor has its own; now and then with black and white exchanged.

    Attributes:
        probability: Probability of the curve.
        inversion: Probability of a negative.
    """

    name: Literal["random_tone_curve"] = "random_tone_curve"
    probability: Probability = 0.35
    inversion: Probability = 0.06

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image with other grey levels."""
        chance, negative, *rises = generator.random(2 + _KNOTS)
        levels = np.arange(256) / 255
        if chance < self.probability:
            heights = np.cumsum(np.array([0.0, *(rise + _SHORTEST_RISE for rise in rises)]))
            levels = np.interp(levels, np.linspace(0, 1, len(heights)), heights / heights[-1])
        if negative < self.inversion:
            levels = 1 - levels
        return replace(sample, image=np.rint(levels * 255).astype(np.uint8)[sample.image])


class RandomSharpness(AugmentationOption):
    """Blur, sharpening, or local contrast added or removed, as multi-frequency processing does.

    Attributes:
        probability: Probability of blur or sharpening, and independently of a change of local contrast.
        radius: Largest standard deviation of the filter for blur and sharpening, in pixels of an image whose longer
            side is 448.
    """

    name: Literal["random_sharpness"] = "random_sharpness"
    probability: Probability = 0.4
    radius: Annotated[float, Field(gt=0)] = 1.8

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image, softer or harder."""
        chance, amount, radius, local_chance, local_amount = generator.random(5)
        scale = max(sample.width, sample.height) / 448
        image = sample.image
        if chance < self.probability:
            image = _against_blur(image, 2.5 * amount - 1, (0.3 + 0.7 * radius) * self.radius * scale)
        if local_chance < self.probability:
            image = _against_blur(image, 1.6 * local_amount - 0.4, 16 * scale)
        return replace(sample, image=image)


class RandomJpeg(AugmentationOption):
    """JPEG compression at a low quality, as of images that were mailed, sent in chats or put on slides.

    Attributes:
        quality: Lowest and highest, 1..95.
    """

    name: Literal["random_jpeg"] = "random_jpeg"
    probability: Probability = 0.3
    quality: tuple[Annotated[int, Field(ge=1, le=95)], Annotated[int, Field(ge=1, le=95)]] = (20, 90)

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image, compressed and read again."""
        chance, share = generator.random(2)
        if chance >= self.probability:
            return sample
        low, high = self.quality
        stream = io.BytesIO()
        Image.fromarray(sample.image).save(stream, "JPEG", quality=round(low + (high - low) * share))
        return replace(sample, image=np.asarray(Image.open(stream)))


class RandomCollimation(AugmentationOption):
    """A tilted frame of one grey level, usually dark, that covers no box.

    Attributes:
        reach: Largest width of the frame, as a fraction of each side.
    """

    name: Literal["random_collimation"] = "random_collimation"
    probability: Probability = 0.2
    reach: Annotated[float, Field(gt=0, lt=0.5)] = 0.22

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image in a frame."""
        chance, tilt, dark, level, *edges = generator.random(8)
        if chance >= self.probability:
            return sample
        tilt = 0.12 * (tilt - 0.5)
        x = (np.arange(sample.width) + 0.5)[None, :] / sample.width - 0.5
        y = (np.arange(sample.height) + 0.5)[:, None] / sample.height - 0.5
        x, y = x + tilt * y, y - tilt * x
        reach = 0.5 - self.reach * np.array(edges) ** 1.5
        if len(sample.boxes):
            shares = sample.boxes / np.array([sample.width, sample.height] * 2) - 0.5
            outer = np.max(shares * [-1, -1, 1, 1], axis=0)
            reach = np.maximum(reach, outer + abs(tilt) / 2 + 0.01)
        frame = (x < -reach[0]) | (y < -reach[1]) | (x > reach[2]) | (y > reach[3])
        shade = round(255 * level * (0.15 if dark < 0.75 else 1.0))
        return replace(sample, image=np.where(frame[:, :, None], np.uint8(shade), sample.image))


class RandomStamps(AugmentationOption):
    """Letters, dates, arrows and metal, on images with and without boxes alike, so that they reveal nothing.

    Attributes:
        most: Largest number of stamps.
    """

    name: Literal["random_stamps"] = "random_stamps"
    probability: Probability = 0.35
    most: Annotated[int, Field(ge=1)] = 2

    def apply(self, sample: LabelledImage, generator: np.random.Generator) -> LabelledImage:
        """The image with stamps on it."""
        if generator.random() >= self.probability:
            return sample
        image = Image.fromarray(sample.image)
        for _ in range(int(generator.integers(1, self.most + 1))):
            mask = _stamp(generator, max(sample.width, sample.height))
            strength, white, level, across, down = generator.random(5)
            shade = round(255 * (0.75 + 0.25 * level if white < 0.85 else 0.3 * level))
            place = (round(across * sample.width - mask.width / 2), round(down * sample.height - mask.height / 2))
            covered = mask.point([round(value * (0.5 + 0.5 * strength)) for value in range(256)])
            image.paste((shade, shade, shade), (*place, place[0] + mask.width, place[1] + mask.height), covered)
        return replace(sample, image=np.asarray(image))


def _against_blur(image: NDArray[np.uint8], amount: float, radius: float) -> NDArray[np.uint8]:
    """The image plus ``amount`` times what a Gaussian filter removes from it; -1 is the filtered image itself."""
    blurred = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(float(radius))), np.float32)
    mixed = image + np.float32(amount) * (image - blurred)
    clipped: NDArray[np.float32] = np.clip(mixed, 0, 255)
    return np.rint(clipped).astype(np.uint8)


def _stamp(generator: np.random.Generator, longest: int) -> Image.Image:
    """One stamp, white on black, turned a little: a grey image of its own size."""
    kind = _STAMPS[int(generator.integers(len(_STAMPS)))]
    size, turn, upright = generator.random(3)
    side = max(round(longest * math.exp(math.log(0.05) + size * math.log(6))), 8)
    mask = Image.new("L", (side, side))
    draw, middle = ImageDraw.Draw(mask), side / 2
    if kind == "arrow":
        head = 0.12 * side
        draw.line((middle, 0.1 * side, middle, 0.75 * side), fill=255, width=max(round(0.06 * side), 1))
        draw.polygon([(middle - head, 0.7 * side), (middle + head, 0.7 * side), (middle, 0.95 * side)], fill=255)
    elif kind == "screw":
        draw.rectangle((0.45 * side, 0.1 * side, 0.55 * side, 0.9 * side), fill=255)
    else:
        font = ImageFont.load_default(size=max(1.1 * side / max(len(kind), 1.6), 6))
        draw.text((middle, middle), kind, fill=255, font=font, anchor="mm")
    return mask.rotate((turn - 0.5) * 34 + (90 if upright < 0.25 else 0), Image.Resampling.BILINEAR)
