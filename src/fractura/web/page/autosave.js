/**
 * Saves one image's labels: soon after each change, retried until the server has them, never over somebody else's.
 *
 * @typedef {import("./types.js").Annotation} Annotation
 * @typedef {import("./types.js").Labels} Labels
 * @typedef {import("./drafts.js").Drafts} Drafts
 * @typedef {import("./types.js").PlainLabels} PlainLabels
 * @typedef {"saved" | "waiting" | "saving" | "unreachable" | "refused" | "conflict"} SaveState
 */
import * as api from "./api.js";
import { bare, sameLabels } from "./boxes.js";

/** Delay from the last change to the request, ms: one request while an arrow key is held down. */
const DELAY = 200;
/** Waits between attempts while the server does not answer, ms. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 4000;

export class Autosave {
  /**
   * @param {{id: string, name: string}} image
   * @param {string} etag Of the annotation as it was read.
   * @param {Drafts} drafts
   * @param {object} callbacks
   * @param {(saver: Autosave) => void} callbacks.state The state has changed.
   * @param {(saver: Autosave, answer: Annotation) => void} callbacks.saved Everything is on the server's disk.
   * @param {(saver: Autosave, current: Annotation) => void} callbacks.conflict Somebody else has saved in between.
   */
  constructor(image, etag, drafts, callbacks) {
    this.image = image;
    this.etag = etag;
    this.drafts = drafts;
    this.callbacks = callbacks;
    /** @type {SaveState} */
    this.state = "saved";
    /** Why the server refused. @type {api.ServerError | null} */
    this.failure = null;
    /** What still has to be saved. @type {Labels | null} */
    this.wanted = null;
    this.sending = false;
    /** Sent without a response: the server may have written any of these. @type {PlainLabels[]} */
    this.unanswered = [];
    this.wait = FIRST_WAIT;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  get pending() {
    return this.wanted !== null;
  }

  /** @param {Labels} labels */
  change(labels) {
    this.wanted = labels;
    this.#keepDraft();
    if (this.state === "conflict") return;
    if (!this.sending) this.#become("waiting");
    this.#later(DELAY);
  }

  /**
   * Save pending changes now.
   * @param {boolean} [closing] The page is closing: the request must outlive it.
   */
  async flush(closing = false) {
    clearTimeout(this.timer);
    if (this.wanted === null || this.sending || this.state === "conflict") return;
    const labels = this.wanted;
    const sent = plain(labels);
    this.sending = true;
    this.unanswered = [...this.unanswered.filter((each) => !sameLabels(each, sent)), sent];
    this.#keepDraft();
    this.#become("saving");
    try {
      this.#acknowledged(await api.saveAnnotation(this.image.id, this.etag, sent, closing), labels);
    } catch (reason) {
      if (!(reason instanceof api.ServerError)) throw reason;
      this.#failed(reason, labels);
    } finally {
      this.sending = false;
    }
    if (this.wanted !== null && this.state === "waiting") void this.flush();
  }

  /** Changes of a closed window conflict with the file: nothing is saved until somebody decides. */
  dispute() {
    this.#become("conflict");
  }

  /**
   * After a conflict, continue from the server's current state.
   * @param {string} etag
   * @param {Labels | null} labels What to save over it; null to accept it as it is.
   */
  resolve(etag, labels) {
    this.etag = etag;
    this.wanted = labels;
    this.unanswered = [];
    if (labels === null) this.drafts.drop(this.image.id);
    else this.#keepDraft();
    this.#become(labels === null ? "saved" : "waiting");
    if (labels !== null) void this.flush();
  }

  /**
   * @param {Annotation} answer
   * @param {Labels} labels What was sent.
   */
  #acknowledged(answer, labels) {
    this.etag = answer.etag;
    this.wait = FIRST_WAIT;
    this.failure = null;
    this.unanswered = [];
    if (this.wanted !== labels) {
      this.#keepDraft();
      this.#become("waiting");
      return;
    }
    this.wanted = null;
    this.drafts.drop(this.image.id);
    this.#become("saved");
    this.callbacks.saved(this, answer);
  }

  /**
   * @param {api.ServerError} failure
   * @param {Labels} labels
   */
  #failed(failure, labels) {
    const current = /** @type {Annotation | undefined} */ (failure.document?.current);
    if (failure.code === "changed_elsewhere" && current) {
      // the server died after writing and before responding: the file is ours
      if (sameLabels(current, labels)) return this.#acknowledged(current, labels);
      if (wroteIt(this.unanswered, current)) {
        this.etag = current.etag;
        this.#become("waiting");
        return;
      }
      this.#become("conflict");
      return this.callbacks.conflict(this, current);
    }
    if (!failure.passing) this.unanswered = [];
    this.failure = failure;
    this.#become(failure.passing ? "unreachable" : "refused");
    if (failure.passing) {
      this.#later(this.wait);
      this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
    }
  }

  #keepDraft() {
    if (this.wanted === null) return;
    const { etag, image, unanswered } = this;
    this.drafts.keep({
      image: image.id,
      name: image.name,
      etag,
      labels: plain(this.wanted),
      unanswered,
      time: Date.now(),
    });
  }

  /** @param {number} wait ms */
  #later(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.flush(), wait);
  }

  /** @param {SaveState} state */
  #become(state) {
    this.state = state;
    this.callbacks.state(this);
  }
}

/**
 * Whether the server holds something that this browser sent without getting a response.
 * @param {readonly PlainLabels[]} unanswered
 * @param {Annotation} current
 */
export function wroteIt(unanswered, current) {
  return unanswered.some((sent) => sameLabels(sent, current));
}

/**
 * Labels as the server takes them.
 * @param {Labels} labels
 * @returns {PlainLabels}
 */
export function plain(labels) {
  const { boxes, normal, verified, comment } = labels;
  return { boxes: boxes.length > 0 || normal ? boxes.map(bare) : null, normal, verified, comment };
}

/**
 * Save the drafts that closed windows left behind, where nobody has changed the image since.
 * @param {Drafts} drafts
 * @returns {Promise<{saved: string[], kept: import("./drafts.js").Draft[]}>} Names of the images saved; drafts that need a decision.
 */
export async function replay(drafts) {
  /** @type {string[]} */
  const saved = [];
  /** @type {import("./drafts.js").Draft[]} */
  const kept = [];
  for (const { draft, forget } of await drafts.left()) {
    if (await sendDraft(draft, draft.etag)) {
      saved.push(draft.name);
      forget();
    } else {
      kept.push(draft);
    }
  }
  return { saved, kept };
}

/**
 * @param {import("./drafts.js").Draft} draft
 * @param {string} etag
 * @returns {Promise<boolean>} Whether it is on the server's disk.
 */
async function sendDraft(draft, etag) {
  try {
    await api.saveAnnotation(draft.image, etag, draft.labels);
    return true;
  } catch (reason) {
    if (!(reason instanceof api.ServerError)) throw reason;
    const current = /** @type {Annotation | undefined} */ (reason.document?.current);
    if (!current) return false;
    if (sameLabels(current, draft.labels)) return true;
    return current.etag !== etag && wroteIt(draft.unanswered, current) ? sendDraft(draft, current.etag) : false;
  }
}
