/**
 * A viewer that fetches its image: first a small preview, then all pixels; images with more than 8 bits are rendered by the
 * server for each window. Also the tools that both views share.
 *
 * @typedef {import("./types.js").ImageFacts} ImageFacts
 * @typedef {import("./types.js").Grey} Grey
 * @typedef {import("./picture.js").Picture} Picture
 */
import { notifyError } from "./announce.js";
import * as api from "./api.js";
import { number, percent, say } from "./i18n.js";
import { decode, release } from "./picture.js";
import { Ruler } from "./ruler.js";
import { toImage } from "./view.js";
import { Viewer } from "./viewer.js";

/** Images with more pixels show a preview first. */
const LARGE = 2_500_000;
const PREVIEW_SIDE = 1000;
/** Decoded images kept: the current, the previous and the next. */
const KEPT = 3;
const EIGHT_BIT = { centre: 127.5, width: 255 };
/** Delay from the last change of the window until the server renders the image again, ms. */
const GREY_DELAY = 150;

export class ImageStage {
  /**
   * @param {HTMLElement} host
   * @param {import("./viewer.js").Tool} tool
   * @param {HTMLElement} status Shows scale, position and window.
   */
  constructor(host, tool, status) {
    this.viewer = new Viewer(host, tool);
    this.status = status;
    this.tool = tool;
    this.ruler = new Ruler(() => this.#say());
    this.viewer.overlay = (context, view) => this.ruler.paint(context, view);
    /** Shows the same image in the same view. @type {Viewer | null} */
    this.mirror = null;
    /** @type {ImageFacts | null} */
    this.facts = null;
    /** @type {Map<string, Picture>} Oldest first. */
    this.kept = new Map();
    /** Quarter turns of the images whose view is rotated, until the page is closed. @type {Map<string, number>} */
    this.turns = new Map();
    this.request = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.greyTimer = undefined;
    /** The state of a tool has changed: the toolbar must be drawn. @type {() => void} */
    this.onTools = () => undefined;
    this.viewer.onView = () => this.#follow();
    this.viewer.onGrey = () => this.#greyChanged();
    host.addEventListener("pointermove", () => this.#say());
  }

  /**
   * @param {ImageFacts} facts
   * @returns {Promise<void>} Resolves when all pixels have arrived; an image that cannot be shown is a `ServerError`.
   */
  async open(facts) {
    this.request.abort();
    this.request = new AbortController();
    const { signal } = this.request;
    this.facts = facts;
    const options = { dark: facts.inverted, grey: facts.window ?? EIGHT_BIT, turn: this.turns.get(facts.id) ?? 0 };
    this.ruler.clear(facts);
    const known = this.kept.get(facts.id);
    if (known) return this.#show(known, options);
    this.viewer.show(null, options);
    this.mirror?.show(null, options);
    this.#say();
    /** @type {Picture | null} */
    let preview = null;
    if (facts.width * facts.height > LARGE) {
      preview = await this.#fetch(facts, null, PREVIEW_SIDE, signal);
      this.#show(preview, options);
    }
    const picture = await this.#fetch(facts, null, null, signal);
    this.#keep(facts.id, picture);
    this.#show(picture, { ...options, grey: preview ? this.viewer.grey : options.grey }, preview !== null);
    release(preview);
  }

  close() {
    this.request.abort();
    this.facts = null;
    this.ruler.clear(null);
    this.viewer.show(null);
    this.mirror?.show(null);
    this.#say();
  }

  /**
   * Fetch the image that will probably be opened next.
   * @param {string} id
   */
  async prepare(id) {
    if (this.kept.has(id)) return;
    try {
      const facts = await api.image(id);
      const picture = await this.#fetch(facts, null, null);
      if (this.kept.has(id)) release(picture);
      else this.#keep(id, picture);
    } catch (reason) {
      // opening the image will request it again and report the error
      if (!(reason instanceof api.ServerError)) throw reason;
    }
  }

  /**
   * @param {ImageFacts} facts
   * @param {Grey | null} grey
   * @param {number | null} side
   * @param {AbortSignal} [signal]
   */
  async #fetch(facts, grey, side, signal) {
    const blob = await api.picture(facts.id, { grey, side }, signal);
    const picture = await decode(blob, facts, grey ?? facts.window);
    signal?.throwIfAborted();
    return picture;
  }

  /**
   * @param {string} id
   * @param {Picture} picture
   */
  #keep(id, picture) {
    if (this.kept.get(id) !== picture) release(this.kept.get(id) ?? null);
    this.kept.delete(id);
    this.kept.set(id, picture);
    for (const old of this.kept.keys()) {
      if (this.kept.size <= KEPT) break;
      if (old === this.facts?.id) continue;
      release(this.kept.get(old) ?? null);
      this.kept.delete(old);
    }
  }

  /**
   * @param {Picture} picture
   * @param {{dark?: boolean, grey?: Grey, turn?: number}} options
   * @param {boolean} [keep] Keep the view.
   */
  #show(picture, options, keep = false) {
    this.viewer.show(picture, { ...options, keep });
    this.mirror?.show(picture, { ...options, keep: true });
    this.#follow();
  }

  get measuring() {
    return this.viewer.tool === this.ruler;
  }

  /** @param {boolean} measuring Whether the pointer draws a measured line, instead of what it does otherwise. */
  setMeasuring(measuring) {
    this.viewer.tool = measuring ? this.ruler : this.tool;
    this.ruler.clear(this.facts);
    this.viewer.refresh();
    this.onTools();
  }

  #greyChanged() {
    this.#follow();
    const { facts } = this;
    if (!facts?.window) return;
    clearTimeout(this.greyTimer);
    this.greyTimer = setTimeout(() => this.#drawGrey(facts).catch(notifyError), GREY_DELAY);
  }

  /**
   * Have the server render the image with the current window.
   * @param {ImageFacts} facts
   */
  async #drawGrey(facts) {
    const { signal } = this.request;
    const picture = await this.#fetch(facts, { ...this.viewer.grey }, null, signal);
    if (this.facts !== facts) return release(picture);
    this.viewer.show(picture, { keep: true });
    this.mirror?.show(picture, { keep: true });
    this.#keep(facts.id, picture);
  }

  #follow() {
    const { mirror, viewer } = this;
    if (mirror) {
      Object.assign(mirror, {
        view: viewer.view,
        grey: viewer.grey,
        inverted: viewer.inverted,
        dark: viewer.dark,
        windowing: viewer.windowing,
        magnifying: viewer.magnifying,
      });
      mirror.refresh();
    }
    this.#say();
  }

  #say() {
    const { viewer, facts } = this;
    if (!facts || !viewer.picture) return void (this.status.textContent = "");
    const parts = [percent(viewer.view.scale * devicePixelRatio)];
    if (viewer.view.turn) parts.push(say("image.rotated", { degrees: 90 * viewer.view.turn }));
    if (this.ruler.text) parts.unshift(this.ruler.text);
    const base = facts.window ?? EIGHT_BIT;
    if (viewer.grey.centre !== base.centre || viewer.grey.width !== base.width) {
      parts.unshift(say("image.window", { centre: number(viewer.grey.centre), half: number(viewer.grey.width / 2) }));
    }
    if (viewer.pointer) {
      const at = toImage(viewer.view, viewer.pointer);
      if (at.x >= 0 && at.y >= 0 && at.x < facts.width && at.y < facts.height)
        parts.unshift(`${Math.floor(at.x)}, ${Math.floor(at.y)}`);
    }
    this.status.textContent = parts.join("  ·  ");
  }

  /** What the keys and the toolbar do in both views. @returns {Record<string, () => void>} */
  get actions() {
    const { viewer } = this;
    const toggle = (/** @type {"inverted" | "windowing" | "magnifying"} */ name) => () => {
      viewer[name] = !viewer[name];
      viewer.refresh();
      this.#follow();
      this.onTools();
    };
    const rotate = (/** @type {1 | -1} */ step) => () => {
      if (!this.facts) return;
      viewer.rotate(step);
      this.turns.set(this.facts.id, viewer.view.turn);
    };
    return {
      zoomIn: () => viewer.zoom(1.25),
      zoomOut: () => viewer.zoom(0.8),
      actual: () => viewer.actual(),
      fit: () => viewer.fit(),
      ruler: () => this.setMeasuring(!this.measuring),
      rotate: rotate(1),
      rotateBack: rotate(-1),
      invert: toggle("inverted"),
      window: toggle("windowing"),
      magnifier: toggle("magnifying"),
      windowReset: () => {
        viewer.grey = this.facts?.window ?? EIGHT_BIT;
        viewer.refresh();
        this.#greyChanged();
      },
    };
  }
}
