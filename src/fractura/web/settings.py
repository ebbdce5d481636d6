"""Settings of the web app: closed, typed and validated before the server listens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MINIMUM_TOKEN = 16
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class WebSettings(BaseModel):
    """Settings of one server.

    Attributes:
        mode: ``label`` works on a folder, ``serve`` on uploaded images.
        folder: Folder of images and annotations; required for ``label``.
        open_below: The page may open folders below it, on the loopback interface only; None for the home folder.
        classes: File with the class names, one a line; None for ``predefined_classes.txt`` in the folder.
        model: A model's path or ``built-in``; None for the newest model that can be used.
        root: Folder whose images batch jobs may examine; by default the one being labelled.
        host: Address to listen on. Anything but the loopback interface requires a ``token``.
        port: TCP port.
        token: Secret that every request must present; None requires none.
        image_bytes: Largest size of an image file.
        image_pixels: Largest number of pixels of an image, checked in its header before it is decoded.
        images_per_request: Largest number of images per request.
        request_bytes: Largest size of a request with images; all others are limited to ``document_bytes``.
        document_bytes: Largest size of a request without images.
        upload_bytes: Memory for uploaded images; the least recently used are dropped for new ones.
        jobs: Largest number of batch jobs, those included that have ended and whose results can still be read.
        job_images: Largest number of images per batch job.

    Examples:
        >>> WebSettings(mode="serve", port=0).is_loopback
        True
        >>> WebSettings(mode="serve", host="0.0.0.0")  # doctest: +IGNORE_EXCEPTION_DETAIL
        Traceback (most recent call last):
        pydantic.ValidationError: other machines may reach it only with a token
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    mode: Literal["label", "serve"]
    folder: Path | None = None
    open_below: Path | None = None
    classes: Path | None = None
    model: str | None = None
    root: Path | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    token: str | None = None
    image_bytes: Annotated[int, Field(ge=1)] = 100 * 2**20
    image_pixels: Annotated[int, Field(ge=1)] = 50_000_000
    images_per_request: Annotated[int, Field(ge=1)] = 200
    request_bytes: Annotated[int, Field(ge=1)] = 512 * 2**20
    document_bytes: Annotated[int, Field(ge=1)] = 4 * 2**20
    upload_bytes: Annotated[int, Field(ge=1)] = 1024 * 2**20
    jobs: Annotated[int, Field(ge=1)] = 20
    job_images: Annotated[int, Field(ge=1)] = 20_000

    @property
    def is_loopback(self) -> bool:
        """True if only this machine can reach the server."""
        return self.host in LOOPBACK_NAMES

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.mode == "label" and self.folder is None:
            raise ValueError("labelling needs a folder")
        if self.open_below is not None and not (self.is_loopback and self.open_below.is_dir()):
            raise ValueError("folders are opened below one of this machine, and only from this machine")
        if not self.is_loopback and self.token is None:
            raise ValueError("other machines may reach it only with a token")
        if self.token is not None and len(self.token) < MINIMUM_TOKEN:
            raise ValueError(f"a token has at least {MINIMUM_TOKEN} characters, this one has {len(self.token)}")
        return self
