"""The JSON of the API, as pydantic models: what goes in is checked, what goes out is documented."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from fractura.web.folder_index import State

MAXIMUM_BOXES = 10_000
MAXIMUM_COMMENT = 10_000

Pixels = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
FilmId = Annotated[str, Field(pattern="^u?[0-9a-f]{16}$", description="Id of a film, from the film list or an upload.")]


class Received(BaseModel):
    """A body that is sent to us: closed to unknown keys."""

    model_config = ConfigDict(extra="forbid", strict=False)


class BoxIn(Received):
    """A box as the page sends it; corners in pixels of the displayed film."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    xmin: Pixels
    ymin: Pixels
    xmax: Pixels
    ymax: Pixels
    difficult: bool = False
    truncated: bool | None = None
    pose: Annotated[str, Field(max_length=200)] | None = None


class AnnotationIn(Received):
    """Everything that is to be saved for a film."""

    boxes: Annotated[list[BoxIn], Field(max_length=MAXIMUM_BOXES)]
    verified: bool = False
    comment: Annotated[str, Field(max_length=MAXIMUM_COMMENT)] = ""


class Box(BaseModel):
    """A box as it is in the file."""

    name: str
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    difficult: bool
    truncated: bool
    pose: str


class Note(BaseModel):
    """Something about a film that the reader should see."""

    message: str
    place: str | None
    hint: str | None


class Annotation(BaseModel):
    """A film's annotation."""

    film: FilmId
    exists: bool
    etag: str
    width: int
    height: int
    boxes: list[Box]
    verified: bool
    comment: str
    written_size: tuple[int | None, int | None] | None
    notes: list[Note]
    has_backup: bool


class Film(BaseModel):
    """One film of the list."""

    id: FilmId
    name: str
    state: State
    boxes: int | None
    uncertainty: float | None
    disagreeing: bool
    comment: bool


class FilmList(BaseModel):
    """A part of the film list."""

    films: list[Film]
    total: int
    offset: int
    position: int | None
    counts: dict[State, int]
    revision: int
    reading: bool


class Window(BaseModel):
    """Grey levels of a film with more than 8 bits: what is shown, and what there is."""

    centre: float
    width: float
    lowest: float
    highest: float


class FilmDetail(Film):
    """A film with what its header says."""

    width: int
    height: int
    bit_depth: int
    window: Window | None
    dicom: bool
    inverted: bool
    burnt_in_text: bool
    frames: int
    body_part: str | None
    view: str | None
    laterality: str | None


class Limits(BaseModel):
    """What the server accepts."""

    film_bytes: int
    film_pixels: int
    films_per_request: int
    request_bytes: int


class Session(BaseModel):
    """What the page needs to know first."""

    version: str
    mode: Literal["label", "serve"]
    folder: str | None
    model: str | None
    can_train: bool
    train_hint: str | None
    limits: Limits
    states: list[State]


class TokenIn(Received):
    """The token of this server."""

    token: Annotated[str, Field(max_length=1000)]


class Health(BaseModel):
    """The server answers."""

    status: Literal["ok"]
    version: str


class ClassName(BaseModel):
    """A class name and how often it is used in the folder."""

    name: str
    boxes: int


class ClassNames(BaseModel):
    """Names to choose from."""

    classes: list[ClassName]
