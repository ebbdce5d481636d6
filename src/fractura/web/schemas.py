"""The JSON of the API as pydantic models: requests are validated, responses are documented."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict  # pydantic refuses that of ``typing`` before Python 3.12

from fractura.formats.voc.annotation import VocObject
from fractura.imaging.dicom import PixelSpacing
from fractura.inference.answer import Answer, Sensitivity
from fractura.inference.origin import OriginDocument
from fractura.inference.results import ImageRow
from fractura.web.folder_index import ImageState

MAXIMUM_BOXES = 10_000
MAXIMUM_COMMENT = 10_000

Pixels = Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)]
Corners = tuple[float, float, float, float]
ImageId = Annotated[
    str, Field(pattern="^u?[0-9a-f]{16}$", description="Id of an image, from the image list or an upload.")
]


class RequestBody(BaseModel):
    """A body that a client sends; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class BoxIn(RequestBody):
    """A box as the page sends it; corners in pixels of the displayed image."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    xmin: Pixels
    ymin: Pixels
    xmax: Pixels
    ymax: Pixels
    difficult: bool = False
    truncated: bool | None = None
    pose: Annotated[str, Field(max_length=200)] | None = None

    @property
    def corners(self) -> Corners:
        """Left, top, right, bottom."""
        return self.xmin, self.ymin, self.xmax, self.ymax


class AnnotationIn(RequestBody):
    """Everything to be saved for an image.

    Attributes:
        boxes: Null where there are none and nothing is decided: the image is then unlabelled.
        normal: A person decided that there is nothing to find; needed for an empty list of boxes, void with boxes.
        verified: A reviewer has confirmed the boxes, or that there are none.
        comment: Stored apart from the labels.
    """

    boxes: Annotated[list[BoxIn], Field(max_length=MAXIMUM_BOXES)] | None
    normal: bool = False
    verified: bool = False
    comment: Annotated[str, Field(max_length=MAXIMUM_COMMENT)] = ""


class Box(BaseModel):
    """A box as the file holds it; corners in pixels of the displayed image."""

    model_config = ConfigDict(frozen=True)

    name: str
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    difficult: bool = False
    truncated: bool = False
    pose: str = "Unspecified"

    @property
    def corners(self) -> Corners:
        """Left, top, right, bottom."""
        return self.xmin, self.ymin, self.xmax, self.ymax

    @classmethod
    def of(cls, each: VocObject) -> Box:
        """The box of an ``<object>``."""
        left, top, right, bottom = each.corners
        return cls(
            name=each.name,
            xmin=left,
            ymin=top,
            xmax=right,
            ymax=bottom,
            difficult=each.difficult,
            truncated=each.truncated,
            pose=each.pose,
        )


class ScoredBox(Box):
    """A box that a model detected, with its score from 0 to 1."""

    score: float


class Suggestion(ScoredBox):
    """A detection to be accepted or dismissed; its probability is null without a calibration."""

    probability: float | None


class Note(BaseModel):
    """A remark about an image that the reader should see."""

    message: str
    place: str | None
    hint: str | None


class Annotation(BaseModel):
    """An image's annotation.

    Attributes:
        exists: There is an annotation file.
        normal: There is one, and it has no boxes.
    """

    image: ImageId
    exists: bool
    normal: bool
    etag: str
    width: int
    height: int
    boxes: list[Box]
    verified: bool
    comment: str
    written_size: tuple[int | None, int | None] | None
    notes: list[Note]
    has_backup: bool


class ImageItem(TypedDict):
    """One image of the list."""

    id: ImageId
    name: str
    state: ImageState
    boxes: int | None
    uncertainty: float | None
    disagreeing: bool
    comment: bool


class ImageEvent(ImageItem):
    """An image that changed, as the event stream reports it, with the etag of its annotation."""

    etag: str | None


class ImageList(BaseModel):
    """A page of the image list."""

    images: list[ImageItem]
    total: int
    offset: int
    position: int | None
    counts: dict[ImageState, int]
    revision: int
    reading: bool


class GreyWindow(BaseModel):
    """Grey values of an image with more than 8 bits: the window that is displayed, and the range that exists."""

    centre: float
    width: float
    lowest: float
    highest: float


class ImageDetail(ImageItem):
    """An image with the information in its header; ``spacing`` is null where the file does not give it."""

    width: int
    height: int
    bit_depth: int
    window: GreyWindow | None
    dicom: bool
    inverted: bool
    burnt_in_text: bool
    frames: int
    body_part: str | None
    view: str | None
    laterality: str | None
    spacing: PixelSpacing | None


class RelatedImage(ImageItem):
    """Another image of the same study, or of the same patient."""

    relation: Literal["study", "patient"]


class RelatedImages(BaseModel):
    """The images that belong to one, by their DICOM headers; null if its own does not say whose it is."""

    images: list[RelatedImage] | None


class Limits(BaseModel):
    """What the server accepts."""

    image_bytes: int
    image_pixels: int
    images_per_request: int
    request_bytes: int


class Session(BaseModel):
    """What the page needs to know before anything else.

    Attributes:
        folder_id: Differs with the folder.
        can_open: Other folders can be opened from where the request came from.
    """

    version: str
    mode: Literal["label", "serve"]
    folder: str | None
    folder_id: str | None
    can_open: bool
    model: str | None
    can_train: bool
    train_hint: str | None
    limits: Limits
    states: list[ImageState]


FolderId = Annotated[str, Field(pattern="^[0-9a-f]{16}$", description="Id of a folder, from /api/folders.")]


class ListedFolder(BaseModel):
    """A folder that can be listed or opened."""

    id: FolderId
    name: str


class FolderListing(BaseModel):
    """The sub-folders of a folder.

    Attributes:
        id: Null above the roots.
        images: Number of image files right in it.
        trail: The folders from the root down to this one.
        start: Above the roots: the folder around the one that is open.
    """

    id: FolderId | None
    name: str
    images: int
    trail: list[ListedFolder]
    folders: list[ListedFolder]
    start: FolderId | None


class FolderChoice(RequestBody):
    """The folder to open."""

    id: FolderId


class TokenIn(RequestBody):
    """The token of this server."""

    token: Annotated[str, Field(max_length=1000)]


class Health(BaseModel):
    """The server is up."""

    status: Literal["ok"]
    version: str


class ClassName(BaseModel):
    """A class name and the number of boxes in the folder that have it."""

    name: str
    boxes: int


class ClassNames(BaseModel):
    """Class names to choose from.

    Attributes:
        classes: Those of the list in the file first, in its order.
        file: Name of the file with the list, whether it is there or not.
    """

    classes: list[ClassName]
    file: str


class ClassIn(RequestBody):
    """A class to be added to the list in the file."""

    name: Annotated[str, Field(max_length=200, pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$")]


class Disagreement(BaseModel):
    """A contradiction between the model's detections and the boxes that people drew.

    Attributes:
        kind: ``missed_by_human``: a detection at or above the threshold where there is no box. ``missed_by_model``: a
            box without a detection of any score. ``other_class``: a detection at or above the threshold on a box of
            another class.
        box: The detection, or the box that the model missed.
    """

    kind: Literal["missed_by_human", "missed_by_model", "other_class"]
    box: ScoredBox | Box


class ImageSuggestions(BaseModel):
    """The model's detections on an image, best first, down to a score of 0.05.

    Attributes:
        answer: For the image as a whole, at ``threshold``.
        image_score: Of the best candidate.
        image_probability: That the image shows a fracture; null without a calibration.
        sensitivity: Of the model at ``threshold``, for whole images; null where it was not measured.
        warning: That the image is outside what the model was trained on, and why.
    """

    image: ImageId
    model: str | None
    status: Literal["ready", "waiting", "none"]
    boxes: list[Suggestion] = []
    threshold: float | None = None
    answer: Answer | None = None
    image_score: float | None = None
    image_probability: float | None = None
    sensitivity: Sensitivity | None = None
    warning: str | None = None
    uncertainty: float | None = None
    disagreements: list[Disagreement] = []


class SuggestionStatus(BaseModel):
    """Progress of the model through the folder.

    Attributes:
        running: Images are still queued.
        done: Images with detections of this model, whenever they were computed.
        total: Images of the folder.
        failed: Images that could not be processed.
        model: Id of the model in use.
        seconds_left: Estimated from the most recent images.
    """

    running: bool
    done: int
    total: int
    failed: int
    model: str | None
    seconds_left: float | None


class OperatingPoint(BaseModel):
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
    operating_points: list[OperatingPoint] = []
    problem: str | None = None


class ModelList(BaseModel):
    """The models this server can use."""

    models: list[ModelInfo]
    current: str | None


ModelId = Annotated[str, Field(pattern="^[a-z0-9-]{1,40}$")]


class ModelChoice(RequestBody):
    """The model to use."""

    id: ModelId


class DetectedImage(ImageRow):
    """An image of ``results.json``, followed by what is known of the upload.

    Attributes:
        id: For pictures and exports; null where the image is not kept.
        bit_depth: Null for an image that cannot be read.
        dicom: It is a DICOM image.
        ground_truth: The boxes of the annotation sent along.
        ground_truth_problem: Why there are none.
        seconds: What the image took.
    """

    id: ImageId | None
    bit_depth: int | None
    dicom: bool
    ground_truth: list[Box] | None
    ground_truth_problem: str | None
    seconds: float


class DetectionResponse(OriginDocument):
    """The model's detections on the uploaded images: the document of ``results.json``."""

    complete: bool
    images: list[DetectedImage]


class ExportRequest(RequestBody):
    """Which results to export.

    Attributes:
        threshold: Lowest score of a detection; by default the model's own.
        identifiers: With study, series and SOP instance UID and accession number of DICOM images. A DICOM object always
            refers to its image.
    """

    format: Literal["json", "csv", "voc", "dicom-sr", "dicom-sc", "dicom-gsps"]
    images: Annotated[list[ImageId], Field(min_length=1, max_length=20_000)]
    threshold: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    identifiers: bool = False
