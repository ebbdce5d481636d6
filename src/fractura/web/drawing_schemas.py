"""The JSON of ``/api/images/{image}/drawing`` and ``/heat``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fractura.web.schemas import MAXIMUM_BOXES, Corners, Pixels, RequestBody

Text = Annotated[str, Field(max_length=300)]


class DrawnBox(RequestBody):
    """A box to draw; corners in pixels of the displayed image.

    Attributes:
        text: Stands at the box.
        colour: Boxes of the same number have the same colour.
    """

    text: Text
    colour: Annotated[int, Field(ge=0, le=10_000)] = 0
    xmin: Pixels
    ymin: Pixels
    xmax: Pixels
    ymax: Pixels

    @property
    def corners(self) -> Corners:
        """Left, top, right, bottom."""
        return self.xmin, self.ymin, self.xmax, self.ymax


class DrawingRequest(RequestBody):
    """What to draw on an image, and the lines of text below it."""

    boxes: Annotated[list[DrawnBox], Field(max_length=MAXIMUM_BOXES)]
    captions: Annotated[tuple[Text, ...], Field(max_length=5)] = ()


class HeatRequest(RequestBody):
    """Which detections to explain.

    Attributes:
        threshold: Lowest score of a detection; by default the model's own.
        caption: Below the picture.
        scale: What no evidence and the most evidence are called.
    """

    threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    caption: Text = "evidence for the detections"
    scale: tuple[Text, Text] = ("none", "most")
