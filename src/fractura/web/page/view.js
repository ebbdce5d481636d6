/**
 * The position of the image on the stage: pure arithmetic without the DOM.
 *
 * A view maps image pixels to stage pixels (CSS pixels): stage = offset + scale · rotated image. Boxes live in image pixels
 * only, so neither zoom, rotation nor the screen's pixel ratio can ever move them.
 *
 * @typedef {import("./types.js").Point} Point
 * @typedef {import("./types.js").Size} Size
 * @typedef {object} View
 * @property {number} scale
 * @property {number} x Where the image's upper left corner lies on the stage.
 * @property {number} y
 * @property {number} turn Quarter turns clockwise, 0 to 3.
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
 * @param {number} [turn]
 * @param {number} [margin] Free stage pixels on each side.
 * @returns {View}
 */
export function fit(image, stage, turn = 0, margin = 12) {
  const room = { width: Math.max(stage.width - 2 * margin, 1), height: Math.max(stage.height - 2 * margin, 1) };
  const [across, down] = turn % 2 === 0 ? [image.width, image.height] : [image.height, image.width];
  return centred(image, stage, Math.min(room.width / across, room.height / down), turn);
}

/**
 * The image's middle in the middle of the stage.
 * @param {Size} image
 * @param {Size} stage
 * @param {number} scale
 * @param {number} turn
 * @returns {View}
 */
export function centred(image, stage, scale, turn) {
  return centredOn({ scale, x: 0, y: 0, turn }, { x: image.width / 2, y: image.height / 2 }, stage);
}

/**
 * A direction on the image as it is seen on the stage.
 * @param {number} turn
 * @param {Point} direction
 * @returns {Point}
 */
export function turned(turn, { x, y }) {
  switch (turn) {
    case 1:
      return { x: -y, y: x };
    case 2:
      return { x: -x, y: -y };
    case 3:
      return { x: y, y: -x };
    default:
      return { x, y };
  }
}

/**
 * A direction on the stage as one on the image.
 * @param {number} turn
 * @param {Point} direction
 * @returns {Point}
 */
export function turnedBack(turn, direction) {
  return turned((4 - turn) % 4, direction);
}

/**
 * @param {View} view
 * @param {Point} point On the stage.
 * @returns {Point} On the image.
 */
export function toImage(view, point) {
  return turnedBack(view.turn, { x: (point.x - view.x) / view.scale, y: (point.y - view.y) / view.scale });
}

/**
 * @param {View} view
 * @param {Point} point On the image.
 * @returns {Point} On the stage.
 */
export function toStage(view, point) {
  const { x, y } = turned(view.turn, point);
  return { x: view.x + x * view.scale, y: view.y + y * view.scale };
}

/**
 * The view with `held`, a point of the image, at `point` of the stage.
 * @param {View} view
 * @param {Point} held
 * @param {Point} point
 * @returns {View}
 */
export function placed(view, held, point) {
  const { x, y } = turned(view.turn, held);
  return { ...view, x: point.x - x * view.scale, y: point.y - y * view.scale };
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
  const smallest = Math.min(fit(image, stage, view.turn).scale * SMALLEST_PART, 1);
  const scale = Math.min(Math.max(view.scale * factor, smallest), LARGEST_SCALE);
  return kept(placed({ ...view, scale }, toImage(view, point), point), image, stage);
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
  return kept({ ...view, x: view.x + dx, y: view.y + dy }, image, stage);
}

/**
 * The view, moved back if the image would leave the stage.
 * @param {View} view
 * @param {Size} image
 * @param {Size} stage
 * @returns {View}
 */
function kept(view, image, stage) {
  const ends = [toStage(view, { x: 0, y: 0 }), toStage(view, { x: image.width, y: image.height })];
  const inSight = (/** @type {"x" | "y"} */ axis, /** @type {number} */ room) => {
    const [low = 0, high = 0] = ends.map((end) => end[axis]).toSorted((one, other) => one - other);
    return view[axis] - low + within(low, IN_SIGHT - (high - low), room - IN_SIGHT);
  };
  return { ...view, x: inSight("x", stage.width), y: inSight("y", stage.height) };
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
    ...view,
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
  return placed(view, point, { x: stage.width / 2, y: stage.height / 2 });
}

/**
 * @param {number} value
 * @param {number} lowest
 * @param {number} highest
 */
export function within(value, lowest, highest) {
  return Math.min(Math.max(value, Math.min(lowest, highest)), Math.max(lowest, highest));
}
