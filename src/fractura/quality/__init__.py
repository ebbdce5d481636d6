"""Finding mistakes in a folder of labelled images: all of them, not just the first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fractura.quality.registry import Check, Finding, Severity, chosen_checks, counted
from fractura.quality.snapshot import Snapshot, take_snapshot

__all__ = ["CheckReport", "Finding", "Severity", "check_dataset"]


@dataclass(frozen=True)
class CheckReport:
    """What ``check_dataset`` found.

    Attributes:
        root: The folder that was examined.
        against: The other split, if one was given.
        images: Number of images, readable or not.
        annotations: Number of annotation files.
        negatives: How many of these are valid and have no objects.
        decided_negatives: How many of those somebody saved as normal on the page.
        boxes_by_class: Number of boxes of each class name found.
        findings: Errors first, then warnings, then notes; each kind in the order of the checks.
        snapshot: All that was seen.
    """

    root: Path
    against: Path | None
    images: int
    annotations: int
    negatives: int
    decided_negatives: int
    boxes_by_class: dict[str, int]
    findings: tuple[Finding, ...]
    snapshot: Snapshot = field(repr=False)

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity."""
        return tuple(finding for finding in self.findings if finding.severity == severity)

    def counted(self, severity: Severity) -> str:
        """How many findings of one severity, in words."""
        return counted(len(self.of(severity)), severity)

    @property
    def is_clean(self) -> bool:
        """True if there is no error; warnings and notes may be there."""
        return not self.of(Severity.ERROR)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "folder": str(self.root),
            "against": None if self.against is None else str(self.against),
            "images": self.images,
            "annotations": self.annotations,
            "negatives": self.negatives,
            "decided_negatives": self.decided_negatives,
            "boxes_by_class": self.boxes_by_class,
            "errors": len(self.of(Severity.ERROR)),
            "warnings": len(self.of(Severity.WARNING)),
            "notes": len(self.of(Severity.NOTE)),
            "findings": [finding.to_dict() for finding in self.findings],
        }


def check_dataset(
    path: Path,
    against: Path | None = None,
    *,
    image_dir: Path | None = None,
    class_names: Sequence[str] | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    progress: Callable[[Sequence[Path]], Iterable[Path]] | None = None,
) -> CheckReport:
    """Find the mistakes in a Pascal VOC folder. Every image is decoded; nothing is changed.

    Args:
        path: The folder.
        against: The other split: no image may be in both. Its own mistakes are not listed.
        class_names: The names that are allowed; by default any.
        only: Ids of checks to run (``boxes.huge``), or subjects (``boxes``); by default all.
        skip: Ids or subjects to leave out.
        progress: Receives the images of each folder and yields them, each when its turn comes.

    Raises:
        DataError: There is no such folder, or no annotation in it. Everything else is a finding.
        UsageError: There is no check of that name, or none is left.
    """
    checks = chosen_checks(only, skip)
    other = None if against is None else take_snapshot(against, image_dir=image_dir, progress=progress)
    names = None if class_names is None else tuple(class_names)
    snapshot = take_snapshot(path, image_dir=image_dir, class_names=names, against=other, progress=progress)
    return check_snapshot(snapshot, checks)


def check_snapshot(snapshot: Snapshot, checks: Sequence[Check]) -> CheckReport:
    """Run checks on a folder that has been examined."""
    findings = [finding for each in checks for finding in each.run(snapshot)]
    order = list(Severity)
    path, against = snapshot.root, None if snapshot.against is None else snapshot.against.root
    return CheckReport(
        path,
        against,
        len(snapshot.images),
        len(snapshot.annotations),
        snapshot.negatives,
        snapshot.decided_negatives,
        snapshot.class_counts,
        tuple(sorted(findings, key=lambda finding: order.index(finding.severity))),
        snapshot,
    )
