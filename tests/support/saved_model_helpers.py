"""What the tests of the SavedModel export share: a small detector, the reference's weights, the tutorial's script."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from fractura.core.model_card import ModelCard, write_card
from fractura.models.faster_rcnn.family import named_settings
from fractura.models.faster_rcnn.faster_rcnn import FasterRCNN
from fractura.models.resizer import FixedShapeResizer
from support.reference_weights import fill_with_reference_weights

INCEPTION = "faster_rcnn_inception_resnet_v2_640x640"

# The detection script of the tutorial whose chain we replace (Spanish), word for word.
TUTORIAL_SCRIPT = """\
import tensorflow as tf
import numpy as np
import cv2
from PIL import Image
import matplotlib.pyplot as plt

# Ruta del modelo exportado
SAVED_MODEL_DIR = "ruta_del_modelo_exportado/saved_model"

# Cargar el modelo
print("Cargando modelo...")
detect_fn = tf.saved_model.load(SAVED_MODEL_DIR)
print("Modelo cargado exitosamente.")

# Ruta de la imagen de prueba
IMAGE_PATH = "ruta_a/imagen.jpg"

# Función para cargar y preprocesar la imagen
def load_image_into_numpy_array(path):
    return np.array(Image.open(path))

# Cargar la imagen
image_np = load_image_into_numpy_array(IMAGE_PATH)

# Convertir la imagen a un tensor
input_tensor = tf.convert_to_tensor(image_np)
input_tensor = input_tensor[tf.newaxis, ...]

# Realizar la detección
print("Realizando detección...")
detections = detect_fn(input_tensor)

# Procesar las detecciones
num_detections = int(detections.pop("num_detections"))
detections = {key: value[0, :num_detections].numpy()
              for key, value in detections.items()}
detections["num_detections"] = num_detections

# Filtrar resultados con alta confianza
detection_classes = detections["detection_classes"].astype(np.int64)
detection_boxes = detections["detection_boxes"]
detection_scores = detections["detection_scores"]

# Dibujar las cajas en la imagen
image_np_with_detections = image_np.copy()
for i in range(num_detections):
    if detection_scores[i] > 0.5:  # Umbral de confianza
        box = detection_boxes[i]
        y_min, x_min, y_max, x_max = box
        h, w, _ = image_np.shape
        start_point = (int(x_min * w), int(y_min * h))
        end_point = (int(x_max * w), int(y_max * h))
        color = (0, 255, 0)
        thickness = 2
        cv2.rectangle(image_np_with_detections, start_point, end_point, color, thickness)

# Mostrar la imagen con las detecciones
plt.figure(figsize=(12, 8))
plt.imshow(image_np_with_detections)
plt.axis("off")
plt.show()
"""


def small_detector(name: str = "faster_rcnn_efficientnet_lite0_320x320", **changes) -> FasterRCNN:
    """A small Faster R-CNN of two classes with random weights, made so that its scores do not tie."""
    settings = named_settings(name, 2).model_copy(
        update={
            "image_resizer": FixedShapeResizer(height=96, width=128, antialias=True),
            "first_stage_max_proposals": 40,
            "first_stage_pre_nms_top_n": 300,
            **changes,
        }
    )
    torch.manual_seed(3)
    detector = FasterRCNN(settings)
    with torch.no_grad():
        for head in (detector.first_stage_class_head, detector.second_stage_class_head):
            head.weight.normal_(std=0.5)
        detector.second_stage_class_head.bias[0] = -4  # less background
        for head in (detector.first_stage_box_head, detector.second_stage_box_head):
            head.weight.normal_(std=0.1)
        for name, buffer in detector.named_buffers():
            if name.endswith("running_mean"):
                buffer.uniform_(-0.1, 0.1)
    return detector.eval()


def inception_detector() -> FasterRCNN:
    """The tutorial's model with the weights that the goldens were made with."""
    return fill_with_reference_weights(FasterRCNN(named_settings(INCEPTION, 1)))


def card_of(detector: FasterRCNN, *class_names: str) -> ModelCard:
    return ModelCard(name="test", architecture=detector.architecture(), class_names=class_names, threshold=0.4)


def write_model_folder(detector: FasterRCNN, folder: Path, *class_names: str) -> Path:
    """A trained-model folder."""
    folder.mkdir(parents=True)
    write_card(card_of(detector, *class_names), folder)
    save_file(
        {name: value.contiguous() for name, value in detector.state_dict().items()}, folder / "weights.safetensors"
    )
    return folder
