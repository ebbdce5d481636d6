/** A small picture of an image with boxes, for the dialog that asks which version to keep. */
import { colourOf, drawBoxes } from "./draw.js";
import { levelFor } from "./picture.js";
import { fit } from "./view.js";

/**
 * @param {import("./picture.js").Picture | null} picture
 * @param {import("./types.js").Size} image
 * @param {readonly string[]} names Of all classes.
 * @returns {import("./dialogs.js").Preview}
 */
export function previewer(picture, image, names) {
  return (context, labels, width, height) => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    const view = fit(image, { width, height }, 0, 4);
    if (picture)
      context.drawImage(
        levelFor(picture, view.scale),
        view.x,
        view.y,
        image.width * view.scale,
        image.height * view.scale,
      );
    drawBoxes(
      context,
      view,
      (labels.boxes ?? []).map((box) => ({ box, style: { colour: colourOf(box.name, names), tag: box.name } })),
    );
  };
}
