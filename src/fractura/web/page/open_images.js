/**
 * The open image and the images left before, and what happens to them: conflicts, drafts, changes by other windows,
 * suggestions. It draws nothing.
 *
 * @typedef {import("./types.js").Annotation} Annotation
 * @typedef {import("./autosave.js").Autosave} Autosave
 * @typedef {object} Callbacks
 * @property {() => void} changed Redraw.
 * @property {() => void} state The save state has changed.
 * @property {() => void} problem An image or its labels cannot be shown.
 * @property {(id: string) => void} again Open this image again.
 * @property {(image: OpenImage) => Parameters<typeof askConflict>[3]} preview
 */
import { notify, notifyError } from "./announce.js";
import * as api from "./api.js";
import { wroteIt } from "./autosave.js";
import { sameLabels } from "./boxes.js";
import { askConflict } from "./dialogs.js";
import { say } from "./i18n.js";
import { OpenImage, joined, labelsOf } from "./open_image.js";
import { Presence } from "./presence.js";

/** Number of images whose history is kept after leaving them. */
const REMEMBERED = 40;

export class OpenImages {
  /**
   * @param {import("./drafts.js").Drafts} drafts
   * @param {() => boolean} hasModel
   * @param {Callbacks} callbacks
   */
  constructor(drafts, hasModel, callbacks) {
    this.drafts = drafts;
    this.hasModel = hasModel;
    this.callbacks = callbacks;
    /** Id of the requested image. @type {string | null} */
    this.id = null;
    /** The same image, once its labels have loaded. @type {OpenImage | null} */
    this.open = null;
    /** Why they cannot be loaded. @type {api.ServerError | null} */
    this.problem = null;
    /** @type {Map<string, OpenImage>} Oldest first. */
    this.images = new Map();
    this.presence = new Presence(drafts.folder, () => notify(say("image.open_elsewhere")));
  }

  get loading() {
    return this.id !== null && this.open === null && this.problem === null;
  }

  get unsaved() {
    return [...this.images.values()].filter((image) => image.saver.pending);
  }

  /** @param {string} id Of the image to open. */
  request(id) {
    void this.open?.saver.flush();
    this.id = id;
    this.open = null;
    this.problem = null;
  }

  /** @param {api.ServerError} reason */
  refuse(reason) {
    this.open = null;
    this.problem = reason;
    this.callbacks.problem();
  }

  /** @param {boolean} [closing] The page is closing. */
  saveAll(closing = false) {
    for (const image of this.images.values()) void image.saver.flush(closing);
  }

  /** Send what is still to be sent, and wait for the answers; what is refused stays in the browser's storage. */
  async saveEverything() {
    await Promise.all([...this.images.values()].map((image) => image.saver.flush()));
  }

  /**
   * Delete the open image's annotation, or restore the previous one; both keep a backup.
   * @param {"removeAnnotation" | "restoreAnnotation"} what
   */
  async exchange(what) {
    const image = this.open;
    if (!image) return;
    await image.saver.flush();
    try {
      image.reload(await api[what](image.facts.id, image.saver.etag));
    } catch (reason) {
      notifyError(reason);
    }
    this.callbacks.changed();
  }

  /** @param {import("./types.js").ImageFacts} facts */
  async openLabels(facts) {
    const known = this.images.get(facts.id);
    const annotation = known?.saver.pending ? known.annotation : await api.annotation(facts.id);
    // an image that cannot be shown cannot be labelled either
    if (this.id !== facts.id || this.problem !== null) return;
    if (known && (known.saver.pending || known.saver.etag === annotation.etag)) {
      this.open = known;
      // the oldest images are dropped first
      this.images.delete(facts.id);
    } else {
      this.open = new OpenImage(facts, annotation, this.drafts, {
        state: () => this.callbacks.state(),
        saved: (saver) => this.#saved(saver),
        conflict: (saver, current) => void this.#conflict(saver, current),
      });
    }
    this.images.set(facts.id, this.open);
    for (const [id, image] of this.images)
      if (this.images.size > REMEMBERED && !image.saver.pending && image !== this.open) this.images.delete(id);
    this.presence.open(facts.id);
    this.callbacks.changed();
    await this.#takeUpDrafts(this.open);
    await this.suggest();
  }

  /**
   * Recover what closed windows left of this image.
   * @param {OpenImage} image
   */
  async #takeUpDrafts(image) {
    for (const { draft, forget } of await this.drafts.left(image.facts.id)) {
      const mine = labelsOf(draft.labels);
      if (!sameLabels(mine, image.labels)) {
        if (draft.etag === image.saver.etag || wroteIt(draft.unanswered, image.annotation))
          image.overwrite(image.annotation, mine);
        else {
          image.saver.dispute();
          await this.#decide(image, image.annotation, mine);
        }
        this.callbacks.changed();
      }
      forget();
    }
  }

  /** @param {Autosave} saver */
  #saved(saver) {
    const image = this.images.get(saver.image.id);
    if (image === this.open) this.callbacks.changed();
    if (image?.reportedEtag && image.reportedEtag !== saver.etag) void this.changedOnServer(saver.image.id);
    else if (image && image === this.open && this.hasModel()) void this.#compare(image);
  }

  /**
   * Read an image again that changed on the server, unless this window changed it.
   * @param {string} id
   */
  async changedOnServer(id) {
    const image = this.images.get(id);
    if (image && (image.saver.pending || image.saver.sending || image.reportedEtag === image.saver.etag)) return;
    if (this.id !== id) return;
    try {
      const annotation = await api.annotation(id);
      if (this.id !== id || !image || image !== this.open) return void (this.open === null && this.callbacks.again(id));
      image.reportedEtag = annotation.etag;
      if (image.saver.pending || annotation.etag === image.saver.etag) return;
      image.reload(annotation);
      notify(say("image.reloaded"));
      this.callbacks.changed();
    } catch (reason) {
      if (!(reason instanceof api.ServerError)) throw reason;
      if (reason.passing || this.id !== id) return;
      this.images.delete(id);
      this.open = null;
      this.refuse(reason);
    }
  }

  /**
   * @param {Autosave} saver
   * @param {Annotation} current
   */
  async #conflict(saver, current) {
    const image = this.images.get(saver.image.id);
    if (image) await this.#decide(image, current, image.labels);
    this.callbacks.changed();
  }

  /**
   * @param {OpenImage} image
   * @param {Annotation} current
   * @param {import("./types.js").Labels} mine
   */
  async #decide(image, current, mine) {
    const theirs = labelsOf(current);
    const answer = await askConflict(image.facts.name, mine, theirs, this.callbacks.preview(image));
    if (answer === "theirs") image.reload(current);
    else image.overwrite(current, answer === "mine" ? mine : joined(mine, theirs));
  }

  /**
   * Fetch how the model's detections compare with the labels just saved.
   * @param {OpenImage} image
   */
  async #compare(image) {
    try {
      image.answer = await api.suggestionsFor(image.facts.id);
      this.callbacks.changed();
    } catch (reason) {
      notifyError(reason);
    }
  }

  async suggest() {
    const image = this.open;
    if (!image || !this.hasModel()) return;
    try {
      const answer = await api.suggestionsFor(image.facts.id);
      image.suggest(answer);
    } catch (reason) {
      notifyError(reason);
    }
    if (image === this.open) this.callbacks.changed();
  }
}
