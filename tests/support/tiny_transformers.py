"""Detection transformers small enough for tests, made with the library itself, as folders that it saves."""

import json
from pathlib import Path

import torch

from fractura.models.detr.library import library_classes, quiet

SIDE = 64
_HGNET = {
    "model_type": "hgnet_v2",
    "embedding_size": 8,
    "depths": [1, 1, 1, 1],
    "hidden_sizes": [16, 16, 32, 32],
    "stem_channels": [3, 8, 8],
    "stage_in_channels": [8, 16, 16, 32],
    "stage_mid_channels": [8, 8, 16, 16],
    "stage_out_channels": [16, 16, 32, 32],
    "stage_num_blocks": [1, 1, 1, 1],
    "stage_numb_of_layers": [1, 1, 1, 1],
    "stage_downsample": [False, True, True, True],
    "stage_light_block": [False, False, True, True],
    "stage_kernel_size": [3, 3, 5, 5],
    "out_features": ["stage3", "stage4"],
}
_RESNET = {
    "model_type": "rt_detr_resnet",
    "embedding_size": 8,
    "hidden_sizes": [8, 16, 32, 32],
    "depths": [1, 1, 1, 1],
    "layer_type": "basic",
    "out_features": ["stage3", "stage4"],
}
_DINO = {
    "model_type": "rf_detr_dinov2",
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "mlp_ratio": 2,
    "image_size": SIDE,
    "patch_size": 8,
    "num_windows": 2,
    "out_features": ["stage2", "stage4"],
}
_HYBRID = {
    "num_feature_levels": 2,
    "feat_strides": [16, 32],
    "encode_proj_layers": [1],
    "encoder_in_channels": [32, 32],
    "encoder_hidden_dim": 32,
    "encoder_ffn_dim": 32,
    "encoder_attention_heads": 2,
    "d_model": 32,
    "num_queries": 12,
    "decoder_in_channels": [32, 32],
    "decoder_ffn_dim": 32,
    "decoder_layers": 2,
    "decoder_attention_heads": 2,
    "num_denoising": 10,
}
CONFIGS = {
    "d_fine": {**_HYBRID, "backbone_config": _HGNET, "max_num_bins": 16, "depth_mult": 0.34},
    "rt_detr_v2": {**_HYBRID, "backbone_config": _RESNET, "decoder_n_levels": 2},
    "rf_detr": {
        "backbone_config": _DINO,
        "d_model": 32,
        "num_queries": 20,
        "decoder_ffn_dim": 32,
        "decoder_layers": 2,
        "decoder_self_attention_heads": 2,
        "decoder_cross_attention_heads": 2,
        "group_detr": 2,
        "c2f_num_blocks": 1,
    },
    "deimv2": {**_HYBRID, "backbone_config": _HGNET, "max_num_bins": 16, "depth_mult": 0.34},
}


FAMILIES = tuple(CONFIGS)
COCO = tuple(f"thing {index}" for index in range(80))


def library_model(family, class_names, **changes):
    """The library's own model; its layers' heads differ from one another, as in real checkpoints."""
    config_class, model_class = library_classes(family)
    torch.manual_seed(0)
    with quiet():
        config = config_class(**{**CONFIGS[family], **changes})
        config.id2label = dict(enumerate(class_names))
        config.label2id = {name: index for index, name in enumerate(class_names)}
        model = model_class(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # The library's own start is so small that all queries tie, and ties are broken anywhere.
            if "bbox_embed" in name:
                torch.nn.init.normal_(parameter, std=0.05)
            elif parameter.ndim > 1:
                torch.nn.init.kaiming_normal_(parameter)
    return model


def save_folder(folder: Path, family, class_names=COCO, **changes) -> Path:
    """A folder with config.json, model.safetensors and preprocessor_config.json."""
    with quiet():
        library_model(family, class_names, **changes).save_pretrained(folder)
    document = {"size": {"height": SIDE, "width": SIDE}, "do_normalize": family == "rf_detr"}
    (folder / "preprocessor_config.json").write_text(json.dumps(document), encoding="utf-8")
    return folder
