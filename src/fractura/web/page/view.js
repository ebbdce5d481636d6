/**
 * The position of the image on the stage: pure arithmetic without the DOM.
 *
 * A view maps image pixels to stage pixels (CSS pixels): stage = offset + image · scale. Boxes live in image pixels only, so
 * neither zoom nor the screen's pixel ratio can ever move them.
 *
 * @typedef {import("./types.js").Point} Point
 * @typedef {import("./types.js").Size} Size
 * @typedef {{readonly scale: number, readonly x: number, readonly y: number}} View
 */

export const LARGEST_SCALE = 64;
/** The image can be made this much smaller than the stage, not more. */
const SMALLEST_PART = 0.25;
/** Number of stage pixels of the image that stay visible however it is moved. */
const IN_SIGHT = 48;

/**
 * The whole image in the middle of the stage.
 * @param {Size} image
 * @param {Size} stage
 * @param {number} [margin] Free stage pixels on each side.
 * @returns {View}
 */
export function fit(image, stage, margin = 12) {
  const room = { width: Math.max(stage.width - 2 * margin, 1), height: Math.max(stage.height - 2 * margin, 1) };
  return centred(image, stage, Math.min(room.width / image.width, room.height / image.height));
}

/**
 * The image's middle in the middle of the stage.
 * @param {Size} image
 * @param {Size} stage
 * @param {number} scale
 * @returns {View}
 */
export function centred(image, stage, scale) {
  return { scale, x: (stage.width - image.width * scale) / 2, y: (stage.height - image.height * scale) / 2 };
}

/**
 * @param {View} view
 * @param {Point} point On the stage.
 * @returns {Point} On the image.
 */
export function toImage(view, point) {
  return { x: (point.x - view.x) / view.scale, y: (point.y - view.y) / view.scale };
}

/**
 * @param {View} view
 * @param {Point} point On the image.
 * @returns {Point} On the stage.
 */
export function toStage(view, point) {
  return { x: view.x + point.x * view.scale, y: view.y + point.y * view.scale };
}

/**
 * Zoom so that the image pixel under `point` stays there.
 * @param {View} view
 * @param {number} factor
 * @param {Point} point On the stage.
 * @param {Size} image
 * @param {Size} stage
 * @returns {View}
 */
export function zoomed(view, factor, point, image, stage) {
  const smallest = Math.min(fit(image, stage).scale * SMALLEST_PART, 1);
  const scale = Math.min(Math.max(view.scale * factor, smallest), LARGEST_SCALE);
  const held = toImage(view, point);
  return kept({ scale, x: point.x - held.x * scale, y: point.y - held.y * scale }, image, stage);
}

/**
 * @param {View} view
 * @param {number} dx Stage pixels.
 * @param {number} dy Stage pixels.
 * @param {Size} image
 * @param {Size} stage
 * @returns {View}
 */
export function moved(view, dx, dy, image, stage) {
  return kept({ scale: view.scale, x: view.x + dx, y: view.y + dy }, image, stage);
}

/**
 * The view, moved back if the image would leave the stage.
 * @param {View} view
 * @param {Size} image
 * @param {Size} stage
 * @returns {View}
 */
function kept(view, image, stage) {
  return {
    scale: view.scale,
    x: within(view.x, IN_SIGHT - image.width * view.scale, stage.width - IN_SIGHT),
    y: within(view.y, IN_SIGHT - image.height * view.scale, stage.height - IN_SIGHT),
  };
}

/**
 * The view with the same centre after the stage has been resized.
 * @param {View} view
 * @param {Size} before
 * @param {Size} after
 * @returns {View}
 */
export function resized(view, before, after) {
  return {
    scale: view.scale,
    x: view.x + (after.width - before.width) / 2,
    y: view.y + (after.height - before.height) / 2,
  };
}

/**
 * @param {View} view
 * @param {Point} point Image pixel to bring to the middle.
 * @param {Size} stage
 * @returns {View}
 */
export function centredOn(view, point, stage) {
  return { scale: view.scale, x: stage.width / 2 - point.x * view.scale, y: stage.height / 2 - point.y * view.scale };
}

/**
 * @param {number} value
 * @param {number} lowest
 * @param {number} highest
 */
export function within(value, lowest, highest) {
  return Math.min(Math.max(value, Math.min(lowest, highest)), Math.max(lowest, highest));
}
