"""The JSON of ``/api/jobs`` and of uploads without detections, as pydantic models."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from fractura.web.schemas import ImageId, ModelId, RequestBody

JobId = Annotated[str, Field(pattern="^j[0-9a-f]{16}$", description="Id of a job, from its start.")]
JobState = Literal["queued", "running", "done", "cancelled"]


class JobRequest(RequestBody):
    """Which images to examine, and how: either ``images`` or ``folder``.

    Attributes:
        images: Ids from the image list or an upload.
        folder: A folder below the one that is served, ``.`` for that itself; all images in it, as ``fractura detect``
            finds them.
        model: By default the model in use.
        threshold: Lowest score of a detection; by default the model's own.
        identifiers: With study, series and SOP instance UID and accession number of DICOM images.
    """

    images: Annotated[list[ImageId], Field(min_length=1, max_length=20_000)] | None = None
    folder: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    model: ModelId | None = None
    threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    identifiers: bool = False

    @model_validator(mode="after")
    def _is_one_of_both(self) -> Self:
        if (self.images is None) == (self.folder is None):
            raise ValueError("give either images or a folder")
        return self


class JobStatus(BaseModel):
    """The progress of a job.

    Attributes:
        id: For the next requests.
        state: ``cancelled`` keeps the results that were there.
        total: Number of images.
        done: Images that were examined, those that could not be read included.
        errors: Images that could not be read, or that the model failed on.
        created: Time of the request: ISO 8601, in UTC.
        model: Name on the model's card.
        threshold: Lowest score of a detection.
    """

    id: JobId
    state: JobState
    total: int
    done: int
    errors: int
    created: str
    model: str
    threshold: float


class JobList(BaseModel):
    """The jobs that the server knows, the newest first."""

    jobs: list[JobStatus]


class UploadedImage(BaseModel):
    """An image in the server's memory."""

    id: ImageId
    image: str


class UploadList(BaseModel):
    """The images that were uploaded, in their order."""

    images: list[UploadedImage]
