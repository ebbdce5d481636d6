"""How much there is of what."""

from __future__ import annotations

from collections.abc import Iterator

from fractura.quality.registry import Fault, Severity, check
from fractura.quality.snapshot import Snapshot


@check("balance.classes", Severity.NOTE, "number of boxes of each class")
def classes(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding; a warning where there is no box at all, or none of a class that was asked for."""
    counts = {name: snapshot.class_counts.get(name, 0) for name in snapshot.class_names or snapshot.class_counts}
    if not any(counts.values()):
        yield Fault(
            "no image has a box: there is nothing to learn",
            snapshot.root,
            hint="label some fractures first",
            severity=Severity.WARNING,
        )
        return
    missing = [name for name, count in counts.items() if count == 0]
    if missing:
        yield Fault(
            f"no box of class {', '.join(missing)}",
            snapshot.root,
            hint="label some, or leave the class out",
            severity=Severity.WARNING,
        )
    yield Fault("boxes: " + ", ".join(f"{name} {count}" for name, count in counts.items()), snapshot.root)


# A class below this is learnt by heart rather than understood.
FEW_BOXES = 10
IMBALANCE = 20.0


@check("balance.rare_class", Severity.WARNING, "classes with very few boxes")
def rare_class(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding a class, in data sets of more than a handful of boxes."""
    counts = snapshot.class_counts
    most = max(counts.values(), default=0)
    for name, count in counts.items():
        if most >= 2 * FEW_BOXES and (count < FEW_BOXES or count * IMBALANCE < most):
            yield Fault(
                f"class '{name}' has {count} boxes, the most frequent class {most}",
                snapshot.root,
                hint="label more of it, join it with another class, or leave it out",
            )


@check("balance.negative_share", Severity.WARNING, "shares of negative images that differ between the splits")
def negative_share(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding, where the shares differ by more than chance and by more than a tenth."""
    if snapshot.against is None:
        return
    here, there = ((each.negatives, len(each.annotations)) for each in (snapshot, snapshot.against))
    if min(here[1], there[1]) == 0:
        return
    shares = here[0] / here[1], there[0] / there[1]
    joint = (here[0] + there[0]) / (here[1] + there[1])
    error = (joint * (1 - joint) * (1 / here[1] + 1 / there[1])) ** 0.5
    if abs(shares[0] - shares[1]) > max(0.1, 3 * error):
        yield Fault(
            f"{shares[0]:.0%} of the images here have no box, {shares[1]:.0%} in {snapshot.against.root}",
            snapshot.root,
            hint="draw both splits from the same images; thresholds chosen on one do not hold on the other",
        )


@check("balance.negatives", Severity.NOTE, "number of images on which nothing is annotated")
def negatives(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding; a warning where there are none."""
    images = len(snapshot.annotations)
    share = f"{snapshot.negatives} of {images} labelled images have no box ({snapshot.negatives / images:.0%})"
    if snapshot.negatives:
        decided = (
            f"{snapshot.decided_negatives} of these {snapshot.negatives} were saved as normal in the labelling page"
        )
        yield Fault(f"{share}; {decided}", snapshot.root)
        return
    yield Fault(
        share,
        snapshot.root,
        hint="add images on which nothing is broken, or false alarms can be neither unlearnt nor measured",
        severity=Severity.WARNING,
    )
