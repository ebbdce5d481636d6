"""``/api/uploads``: images in the server's memory."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Response, UploadFile

from fractura.web.api_errors import WebError, documented
from fractura.web.app_state import CurrentState
from fractura.web.job_schemas import UploadedImage, UploadList
from fractura.web.schemas import ImageId
from fractura.web.uploads import plain_name, uploaded_image

router = APIRouter(tags=["uploads"])


@router.post("/api/uploads", status_code=201, response_model=UploadList, responses=documented(401, 403, 413, 422))
async def upload_images(
    state: CurrentState,
    images: Annotated[list[UploadFile], File(description="JPEG, PNG, TIFF, BMP, WebP, HEIC or DICOM.")],
) -> UploadList:
    """Upload images for a job; they are not examined yet. The oldest images are dropped when the memory is full."""
    most = state.settings.images_per_request
    if len(images) > most:
        raise WebError(413, "too_many_images", f"more than {most} images in one request", hint="send fewer at a time")
    kept = [uploaded_image(plain_name(each.filename), await each.read()) for each in images]
    for image in kept:
        state.uploads.keep(image)
    return UploadList(images=[UploadedImage(id=image.id, image=image.name) for image in kept])


@router.delete("/api/uploads", status_code=204, response_class=Response, responses=documented(401, 403))
async def forget_uploads(state: CurrentState) -> Response:
    """Drop all uploaded images."""
    state.uploads.forget()
    return Response(status_code=204)


@router.delete("/api/uploads/{image}", status_code=204, response_class=Response, responses=documented(401, 403, 422))
async def forget_upload(image: ImageId, state: CurrentState) -> Response:
    """Drop an uploaded image; it is not an error if it is already gone."""
    state.uploads.forget(image)
    return Response(status_code=204)
