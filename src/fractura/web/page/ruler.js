/**
 * A tool that measures the distance between two points of the image: in pixels, and in millimetres where the file says how
 * large a pixel is, and in which plane.
 *
 * @typedef {import("./types.js").Point} Point
 * @typedef {import("./types.js").ImageFacts} ImageFacts
 */
import { announce } from "./announce.js";
import { drawMeasure } from "./draw.js";
import { number, say } from "./i18n.js";
import { within } from "./view.js";

export class Ruler {
  /** @param {() => void} changed The length has changed. */
  constructor(changed) {
    this.changed = changed;
    /** @type {ImageFacts | null} */
    this.facts = null;
    /** The ends of the line, in image pixels. @type {{from: Point, to: Point} | null} */
    this.line = null;
  }

  /** @param {ImageFacts | null} facts Of the image to measure on from now on. */
  clear(facts) {
    this.facts = facts;
    this.line = null;
    this.changed();
  }

  /** @param {Point} point */
  press(point) {
    const from = this.#inside(point);
    this.line = { from, to: from };
    this.changed();
    return true;
  }

  /** @param {Point} point */
  drag(point) {
    if (this.line) this.line = { ...this.line, to: this.#inside(point) };
    this.changed();
  }

  release() {
    announce(this.text);
  }

  hover() {
    return "crosshair";
  }

  abandon() {
    this.clear(this.facts);
  }

  /** @param {Point} point */
  #inside({ x, y }) {
    const { width = 0, height = 0 } = this.facts ?? {};
    return { x: within(x, 0, width), y: within(y, 0, height) };
  }

  /** In pixels and mm; null without a line, or where the file does not say how large a pixel is. */
  get #length() {
    if (!this.line) return null;
    const { from, to } = this.line;
    const spacing = this.facts?.spacing ?? null;
    return {
      pixels: number(Math.hypot(to.x - from.x, to.y - from.y), 1),
      mm: spacing && number(Math.hypot((to.x - from.x) * spacing.across, (to.y - from.y) * spacing.down), 1),
    };
  }

  /** The length, and what the millimetres rest on; empty without a line. */
  get text() {
    const length = this.#length;
    if (length === null) return "";
    const { pixels, mm } = length;
    const kind = this.facts?.spacing?.kind;
    return kind && mm !== null ? say(`ruler.${kind}`, { pixels, mm }) : say("ruler.pixels", { pixels });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {import("./view.js").View} view
   */
  paint(context, view) {
    const length = this.#length;
    if (!this.line || !length) return;
    const { pixels, mm } = length;
    drawMeasure(context, view, this.line, mm === null ? `${pixels} px` : `${mm} mm`);
  }
}
