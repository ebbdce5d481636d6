/**
 * The stage: one image seen through a view and a grey window, with a layer of boxes above it.
 *
 * There are two canvases. Only the lower one, the image, passes through the grey window (an SVG filter, exact and applied by
 * the browser's compositor); the boxes above it keep their colours.
 *
 * @typedef {import("./types.js").Grey} Grey
 * @typedef {import("./types.js").Point} Point
 * @typedef {import("./view.js").View} View
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {object} Tool What the pointer does besides moving and zooming; points are on the image.
 * @property {(point: Point, event: PointerEvent) => boolean} press Returns whether it handles this drag.
 * @property {(point: Point, event: PointerEvent) => void} drag
 * @property {(point: Point, event: PointerEvent) => void} release
 * @property {(point: Point | null) => string} hover Returns the cursor.
 * @property {() => void} abandon The drag has become a pinch or was cancelled.
 */
import { make } from "./dom.js";
import { watchPointer } from "./gestures.js";
import { greyChange, levelFor } from "./picture.js";
import { centred, centredOn, fit, moved, placed, resized, toImage, toStage, turned, within, zoomed } from "./view.js";

/** From this many screen pixels per image pixel, pixels are shown as squares. */
const SQUARES_FROM = 6;
const LOUPE = { radius: 110, power: 3 };
let viewers = 0;

export class Viewer {
  /**
   * @param {HTMLElement} host
   * @param {Tool} tool
   */
  constructor(host, tool) {
    viewers += 1;
    this.host = host;
    this.tool = tool;
    this.image = make("canvas", { class: "image", "aria-hidden": "true" });
    this.layer = make("canvas", { class: "layer", "aria-hidden": "true" });
    this.filter = greyFilter(`grey-${viewers}`);
    host.append(this.filter.element, this.image, this.layer);
    /** @type {Picture | null} */
    this.picture = null;
    /** @type {View} */
    this.view = { scale: 1, x: 0, y: 0, turn: 0 };
    this.stage = { width: 1, height: 1 };
    /** @type {Grey} */
    this.grey = { centre: 127.5, width: 255 };
    this.dark = false;
    this.inverted = false;
    this.windowing = false;
    /** Another viewer controls the view. */
    this.follows = false;
    this.magnifying = false;
    /** Position of the pointer on the stage. @type {Point | null} */
    this.pointer = null;
    /** Paints the layer; may be called twice, for the magnifier. @type {(context: CanvasRenderingContext2D, view: View) => void} */
    this.paint = () => undefined;
    /** Paints above the boxes. @type {(context: CanvasRenderingContext2D, view: View) => void} */
    this.overlay = () => undefined;
    /** @type {((view: View) => void) | null} */
    this.onView = null;
    /** @type {((grey: Grey) => void) | null} */
    this.onGrey = null;
    this.waiting = false;
    new ResizeObserver(() => this.#measure()).observe(host);
    this.#measure();
    watchPointer(this);
  }

  /**
   * @param {Picture | null} picture
   * @param {{keep?: boolean, dark?: boolean, grey?: Grey, turn?: number}} [options] `keep`: keep the view (the same image,
   *   rendered again).
   */
  show(picture, options = {}) {
    this.picture = picture;
    if (options.grey) this.grey = options.grey;
    if (options.dark !== undefined) this.dark = options.dark;
    if (!options.keep) {
      this.view = { ...this.view, turn: options.turn ?? 0 };
      this.fit();
    }
    this.refresh();
  }

  fit() {
    if (this.picture) this.setView(fit(this.picture, this.stage, this.view.turn));
  }

  /** Rotate the view by a quarter turn; the image and its boxes stay as they are. @param {1 | -1} step Clockwise or back. */
  rotate(step) {
    if (!this.picture) return;
    const middle = { x: this.stage.width / 2, y: this.stage.height / 2 };
    const view = placed({ ...this.view, turn: (this.view.turn + step + 4) % 4 }, toImage(this.view, middle), middle);
    if (this.#fitted(this.stage)) this.setView(fit(this.picture, this.stage, view.turn));
    else this.setView(moved(view, 0, 0, this.picture, this.stage));
  }

  /** Whether the image fills the stage. @param {import("./types.js").Size} stage */
  #fitted(stage) {
    if (!this.picture) return false;
    return Math.abs(fit(this.picture, stage, this.view.turn).scale - this.view.scale) < 1e-9;
  }

  /** One image pixel to one pixel of the screen. */
  actual() {
    if (!this.picture) return;
    const middle = toImage(this.view, { x: this.stage.width / 2, y: this.stage.height / 2 });
    const view = { ...this.view, scale: 1 / devicePixelRatio };
    this.setView(moved(centredOn(view, middle, this.stage), 0, 0, this.picture, this.stage));
  }

  /**
   * @param {number} factor
   * @param {Point} [point] On the stage; by default its middle.
   */
  zoom(factor, point = { x: this.stage.width / 2, y: this.stage.height / 2 }) {
    if (this.picture) this.setView(zoomed(this.view, factor, point, this.picture, this.stage));
  }

  /**
   * @param {number} dx Stage pixels.
   * @param {number} dy
   */
  move(dx, dy) {
    if (this.picture) this.setView(moved(this.view, dx, dy, this.picture, this.stage));
  }

  /**
   * Bring a box into view if it is not visible.
   * @param {import("./types.js").Box} box
   */
  reveal(box) {
    if (!this.picture) return;
    const middle = { x: (box.xmin + box.xmax) / 2, y: (box.ymin + box.ymax) / 2 };
    const { x, y } = toStage(this.view, middle);
    if (x < 0 || y < 0 || x > this.stage.width || y > this.stage.height)
      this.setView(centredOn(this.view, middle, this.stage));
  }

  /** @param {View} view */
  setView(view) {
    this.view = view;
    this.onView?.(view);
    this.refresh();
  }

  /**
   * Change the window as by dragging: across the width, up and down the brightness.
   * @param {number} dx Stage pixels.
   * @param {number} dy
   */
  dragGrey(dx, dy) {
    const step = Math.max(this.grey.width, 8) / 300;
    this.grey = { centre: this.grey.centre + dy * step, width: within(this.grey.width + dx * step, 1, 1e6) };
    this.onGrey?.(this.grey);
    this.refresh();
  }

  /** @param {PointerEvent | WheelEvent | MouseEvent} event */
  pointOf(event) {
    const place = this.host.getBoundingClientRect();
    return { x: event.clientX - place.left, y: event.clientY - place.top };
  }

  /** Redraw with the next frame. */
  refresh() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.#draw();
    });
  }

  #measure() {
    const before = this.stage;
    const after = { width: Math.max(this.host.clientWidth, 1), height: Math.max(this.host.clientHeight, 1) };
    const wasFitted = this.#fitted(before);
    this.stage = after;
    for (const canvas of [this.image, this.layer]) {
      canvas.width = Math.round(after.width * devicePixelRatio);
      canvas.height = Math.round(after.height * devicePixelRatio);
    }
    if (this.follows) this.refresh();
    else if (wasFitted) this.fit();
    else if (this.picture)
      this.setView(
        before.width > 1 ? resized(this.view, before, after) : centred(this.picture, after, this.view.scale, this.view.turn),
      );
    // resizing empties a canvas: draw it before the browser shows it
    this.#draw();
  }

  #draw() {
    const image = /** @type {CanvasRenderingContext2D} */ (this.image.getContext("2d"));
    const layer = /** @type {CanvasRenderingContext2D} */ (this.layer.getContext("2d"));
    for (const context of [image, layer]) {
      context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
      context.clearRect(0, 0, this.stage.width, this.stage.height);
    }
    if (!this.picture) return;
    this.#drawImage(image, this.picture, this.view);
    this.#drawLayer(layer, this.view);
    if (this.magnifying && this.pointer) this.#drawLoupe(image, layer, this.picture, this.pointer);
    const drawn = this.picture.grey ?? { centre: 127.5, width: 255 };
    this.image.style.filter = this.filter.set(greyChange(drawn, this.grey, this.dark, this.inverted));
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Picture} picture
   * @param {View} view
   */
  #drawImage(context, picture, view) {
    const scale = view.scale * devicePixelRatio;
    context.imageSmoothingEnabled = scale < SQUARES_FROM;
    context.imageSmoothingQuality = "high";
    const across = turned(view.turn, { x: 1, y: 0 });
    const down = turned(view.turn, { x: 0, y: 1 });
    context.save();
    context.transform(across.x, across.y, down.x, down.y, view.x, view.y);
    context.drawImage(levelFor(picture, scale), 0, 0, picture.width * view.scale, picture.height * view.scale);
    context.restore();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {View} view
   */
  #drawLayer(context, view) {
    this.paint(context, view);
    this.overlay(context, view);
  }

  /**
   * @param {CanvasRenderingContext2D} image
   * @param {CanvasRenderingContext2D} layer
   * @param {Picture} picture
   * @param {Point} at
   */
  #drawLoupe(image, layer, picture, at) {
    const held = toImage(this.view, at);
    const scale = Math.max(this.view.scale * LOUPE.power, 1.5);
    const view = placed({ ...this.view, scale }, held, at);
    for (const context of [image, layer]) {
      context.save();
      context.beginPath();
      context.arc(at.x, at.y, LOUPE.radius, 0, 2 * Math.PI);
      context.clip();
      context.clearRect(0, 0, this.stage.width, this.stage.height);
      if (context === image) this.#drawImage(context, picture, view);
      else this.#drawLayer(context, view);
      context.restore();
    }
    layer.beginPath();
    layer.arc(at.x, at.y, LOUPE.radius, 0, 2 * Math.PI);
    layer.lineWidth = 2;
    layer.strokeStyle = "rgba(255, 255, 255, 0.8)";
    layer.stroke();
  }
}

/**
 * An SVG filter that changes greys linearly.
 * @param {string} id
 */
function greyFilter(id) {
  const space = "http://www.w3.org/2000/svg";
  const element = document.createElementNS(space, "svg");
  const filter = document.createElementNS(space, "filter");
  const transfer = document.createElementNS(space, "feComponentTransfer");
  const channels = ["feFuncR", "feFuncG", "feFuncB"].map((name) => document.createElementNS(space, name));
  element.setAttribute("class", "grey-filter");
  element.setAttribute("aria-hidden", "true");
  filter.id = id;
  filter.setAttribute("color-interpolation-filters", "sRGB");
  for (const channel of channels) channel.setAttribute("type", "linear");
  transfer.append(...channels);
  filter.append(transfer);
  element.append(filter);
  return {
    element,
    /** @param {{slope: number, intercept: number}} change @returns {string} The CSS filter to use. */
    set({ slope, intercept }) {
      if (Math.abs(slope - 1) < 1e-6 && Math.abs(intercept) < 1e-6) return "none";
      for (const channel of channels) {
        channel.setAttribute("slope", String(slope));
        channel.setAttribute("intercept", String(intercept));
      }
      return `url(#${id})`;
    },
  };
}
