"""The heat lies where the evidence is: models are asked of which it is known where they look."""

import numpy as np
import pytest
from PIL import Image

from fractura.core.boxes import Boxes
from fractura.core.model_card import ModelCard
from fractura.inference.explanation import MOST_DETECTIONS, PASSES, explain
from fractura.phantom import make_phantom

FRACTURE = (150, 210, 170, 230)
ELSEWHERE = (40, 60, 70, 80)


class Lines:
    """Detections ``FRACTURE`` with the contrast of the image in it as score; a mirrored image has it mirrored."""

    card = ModelCard(name="lines", architecture={"name": "lines"}, class_names=("line",))

    def __init__(self, evidence=FRACTURE, blind=False):
        self.evidence, self.blind, self.passes = evidence, blind, 0

    def detect(self, image):
        self.passes += 1
        left, top, right, bottom = self.evidence
        score = min(float(image[top:bottom, left:right].std()) / 130, 1.0)
        return Boxes([FRACTURE], [0], [0.9 if self.blind else score])


def radiograph(*places, width=300, height=400):
    """Fine stripes in each place, on bone-like grey."""
    pixels = np.full((height, width, 3), 128, np.uint8)
    for left, top, right, bottom in places:
        pixels[top:bottom:4, left:right] = 255
        pixels[top + 2 : bottom : 4, left:right] = 0
    return pixels


def share_in(heat, corners):
    left, top, right, bottom = corners
    return heat[top:bottom, left:right].sum() / heat.sum()


def test_the_heat_is_where_the_evidence_is():
    pixels, model = radiograph(FRACTURE, ELSEWHERE), Lines()
    detections = model.detect(pixels)
    model.passes = 0
    heat = explain(model, pixels, detections)
    assert heat.shape == (400, 300)
    assert heat.dtype == np.float32
    assert (heat.min(), heat.max()) == (0, 1)
    chance = 20 * 20 / (300 * 400)
    assert share_in(heat, FRACTURE) > 60 * chance
    assert share_in(heat, ELSEWHERE) < 0.01
    # One pass to see which part shows the detection, one to know what it scores there.
    assert model.passes <= PASSES + 2


def test_evidence_far_from_the_detection_is_shown_where_it_is():
    pixels, model = radiograph(FRACTURE, ELSEWHERE), Lines(evidence=ELSEWHERE)
    heat = explain(model, pixels, model.detect(pixels))
    assert share_in(heat, ELSEWHERE) > 100 * share_in(heat, FRACTURE)


def test_on_a_phantom_the_heat_is_at_the_fracture():
    phantom = next(made for made in (make_phantom(3, index) for index in range(20)) if len(made.boxes))
    pixels = np.repeat(phantom.pixels[:, :, None], 3, axis=2)
    box = phantom.boxes.select([0])
    left, top, right, bottom = box.xyxy[0].astype(int)
    fracture = pixels[top:bottom, left:right].astype(float)

    class Template(Lines):
        def detect(self, image):
            here = image[top:bottom, left:right].astype(float)
            likeness = np.corrcoef(here.ravel(), fracture.ravel())[0, 1] if here.std() else 0.0
            return Boxes(box.xyxy, [0], [max(likeness, 0.0)])

    heat = explain(Template(), pixels, box)
    chance = (right - left) * (bottom - top) / heat.size
    assert share_in(heat, (left, top, right, bottom)) > 20 * chance


def test_a_mirrored_view_is_explained_in_place():
    turned = (300 - FRACTURE[2], FRACTURE[1], 300 - FRACTURE[0], FRACTURE[3])
    pixels = radiograph(turned)
    detections = Boxes([turned], [0], [0.8])
    # Only the mirrored image has stripes where this model looks for them.
    heat = explain(Lines(), pixels, detections, ("whole", "flipped"))
    assert share_in(heat, turned) > 0.2


def test_large_images_cost_as_many_passes_and_keep_their_size():
    class Shrinking(Lines):
        def detect(self, image):
            small = np.asarray(Image.fromarray(image).resize((300, 400), Image.Resampling.NEAREST))
            return super().detect(small).scale(image.shape[1] / 300, image.shape[0] / 400)

    large = radiograph(FRACTURE).repeat(9, axis=0).repeat(9, axis=1)
    model = Shrinking()
    heat = explain(model, large, Boxes(9 * np.array(FRACTURE), [0], [0.8]))
    assert heat.shape == large.shape[:2]
    assert share_in(heat, [9 * side for side in FRACTURE]) > 0.2
    assert model.passes <= PASSES + 2


def test_what_does_not_change_the_score_is_no_evidence():
    assert not explain(Lines(blind=True), radiograph(), Boxes([FRACTURE], [0], [0.9])).any()


def test_no_detections_no_passes():
    model = Lines()
    assert not explain(model, radiograph(), Boxes.empty(scored=True)).any()
    assert model.passes == 0


def test_only_the_best_detections_are_explained():
    pixels = radiograph(FRACTURE)
    others = [(10 * row, 0, 10 * row + 8, 8) for row in range(MOST_DETECTIONS)]
    detections = Boxes([*others, FRACTURE], [0] * (MOST_DETECTIONS + 1), np.linspace(0.9, 0.6, MOST_DETECTIONS + 1))
    assert not explain(Lines(), pixels, detections).any()


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2)])
def test_images_of_any_shape(size):
    class Everywhere(Lines):
        def detect(self, image):
            return Boxes([[0, 0, image.shape[1], image.shape[0]]], [0], [image.mean() / 255])

    width, height = size
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: (height + 1) // 2, : (width + 1) // 2] = 255
    model = Everywhere()
    assert explain(model, pixels, model.detect(pixels)).shape == (height, width)
