"""Draws phantoms.png: eighteen films in a row with their boxes. Usage: python docs/images/phantoms.py"""

from pathlib import Path

from PIL import Image, ImageDraw

from fractura.phantom import make_phantom

SEED, COLUMNS, ROWS, TILE = 11, 6, 3, 176
COLOURS = {"hairline": (255, 220, 0), "displaced": (255, 60, 60), "comminuted": (0, 220, 255)}
GREYS = 96


def main() -> None:
    """Write the sheet beside this file."""
    # A palette of greys and the boxes' colours: far smaller than a full-colour picture.
    sheet = Image.new("P", (COLUMNS * TILE, ROWS * TILE))
    sheet.putpalette(
        [round(k * 255 / (GREYS - 1)) for k in range(GREYS) for _ in range(3)]
        + [channel for colour in COLOURS.values() for channel in colour]
    )
    for number in range(COLUMNS * ROWS):
        phantom = make_phantom(SEED, number + 30)
        height, width = phantom.pixels.shape
        factor = TILE / max(height, width)
        film = Image.fromarray(phantom.pixels)
        film = film.resize((round(width * factor), round(height * factor)), Image.Resampling.LANCZOS)
        film = film.point([round(value * (GREYS - 1) / 255) for value in range(256)])
        draw = ImageDraw.Draw(film)
        for box, kind in zip(phantom.boxes.xyxy, phantom.kinds, strict=True):
            draw.rectangle([float(corner) * factor for corner in box], outline=GREYS + list(COLOURS).index(kind))
        sheet.paste(film, (number % COLUMNS * TILE, number // COLUMNS * TILE))
    sheet.save(Path(__file__).with_suffix(".png"), optimize=True)


if __name__ == "__main__":
    main()
