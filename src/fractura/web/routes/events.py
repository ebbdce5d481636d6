"""``/api/events``: the event stream."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from fractura.web.app_state import CurrentState

router = APIRouter(tags=["events"])


@router.get(
    "/api/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "Events"}},
)
async def events(state: CurrentState) -> StreamingResponse:
    """Server-sent events about images, suggestions, training and models, until the client disconnects."""
    return StreamingResponse(state.events.listen(), media_type="text/event-stream")
