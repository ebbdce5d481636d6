/**
 * Labels that the server has not acknowledged yet, kept in the browser's storage so that neither a dead server nor a closed
 * window loses a box.
 *
 * Every window stores its drafts under its own name and holds a lock of that name; a draft whose lock is free was left behind
 * by a closed window, and only such drafts are recovered.
 *
 * @typedef {import("./types.js").PlainLabels} PlainLabels
 *
 * @typedef {object} Draft
 * @property {string} image
 * @property {string} name Of the image.
 * @property {string} etag Of the file that it changes.
 * @property {PlainLabels} labels
 * @property {PlainLabels[]} unanswered Sent without a response: the file may hold one of these.
 * @property {number} time ms
 */

const PREFIX = "fractura-draft";
/** Without locks (on a page that is not a secure context) a draft counts as left behind after this time. ms */
const PATIENCE = 10_000;

export class Drafts {
  /** @param {string} folder Id of the folder; drafts of other folders are ignored. */
  constructor(folder) {
    this.folder = folder;
    this.window = crypto.getRandomValues(new Uint32Array(2)).join("-");
    /** Called when the browser's storage refuses. @type {(() => void) | null} */
    this.onRefused = null;
    if (navigator.locks) {
      // held until the window closes, because the promise never settles
      void navigator.locks.request(lockName(this.window), () => new Promise(() => undefined));
    }
  }

  /** @param {Draft} draft */
  keep(draft) {
    try {
      localStorage.setItem(this.#place(draft.image, this.window), JSON.stringify(draft));
    } catch (reason) {
      if (!(reason instanceof DOMException)) throw reason;
      this.onRefused?.();
    }
  }

  /** @param {string} image */
  drop(image) {
    localStorage.removeItem(this.#place(image, this.window));
  }

  /**
   * The drafts that closed windows left behind, newest first.
   * @param {string | null} [image] Only those of this image.
   * @returns {Promise<{draft: Draft, forget: () => void}[]>}
   */
  async left(image = null) {
    const alive = await this.#alive();
    const found = [];
    for (const place of Object.keys(localStorage)) {
      const [prefix, folder, id, window] = place.split("|");
      if (prefix !== PREFIX || folder !== this.folder || !id || !window || (image !== null && id !== image)) continue;
      const draft = read(place);
      if (draft === null || window === this.window) continue;
      if (alive === null ? Date.now() - draft.time < PATIENCE : alive.has(lockName(window))) continue;
      found.push({ draft, forget: () => localStorage.removeItem(place) });
    }
    return found.sort((one, other) => other.draft.time - one.draft.time);
  }

  /** @returns {Promise<Set<string> | null>} Locks of the windows that are open; null where there are no locks. */
  async #alive() {
    if (!navigator.locks) return null;
    const { held } = await navigator.locks.query();
    return new Set((held ?? []).map((lock) => lock.name ?? ""));
  }

  /**
   * @param {string} image
   * @param {string} window
   */
  #place(image, window) {
    return [PREFIX, this.folder, image, window].join("|");
  }
}

/** @param {string} window */
function lockName(window) {
  return `${PREFIX}|${window}`;
}

/**
 * @param {string} place
 * @returns {Draft | null} null if it is not a complete draft.
 */
function read(place) {
  try {
    const draft = JSON.parse(localStorage.getItem(place) ?? "null");
    const boxes = draft?.labels?.boxes;
    return (Array.isArray(boxes) || boxes === null) && Array.isArray(draft.unanswered) && typeof draft.etag === "string"
      ? draft
      : null;
  } catch (reason) {
    if (reason instanceof SyntaxError) return null;
    throw reason;
  }
}
