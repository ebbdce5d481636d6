/**
 * The films that were dropped on the page, and what the model found: a queue that is worked off one film at a time.
 *
 * @typedef {import("./types.js").DetectedFilm} DetectedFilm
 * @typedef {object} Dropped
 * @property {string} key
 * @property {File} file
 * @property {"waiting" | "running" | "done" | "failed"} state
 * @property {DetectedFilm | null} result
 * @property {import("./types.js").FilmFacts | null} facts
 * @property {{code: string, message: string, place?: string | null, hint?: string | null} | null} failure
 */
import { tellError } from "./announce.js";
import * as api from "./api.js";

/** @param {string} name */
function stem(name) {
  return name.replace(/\.[^.]+$/, "");
}

export class DroppedFilms {
  /** @param {(film: Dropped | null) => void} changed One film, or the list itself. */
  constructor(changed) {
    this.changed = changed;
    /** @type {Dropped[]} */
    this.films = [];
    /** Ground truth by the film's name without extension. @type {Map<string, File>} */
    this.truths = new Map();
    /** @type {import("./types.js").Detection | null} The last answer: model, threshold, class names. */
    this.last = null;
    this.working = false;
    this.made = 0;
  }

  get done() {
    return this.films.filter((film) => film.state === "done" || film.state === "failed").length;
  }

  /** @param {File[]} files Films, and XML files with their ground truth. */
  add(files) {
    const isTruth = (/** @type {File} */ file) => /\.xml$/i.test(file.name);
    for (const file of files.filter(isTruth)) {
      this.truths.set(stem(file.name), file);
      // a film that came before its truth is looked at again
      for (const film of this.films) if (stem(film.file.name) === stem(file.name)) film.state = "waiting";
    }
    for (const file of files.filter((each) => !isTruth(each))) {
      this.made += 1;
      this.films.push({
        key: `dropped-${this.made}`,
        file,
        state: "waiting",
        result: null,
        facts: null,
        failure: null,
      });
    }
    this.films.sort((one, other) => one.file.name.localeCompare(other.file.name, undefined, { numeric: true }));
    this.changed(null);
    void this.#work();
  }

  /** @param {Dropped} film */
  remove(film) {
    this.films = this.films.filter((each) => each !== film);
    this.#forget(film);
    this.changed(null);
  }

  /** @param {Dropped} film The server need not keep it any more. */
  #forget(film) {
    if (film.result?.id) void api.forgetFilm(film.result.id).catch(tellError);
  }

  async #work() {
    if (this.working) return;
    this.working = true;
    for (let film = this.#next(); film; film = this.#next()) await this.#detect(film);
    this.working = false;
  }

  #next() {
    return this.films.find((film) => film.state === "waiting");
  }

  /** @param {Dropped} film */
  async #detect(film) {
    film.state = "running";
    this.changed(film);
    const truth = this.truths.get(stem(film.file.name));
    try {
      const answer = await api.detect(film.file, truth ? [truth] : []);
      const result = /** @type {DetectedFilm} */ (answer.films[0]);
      this.last = answer;
      film.result = result;
      // removed while the model looked at it
      if (!this.films.includes(film)) return this.#forget(film);
      film.failure = result.error;
      film.state = result.error ? "failed" : "done";
      if (result.id) film.facts = await api.film(result.id);
    } catch (reason) {
      if (!(reason instanceof api.ServerError)) throw reason;
      film.state = "failed";
      film.failure = reason;
    }
    if (this.films.includes(film)) this.changed(film);
  }
}
