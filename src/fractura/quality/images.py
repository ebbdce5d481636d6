"""Checks of the images themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fractura.quality.findings import Severity
from fractura.quality.registry import Fault, check
from fractura.quality.snapshot import CheckedImage, Snapshot
from fractura.quality.traits import Traits

# An image turned negative has the opposite polarity. Of 2,261 FracAtlas images 0.3 % lie below this by themselves.
NEGATIVE = -0.15
# Runs of blocks full of edges: 0.6 % of FracAtlas images, which have no writing, reach this by metal or grids.
WRITING = 5
EVEN_SPREAD = 8.0
FLAT_SPREAD = 40.0
TINY_SIDE = 64
EXTREME_ASPECT = 6.0
MOST = 0.9


@check("images.unreadable", Severity.ERROR, "images that are truncated, damaged or no pictures")
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


@check("images.even", Severity.ERROR, "images on which there is nothing to see")
def even(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding an image; a warning where there is something, but hardly."""
    for image, traits in _seen(snapshot):
        if traits.spread < FLAT_SPREAD:
            nothing = traits.spread < EVEN_SPREAD
            yield Fault(
                f"{'shows nothing' if nothing else 'has hardly any contrast'}: nearly all grey levels lie within "
                f"{traits.spread:.0f} of 255",
                image.path,
                hint="export it again from the archive with its window; take it out if it is empty",
                severity=None if nothing else Severity.WARNING,
            )


@check("images.negative", Severity.WARNING, "negative images: dark bone on bright air")
def negative(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding an image."""
    for image, traits in _seen(snapshot):
        if traits.polarity < NEGATIVE and traits.spread >= EVEN_SPREAD:
            yield Fault(
                "looks like a negative: dark bone on bright air",
                image.path,
                hint="look at it; if so, invert it, and look for MONOCHROME1 where it was converted from DICOM",
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
                hint="look whether it is darker or brighter than the others: it may have been converted wrongly",
                others=tuple(odd[1:]),
            )


@check("images.writing", Severity.WARNING, "images with writing burnt in")
def writing(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding an image."""
    for image, traits in _seen(snapshot):
        told = image.facts.burnt_in_text
        if told or traits.writing >= WRITING:
            yield Fault(
                "says that writing is burnt in" if told else "seems to have writing burnt in",
                image.path,
                hint="look at it; black out names before the image is shared, and labels that tell the finding",
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


@check("images.several_frames", Severity.NOTE, "DICOM files with several frames")
def several_frames(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a file."""
    for image in snapshot.images:
        if image.facts.frames > 1:
            yield Fault(f"has {image.facts.frames} frames; the first is used", image.path)


def _seen(snapshot: Snapshot) -> Iterator[tuple[CheckedImage, Traits]]:
    for image in snapshot.images:
        if image.traits is not None:
            yield image, image.traits
