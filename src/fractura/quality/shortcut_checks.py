"""Cues that predict the label without the bone: a detector learns them first, and they fail elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fractura.quality.checked_image import CheckedImage
from fractura.quality.registry import Fault, Severity, check
from fractura.quality.snapshot import Snapshot

FEWEST = 12
"""Images with boxes, and images without, that are needed before anything is said."""
MINIMUM_SHARE = 0.1
"""What is beyond nearly all negatives must be on this share of the positives."""
DIFFERENCE = 0.25
"""By which the share of positives must differ between images with and without something."""
_NORMAL = 3.7  # standard errors: two in 10,000 by chance


@dataclass(frozen=True)
class _Labelled:
    images: tuple[CheckedImage, ...]
    positive: NDArray[np.bool_]


@check("shortcuts.source", Severity.WARNING, "kinds of file, sizes or machines that go with the label")
def source(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding each for the kind of file and the size: for the value that predicts the label best."""
    traits: dict[str, Callable[[CheckedImage], str]] = {
        "kind of file": lambda image: image.source,
        "size": lambda image: "{}x{}".format(*sorted(image.size or (0, 0))),
    }
    labelled = _labelled(snapshot)
    if labelled is None:
        return
    for what, trait in traits.items():
        values = [trait(image) for image in labelled.images]
        predictive = []
        for value in sorted(set(values)):
            has = np.array([each == value for each in values])
            strength = _association(has, labelled.positive)
            if strength is not None:
                predictive.append((strength, value, has))
        if predictive:
            _, value, has = max(predictive, key=lambda each: each[0])
            yield _fault(f"{what} {value}", has, labelled, snapshot)


@check("shortcuts.frame", Severity.WARNING, "an even frame that goes with the label")
def frame(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding."""
    yield from _with_trait(
        snapshot, "an even frame", lambda image: image.traits is not None and image.traits.frame > 0.004
    )


@check("shortcuts.burnt_in_text", Severity.WARNING, "burnt-in text that goes with the label")
def burnt_in_text(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding."""
    yield from _with_trait(
        snapshot, "burnt-in text", lambda image: image.traits is not None and image.traits.writing >= 4
    )


@check("shortcuts.metal", Severity.WARNING, "metal, or what resembles it, that goes with the label")
def metal(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding: bright thin parts that stand out more than on nearly all images of the other label."""
    yield from _beyond(snapshot, "bright, sharp parts as metal has", lambda image: _trait(image, "metal"))


@check("shortcuts.brightness", Severity.WARNING, "brightness, contrast or sharpness that goes with the label")
def brightness(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding each: this one number alone separates images with boxes from images without."""
    labelled = _labelled(snapshot)
    if labelled is None:
        return
    for what, name in (("brightness", "mean"), ("contrast", "spread"), ("sharpness", "sharpness")):
        values = np.array([_trait(image, name) for image in labelled.images])
        area = _area_under_curve(values, labelled.positive)
        if max(area, 1 - area) >= 0.8:
            yield Fault(
                f"{what} alone separates images with boxes from those without in {max(area, 1 - area):.0%} of the "
                f"pairs: {'higher' if area > 0.5 else 'lower'} where there are boxes",
                snapshot.root,
                hint="find out what differs (machine, export, hospital) and take both kinds of image from each",
            )


def _labelled(snapshot: Snapshot) -> _Labelled | None:
    """The images that count; None if there are too few of either kind."""
    labels = snapshot.positives
    images = tuple(image for image in snapshot.images if image.path in labels and image.traits is not None)
    positive = np.array([labels[image.path] for image in images], dtype=bool)
    if len(images) == 0 or min(int(positive.sum()), int((~positive).sum())) < FEWEST:
        return None
    return _Labelled(images, positive)


def _trait(image: CheckedImage, name: str) -> float:
    return float(getattr(image.traits, name))


def _with_trait(snapshot: Snapshot, what: str, shows: Callable[[CheckedImage], bool]) -> Iterator[Fault]:
    labelled = _labelled(snapshot)
    if labelled is not None:
        has = np.array([shows(image) for image in labelled.images])
        if _association(has, labelled.positive) is not None:
            yield _fault(what, has, labelled, snapshot)


def _beyond(snapshot: Snapshot, what: str, measure: Callable[[CheckedImage], float]) -> Iterator[Fault]:
    """What lies beyond 98 % of the one label's images, where far more of the other's do."""
    labelled = _labelled(snapshot)
    if labelled is None:
        return
    values = np.array([measure(image) for image in labelled.images])
    for side in (True, False):
        limit = float(np.quantile(values[labelled.positive != side], 0.98))
        has = values > limit
        share, other = (float(has[labelled.positive == each].mean()) for each in (side, not side))
        count = int((labelled.positive == side).sum())
        if share - other > max(MINIMUM_SHARE, _NORMAL * float(np.sqrt(0.02 * 0.98 / count))):
            yield _fault(what, has, labelled, snapshot)
            return


def _association(has: NDArray[np.bool_], positive: NDArray[np.bool_]) -> float | None:
    """Standard errors between the shares of positives with and without; None if it may be chance or is small."""
    with_it, without = int(has.sum()), int((~has).sum())
    if with_it < 5 or without < 5:
        return None
    shares = positive[has].mean(), positive[~has].mean()
    joint = positive.mean()
    error = float(np.sqrt(joint * (1 - joint) * (1 / with_it + 1 / without)))
    strength = abs(float(shares[0] - shares[1])) / error if error else 0.0
    return strength if strength >= _NORMAL and abs(shares[0] - shares[1]) >= DIFFERENCE else None


def _area_under_curve(values: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Share of pairs (one positive, one negative) in which the positive has the larger value; ties count half."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    count = int(positive.sum())
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(values) - count)))


def _fault(what: str, has: NDArray[np.bool_], labelled: _Labelled, snapshot: Snapshot) -> Fault:
    shares = [float(labelled.positive[each].mean()) for each in (has, ~has)]
    some = [image.path for image, each in zip(labelled.images, has, strict=True) if each]
    return Fault(
        f"{what}: {shares[0]:.0%} of the {int(has.sum())} images with it have boxes, {shares[1]:.0%} of the "
        f"{int((~has).sum())} without",
        snapshot.root,
        hint="add images with it that show no fracture and images without it that do, or measure the two groups apart",
        others=tuple(some[:8]),
    )
