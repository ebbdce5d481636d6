/**
 * One image that is being labelled: its labels with their history, and how they get saved.
 *
 * @typedef {import("./types.js").Annotation} Annotation
 * @typedef {import("./types.js").KeyedBox} KeyedBox
 * @typedef {import("./types.js").Labels} Labels
 * @typedef {import("./types.js").ImageSuggestions} ImageSuggestions
 * @typedef {import("./types.js").Suggestion} Suggestion
 * @typedef {Labels & {dismissed: readonly string[]}} State With the places of suggestions that were dismissed.
 */
import { Autosave } from "./autosave.js";
import { between, keyed, overlap, sameLabels } from "./boxes.js";
import { History } from "./history.js";

/** A suggestion that covers a box so well says nothing new. Intersection over union. */
const SAME_PLACE = 0.5;

export class OpenImage {
  /**
   * @param {import("./types.js").ImageFacts} facts
   * @param {Annotation} annotation
   * @param {import("./drafts.js").Drafts} drafts
   * @param {ConstructorParameters<typeof Autosave>[3]} told
   */
  constructor(facts, annotation, drafts, told) {
    this.facts = facts;
    this.annotation = annotation;
    this.size = { width: annotation.width, height: annotation.height };
    /** @type {History<State>} */
    this.history = new History({ ...labelsOf(annotation), dismissed: /** @type {readonly string[]} */ ([]) });
    this.saver = new Autosave({ id: facts.id, name: facts.name }, annotation.etag, drafts, {
      ...told,
      saved: (saver, answer) => {
        this.#take(answer);
        told.saved(saver, answer);
      },
    });
    /** Etag that the server told of last, without being asked. @type {string | null} */
    this.heard = null;
    /** @type {ImageSuggestions | null} */
    this.answer = null;
    /** @type {Suggestion[]} */
    this.detections = [];
  }

  get labels() {
    return this.history.now;
  }

  /** @param {Partial<Labels>} change */
  commit(change) {
    this.history.push({ ...this.labels, ...change });
    this.saver.change(this.labels);
  }

  /**
   * Typing is one step of the history, not one a letter.
   * @param {string} comment
   */
  setComment(comment) {
    const before = this.history.states[this.history.place - 1];
    const typing =
      before !== undefined && before.boxes === this.labels.boxes && before.verified === this.labels.verified;
    if (typing) this.history.replace({ ...this.labels, comment });
    else this.history.push({ ...this.labels, comment });
    this.saver.change(this.labels);
  }

  /** @param {"undo" | "redo"} direction @returns {boolean} Whether there was anything. */
  step(direction) {
    const before = this.labels;
    if (this.history[direction]() === before) return false;
    if (!sameLabels(before, this.labels)) this.saver.change(this.labels);
    return true;
  }

  /** Write the file even if nothing was changed: an image without finding has an annotation without boxes. */
  save() {
    if (!this.saver.pending && !this.annotation.exists) this.saver.change(this.labels);
    return this.saver.flush();
  }

  /**
   * The server's present state, after somebody else changed it; can be undone.
   * @param {Annotation} annotation
   */
  reload(annotation) {
    this.annotation = annotation;
    this.history.push({ ...this.labels, ...labelsOf(annotation) });
    this.saver.resolve(annotation.etag, null);
  }

  /**
   * @param {Annotation} current What the server has.
   * @param {Labels} labels What shall be there.
   */
  overwrite(current, labels) {
    this.annotation = current;
    this.history.push({ ...this.labels, ...labels });
    this.saver.resolve(current.etag, labels);
  }

  /** @param {ImageSuggestions} answer */
  suggest(answer) {
    this.answer = answer;
    this.detections = answer.boxes.map((detection) => ({
      ...keyed(detection),
      ...between({ x: detection.xmin, y: detection.ymin }, { x: detection.xmax, y: detection.ymax }, this.size),
    }));
  }

  /**
   * Suggestions that still ask for an answer.
   * @param {number} threshold
   * @returns {Suggestion[]}
   */
  open(threshold) {
    const { boxes, verified, dismissed } = this.labels;
    if (verified) return [];
    return this.detections.filter(
      (detection) =>
        detection.score >= threshold &&
        !dismissed.includes(place(detection)) &&
        !boxes.some((box) => overlap(box, detection) > SAME_PLACE),
    );
  }

  /** It stays away until the page is closed; can be undone. @param {Suggestion} detection */
  dismiss(detection) {
    this.history.push({ ...this.labels, dismissed: [...this.labels.dismissed, place(detection)] });
  }

  /** @param {Annotation} answer */
  #take(answer) {
    this.annotation = answer;
    const { boxes } = this.labels;
    if (boxes.length !== answer.boxes.length) return;
    // what the server rounded or filled in, under the boxes' own keys
    const taken = boxes.map((box, index) => ({ ...answer.boxes[index], key: box.key }));
    this.history.replace({ ...this.labels, boxes: /** @type {KeyedBox[]} */ (taken) });
  }
}

/** @param {{boxes: readonly import("./types.js").Box[], verified: boolean, comment: string}} said @returns {Labels} */
export function labelsOf({ boxes, verified, comment }) {
  return { boxes: boxes.map(keyed), verified, comment };
}

/**
 * The boxes of both, each once.
 * @param {Labels} mine
 * @param {Labels} theirs
 * @returns {Labels}
 */
export function joined(mine, theirs) {
  const same = (/** @type {KeyedBox} */ one, /** @type {KeyedBox} */ other) =>
    one.name === other.name && place(one) === place(other);
  const more = theirs.boxes.filter((box) => !mine.boxes.some((own) => same(own, box)));
  const comments = [...new Set([mine.comment, theirs.comment].filter(Boolean))];
  return { boxes: [...mine.boxes, ...more], verified: mine.verified && theirs.verified, comment: comments.join("\n") };
}

/** @param {import("./types.js").Box} box */
function place(box) {
  return [box.xmin, box.ymin, box.xmax, box.ymax].join(" ");
}
