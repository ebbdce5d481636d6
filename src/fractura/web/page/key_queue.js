/** Keys pressed before the image has loaded wait for it, and those after them keep their order. */
import { notifyError } from "./announce.js";

/** Actions that must wait for the image's labels. */
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
   * @param {Record<string, () => unknown>} work A promise it returns is awaited before the next key is handled.
   * @param {() => boolean} loading Whether an image is loading.
   */
  constructor(work, loading) {
    this.work = work;
    this.loading = loading;
    /** @type {string[]} */
    this.waiting = [];
    this.running = false;
    /** Actions by name, for keys and buttons. @type {Record<string, () => void>} */
    this.actions = Object.fromEntries(Object.keys(work).map((name) => [name, () => this.#add(name)]));
  }

  /** @param {string} name */
  #add(name) {
    this.waiting.push(name);
    void this.run();
  }

  /** Run all actions that need not wait. */
  async run() {
    if (this.running) return;
    this.running = true;
    try {
      while (this.waiting.length > 0 && !(this.loading() && NEEDS_LABELS.has(this.waiting[0] ?? ""))) {
        await Promise.resolve(this.work[this.waiting.shift() ?? ""]?.()).catch(notifyError);
      }
    } finally {
      this.running = false;
    }
  }
}
