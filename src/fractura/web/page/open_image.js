/**
 * One image that is being labelled: its labels, their history, and saving them.
 *
 * @typedef {import("./types.js").Annotation} Annotation
 * @typedef {import("./types.js").KeyedBox} KeyedBox
 * @typedef {import("./types.js").Labels} Labels
 * @typedef {import("./types.js").ImageSuggestions} ImageSuggestions
 * @typedef {import("./types.js").Suggestion} Suggestion
 * @typedef {Labels & {dismissed: readonly string[]}} State Also the places of dismissed suggestions.
 */
import { Autosave } from "./autosave.js";
import { between, keyed, overlap, sameLabels } from "./boxes.js";
import { History } from "./history.js";

/** A suggestion with this overlap with a box adds nothing new. Intersection over union. */
const SAME_PLACE = 0.5;

export class OpenImage {
  /**
   * @param {import("./types.js").ImageFacts} facts
   * @param {Annotation} annotation
   * @param {import("./drafts.js").Drafts} drafts
   * @param {ConstructorParameters<typeof Autosave>[3]} callbacks
   */
  constructor(facts, annotation, drafts, callbacks) {
    this.facts = facts;
    this.annotation = annotation;
    this.size = { width: annotation.width, height: annotation.height };
    /** @type {History<State>} */
    this.history = new History({ ...labelsOf(annotation), dismissed: /** @type {readonly string[]} */ ([]) });
    this.saver = new Autosave({ id: facts.id, name: facts.name }, annotation.etag, drafts, {
      ...callbacks,
      saved: (saver, answer) => {
        this.#take(answer);
        callbacks.saved(saver, answer);
      },
    });
    /** Etag that the last event reported. @type {string | null} */
    this.reportedEtag = null;
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
   * Boxes are labels; that there are none is not. Without its last box, an image is what it was before its boxes were drawn.
   * @param {readonly KeyedBox[]} boxes
   */
  setBoxes(boxes) {
    if (boxes.length > 0) return this.commit({ boxes, normal: false });
    const { states, place: now } = this.history;
    const before = states.slice(0, now).findLast((state) => state.boxes.length === 0);
    this.commit({ boxes, normal: before?.normal ?? false, verified: before?.verified ?? false });
  }

  /** Whether there is something that a reviewer can confirm: boxes, or the decision that there are none. */
  get decided() {
    return this.labels.boxes.length > 0 || this.labels.normal;
  }

  /**
   * Typing is one step of the history, not one per letter.
   * @param {string} comment
   */
  setComment(comment) {
    const before = this.history.states[this.history.place - 1];
    const { boxes, normal, verified } = this.labels;
    const typing =
      before !== undefined && before.boxes === boxes && before.normal === normal && before.verified === verified;
    if (typing) this.history.replace({ ...this.labels, comment });
    else this.history.push({ ...this.labels, comment });
    this.saver.change(this.labels);
  }

  /** @param {"undo" | "redo"} direction @returns {boolean} Whether there was a step. */
  step(direction) {
    const before = this.labels;
    if (this.history[direction]() === before) return false;
    if (!sameLabels(before, this.labels)) this.saver.change(this.labels);
    return true;
  }

  /**
   * Save now. Without boxes this is the decision that the image is normal, the only way to write a file without boxes.
   * @returns {Promise<void>}
   */
  save() {
    if (this.labels.boxes.length === 0) {
      if (this.labels.normal) this.saver.change(this.labels);
      else this.commit({ normal: true });
    }
    return this.saver.flush();
  }

  /**
   * Take over the server's current state after somebody else changed it; can be undone.
   * @param {Annotation} annotation
   */
  reload(annotation) {
    this.annotation = annotation;
    this.history.push({ ...this.labels, ...labelsOf(annotation) });
    this.saver.resolve(annotation.etag, null);
  }

  /**
   * @param {Annotation} current The server's state.
   * @param {Labels} labels The labels to save over it.
   */
  overwrite(current, labels) {
    this.annotation = current;
    this.history.push({ ...this.labels, ...labels });
    this.saver.resolve(current.etag, labels);
  }

  /** @param {ImageSuggestions} answer */
  suggest(answer) {
    this.answer = answer;
    this.detections = answer.boxes.map((suggestion) => ({
      ...keyed(suggestion),
      ...between({ x: suggestion.xmin, y: suggestion.ymin }, { x: suggestion.xmax, y: suggestion.ymax }, this.size),
    }));
  }

  /**
   * Suggestions that have been neither accepted nor dismissed.
   * @param {number} threshold
   * @returns {Suggestion[]}
   */
  pendingSuggestions(threshold) {
    const { boxes, verified, dismissed } = this.labels;
    if (verified) return [];
    return this.detections.filter(
      (suggestion) =>
        suggestion.score >= threshold &&
        !dismissed.includes(place(suggestion)) &&
        !boxes.some((box) => overlap(box, suggestion) > SAME_PLACE),
    );
  }

  /** Hide a suggestion until the page is closed; can be undone. @param {Suggestion} suggestion */
  dismiss(suggestion) {
    this.history.push({ ...this.labels, dismissed: [...this.labels.dismissed, place(suggestion)] });
  }

  /** @param {Annotation} answer */
  #take(answer) {
    this.annotation = answer;
    const { boxes } = this.labels;
    if (boxes.length !== answer.boxes.length) return;
    // take over what the server rounded or filled in, under the boxes' own keys
    const taken = boxes.map((box, index) => ({ ...answer.boxes[index], key: box.key }));
    this.history.replace({ ...this.labels, boxes: /** @type {KeyedBox[]} */ (taken) });
  }
}

/** @param {import("./types.js").PlainLabels} plain @returns {Labels} */
export function labelsOf({ boxes, normal, verified, comment }) {
  // a draft of an older page does not say that the image is normal: nobody has decided then
  return { boxes: (boxes ?? []).map(keyed), normal: normal ?? false, verified, comment };
}

/**
 * Merge two versions; boxes in both occur once.
 * @param {Labels} mine
 * @param {Labels} theirs
 * @returns {Labels}
 */
export function joined(mine, theirs) {
  const same = (/** @type {KeyedBox} */ one, /** @type {KeyedBox} */ other) =>
    one.name === other.name && place(one) === place(other);
  const more = theirs.boxes.filter((box) => !mine.boxes.some((own) => same(own, box)));
  const comments = [...new Set([mine.comment, theirs.comment].filter(Boolean))];
  const boxes = [...mine.boxes, ...more];
  const normal = boxes.length === 0 && (mine.normal || theirs.normal);
  return { boxes, normal, verified: mine.verified && theirs.verified, comment: comments.join("\n") };
}

/** @param {import("./types.js").Box} box */
function place(box) {
  return [box.xmin, box.ymin, box.xmax, box.ymax].join(" ");
}
