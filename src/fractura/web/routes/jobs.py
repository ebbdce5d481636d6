"""``/api/jobs``: images that are examined in the background, with progress."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from fastapi import APIRouter

from fractura.core.printable import printable
from fractura.inference.results import ResultsDocument
from fractura.web.api_errors import WebError, documented
from fractura.web.app_state import AppState, CurrentState
from fractura.web.job_schemas import JobId, JobList, JobRequest, JobStatus
from fractura.web.jobs import Job, JobImage
from fractura.web.served_root import images_below
from fractura.web.uploads import ImageSource, file_source

router = APIRouter(tags=["jobs"])


@router.post(
    "/api/jobs", status_code=202, response_model=JobStatus, responses=documented(401, 403, 404, 409, 410, 413, 422, 429)
)
def start_job(request: JobRequest, state: CurrentState) -> JobStatus:
    """Examine images in the background: those of the list, uploaded ones, or all of a folder below the one served."""
    model = state.models.get(request.model)
    images = _folder_images(state, request.folder) if request.folder else _known_images(state, request.images or [])
    most = state.settings.job_images
    if len(images) > most:
        raise WebError(413, "too_many_images", f"more than {most} images in one job", hint="start several jobs")
    job = Job(
        images=images,
        model=model,
        origin=model.result_origin(request.threshold),
        identifiers=request.identifiers,
    )
    status = job.status()  # before it starts
    state.jobs.add(job)
    return status


@router.get("/api/jobs", response_model=JobList, responses=documented(401))
def list_jobs(state: CurrentState) -> JobList:
    """The jobs that are waiting or running, and those that ended last."""
    return JobList(jobs=[job.status() for job in state.jobs.all()])


@router.get("/api/jobs/{job}", response_model=JobStatus, responses=documented(401, 404, 422))
def job_status(job: JobId, state: CurrentState) -> JobStatus:
    """The progress of a job."""
    return state.jobs.get(job).status()


@router.get("/api/jobs/{job}/results", response_model=ResultsDocument, responses=documented(401, 404, 422))
def job_results(job: JobId, state: CurrentState) -> ResultsDocument:
    """The results so far: the document of ``results.json``, which ``fractura detect`` writes."""
    return state.jobs.get(job).results()


@router.delete("/api/jobs/{job}", response_model=JobStatus, responses=documented(401, 403, 404, 422))
def cancel_job(job: JobId, state: CurrentState) -> JobStatus:
    """Cancel a job, which keeps its results so far; one that has ended is forgotten with its results."""
    return state.jobs.cancel(job).status()


def _known_images(state: AppState, images: list[str]) -> tuple[JobImage, ...]:
    """Each is looked up now, so that a wrong id is an error at once, and opened when its turn comes.

    By then uploads may be gone, so that they stay within their memory, and another folder may be open.
    """
    return tuple(_known_image(state, state.source(image)) for image in dict.fromkeys(images))


def _known_image(state: AppState, found: ImageSource) -> JobImage:
    is_upload = isinstance(found.source, bytes)
    return JobImage(found.name, partial(state.uploads.get, found.id) if is_upload else lambda: found)


def _folder_images(state: AppState, folder: str) -> tuple[JobImage, ...]:
    root = state.served_root
    if root is None:
        raise WebError(404, "no_folder", "this server has no folder of images", hint="start it with --root FOLDER")

    def image(path: Path) -> JobImage:
        name = printable(path.relative_to(root).as_posix())
        return JobImage(name, partial(file_source, path, name))

    return tuple(image(path) for path in images_below(root, folder))
