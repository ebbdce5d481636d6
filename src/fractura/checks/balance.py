"""How much there is of what."""

from __future__ import annotations

from collections.abc import Iterator

from fractura.checks.findings import Severity
from fractura.checks.registry import Fault, check
from fractura.checks.snapshot import Snapshot


@check("balance.classes", Severity.NOTE, "number of boxes of each class")
def classes(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding; a warning where there is no box at all, or none of a class that was asked for."""
    counts = {name: snapshot.class_counts.get(name, 0) for name in snapshot.class_names or snapshot.class_counts}
    if not any(counts.values()):
        yield Fault(
            "no film has a box: there is nothing to learn",
            snapshot.root,
            way_out="label some fractures first",
            severity=Severity.WARNING,
        )
        return
    missing = [name for name, count in counts.items() if count == 0]
    if missing:
        yield Fault(
            f"no box of class {', '.join(missing)}",
            snapshot.root,
            way_out="label some, or leave the class out",
            severity=Severity.WARNING,
        )
    yield Fault("boxes: " + ", ".join(f"{name} {count}" for name, count in counts.items()), snapshot.root)


@check("balance.negatives", Severity.NOTE, "number of films on which nothing is marked")
def negatives(snapshot: Snapshot) -> Iterator[Fault]:
    """One finding; a warning where there are none."""
    films = len(snapshot.annotations)
    share = f"{snapshot.negatives} of {films} labelled films have no box ({snapshot.negatives / films:.0%})"
    if snapshot.negatives:
        yield Fault(share, snapshot.root)
        return
    yield Fault(
        share,
        snapshot.root,
        way_out="add films on which nothing is broken, or the false alarms cannot be learnt away nor measured",
        severity=Severity.WARNING,
    )
