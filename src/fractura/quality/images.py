"""Checks of the films themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from fractura.quality.findings import Severity
from fractura.quality.registry import Fault, check
from fractura.quality.snapshot import Film, Snapshot
from fractura.quality.traits import Traits

# A film turned negative has the opposite polarity. Of 2,261 FracAtlas films 0.3 % lie below this by themselves.
NEGATIVE = -0.15
# Runs of blocks full of edges: 0.6 % of FracAtlas films, which have no writing, reach this by metal or grids.
WRITING = 5
EVEN_SPREAD = 8.0
FLAT_SPREAD = 40.0
TINY_SIDE = 64
EXTREME_ASPECT = 6.0
MOST = 0.9


@check("films.unreadable", Severity.ERROR, "films that are truncated, damaged or no pictures")
def unreadable(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a film."""
    for film in snapshot.films:
        if film.fault is not None:
            yield Fault.of(film.fault, film.path)


@check("films.unlabelled", Severity.WARNING, "films without an annotation file")
def unlabelled(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a film."""
    for film in snapshot.films:
        if film.path not in snapshot.labelled:
            yield Fault(
                "has no annotation file and will not be used",
                film.path,
                way_out="label it; if nothing is broken on it, save an XML file without objects",
            )


@check("films.even", Severity.ERROR, "films on which there is nothing to see")
def even(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a film; a warning where there is something, but hardly."""
    for film, traits in _seen(snapshot):
        if traits.spread < FLAT_SPREAD:
            nothing = traits.spread < EVEN_SPREAD
            yield Fault(
                f"{'shows nothing' if nothing else 'has hardly any contrast'}: nearly all grey levels lie within "
                f"{traits.spread:.0f} of 255",
                film.path,
                way_out="export it again from the archive with its window; take it out if it is empty",
                severity=None if nothing else Severity.WARNING,
            )


@check("films.negative", Severity.WARNING, "negative films: dark bone on bright air")
def negative(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a film."""
    for film, traits in _seen(snapshot):
        if traits.polarity < NEGATIVE and traits.spread >= EVEN_SPREAD:
            yield Fault(
                "looks like a negative: dark bone on bright air",
                film.path,
                way_out="look at it; if so, invert it, and look for MONOCHROME1 where it was converted from DICOM",
            )


@check("films.bit_depth", Severity.WARNING, "films whose bit depth is not that of most")
def bit_depth(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a depth that at most a tenth of the films have; a note with the depths where they are mixed."""
    counts = Counter(film.bit_depth for film in snapshot.films if film.size is not None)
    films = sum(counts.values())
    if len(counts) < 2:
        return
    said = ", ".join(f"{bits} bits {count}" for bits, count in sorted(counts.items()))
    usual, most = counts.most_common(1)[0]
    if most < MOST * films:
        yield Fault(f"films of several depths: {said}", snapshot.root, severity=Severity.NOTE)
        return
    for bits, count in sorted(counts.items()):
        if bits != usual:
            odd = [film.path for film in snapshot.films if film.size is not None and film.bit_depth == bits]
            yield Fault(
                f"uses {bits} bits like {count} of {films} films; the others use {usual}",
                odd[0],
                way_out="look whether it is darker or brighter than the others: it may have been converted wrongly",
                others=tuple(odd[1:]),
            )


@check("films.writing", Severity.WARNING, "films with writing burnt in")
def writing(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a film."""
    for film, traits in _seen(snapshot):
        told = film.facts.burnt_in_text
        if told or traits.writing >= WRITING:
            yield Fault(
                "says that writing is burnt in" if told else "seems to have writing burnt in",
                film.path,
                way_out="look at it; black out names before the film is shared, and labels that tell the finding",
            )


@check("films.size", Severity.WARNING, "films that are tiny or far longer than wide")
def size(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a film."""
    for film in snapshot.films:
        if film.size is not None:
            short, long = sorted(film.size)
            if short < TINY_SIDE or long > EXTREME_ASPECT * short:
                yield Fault(
                    f"is {film.size[0]}x{film.size[1]} pixels",
                    film.path,
                    way_out="a preview or a strip? put the whole film there in full size",
                )


@check("films.several_frames", Severity.NOTE, "DICOM files with several frames")
def several_frames(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a file."""
    for film in snapshot.films:
        if film.facts.frames > 1:
            yield Fault(f"has {film.facts.frames} frames; the first is used", film.path)


def _seen(snapshot: Snapshot) -> Iterator[tuple[Film, Traits]]:
    for film in snapshot.films:
        if film.traits is not None:
            yield film, film.traits
