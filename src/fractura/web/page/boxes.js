/**
 * Boxes: hit testing and moving. Pure functions in whole image pixels, as LabelImg saves them: left and top are at least 1,
 * right and bottom at most the image's width and height.
 *
 * @typedef {import("./types.js").Box} Box
 * @typedef {import("./types.js").KeyedBox} KeyedBox
 * @typedef {import("./types.js").Point} Point
 * @typedef {import("./types.js").Size} Size
 * @typedef {"nw"|"n"|"ne"|"e"|"se"|"s"|"sw"|"w"} Handle Edge or corner, as on a compass.
 */
import { within } from "./view.js";

/** A drawn box smaller than this on either side is taken as a slip of the hand. Image pixels. */
export const SMALLEST_SIDE = 2;

let made = 0;

/**
 * @template {Box} T
 * @param {T} box
 * @returns {T & {key: string}}
 */
export function keyed(box) {
  made += 1;
  return { ...box, key: `box-${made}` };
}

/**
 * The part of a box that is sent to the server.
 * @param {KeyedBox} box
 * @returns {Box}
 */
export function bare(box) {
  const { name, xmin, ymin, xmax, ymax, difficult, truncated, pose } = box;
  return { name, xmin, ymin, xmax, ymax, difficult, truncated, pose };
}

/**
 * The box between two points, in whole pixels within the image.
 * @param {Point} one
 * @param {Point} other
 * @param {Size} image
 */
export function between(one, other, image) {
  const left = Math.min(one.x, other.x);
  const top = Math.min(one.y, other.y);
  return {
    xmin: within(Math.round(left), 1, image.width),
    ymin: within(Math.round(top), 1, image.height),
    xmax: within(Math.round(left + Math.abs(one.x - other.x)), 1, image.width),
    ymax: within(Math.round(top + Math.abs(one.y - other.y)), 1, image.height),
  };
}

/**
 * @template {Box} T
 * @param {T} box
 * @param {number} dx Image pixels.
 * @param {number} dy Image pixels.
 * @param {Size} image
 * @returns {T} The box moved, kept whole within the image.
 */
export function shifted(box, dx, dy, image) {
  const width = Math.round(box.xmax) - Math.round(box.xmin);
  const height = Math.round(box.ymax) - Math.round(box.ymin);
  const xmin = within(Math.round(box.xmin + dx), 1, Math.max(image.width - width, 1));
  const ymin = within(Math.round(box.ymin + dy), 1, Math.max(image.height - height, 1));
  return changed(box, {
    xmin,
    ymin,
    xmax: Math.min(xmin + width, image.width),
    ymax: Math.min(ymin + height, image.height),
  });
}

/**
 * @template {Box} T
 * @param {T} box
 * @param {Handle} handle
 * @param {Point} to Image pixel the edge or corner goes to.
 * @param {Size} image
 * @returns {T} Never turned inside out, never smaller than `SMALLEST_SIDE`.
 */
export function stretched(box, handle, to, image) {
  let { xmin, ymin, xmax, ymax } = {
    xmin: Math.round(box.xmin),
    ymin: Math.round(box.ymin),
    xmax: Math.round(box.xmax),
    ymax: Math.round(box.ymax),
  };
  if (handle.includes("w")) xmin = within(Math.round(to.x), 1, xmax - SMALLEST_SIDE);
  if (handle.includes("e")) xmax = within(Math.round(to.x), xmin + SMALLEST_SIDE, image.width);
  if (handle.includes("n")) ymin = within(Math.round(to.y), 1, ymax - SMALLEST_SIDE);
  if (handle.includes("s")) ymax = within(Math.round(to.y), ymin + SMALLEST_SIDE, image.height);
  return changed(box, { xmin, ymin, xmax, ymax });
}

/**
 * New corners; whether the box is truncated must then be derived again.
 * @template {Box} T
 * @param {T} box
 * @param {{xmin: number, ymin: number, xmax: number, ymax: number}} corners
 * @returns {T}
 */
function changed(box, corners) {
  const same =
    box.xmin === corners.xmin && box.ymin === corners.ymin && box.xmax === corners.xmax && box.ymax === corners.ymax;
  return same ? box : { ...box, ...corners, truncated: undefined };
}

/**
 * @param {Box} box
 * @param {Point} point Image pixels.
 * @param {number} reach How far from an edge still counts, in image pixels.
 * @returns {Handle | "inside" | null}
 */
export function hit(box, point, reach) {
  if (
    point.x < box.xmin - reach ||
    point.x > box.xmax + reach ||
    point.y < box.ymin - reach ||
    point.y > box.ymax + reach
  )
    return null;
  // a small box keeps a middle that can be grabbed
  const across = Math.min(reach, Math.max((box.xmax - box.xmin) / 3, 0.5));
  const down = Math.min(reach, Math.max((box.ymax - box.ymin) / 3, 0.5));
  const vertical = point.y < box.ymin + down ? "n" : point.y > box.ymax - down ? "s" : "";
  const horizontal = point.x < box.xmin + across ? "w" : point.x > box.xmax - across ? "e" : "";
  return /** @type {Handle} */ (vertical + horizontal) || "inside";
}

/**
 * The smallest box under the point, so that a box within a box can be reached.
 * @template {Box} T
 * @param {readonly T[]} boxes
 * @param {Point} point
 * @param {number} reach
 * @returns {T | null}
 */
export function topmost(boxes, point, reach) {
  const under = boxes.filter((box) => hit(box, point, reach) !== null);
  return under.reduce(
    (/** @type {T | null} */ best, box) => (best === null || area(box) < area(best) ? box : best),
    null,
  );
}

/** @param {Box} box */
export function area(box) {
  return Math.max(box.xmax - box.xmin, 0) * Math.max(box.ymax - box.ymin, 0);
}

/**
 * @param {Box} one
 * @param {Box} other
 * @returns {number} Intersection over union.
 */
export function overlap(one, other) {
  const width = Math.min(one.xmax, other.xmax) - Math.max(one.xmin, other.xmin);
  const height = Math.min(one.ymax, other.ymax) - Math.max(one.ymin, other.ymin);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (area(one) + area(other) - width * height);
}

/**
 * Whether two sets of labels are the same. What the server fills in by itself (truncated, pose) does not count.
 * @param {import("./types.js").PlainLabels} one
 * @param {import("./types.js").PlainLabels} other
 */
export function sameLabels(one, other) {
  const [mine, theirs] = [one.boxes ?? [], other.boxes ?? []];
  const fields = (/** @type {Box} */ box) =>
    [box.name, box.xmin, box.ymin, box.xmax, box.ymax, Boolean(box.difficult)].join("\u0000");
  return (
    one.verified === other.verified &&
    one.comment.trim() === other.comment.trim() &&
    Boolean(one.normal) === Boolean(other.normal) &&
    mine.length === theirs.length &&
    mine.every((box, index) => fields(box) === fields(/** @type {Box} */ (theirs[index])))
  );
}
