/**
 * The images on the desk: the one that is open, those left before, and what reaches them from outside: answers, drafts, other
 * windows, suggestions. It draws nothing.
 *
 * @typedef {import("./types.js").Annotation} Annotation
 * @typedef {import("./autosave.js").Autosave} Autosave
 * @typedef {object} Told
 * @property {() => void} changed Draw anew.
 * @property {() => void} state Whether all is saved has changed.
 * @property {() => void} problem An image, or its labels, cannot be shown.
 * @property {(id: string) => void} again Open this image from the beginning.
 * @property {(image: OpenImage) => Parameters<typeof askConflict>[3]} preview
 */
import { tell, tellError } from "./announce.js";
import * as api from "./api.js";
import { wroteIt } from "./autosave.js";
import { sameLabels } from "./boxes.js";
import { askConflict } from "./dialogs.js";
import { say } from "./i18n.js";
import { OpenImage, joined, labelsOf } from "./open_image.js";
import { Presence } from "./presence.js";

/** Images whose history of changes is kept after leaving them. */
const REMEMBERED = 40;

export class ImageDesk {
  /**
   * @param {import("./drafts.js").Drafts} drafts
   * @param {() => boolean} hasModel
   * @param {Told} told
   */
  constructor(drafts, hasModel, told) {
    this.drafts = drafts;
    this.hasModel = hasModel;
    this.told = told;
    /** The image that was asked for. @type {string | null} */
    this.id = null;
    /** The same image, as soon as its labels are there. @type {OpenImage | null} */
    this.open = null;
    /** Why they will not be there. @type {api.ServerError | null} */
    this.problem = null;
    /** @type {Map<string, OpenImage>} Oldest first. */
    this.images = new Map();
    this.presence = new Presence(drafts.folder, () => tell(say("image.open_elsewhere")));
  }

  get loading() {
    return this.id !== null && this.open === null && this.problem === null;
  }

  get unsaved() {
    return [...this.images.values()].filter((image) => image.saver.pending);
  }

  /** @param {string} id Of the image that shall be opened. */
  ask(id) {
    void this.open?.saver.flush();
    this.id = id;
    this.open = null;
    this.problem = null;
  }

  /** @param {api.ServerError} reason */
  refuse(reason) {
    this.open = null;
    this.problem = reason;
    this.told.problem();
  }

  /** @param {boolean} [closing] The page is closing. */
  saveAll(closing = false) {
    for (const image of this.images.values()) void image.saver.flush(closing);
  }

  /**
   * Take the open image's annotation away, or bring back the one before; both keep a backup.
   * @param {"removeAnnotation" | "restoreAnnotation"} what
   */
  async exchange(what) {
    const image = this.open;
    if (!image) return;
    await image.saver.flush();
    try {
      image.reload(await api[what](image.facts.id, image.saver.etag));
    } catch (reason) {
      tellError(reason);
    }
    this.told.changed();
  }

  /** @param {import("./types.js").ImageFacts} facts */
  async openLabels(facts) {
    const known = this.images.get(facts.id);
    const annotation = known?.saver.pending ? known.annotation : await api.annotation(facts.id);
    if (this.id !== facts.id) return;
    if (known && (known.saver.pending || known.saver.etag === annotation.etag)) {
      this.open = known;
      // remembered images go out oldest first
      this.images.delete(facts.id);
    } else {
      this.open = new OpenImage(facts, annotation, this.drafts, {
        state: () => this.told.state(),
        saved: (saver) => this.#saved(saver),
        conflict: (saver, current) => void this.#conflict(saver, current),
      });
    }
    this.images.set(facts.id, this.open);
    for (const [id, image] of this.images)
      if (this.images.size > REMEMBERED && !image.saver.pending && image !== this.open) this.images.delete(id);
    this.presence.open(facts.id);
    this.told.changed();
    await this.#takeUpDrafts(this.open);
    await this.suggest();
  }

  /**
   * What a closed window left of this image.
   * @param {OpenImage} image
   */
  async #takeUpDrafts(image) {
    for (const { draft, forget } of await this.drafts.left(image.facts.id)) {
      const mine = labelsOf(draft.labels);
      if (!sameLabels(mine, image.labels)) {
        if (draft.etag === image.saver.etag || wroteIt(draft.unanswered, image.annotation))
          image.overwrite(image.annotation, mine);
        else await this.#decide(image, image.annotation, mine);
        this.told.changed();
      }
      forget();
    }
  }

  /** @param {Autosave} saver */
  #saved(saver) {
    const image = this.images.get(saver.image.id);
    if (image === this.open) this.told.changed();
    if (image?.heard && image.heard !== saver.etag) void this.heardOf(saver.image.id);
    else if (image && image === this.open && this.hasModel()) void this.#compare(image);
  }

  /**
   * The server said that an image changed: read it again if it was not this window's doing.
   * @param {string} id
   */
  async heardOf(id) {
    const image = this.images.get(id);
    if (image && (image.saver.pending || image.saver.sending || image.heard === image.saver.etag)) return;
    if (this.id !== id) return;
    try {
      const annotation = await api.annotation(id);
      if (this.id !== id || !image || image !== this.open) return void (this.open === null && this.told.again(id));
      image.heard = annotation.etag;
      if (image.saver.pending || annotation.etag === image.saver.etag) return;
      image.reload(annotation);
      tell(say("image.reloaded"));
      this.told.changed();
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
    this.told.changed();
  }

  /**
   * @param {OpenImage} image
   * @param {Annotation} current
   * @param {import("./types.js").Labels} mine
   */
  async #decide(image, current, mine) {
    const theirs = labelsOf(current);
    const answer = await askConflict(image.facts.name, mine, theirs, this.told.preview(image));
    if (answer === "theirs") image.reload(current);
    else image.overwrite(current, answer === "mine" ? mine : joined(mine, theirs));
  }

  /**
   * What the model says of the labels just saved.
   * @param {OpenImage} image
   */
  async #compare(image) {
    try {
      image.answer = await api.suggestionsFor(image.facts.id);
      this.told.changed();
    } catch (reason) {
      tellError(reason);
    }
  }

  async suggest() {
    const image = this.open;
    if (!image || !this.hasModel()) return;
    try {
      const answer = await api.suggestionsFor(image.facts.id);
      image.suggest(answer);
    } catch (reason) {
      tellError(reason);
    }
    if (image === this.open) this.told.changed();
  }
}
