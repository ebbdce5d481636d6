"""What the built-in model was trained on, for its card: body parts and appearance, to warn of other images.

    python -m recipes.image_domain MODEL.onnx FracAtlas/train FracAtlas/val

Needs the extra `train`. The appearance is fitted on the training images as they are, and as the augmentation
`randomised`, under which the model learned, changes them: images of another hospital are not another kind of image.
The threshold leaves 1.5 percent of the training images outside. What comes of it is measured on the validation images
and on images of other kinds, as `python -m benchmarks.unfamiliar` does. Of the file, only the card is rewritten.
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.unfamiliar import measure
from fractura import load_model, read_dataset
from fractura.core.model_card import ModelCard
from fractura.imaging.reader import read_record
from fractura.inference.domain import Domain, image_statistics
from fractura.inference.stored_card import replace_card
from fractura.training.augmentation import PRESETS, augment
from fractura.training.transform import LabelledImage

SHARE = 0.015
# FracAtlas shows hands, legs, hips and shoulders: DICOM's terms for these and for what lies between their joints.
BODY_PARTS = (
    "ACJOINT ANKLE ARM CALCANEUS CALF CLAVICLE ELBOW EXTREMITY FEMUR FINGER FOOT FOREARM HAND HEEL HIP HUMERUS "
    "KNEE LEG LOWEXM PATELLA PELVIS RADIUS SCAPULA SHOULDER TARSALJOINT THIGH THUMB TIBFIB TIBIA TOE ULNA UPEXM "
    "UPPERARM WRIST"
)


def main() -> None:
    """Fit the domain and write it into the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="the .onnx file or model folder whose card is rewritten")
    parser.add_argument("train", type=Path, help="the labelled images that it was trained on")
    parser.add_argument("val", type=Path, help="labelled images that nothing is fitted on")
    arguments = parser.parse_args()
    plain, changed = [], []
    for number, record in enumerate(read_dataset(arguments.train)):
        sample = LabelledImage(read_record(record).pixels, record.boxes.xyxy, record.boxes.labels)
        plain.append(image_statistics(sample.image))
        changed.append(image_statistics(augment(sample, PRESETS["randomised"], (0, number)).rounded().image))
    body_parts = frozenset(BODY_PARTS.split())
    domain = Domain.fit(np.array(plain + changed), body_parts, usual=np.array(plain), share=SHARE)
    measured = {name: {"images": n, "warned": warned} for name, (n, warned) in measure(domain, arguments.val, 100)}
    card = load_model(arguments.model).card
    document = {**domain.to_dict(), "measured": measured}
    replace_card(arguments.model, ModelCard.model_validate({**card.model_dump(), "domain": document}))
    print(f"{len(plain)} images; threshold {domain.threshold:.2f}")


if __name__ == "__main__":
    main()
