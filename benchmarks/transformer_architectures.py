"""The detection transformers of the catalogue without their weights: enough to count and time them with no network.

Configurations follow the library's own conversion scripts (huggingface/transformers, convert_d_fine_original_pytorch_
checkpoint_to_hf.py, convert_rt_detr_v2_weights_to_hf.py, convert_rf_detr_weights_to_hf.py, convert_deimv2_original_
pytorch_checkpoint_to_hf.py); ``tests/test_catalogue_benchmark.py`` holds them to the sizes that their authors publish.
"""

from __future__ import annotations

from typing import Any

from fractura.models.detr import DetectionTransformer, DetectionTransformerSettings
from fractura.models.resizer import FixedShapeResizer

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
_THREE_STAGES = {"out_features": ["stage2", "stage3", "stage4"]}
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

ARCHITECTURES: dict[str, tuple[str, int, dict[str, Any]]] = {
    "dfine_nano": ("d_fine", 640, _NANO),
    "dfine_small": (
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
    "dfine_medium": (
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
    "rtdetrv2_r18": (
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
    "rtdetrv2_r50": (
        "rt_detr_v2",
        640,
        {"backbone_config": {**_RESNET, "hidden_sizes": [256, 512, 1024, 2048], "depths": [3, 4, 6, 3]}},
    ),
    "rfdetr_nano": (
        "rf_detr",
        384,
        {**_RF, "decoder_layers": 2, "backbone_config": {**_RF_BACKBONE, "image_size": 384}},
    ),
    "rfdetr_small": (
        "rf_detr",
        512,
        {**_RF, "decoder_layers": 3, "backbone_config": {**_RF_BACKBONE, "image_size": 512}},
    ),
    "rfdetr_medium": (
        "rf_detr",
        576,
        {**_RF, "decoder_layers": 4, "backbone_config": {**_RF_BACKBONE, "image_size": 576}},
    ),
    "deimv2_nano": ("deimv2", 640, {**_NANO, "decoder_activation_function": "silu"}),
}
"""By catalogue name: family, side of the canvas, and the library's configuration where it differs from its defaults."""


def build_untrained(name: str, num_classes: int = 1) -> DetectionTransformer:
    """The network of a catalogue name with random weights."""
    family, side, config = ARCHITECTURES[name]
    return DetectionTransformer(
        DetectionTransformerSettings(
            name=name,
            family=family,  # type: ignore[arg-type]
            num_classes=num_classes,
            image_resizer=FixedShapeResizer(height=side, width=side, antialias=True),
            config=config,
        )
    )
