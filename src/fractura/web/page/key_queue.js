/** Keys that are pressed before the image is there wait for it, and those behind them keep their order. */
import { tellError } from "./announce.js";

/** What a key does that must wait for the image's labels. */
const NEEDS_LABELS = new Set([
  "draw",
  "drawMiddle",
  "save",
  "verified",
  "paste",
  "delete",
  "copy",
  "undo",
  "redo",
  "difficult",
  "accept",
  "acceptAll",
]);

export class KeyQueue {
  /**
   * @param {Record<string, () => unknown>} work What returns a promise is waited for before the next key counts.
   * @param {() => boolean} loading An image is on its way.
   */
  constructor(work, loading) {
    this.work = work;
    this.loading = loading;
    /** @type {string[]} */
    this.waiting = [];
    this.running = false;
    /** The same names, to be called by keys and buttons. @type {Record<string, () => void>} */
    this.actions = Object.fromEntries(Object.keys(work).map((name) => [name, () => this.#add(name)]));
  }

  /** @param {string} name */
  #add(name) {
    this.waiting.push(name);
    void this.run();
  }

  /** Do what can be done by now. */
  async run() {
    if (this.running) return;
    this.running = true;
    try {
      while (this.waiting.length > 0 && !(this.loading() && NEEDS_LABELS.has(this.waiting[0] ?? ""))) {
        await Promise.resolve(this.work[this.waiting.shift() ?? ""]?.()).catch(tellError);
      }
    } finally {
      this.running = false;
    }
  }
}
