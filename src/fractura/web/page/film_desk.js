/**
 * The films on the desk: the one that is open, those left before, and what reaches them from outside: answers, drafts, other
 * windows, suggestions. It draws nothing.
 *
 * @typedef {import("./types.js").Annotation} Annotation
 * @typedef {import("./autosave.js").Autosave} Autosave
 * @typedef {object} Told
 * @property {() => void} changed Draw anew.
 * @property {() => void} state Whether all is saved has changed.
 * @property {() => void} problem A film, or its labels, cannot be shown.
 * @property {(id: string) => void} again Open this film from the beginning.
 * @property {(film: OpenFilm) => Parameters<typeof askConflict>[3]} preview
 */
import { tell, tellError } from "./announce.js";
import * as api from "./api.js";
import { wroteIt } from "./autosave.js";
import { sameLabels } from "./boxes.js";
import { askConflict } from "./dialogs.js";
import { say } from "./i18n.js";
import { OpenFilm, joined, labelsOf } from "./open_film.js";
import { Presence } from "./presence.js";

/** Films whose history of changes is kept after leaving them. */
const REMEMBERED = 40;

export class FilmDesk {
  /**
   * @param {import("./drafts.js").Drafts} drafts
   * @param {() => boolean} hasModel
   * @param {Told} told
   */
  constructor(drafts, hasModel, told) {
    this.drafts = drafts;
    this.hasModel = hasModel;
    this.told = told;
    /** The film that was asked for. @type {string | null} */
    this.id = null;
    /** The same film, as soon as its labels are there. @type {OpenFilm | null} */
    this.open = null;
    /** Why they will not be there. @type {api.ServerError | null} */
    this.problem = null;
    /** @type {Map<string, OpenFilm>} Oldest first. */
    this.films = new Map();
    this.presence = new Presence(drafts.folder, () => tell(say("film.open_elsewhere")));
  }

  get loading() {
    return this.id !== null && this.open === null && this.problem === null;
  }

  get unsaved() {
    return [...this.films.values()].filter((film) => film.saver.pending);
  }

  /** @param {string} id Of the film that shall be opened. */
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
    for (const film of this.films.values()) void film.saver.flush(closing);
  }

  /**
   * Take the open film's annotation away, or bring back the one before; both keep a backup.
   * @param {"removeAnnotation" | "restoreAnnotation"} what
   */
  async exchange(what) {
    const film = this.open;
    if (!film) return;
    await film.saver.flush();
    try {
      film.reload(await api[what](film.facts.id, film.saver.etag));
    } catch (reason) {
      tellError(reason);
    }
    this.told.changed();
  }

  /** @param {import("./types.js").FilmFacts} facts */
  async openLabels(facts) {
    const known = this.films.get(facts.id);
    const annotation = known?.saver.pending ? known.annotation : await api.annotation(facts.id);
    if (this.id !== facts.id) return;
    if (known && (known.saver.pending || known.saver.etag === annotation.etag)) {
      this.open = known;
      // remembered films go out oldest first
      this.films.delete(facts.id);
    } else {
      this.open = new OpenFilm(facts, annotation, this.drafts, {
        state: () => this.told.state(),
        saved: (saver) => this.#saved(saver),
        conflict: (saver, current) => void this.#conflict(saver, current),
      });
    }
    this.films.set(facts.id, this.open);
    for (const [id, film] of this.films)
      if (this.films.size > REMEMBERED && !film.saver.pending && film !== this.open) this.films.delete(id);
    this.presence.open(facts.id);
    this.told.changed();
    await this.#takeUpDrafts(this.open);
    await this.suggest();
  }

  /**
   * What a closed window left of this film.
   * @param {OpenFilm} film
   */
  async #takeUpDrafts(film) {
    for (const { draft, forget } of await this.drafts.left(film.facts.id)) {
      const mine = labelsOf(draft.labels);
      if (!sameLabels(mine, film.labels)) {
        if (draft.etag === film.saver.etag || wroteIt(draft.unanswered, film.annotation))
          film.overwrite(film.annotation, mine);
        else await this.#decide(film, film.annotation, mine);
        this.told.changed();
      }
      forget();
    }
  }

  /** @param {Autosave} saver */
  #saved(saver) {
    const film = this.films.get(saver.film.id);
    if (film === this.open) this.told.changed();
    if (film?.heard && film.heard !== saver.etag) void this.heardOf(saver.film.id);
    else if (film && film === this.open && this.hasModel()) void this.#compare(film);
  }

  /**
   * The server said that a film changed: read it again if it was not this window's doing.
   * @param {string} id
   */
  async heardOf(id) {
    const film = this.films.get(id);
    if (film && (film.saver.pending || film.saver.sending || film.heard === film.saver.etag)) return;
    if (this.id !== id) return;
    try {
      const annotation = await api.annotation(id);
      if (this.id !== id || !film || film !== this.open) return void (this.open === null && this.told.again(id));
      film.heard = annotation.etag;
      if (film.saver.pending || annotation.etag === film.saver.etag) return;
      film.reload(annotation);
      tell(say("film.reloaded"));
      this.told.changed();
    } catch (reason) {
      if (!(reason instanceof api.ServerError)) throw reason;
      if (reason.passing || this.id !== id) return;
      this.films.delete(id);
      this.open = null;
      this.refuse(reason);
    }
  }

  /**
   * @param {Autosave} saver
   * @param {Annotation} current
   */
  async #conflict(saver, current) {
    const film = this.films.get(saver.film.id);
    if (film) await this.#decide(film, current, film.labels);
    this.told.changed();
  }

  /**
   * @param {OpenFilm} film
   * @param {Annotation} current
   * @param {import("./types.js").Labels} mine
   */
  async #decide(film, current, mine) {
    const theirs = labelsOf(current);
    const answer = await askConflict(film.facts.name, mine, theirs, this.told.preview(film));
    if (answer === "theirs") film.reload(current);
    else film.overwrite(current, answer === "mine" ? mine : joined(mine, theirs));
  }

  /**
   * What the model says of the labels just saved.
   * @param {OpenFilm} film
   */
  async #compare(film) {
    try {
      film.answer = await api.suggestionsFor(film.facts.id);
      this.told.changed();
    } catch (reason) {
      tellError(reason);
    }
  }

  async suggest() {
    const film = this.open;
    if (!film || !this.hasModel()) return;
    try {
      const answer = await api.suggestionsFor(film.facts.id);
      film.suggest(answer);
    } catch (reason) {
      tellError(reason);
    }
    if (film === this.open) this.told.changed();
  }
}
