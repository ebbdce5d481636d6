"""Draws demo.jpg: what the detector of `make demo` found. Usage: python docs/images/demo.py demo"""

import sys
from pathlib import Path

from PIL import Image

from fractura.formats import read_dataset
from fractura.imaging.reader import read_radiograph
from fractura.inference import load_model
from fractura.inference.render import draw_boxes

CHOSEN, COLUMNS, WIDTH, HEIGHT = (0, 2, 3, 6, 7, 8, 1, 11), 4, 300, 360


def main(demo: Path) -> None:
    """Write the sheet beside this file."""
    model, data = load_model(demo / "model" / "model.onnx"), read_dataset(demo / "data" / "val")
    sheet = Image.new("RGB", (COLUMNS * WIDTH, -(-len(CHOSEN) // COLUMNS) * HEIGHT))
    for place, index in enumerate(CHOSEN):
        record = data.records[index]
        pixels = read_radiograph(record.image).pixels
        found = model.detect(pixels).above(model.card.threshold)
        film = draw_boxes(pixels, found, data.class_names, truth=record.boxes)
        film.thumbnail((WIDTH, HEIGHT))
        sheet.paste(film, (place % COLUMNS * WIDTH, place // COLUMNS * HEIGHT))
    sheet.save(Path(__file__).with_suffix(".jpg"), quality=85, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
