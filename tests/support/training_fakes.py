"""Images and a detector small enough for tests: it learns to find one bright patch, with batch norm and dropout."""

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from fractura.core.boxes import Boxes
from fractura.core.dataset import Dataset, Record
from fractura.models.detector import Detector

SIDE, CELLS = 32, 8


class FakeDetector(Detector):
    """One box per cell of an 8 x 8 grid over the image resized to 32 x 32."""

    def __init__(self, num_classes=1, dropout=0.1, width=8):
        super().__init__()
        self.num_classes = num_classes
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, 2, 1), nn.ReLU()
        )
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv2d(width, 4 + num_classes, 1)

    def _raw(self, image: Tensor) -> Tensor:
        grey = image.permute(2, 0, 1)[None].float() / 255
        resized = functional.interpolate(grey, (SIDE, SIDE), mode="bilinear", align_corners=False)
        return self.head(self.dropout(self.body(resized)))[0].permute(1, 2, 0)

    def _boxes(self, raw: Tensor, image: Tensor) -> Tensor:
        ys, xs = torch.meshgrid(torch.arange(CELLS), torch.arange(CELLS), indexing="ij")
        centre = torch.stack([xs, ys], dim=-1).to(raw) + 0.5 + raw[..., :2].tanh()
        half = 0.5 + raw[..., 2:4].sigmoid() * 3
        scale = torch.tensor([image.shape[1], image.shape[0]] * 2, device=raw.device) / CELLS
        return torch.cat([centre - half, centre + half], dim=-1) * scale

    def losses(self, images, targets):
        objectness, localization = [], []
        for image, target in zip(images, targets, strict=True):
            raw = self._raw(image)
            wanted = torch.zeros(CELLS, CELLS, self.num_classes, device=raw.device)
            boxes = self._boxes(raw, image)
            error = boxes.sum() * 0
            for box, label in zip(target.boxes, target.labels, strict=True):
                column = ((box[0] + box[2]) / 2 / image.shape[1] * CELLS).long().clamp(0, CELLS - 1)
                row = ((box[1] + box[3]) / 2 / image.shape[0] * CELLS).long().clamp(0, CELLS - 1)
                wanted[row, column, label] = 1
                error = error + (boxes[row, column] - box).abs().mean() / max(image.shape)
            localization.append(error)
            objectness.append(
                functional.binary_cross_entropy_with_logits(
                    raw[..., 4:], wanted, pos_weight=torch.tensor(10.0, device=raw.device)
                )
            )
        return {
            "objectness_loss": torch.stack(objectness).mean(),
            "localization_loss": torch.stack(localization).mean(),
        }

    def forward(self, image):
        raw = self._raw(image)
        scores, labels = raw[..., 4:].sigmoid().max(dim=-1)
        order = scores.flatten().argsort(descending=True)[:10]
        return self._boxes(raw, image).reshape(-1, 4)[order], scores.flatten()[order], labels.flatten()[order]

    def architecture(self):
        return {"name": "fake", "num_classes": self.num_classes}


def make_images(folder, count, *, negative_every=3, seed=0, size=(48, 40)):
    """``count`` PNG images with one bright patch each, every ``negative_every``-th without."""
    generator = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    width, height = size
    records = []
    for number in range(count):
        pixels = generator.integers(0, 60, (height, width), dtype=np.uint8)
        boxes = Boxes.empty()
        if not negative_every or number % negative_every:
            left, top = generator.integers(2, width - 18), generator.integers(2, height - 18)
            box_width, box_height = generator.integers(8, 15, 2)
            pixels[top : top + box_height, left : left + box_width] = 230
            boxes = Boxes([[left, top, left + box_width, top + box_height]], [0])
        path = folder / f"image{seed}_{number:03d}.png"
        Image.fromarray(pixels).save(path)
        records.append(Record(path, width, height, boxes))
    return Dataset(("fracture",), tuple(records), folder)
