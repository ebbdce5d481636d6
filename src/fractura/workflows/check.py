"""``check_folder``: the mistakes in a folder of labelled images, as a page and as a cleaned copy if wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fractura.core.errors import DataError
from fractura.core.files import write_atomically
from fractura.core.reporter import LOG, Reporter, track
from fractura.formats.recognition import guess_format
from fractura.formats.registry import FORMATS
from fractura.quality import CheckReport, Severity, check_dataset
from fractura.quality.fix import LOG as CHANGES_FILE
from fractura.quality.fix import Change, write_fixed_copy
from fractura.quality.registry import counted
from fractura.quality.report_page import page_path, report_page


@dataclass(frozen=True, kw_only=True)
class FolderCheck:
    """What ``check_folder`` found and wrote.

    Attributes:
        report: All findings.
        page: The page that was written, if any.
        copy: The folder of the cleaned copy, if any.
        changes: What differs between the original and the copy.
    """

    report: CheckReport
    page: Path | None = None
    copy: Path | None = None
    changes: tuple[Change, ...] = ()

    @property
    def images_left_out(self) -> int:
        """Images that are not in the cleaned copy."""
        images = {image.path.name for image in self.report.snapshot.images}
        return sum(each.action == "left out" and each.file in images for each in self.changes)

    def files_summary(self) -> list[str]:
        """A line on each file and folder that was written."""
        lines = [] if self.page is None else [f"page: {self.page}"]
        if self.copy is not None:
            total, left_out = self.report.images, self.images_left_out
            changes = counted(len(self.changes), "change")
            taken = f"{total - left_out} of {total} images, {left_out} left out"
            lines.append(f"cleaned copy: {self.copy}; {taken}; {changes}, listed in {CHANGES_FILE}")
        return lines

    def summary(self) -> str:
        """One line on what was examined; a DataError's text if there are errors.

        Raises:
            DataError: There are errors among the findings.
        """
        report, other = self.report, self.report.snapshot.against
        inspected = counted(report.images, "image")
        if other is not None:
            inspected += f", compared with {counted(len(other.images), 'image')} of {other.root}"
        if not report.is_clean:
            raise DataError(
                f"{report.counted(Severity.ERROR)} and {report.counted(Severity.WARNING)} in {inspected}",
                file=report.root,
                hint="correct the errors listed above, then check again",
            )
        return f"no errors, {report.counted(Severity.WARNING)} in {inspected}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        document = self.report.to_dict()
        return document if self.copy is None else {**document, "changes": [vars(each) for each in self.changes]}


def check_folder(
    data: Path | str,
    against: Path | str | None = None,
    *,
    image_dir: Path | str | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    html: Path | str | None = None,
    fix: Path | str | None = None,
    reporter: Reporter = LOG,
) -> FolderCheck:
    """Find mistakes in a Pascal VOC folder; nothing in it is changed.

    Args:
        data: The folder.
        against: The other split: no image may be in both.
        image_dir: Where the images lie, of ``data`` and of ``against``, if not there; sub-folders belong to it.
        only: Checks to run (``boxes.huge``) or subjects (``boxes``); by default all.
        skip: Checks or subjects to leave out.
        html: Write a page with pictures, a ``.html`` file or a folder.
        fix: Write a cleaned copy into this new folder, with a log.
        reporter: Shows progress.

    Raises:
        DataError: There is no such folder, or no annotation in it; or a file cannot be written. Everything else is a
            finding.
        UsageError: There is no check of that name, or ``fix`` is in use or lies in the data.

    Example:
        ``check_folder("train", against="val").report.findings``
    """
    data, against = Path(data), None if against is None else Path(against)
    _refuse_other_format(data)
    report = check_dataset(
        data,
        against,
        image_dir=None if image_dir is None else Path(image_dir),
        only=only,
        skip=skip,
        progress=lambda images: track(reporter, images, "examining"),
    )
    page = None if html is None else page_path(Path(html))
    if page is not None:
        write_atomically(page, report_page(report))
    copy = None if fix is None else Path(fix)
    changes = () if copy is None else write_fixed_copy(report, copy)
    return FolderCheck(report=report, page=page, copy=copy, changes=changes)


def _refuse_other_format(data: Path) -> None:
    """Say how to check labelled images that are not Pascal VOC."""
    try:
        found = guess_format(data).format
    except DataError:
        return  # the checks say what is wrong
    if found in FORMATS and found != "voc":
        raise DataError(
            f"is {FORMATS[found].title}, and the checks examine Pascal VOC",
            file=data,
            hint="convert it first: fractura convert … --to voc",
        )
