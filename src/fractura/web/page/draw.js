/** Draws boxes over an image: a dark line under a bright one, visible on bone and on air alike. */
import { toStage } from "./view.js";

/**
 * @typedef {import("./types.js").Box} Box
 * @typedef {import("./view.js").View} View
 * @typedef {{x: number, y: number, width: number, height: number}} Place Stage pixels.
 * @typedef {object} BoxStyle
 * @property {string} colour
 * @property {string} [tag] Text at the upper left corner.
 * @property {boolean} [dashed] A suggestion.
 * @property {boolean} [selected]
 * @property {boolean} [pointed] Under the pointer.
 */

/** Distinguishable with any colour vision, bright on black. */
const COLOURS = ["#4cc9f0", "#ffb703", "#8ce99a", "#ff8fab", "#b197fc", "#ffd8a8", "#63e6be", "#ff922b", "#e9ecef"];
export const GROUND_TRUTH_COLOUR = "#8ce99a";
export const HANDLE = 7;
const MEASURE_COLOUR = "#ffe066";
/** Half the length of the strokes that end a measured line, stage pixels. */
const TICK = 6;
const TAG_FONT = "600 12px system-ui, sans-serif";

/**
 * @param {string} name
 * @param {readonly string[]} names All classes in their order.
 */
export function colourOf(name, names) {
  const place = names.indexOf(name);
  return /** @type {string} */ (COLOURS[(place < 0 ? names.length : place) % COLOURS.length]);
}

/**
 * Where a box lies on the stage.
 * @param {View} view
 * @param {Box} box
 * @returns {Place}
 */
export function onStage(view, box) {
  const from = toStage(view, { x: box.xmin, y: box.ymin });
  const to = toStage(view, { x: box.xmax, y: box.ymax });
  // in a rotated view, another corner of the box is the upper left one
  return {
    x: Math.min(from.x, to.x),
    y: Math.min(from.y, to.y),
    width: Math.abs(to.x - from.x),
    height: Math.abs(to.y - from.y),
  };
}

/**
 * Draw boxes, the first on top. A tag that would cover another is left out; those of selected and pointed boxes come first.
 * @param {CanvasRenderingContext2D} context In stage pixels.
 * @param {View} view
 * @param {readonly {box: Box, style: BoxStyle}[]} items Most important first.
 */
export function drawBoxes(context, view, items) {
  for (const { box, style } of [...items].reverse()) drawBox(context, view, box, style);
  /** @type {Place[]} */
  const taken = [];
  const first = (/** @type {BoxStyle} */ style) => Number(Boolean(style.selected)) * 2 + Number(Boolean(style.pointed));
  for (const { box, style } of items.toSorted((one, other) => first(other.style) - first(one.style))) {
    if (!style.tag) continue;
    const place = tagPlace(context, style.tag, onStage(view, box));
    if (taken.some((other) => cover(place, other))) continue;
    taken.push(place);
    drawTag(context, style.tag, place, style.colour, Boolean(style.dashed));
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {Box} box
 * @param {BoxStyle} style
 */
function drawBox(context, view, box, style) {
  const { x, y, width, height } = onStage(view, box);
  context.save();
  context.setLineDash(style.dashed ? [7, 5] : []);
  context.strokeStyle = "rgba(0, 0, 0, 0.75)";
  context.lineWidth = style.selected ? 5 : 4;
  context.strokeRect(x, y, width, height);
  context.strokeStyle = style.colour;
  context.lineWidth = style.selected || style.pointed ? 2.5 : 1.75;
  context.strokeRect(x, y, width, height);
  context.setLineDash([]);
  if (style.selected) drawHandles(context, { x, y, width, height }, style.colour);
  context.restore();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Place} place
 * @param {string} colour
 */
function drawHandles(context, place, colour) {
  const across = place.width > 4 * HANDLE ? [0, 0.5, 1] : [0, 1];
  const down = place.height > 4 * HANDLE ? [0, 0.5, 1] : [0, 1];
  context.lineWidth = 1.5;
  context.strokeStyle = "#000";
  context.fillStyle = colour;
  for (const column of across) {
    for (const row of down) {
      if (column === 0.5 && row === 0.5) continue;
      const corner = [place.x + column * place.width - HANDLE / 2, place.y + row * place.height - HANDLE / 2];
      context.beginPath();
      context.rect(/** @type {number} */ (corner[0]), /** @type {number} */ (corner[1]), HANDLE, HANDLE);
      context.fill();
      context.stroke();
    }
  }
}

/**
 * Above the box, or inside at the upper edge of the stage.
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {Place} box
 * @returns {Place}
 */
function tagPlace(context, text, box) {
  context.font = TAG_FONT;
  return {
    x: box.x - 1,
    y: box.y >= 20 ? box.y - 19 : box.y + 2,
    width: context.measureText(text).width + 10,
    height: 17,
  };
}

/**
 * @param {Place} one
 * @param {Place} other
 */
function cover(one, other) {
  const across = one.x < other.x + other.width && other.x < one.x + one.width;
  return across && one.y < other.y + other.height && other.y < one.y + one.height;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {Place} place
 * @param {string} colour
 * @param {boolean} hollow
 */
function drawTag(context, text, place, colour, hollow) {
  context.fillStyle = hollow ? "rgba(0, 0, 0, 0.75)" : colour;
  context.beginPath();
  context.roundRect(place.x, place.y, place.width, place.height, 3);
  context.fill();
  context.fillStyle = hollow ? colour : "#0b0d10";
  context.textBaseline = "middle";
  context.fillText(text, place.x + 5, place.y + 9);
}

/**
 * A measured line.
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {{from: import("./types.js").Point, to: import("./types.js").Point}} line In image pixels.
 * @param {string} text
 */
export function drawMeasure(context, view, line, text) {
  const [from, to] = [toStage(view, line.from), toStage(view, line.to)];
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  // across the line, at its ends
  const end = { x: (-(to.y - from.y) / length) * TICK, y: ((to.x - from.x) / length) * TICK };
  for (const [colour, width] of /** @type {const} */ ([
    ["rgba(0, 0, 0, 0.75)", 4],
    [MEASURE_COLOUR, 1.75],
  ])) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    for (const at of [from, to]) {
      context.moveTo(at.x - end.x, at.y - end.y);
      context.lineTo(at.x + end.x, at.y + end.y);
    }
    context.stroke();
  }
  const place = tagPlace(context, text, { x: to.x + TICK, y: to.y, width: 0, height: 0 });
  drawTag(context, text, place, MEASURE_COLOUR, true);
}

/**
 * LabelImg's crosshair before a box is started.
 * @param {CanvasRenderingContext2D} context
 * @param {import("./types.js").Point} point On the stage.
 * @param {import("./types.js").Size} stage
 */
export function drawCross(context, point, stage) {
  for (const [colour, width] of /** @type {const} */ ([
    ["rgba(0, 0, 0, 0.6)", 3],
    ["rgba(255, 255, 255, 0.85)", 1],
  ])) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(0, point.y);
    context.lineTo(stage.width, point.y);
    context.moveTo(point.x, 0);
    context.lineTo(point.x, stage.height);
    context.stroke();
  }
}
