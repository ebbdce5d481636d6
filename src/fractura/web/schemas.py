"""The JSON of the API, as pydantic models: what goes in is checked, what goes out is documented."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from fractura.web.errors import ErrorDetail
from fractura.web.folder_index import State

MAXIMUM_BOXES = 10_000
MAXIMUM_COMMENT = 10_000

Pixels = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
ImageId = Annotated[
    str, Field(pattern="^u?[0-9a-f]{16}$", description="Id of an image, from the image list or an upload.")
]


class Received(BaseModel):
    """A body that is sent to us: closed to unknown keys."""

    model_config = ConfigDict(extra="forbid")


class BoxIn(Received):
    """A box as the page sends it; corners in pixels of the displayed image."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    xmin: Pixels
    ymin: Pixels
    xmax: Pixels
    ymax: Pixels
    difficult: bool = False
    truncated: bool | None = None
    pose: Annotated[str, Field(max_length=200)] | None = None


class AnnotationIn(Received):
    """Everything that is to be saved for an image."""

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
    """Something about an image that the reader should see."""

    message: str
    place: str | None
    hint: str | None


class Annotation(BaseModel):
    """An image's annotation."""

    image: ImageId
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


class Image(BaseModel):
    """One image of the list."""

    id: ImageId
    name: str
    state: State
    boxes: int | None
    uncertainty: float | None
    disagreeing: bool
    comment: bool


class ImageList(BaseModel):
    """A part of the image list."""

    images: list[Image]
    total: int
    offset: int
    position: int | None
    counts: dict[State, int]
    revision: int
    reading: bool


class Window(BaseModel):
    """Grey levels of an image with more than 8 bits: what is shown, and what there is."""

    centre: float
    width: float
    lowest: float
    highest: float


class ImageDetail(Image):
    """An image with what its header says."""

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

    image_bytes: int
    image_pixels: int
    images_per_request: int
    request_bytes: int


class Session(BaseModel):
    """What the page needs to know first."""

    version: str
    mode: Literal["label", "serve"]
    folder: str | None
    folder_id: str | None
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


class DetectionInfo(Box):
    """A box that a model annotated."""

    score: float


class DisagreementInfo(BaseModel):
    """Where the model's detections and people's boxes contradict each other."""

    kind: Literal["missed_by_human", "missed_by_model", "other_class"]
    box: DetectionInfo | Box


class ImageSuggestions(BaseModel):
    """What the model would detection on an image, best first, down to a score of 0.05."""

    image: ImageId
    model: str | None
    status: Literal["ready", "waiting", "none"]
    boxes: list[DetectionInfo] = []
    threshold: float | None = None
    uncertainty: float | None = None
    disagreements: list[DisagreementInfo] = []


class SuggestionProgress(BaseModel):
    """How far the model is with the folder."""

    running: bool
    done: int
    total: int
    failed: int
    model: str | None
    seconds_left: float | None


class OperatingPointInfo(BaseModel):
    """Measured on the model's validation images at this threshold."""

    threshold: float
    sensitivity: float
    false_positives_per_image: float


class ModelInfo(BaseModel):
    """A model; one that cannot be used has a ``problem`` and no class names."""

    id: str
    name: str
    origin: Literal["built-in", "given", "trained"]
    class_names: list[str] = []
    threshold: float | None = None
    threshold_aim: str | None = None
    licence: str | None = None
    images: int | None = None
    operating_points: list[OperatingPointInfo] = []
    problem: str | None = None


class ModelList(BaseModel):
    """The models this server can use."""

    models: list[ModelInfo]
    current: str | None


ModelId = Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$")]


class ModelChoice(Received):
    """A model to use."""

    id: ModelId


class TrainingWish(Received):
    """How to train on the folder."""

    num_steps: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    val_share: Annotated[float, Field(ge=0, le=0.9, allow_inf_nan=False)] = 0.2
    seed: Annotated[int, Field(ge=0, le=2**31)] = 0


class TrainingStep(BaseModel):
    """One logged step."""

    step: int
    loss: float


class TrainingValidation(BaseModel):
    """One validation; what is not defined on the images is null."""

    step: int
    AP50: float | None


class TrainingState(BaseModel):
    """The training that runs, or the last one."""

    state: Literal["idle", "preparing", "running", "done", "failed", "stopped"]
    step: int
    num_steps: int
    loss: float | None
    seconds_left: float | None
    message: str | None
    lines: list[str]
    history: list[TrainingStep]
    validations: list[TrainingValidation]
    model: str | None


class DetectedImage(BaseModel):
    """What the model detections on an image that was sent; or why it cannot be read."""

    id: str | None
    name: str
    width: int | None = None
    height: int | None = None
    bit_depth: int | None = None
    dicom: bool = False
    detections: list[DetectionInfo] = []
    ground_truth: list[Box] | None = None
    ground_truth_problem: str | None = None
    seconds: float
    error: ErrorDetail | None = None


class Detections(BaseModel):
    """What the model detections on the images that were sent."""

    model: str
    threshold: float
    class_names: list[str]
    images: list[DetectedImage]


class DetectionStart(BaseModel):
    """First line of an answer in lines: the model, and how many images follow."""

    model: str
    threshold: float
    class_names: list[str]
    images: int


class ExportWish(Received):
    """Which results to export."""

    format: Literal["json", "csv", "voc", "dicom-sr"]
    images: Annotated[list[ImageId], Field(min_length=1, max_length=20_000)]
    threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
