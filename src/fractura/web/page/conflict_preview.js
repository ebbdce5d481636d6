/** A small picture of a film with boxes, for the question which of two to keep. */
import { colourOf, drawBoxes } from "./draw.js";
import { levelFor } from "./picture.js";
import { fit } from "./view.js";

/**
 * @param {import("./picture.js").Picture | null} picture
 * @param {import("./types.js").Size} film
 * @param {readonly string[]} names Of all classes.
 * @returns {(context: CanvasRenderingContext2D, said: {boxes: readonly import("./types.js").Box[]}, width: number, height: number) => void}
 */
export function previewer(picture, film, names) {
  return (context, said, width, height) => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    const view = fit(film, { width, height }, 4);
    if (picture)
      context.drawImage(
        levelFor(picture, view.scale),
        view.x,
        view.y,
        film.width * view.scale,
        film.height * view.scale,
      );
    drawBoxes(
      context,
      view,
      said.boxes.map((box) => ({ box, look: { colour: colourOf(box.name, names), tag: box.name } })),
    );
  };
}
