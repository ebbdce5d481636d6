"""Draws report.png: two pieces of a report of `fractura evaluate`. Usage: python docs/images/report.py REPORT_FOLDER"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

# For each column the places to cut out, how far above each to begin, and how many pixels of it to show.
COLUMNS = ((("header", 20, 1330),), (("#fractures", 0, 770), ("#misses", 20, 560)))
WIDTH, SCALE, GAP, LEVELS = 1200, 0.57, 12, 51


def main(report: Path) -> None:
    """Write the picture beside this file; only phantoms may be seen on it."""
    high = max(sum(height for _, _, height in column) for column in COLUMNS)
    sheet = Image.new("RGB", (len(COLUMNS) * (WIDTH + GAP) - GAP, high), (150, 155, 160))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": high}, color_scheme="light")
        page.goto((report / "report.html").resolve().as_uri())
        page.evaluate("document.querySelectorAll('img').forEach(each => each.loading = 'eager')")
        page.wait_for_function("[...document.images].every(each => each.complete)")
        for number, column in enumerate(COLUMNS):
            down = 0
            for place, above, height in column:
                top = page.evaluate("at => document.querySelector(at).getBoundingClientRect().top + scrollY", place)
                clip = {"x": 0, "y": top - above, "width": WIDTH, "height": height}
                piece = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip)))
                sheet.paste(piece, (number * (WIDTH + GAP), down))
                down += height
        browser.close()
    sheet = sheet.resize((round(sheet.width * SCALE), round(sheet.height * SCALE)), Image.Resampling.LANCZOS)
    # Fewer levels of each colour: a smaller file, and what was grey stays grey.
    coarse = sheet.point([round(round(level / 255 * LEVELS) * 255 / LEVELS) for level in range(256)] * 3)
    coarse.save(Path(__file__).with_suffix(".png"), optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
