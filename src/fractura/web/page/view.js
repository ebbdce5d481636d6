/**
 * Where the film lies on the stage: pure arithmetic, no page.
 *
 * A view maps film pixels to stage pixels (CSS pixels): stage = offset + film · scale. Boxes live in film pixels only, so
 * neither zoom nor the screen's pixel ratio can ever move them.
 *
 * @typedef {import("./types.js").Point} Point
 * @typedef {import("./types.js").Size} Size
 * @typedef {{readonly scale: number, readonly x: number, readonly y: number}} View
 */

export const LARGEST_SCALE = 64;
/** The film can be made this much smaller than the stage, not more. */
const SMALLEST_PART = 0.25;
/** So many stage pixels of the film stay in sight however it is moved. */
const IN_SIGHT = 48;

/**
 * The whole film in the middle of the stage.
 * @param {Size} film
 * @param {Size} stage
 * @param {number} [margin] Free stage pixels on each side.
 * @returns {View}
 */
export function fit(film, stage, margin = 12) {
  const room = { width: Math.max(stage.width - 2 * margin, 1), height: Math.max(stage.height - 2 * margin, 1) };
  return centred(film, stage, Math.min(room.width / film.width, room.height / film.height));
}

/**
 * The film's middle in the middle of the stage.
 * @param {Size} film
 * @param {Size} stage
 * @param {number} scale
 * @returns {View}
 */
export function centred(film, stage, scale) {
  return { scale, x: (stage.width - film.width * scale) / 2, y: (stage.height - film.height * scale) / 2 };
}

/**
 * @param {View} view
 * @param {Point} point On the stage.
 * @returns {Point} On the film.
 */
export function toFilm(view, point) {
  return { x: (point.x - view.x) / view.scale, y: (point.y - view.y) / view.scale };
}

/**
 * @param {View} view
 * @param {Point} point On the film.
 * @returns {Point} On the stage.
 */
export function toStage(view, point) {
  return { x: view.x + point.x * view.scale, y: view.y + point.y * view.scale };
}

/**
 * Zoom so that what lies under `point` stays under it.
 * @param {View} view
 * @param {number} factor
 * @param {Point} point On the stage.
 * @param {Size} film
 * @param {Size} stage
 * @returns {View}
 */
export function zoomed(view, factor, point, film, stage) {
  const smallest = Math.min(fit(film, stage).scale * SMALLEST_PART, 1);
  const scale = Math.min(Math.max(view.scale * factor, smallest), LARGEST_SCALE);
  const held = toFilm(view, point);
  return kept({ scale, x: point.x - held.x * scale, y: point.y - held.y * scale }, film, stage);
}

/**
 * @param {View} view
 * @param {number} dx Stage pixels.
 * @param {number} dy Stage pixels.
 * @param {Size} film
 * @param {Size} stage
 * @returns {View}
 */
export function moved(view, dx, dy, film, stage) {
  return kept({ scale: view.scale, x: view.x + dx, y: view.y + dy }, film, stage);
}

/**
 * The view, moved back if the film had left the stage.
 * @param {View} view
 * @param {Size} film
 * @param {Size} stage
 * @returns {View}
 */
function kept(view, film, stage) {
  return {
    scale: view.scale,
    x: within(view.x, IN_SIGHT - film.width * view.scale, stage.width - IN_SIGHT),
    y: within(view.y, IN_SIGHT - film.height * view.scale, stage.height - IN_SIGHT),
  };
}

/**
 * The same place of the film in the middle after the stage changed its size.
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
 * @param {Point} point Film pixel to bring to the middle.
 * @param {Size} stage
 * @returns {View}
 */
export function lookingAt(view, point, stage) {
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
