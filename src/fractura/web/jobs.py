"""Batch jobs: images that are examined in the background, one after another, with a queue of limited length.

Jobs live in memory. After a restart they are unknown; the detections on a labelled folder are in its cache, so that the
same job, started again, goes on where it was.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from fractura.inference.origin import ResultOrigin
from fractura.inference.results import ImageRow, ResultsDocument, failed_row, results_document
from fractura.web.api_errors import WebError, bug
from fractura.web.job_schemas import JobState, JobStatus
from fractura.web.model_registry import UsableModel
from fractura.web.uploads import ImageSource


@dataclass(frozen=True)
class JobImage:
    """An image of a job.

    Attributes:
        name: As the results say it.
        open: Finds the image when its turn comes; raises ``WebError`` if it is gone by then.
    """

    name: str
    open: Callable[[], ImageSource]


@dataclass(eq=False, kw_only=True)
class Job:
    """Images to examine and what was found so far.

    Attributes:
        images: At least one.
        model: That examines them.
        origin: The same model, and the threshold.
        identifiers: With those of DICOM images.
        id: In the API; it cannot be guessed.
        state: Changed by the queue only.
        rows: One for each image that is done, in order.
    """

    images: tuple[JobImage, ...]
    model: UsableModel
    origin: ResultOrigin
    identifiers: bool = False
    id: str = field(default_factory=lambda: f"j{secrets.token_hex(8)}")
    state: JobState = "queued"
    rows: list[ImageRow] = field(default_factory=list)

    @property
    def has_ended(self) -> bool:
        """There will be no more results."""
        return self.state in ("done", "cancelled")

    def status(self) -> JobStatus:
        """Its progress."""
        rows = list(self.rows)
        return JobStatus(
            id=self.id,
            state=self.state,
            total=len(self.images),
            done=len(rows),
            errors=sum(row["error"] is not None for row in rows),
            created=self.origin.created,
            model=self.origin.card.name,
            threshold=self.origin.settings.threshold,
        )

    def results(self) -> ResultsDocument:
        """The results so far, as ``fractura detect`` writes them."""
        is_complete = self.state == "done"  # asked first: rows may still be added
        return results_document(list(self.rows), self.origin, complete=is_complete)


class JobQueue:
    """Runs one job after another in a thread.

    Args:
        examine: Gives the row of an image of a job.
        most: Number of jobs that are kept; the oldest that has ended makes room for a new one.
    """

    def __init__(self, examine: Callable[[Job, ImageSource], ImageRow], most: int) -> None:
        self._examine, self._most = examine, most
        self._changed = threading.Condition()
        self._jobs: dict[str, Job] = {}
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread after the current image."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def add(self, job: Job) -> None:
        """Queue a job.

        Raises:
            WebError: There are too many that have not ended.
        """
        with self._changed:
            ended = [each for each in self._jobs.values() if each.has_ended]
            if len(self._jobs) >= self._most:
                if not ended:
                    raise WebError(
                        429, "queue_full", f"{self._most} jobs are waiting already", hint="wait for one, or cancel it"
                    )
                del self._jobs[ended[0].id]
            self._jobs[job.id] = job
            self._changed.notify_all()

    def all(self) -> list[Job]:
        """The jobs, the newest first."""
        with self._changed:
            return list(self._jobs.values())[::-1]

    def get(self, job: str) -> Job:
        """The job with this id.

        Raises:
            WebError: There is none.
        """
        with self._changed:
            if job not in self._jobs:
                raise WebError(
                    404,
                    "job_unknown",
                    "there is no job with this id",
                    hint="jobs are forgotten when the server ends, and the oldest ones for new ones; start it again",
                )
            return self._jobs[job]

    def cancel(self, job: str) -> Job:
        """Cancel a job, or forget it if it has ended.

        Raises:
            WebError: There is none with this id.
        """
        with self._changed:
            found = self.get(job)
            if found.has_ended:
                del self._jobs[job]
            else:
                found.state = "cancelled"
            return found

    def _run(self) -> None:
        while (job := self._next()) is not None:
            for image in job.images:
                if self._stopping or job.has_ended:
                    break
                row = self._row(job, image)
                with self._changed:
                    if not job.has_ended:
                        job.rows.append(row)
            with self._changed:
                if len(job.rows) == len(job.images) and not job.has_ended:
                    job.state = "done"

    def _next(self) -> Job | None:
        """The oldest job in the queue, waited for; None at the end."""
        with self._changed:
            while not self._stopping:
                for job in self._jobs.values():
                    if job.state == "queued":
                        job.state = "running"
                        return job
                self._changed.wait()
            return None

    def _row(self, job: Job, image: JobImage) -> ImageRow:
        try:
            return self._examine(job, image.open())
        except WebError as error:
            return failed_row(image.name, error.detail())
        except Exception as error:  # the thread must live; only the type is logged
            return failed_row(image.name, bug(error).detail())
