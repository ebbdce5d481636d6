"""Checks of the images themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fractura.quality.checked_image import CheckedImage
from fractura.quality.registry import Fault, Severity, check
from fractura.quality.snapshot import Snapshot
from fractura.quality.traits import Traits

# An inverted image has the opposite polarity. Of 2,261 FracAtlas images 0.3 % lie below this as they are.
INVERTED = -0.15
# Runs of blocks full of edges: 0.6 % of FracAtlas images, which have no text, reach this through metal or grids.
BURNT_IN_TEXT = 5
BLANK_SPREAD = 8.0
FLAT_SPREAD = 40.0
TINY_SIDE = 64
EXTREME_ASPECT = 6.0
MOST = 0.9


@check("images.unreadable", Severity.ERROR, "images that are truncated, damaged or not pictures")
def unreadable(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding an image."""
    for image in snapshot.images:
        if image.fault is not None:
            yield Fault.of(image.fault, image.path)


@check("images.unlabelled", Severity.WARNING, "images without an annotation file")
def unlabelled(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding an image."""
    for image in snapshot.images:
        if image.path not in snapshot.labelled:
            yield Fault(
                "has no annotation file and will not be used",
                image.path,
                hint="label it; if nothing is broken on it, save an XML file without objects",
            )


@check("images.blank", Severity.ERROR, "images on which there is nothing to see")
def blank(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding an image; a warning where there is something, but hardly."""
    for image, traits in _seen(snapshot):
        if traits.spread < FLAT_SPREAD:
            nothing = traits.spread < BLANK_SPREAD
            yield Fault(
                f"{'shows nothing' if nothing else 'has hardly any contrast'}: nearly all grey levels lie within "
                f"{traits.spread:.0f} of 255",
                image.path,
                hint="export it again from the archive with its window; take it out if it is empty",
                severity=None if nothing else Severity.WARNING,
            )


@check("images.inverted", Severity.WARNING, "inverted images: dark bone on bright air")
def inverted(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding an image."""
    for image, traits in _seen(snapshot):
        if traits.polarity < INVERTED and traits.spread >= BLANK_SPREAD:
            yield Fault(
                "seems to be inverted: dark bone on bright air",
                image.path,
                hint="view it; if so, invert it, and check for MONOCHROME1 where it was converted from DICOM",
            )


@check("images.bit_depth", Severity.WARNING, "images whose bit depth is not that of most")
def bit_depth(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a depth that at most a tenth of the images have; a note with the depths where they are mixed."""
    counts = Counter(image.bit_depth for image in snapshot.images if image.size is not None)
    images = sum(counts.values())
    if len(counts) < 2:
        return
    said = ", ".join(f"{bits} bits {count}" for bits, count in sorted(counts.items()))
    usual, most = counts.most_common(1)[0]
    if most < MOST * images:
        yield Fault(f"images of several depths: {said}", snapshot.root, severity=Severity.NOTE)
        return
    for bits, count in sorted(counts.items()):
        if bits != usual:
            odd = [image.path for image in snapshot.images if image.size is not None and image.bit_depth == bits]
            yield Fault(
                f"uses {bits} bits like {count} of {images} images; the others use {usual}",
                odd[0],
                hint="check whether it is darker or brighter than the others: it may have been converted wrongly",
                others=tuple(odd[1:]),
            )


@check("images.burnt_in_text", Severity.WARNING, "images with burnt-in text")
def burnt_in_text(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding an image."""
    for image, traits in _seen(snapshot):
        declared = image.facts.burnt_in_text
        if declared or traits.writing >= BURNT_IN_TEXT:
            yield Fault(
                "says that it has burnt-in text" if declared else "seems to have burnt-in text",
                image.path,
                hint="view it; black out names before the image is shared, and labels that give the finding away",
            )


@check("images.size", Severity.WARNING, "images that are tiny or far longer than wide")
def size(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding an image."""
    for image in snapshot.images:
        if image.size is not None:
            short, long = sorted(image.size)
            if short < TINY_SIDE or long > EXTREME_ASPECT * short:
                yield Fault(
                    f"is {image.size[0]}x{image.size[1]} pixels",
                    image.path,
                    hint="a preview or a strip? put the whole image there in full size",
                )


@check("images.multiframe", Severity.NOTE, "DICOM files with several frames")
def multiframe(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a file."""
    for image in snapshot.images:
        if image.facts.frames > 1:
            yield Fault(f"has {image.facts.frames} frames; the first is used", image.path)


def _seen(snapshot: Snapshot) -> Iterator[tuple[CheckedImage, Traits]]:
    for image in snapshot.images:
        if image.traits is not None:
            yield image, image.traits
