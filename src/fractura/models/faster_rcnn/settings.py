"""Everything that defines a Faster R-CNN, typed and closed, named as in the TensorFlow Object Detection API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from fractura.models.resizer import FixedShapeResizer, KeepAspectRatioResizer

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
LiteKind = Literal["efficientnet_lite0_fpn", "efficientnet_lite1_fpn", "efficientnet_lite2_fpn"]


class AnchorSettings(BaseModel):
    """Grids of anchors, one per feature map, finest first.

    >>> AnchorSettings(scales=(0.5, 1.0), aspect_ratios=(0.5, 1.0, 2.0)).per_location
    6

    Attributes:
        strides: Pixels between neighbouring anchors.
        base_sizes: Side in pixels of the square anchor at scale 1.
        offsets: Centre of the first anchor, in pixels.
        scales: Factors on the side.
        aspect_ratios: Width over height.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    strides: tuple[PositiveInt, ...] = (16,)
    base_sizes: tuple[float, ...] = (256.0,)
    offsets: tuple[float, ...] = (0.0,)
    scales: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)
    aspect_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)

    @model_validator(mode="after")
    def _one_of_each_per_map(self) -> AnchorSettings:
        if not len(self.strides) == len(self.base_sizes) == len(self.offsets):
            raise ValueError("strides, base_sizes and offsets need one value per feature map")
        return self

    @property
    def per_location(self) -> int:
        """Number of anchors at each position of a grid."""
        return len(self.scales) * len(self.aspect_ratios)


class InceptionResNetV2Settings(BaseModel):
    """The tutorial's backbone: stride 16, one feature map."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["inception_resnet_v2"] = "inception_resnet_v2"
    batch_norm_trainable: bool = False


class ResNetSettings(BaseModel):
    """The zoo's smaller backbones: stride 16, one feature map.

    >>> ResNetSettings(kind="resnet101_v1").blocks
    (3, 4, 23, 3)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["resnet50_v1", "resnet101_v1", "resnet152_v1"]
    batch_norm_trainable: bool = False

    @property
    def blocks(self) -> tuple[int, int, int, int]:
        """How many blocks ``conv2`` to ``conv5`` have."""
        return {"resnet50_v1": (3, 4, 6, 3), "resnet101_v1": (3, 4, 23, 3), "resnet152_v1": (3, 8, 36, 3)}[self.kind]


class EfficientNetLiteSettings(BaseModel):
    """The small backbones with a feature pyramid.

    Attributes:
        kind: Which of them.
        channels: Channels of the pyramid.
        region_channels: Width of the fully connected layers on each region.
        frozen_blocks: The stem and this many first blocks keep their ImageNet weights: a third less time per step on a
            CPU, and nothing lost on small data sets.
        crop_stride: Stride of the map that regions are cropped from, if it is finer than that of the finest anchors:
            small fractures keep their detail, and proposals cost no more. None crops from the finest map with anchors.
        drop_connect: In training, the share of residual branches that the backbone's last block skips; earlier blocks
            skip fewer.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: LiteKind = "efficientnet_lite0_fpn"
    channels: PositiveInt = 96
    region_channels: PositiveInt = 256
    frozen_blocks: NonNegativeInt = 4
    crop_stride: Literal[4, 8, 16] | None = None
    drop_connect: Annotated[float, Field(ge=0, lt=1)] = 0.0


class ImageHeadSettings(BaseModel):
    """A head that estimates whether the image as a whole shows anything; see ``image_head.py``.

    Attributes:
        channels: Width of its layers.
        dropout: Share of its values dropped in training.
        label_smoothing: In training, a certain "yes" is half of this below 1, a certain "no" half of this above 0.
        loss_weight: Weight of its loss among the others.
        score_weight: Share of its log-odds that is added to those of the detections, see ``ImageHead.rescore``; 0
            leaves scores unchanged.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    channels: PositiveInt = 128
    dropout: Fraction = 0.2
    label_smoothing: Fraction = 0.05
    loss_weight: NonNegativeFloat = 1.0
    score_weight: NonNegativeFloat = 0.5


class RegularizerSettings(BaseModel):
    """A loss on the size of weights, which pulls them towards zero.

    Attributes:
        kind: ``l2``: half the sum of squares; ``l1``: the sum of magnitudes.
        weight: Factor on it; 0 leaves it out.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["l1", "l2"] = "l2"
    weight: NonNegativeFloat = 0.0


class FasterRCNNSettings(BaseModel):
    """The architecture of one Faster R-CNN. Defaults are those of the zoo's Inception ResNet V2 models.

    Attributes:
        clip_anchors_to_image: In training, clip anchors to the canvas instead of dropping those that cross its border.
        first_stage_pre_nms_top_n: Only this many best anchors enter the first suppression; None lets all in.
        first_stage_regularizer: On the kernels of the region proposal network.
        maxpool_kernel_size: Crops are max-pooled by windows of this side, without padding; 1 leaves them as they are.
        append_groundtruth_boxes: In training, ground-truth boxes join the proposals, a head start TensorFlow
            does not give.
        use_dropout: In training, drop values before each of the second stage's two layers.
        dropout_keep_probability: Share of the values that is kept.
        score_converter: From the logits of the background and the classes to scores. ``IDENTITY`` leaves the logits:
            they decide which detections are kept, and a SavedModel gives them; ``forward`` gives their sigmoid.
        image_head: A score for the whole image, with which detections are re-scored; None has none, as in TensorFlow.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    num_classes: PositiveInt
    image_resizer: FixedShapeResizer | KeepAspectRatioResizer = Field(discriminator="kind")
    feature_extractor: InceptionResNetV2Settings | ResNetSettings | EfficientNetLiteSettings = Field(
        discriminator="kind"
    )
    anchors: AnchorSettings = AnchorSettings()
    image_head: ImageHeadSettings | None = None
    clip_anchors_to_image: bool = False

    first_stage_box_predictor_depth: PositiveInt = 512
    first_stage_regularizer: RegularizerSettings = RegularizerSettings()
    first_stage_minibatch_size: PositiveInt = 256
    first_stage_positive_balance_fraction: Fraction = 0.5
    first_stage_matched_threshold: Fraction = 0.7
    first_stage_unmatched_threshold: Fraction = 0.3
    first_stage_pre_nms_top_n: PositiveInt | None = None
    first_stage_nms_score_threshold: NonNegativeFloat = 0.0
    first_stage_nms_iou_threshold: Fraction = 0.7
    first_stage_max_proposals: PositiveInt = 300
    first_stage_localization_loss_weight: NonNegativeFloat = 2.0
    first_stage_objectness_loss_weight: NonNegativeFloat = 1.0

    initial_crop_size: PositiveInt = 17
    maxpool_kernel_size: PositiveInt = 1
    maxpool_stride: PositiveInt = 1
    append_groundtruth_boxes: bool = False
    share_box_across_classes: bool = True
    use_dropout: bool = False
    dropout_keep_probability: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    second_stage_batch_size: PositiveInt = 64
    second_stage_balance_fraction: Fraction = 0.25
    second_stage_matched_threshold: Fraction = 0.5
    second_stage_nms_score_threshold: NonNegativeFloat = 0.0
    second_stage_nms_iou_threshold: Fraction = 0.6
    max_detections_per_class: PositiveInt = 100
    max_total_detections: PositiveInt = 100
    score_converter: Literal["SOFTMAX", "SIGMOID", "IDENTITY"] = "SOFTMAX"
    second_stage_localization_loss_weight: NonNegativeFloat = 2.0
    second_stage_classification_loss_weight: NonNegativeFloat = 1.0

    @model_validator(mode="after")
    def _pooling_fits(self) -> FasterRCNNSettings:
        if self.maxpool_kernel_size > self.initial_crop_size:
            raise ValueError("maxpool_kernel_size must not be larger than initial_crop_size")
        return self

    @property
    def region_size(self) -> int:
        """Side of a cropped and pooled region, in cells."""
        return (self.initial_crop_size - self.maxpool_kernel_size) // self.maxpool_stride + 1
