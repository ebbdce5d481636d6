"""The detection transformers' family: its named models, and how to build them. Needs no PyTorch until it builds one.

Pretrained weights come with their own configuration; the ones here serve to count, time and test the networks without
them. They follow the library's own conversion scripts (huggingface/transformers, convert_d_fine_original_pytorch_
checkpoint_to_hf.py, convert_rt_detr_v2_weights_to_hf.py, convert_rf_detr_weights_to_hf.py, convert_deimv2_original_
pytorch_checkpoint_to_hf.py); ``tests/test_catalogue_benchmark.py`` holds them to the sizes that their authors publish.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fractura.models.detr.hub import find_folder
from fractura.models.detr.library import FAMILY_NAMES, FamilyName
from fractura.models.family import Family, ModelEntry

if TYPE_CHECKING:
    from fractura.models.detector import Detector

TRAINING: dict[str, Any] = {
    "optimizer": "adamw",
    "learning_rate_base": 1e-4,
    "gradient_clipping_by_norm": 0.1,
    "negatives_per_positive": 1.0,
    "ema_decay": 0.999,
}
"""What D-FINE and RT-DETR are fine-tuned with; all models of the family use it."""

_HGNET_B0: dict[str, Any] = {
    "model_type": "hgnet_v2",
    "hidden_sizes": [128, 256, 512, 1024],
    "stem_channels": [3, 16, 16],
    "stage_in_channels": [16, 64, 256, 512],
    "stage_mid_channels": [16, 32, 64, 128],
    "stage_out_channels": [64, 256, 512, 1024],
    "stage_num_blocks": [1, 1, 2, 1],
    "stage_downsample": [False, True, True, True],
    "stage_light_block": [False, False, True, True],
    "stage_kernel_size": [3, 3, 5, 5],
    "stage_numb_of_layers": [3, 3, 3, 3],
    "use_learnable_affine_block": True,
}
_HGNET_B2: dict[str, Any] = {
    **_HGNET_B0,
    "hidden_sizes": [192, 384, 768, 1536],
    "stem_channels": [3, 24, 32],
    "stage_in_channels": [32, 96, 384, 768],
    "stage_mid_channels": [32, 64, 128, 256],
    "stage_out_channels": [96, 384, 768, 1536],
    "stage_num_blocks": [1, 1, 3, 1],
    "stage_numb_of_layers": [4, 4, 4, 4],
}
_THREE_STAGES: dict[str, Any] = {"out_features": ["stage2", "stage3", "stage4"]}
_NANO: dict[str, Any] = {
    "backbone_config": {**_HGNET_B0, "out_features": ["stage3", "stage4"]},
    "num_feature_levels": 2,
    "encoder_in_channels": [512, 1024],
    "encoder_hidden_dim": 128,
    "encoder_ffn_dim": 512,
    "encode_proj_layers": [1],
    "d_model": 128,
    "decoder_in_channels": [128, 128],
    "decoder_ffn_dim": 512,
    "decoder_layers": 3,
    "decoder_n_points": [6, 6],
    "feat_strides": [16, 32],
    "depth_mult": 0.5,
    "hidden_expansion": 0.34,
}
_RF: dict[str, Any] = {
    "d_model": 256,
    "num_queries": 300,
    "decoder_self_attention_heads": 8,
    "decoder_cross_attention_heads": 16,
    "decoder_n_points": 2,
}
_RF_BACKBONE: dict[str, Any] = {
    "model_type": "rf_detr_dinov2",
    "hidden_size": 384,
    "num_hidden_layers": 12,
    "num_attention_heads": 6,
    "num_windows": 2,
    "patch_size": 16,
    "out_features": ["stage3", "stage6", "stage9", "stage12"],
}
_RESNET: dict[str, Any] = {"model_type": "rt_detr_resnet", **_THREE_STAGES}


def _entry(
    name: str,
    family: str,
    parameters: int,
    hub_id: str,
    coco_ap: float,
    coco_source: str,
    *,
    architecture: tuple[FamilyName, int, dict[str, Any]],
    licence: str = "Apache-2.0",
    milliseconds: int | None = None,
) -> ModelEntry:
    """A model of the Hub; ``architecture``: library family, canvas side, and configuration where it is not default."""
    library_family, side, config = architecture
    return ModelEntry(
        name=name,
        family=family,
        parameters=parameters,
        start="COCO",
        source=f"Hugging Face Hub, {hub_id}",
        licence=licence,
        hub_id=hub_id,
        processor_milliseconds=milliseconds,
        coco_ap=coco_ap,
        coco_source=coco_source,
        architecture={
            "family": library_family,
            "image_resizer": {"kind": "fixed_shape_resizer", "height": side, "width": side, "antialias": True},
            "config": config,
        },
        training=TRAINING,
    )


_ENTRIES = (
    _entry(
        "dfine_nano",
        "D-FINE",
        3_719_545,
        "ustc-community/dfine-nano-coco",
        42.8,
        "D-FINE README",
        architecture=("d_fine", 640, _NANO),
        milliseconds=152,
    ),
    _entry(
        "dfine_small",
        "D-FINE",
        10_208_169,
        "ustc-community/dfine-small-coco",
        48.5,
        "D-FINE README",
        architecture=(
            "d_fine",
            640,
            {
                "backbone_config": {**_HGNET_B0, **_THREE_STAGES},
                "encoder_in_channels": [256, 512, 1024],
                "decoder_layers": 3,
                "decoder_n_points": [3, 6, 3],
                "depth_mult": 0.34,
                "hidden_expansion": 0.5,
            },
        ),
        milliseconds=366,
    ),
    _entry(
        "dfine_medium",
        "D-FINE",
        19_441_629,
        "ustc-community/dfine-medium-coco",
        52.3,
        "D-FINE README",
        architecture=(
            "d_fine",
            640,
            {
                "backbone_config": {**_HGNET_B2, **_THREE_STAGES},
                "encoder_in_channels": [384, 768, 1536],
                "decoder_layers": 4,
                "decoder_n_points": [3, 6, 3],
                "depth_mult": 0.67,
            },
        ),
    ),
    _entry(
        "rtdetrv2_r18",
        "RT-DETRv2",
        20_073_172,
        "PekingU/rtdetr_v2_r18vd",
        47.9,
        "rtdetrv2_pytorch README",
        architecture=(
            "rt_detr_v2",
            640,
            {
                "backbone_config": {
                    **_RESNET,
                    "hidden_sizes": [64, 128, 256, 512],
                    "depths": [2, 2, 2, 2],
                    "layer_type": "basic",
                },
                "encoder_in_channels": [128, 256, 512],
                "hidden_expansion": 0.5,
                "decoder_layers": 3,
            },
        ),
        milliseconds=681,
    ),
    _entry(
        "rtdetrv2_r50",
        "RT-DETRv2",
        42_729_027,
        "PekingU/rtdetr_v2_r50vd",
        53.4,
        "rtdetrv2_pytorch README",
        architecture=(
            "rt_detr_v2",
            640,
            {"backbone_config": {**_RESNET, "hidden_sizes": [256, 512, 1024, 2048], "depths": [3, 4, 6, 3]}},
        ),
    ),
    _entry(
        "rfdetr_nano",
        "RF-DETR",
        30_143_478,
        "Roboflow/rf-detr-nano",
        48.4,
        "rf-detr README 1.4.1",
        architecture=(
            "rf_detr",
            384,
            {**_RF, "decoder_layers": 2, "backbone_config": {**_RF_BACKBONE, "image_size": 384}},
        ),
        milliseconds=431,
    ),
    _entry(
        "rfdetr_small",
        "RF-DETR",
        31_787_350,
        "Roboflow/rf-detr-small",
        53.0,
        "rf-detr README 1.4.1",
        architecture=(
            "rf_detr",
            512,
            {**_RF, "decoder_layers": 3, "backbone_config": {**_RF_BACKBONE, "image_size": 512}},
        ),
    ),
    _entry(
        "rfdetr_medium",
        "RF-DETR",
        33_363_638,
        "Roboflow/rf-detr-medium",
        54.7,
        "rf-detr README 1.4.1",
        architecture=(
            "rf_detr",
            576,
            {**_RF, "decoder_layers": 4, "backbone_config": {**_RF_BACKBONE, "image_size": 576}},
        ),
    ),
    _entry(
        "deimv2_nano",
        "DEIMv2",
        3_554_041,
        "harshaljanjani/DEIMv2_HGNetv2_N_COCO_Transformers",
        43.0,
        "DEIMv2 README",
        architecture=("deimv2", 640, {**_NANO, "decoder_activation_function": "silu"}),
        licence="its page",  # its own pages say Apache-2.0, a later redistributor's says research only
        milliseconds=129,
    ),
)


class DetectionTransformerFamily(Family):
    """D-FINE, RT-DETRv2, RF-DETR and DEIMv2, from the Hugging Face Hub or a local folder."""

    entries = _ENTRIES
    architectures = FAMILY_NAMES

    def build(self, entry: ModelEntry, num_classes: int, class_names: Sequence[str] | None = None) -> Detector:
        """See ``Family``; starts from the pretrained weights.

        Raises:
            ModelError: The pretrained model cannot be used.
            MissingDependencyError: The library, or a network to download the model, is missing.
        """
        from fractura.models.detr.pretrained import load_pretrained

        assert entry.hub_id is not None
        return load_pretrained(find_folder(entry.hub_id), entry.name, num_classes, class_names)

    def rebuild(self, architecture: Mapping[str, Any]) -> Detector:
        """See ``Family``."""
        from fractura.models.detr.detector import DetectionTransformer
        from fractura.models.detr.settings import DetectionTransformerSettings

        return DetectionTransformer(DetectionTransformerSettings.model_validate(dict(architecture)))
