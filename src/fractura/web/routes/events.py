"""``/api/events``: the stream of what happens."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from fractura.web.state import Here

router = APIRouter(tags=["events"])


@router.get(
    "/api/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Events"}},
)
async def listen(here: Here) -> StreamingResponse:
    """Changes of images, suggestions, training and models, as server-sent events, until the client goes away."""
    return StreamingResponse(here.board.listen(), media_type="text/event-stream")
