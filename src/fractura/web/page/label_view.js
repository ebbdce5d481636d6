/**
 * Labelling a folder film by film: opens films, keeps what is drawn safe, shows the list, the boxes and the suggestions.
 *
 * @typedef {import("./types.js").Annotation} Annotation
 * @typedef {import("./types.js").KeyedBox} KeyedBox
 * @typedef {import("./types.js").Suggestion} Suggestion
 * @typedef {import("./autosave.js").Autosave} Autosave
 */
import { explain, tell, tellError, whisper } from "./announce.js";
import * as api from "./api.js";
import { wroteIt } from "./autosave.js";
import { sameLabels } from "./boxes.js";
import { BoxPanel } from "./box_panel.js";
import { previewer } from "./conflict_preview.js";
import { askConflict, askName } from "./dialogs.js";
import { byId, fill, make } from "./dom.js";
import { Editor } from "./editor.js";
import * as events from "./events.js";
import { FilmList } from "./film_list.js";
import { FilmPages } from "./film_pages.js";
import { FilmStage } from "./film_stage.js";
import { language, number, say } from "./i18n.js";
import { LABEL } from "./keys.js";
import { labelActions } from "./label_actions.js";
import { ModelPanel } from "./model_panel.js";
import { OpenFilm, joined, labelsOf } from "./open_film.js";
import { Presence } from "./presence.js";
import { makeToolbar, showStates } from "./toolbar.js";

/** Films whose history of changes is kept after leaving them. */
const REMEMBERED = 40;
/** ms; the list is read again so long after the server said that films changed. */
const LIST_DELAY = 400;

const NEEDS_LABELS = new Set(["draw", "drawMiddle", "save", "verified", "paste", "delete", "copy", "undo", "redo", "difficult", "accept", "acceptAll"]);

/** @type {(readonly [string, import("./dom.js").IconName] | null)[]} */
const BUTTONS = [
  ["previous", "previous"], ["next", "next"], null, ["draw", "draw"], ["verified", "verified"], null, ["undo", "undo"], ["redo", "redo"], null,
  ["window", "window"], ["windowReset", "reset"], ["invert", "invert"], ["magnifier", "magnifier"], ["hide", "hide"], null, ["zoomOut", "minus"], ["zoomIn", "plus"], ["fit", "fit"],
];

export class LabelView {
  /**
   * @param {import("./types.js").Session} session
   * @param {import("./drafts.js").Drafts} drafts
   */
  constructor(session, drafts) {
    this.drafts = drafts;
    this.table = LABEL;
    /** The film that is shown, as soon as its labels are there. @type {OpenFilm | null} */
    this.open = null;
    /** The film that was asked for. @type {string | null} */
    this.id = null;
    /** @type {Map<string, OpenFilm>} Oldest first. */
    this.films = new Map();
    /** @type {string[]} */
    this.names = [];
    /** Class of new boxes. @type {string | null} */
    this.active = null;
    /** Lowest score of a suggestion that is shown; null: the model's own threshold. @type {number | null} */
    this.threshold = null;
    this.stageElement = byId("stage", HTMLElement);
    this.editor = new Editor(this.#scene());
    this.stage = new FilmStage(this.stageElement, this.editor, byId("stage-status", HTMLElement));
    this.editor.viewer = this.stage.viewer;
    this.stage.viewer.paint = (context, view) => this.editor.paint(context, view);
    this.stage.onTools = () => this.drawTools();
    this.pages = new FilmPages();
    this.list = new FilmList(this.pages, () => this.id, (id) => this.show(id));
    this.panel = new BoxPanel({
      select: (key) => this.editor.select(key),
      change: (box, change) => this.changeBox(box, change),
      remove: (box) => this.removeBox(box),
      useClass: (name) => this.useClass(name),
      newClass: () => void this.newClass(),
      accept: (mark) => this.accept(mark, null),
      dismiss: (mark) => this.dismiss(mark),
      acceptAll: () => this.acceptAll(),
      comment: (comment) => this.open?.setComment(comment),
    });
    this.models = new ModelPanel(session);
    this.presence = new Presence(drafts.folder, () => tell(say("film.open_elsewhere")));
    /** Keys pressed while a film was on its way. @type {string[]} */
    this.queue = [];
    this.draining = false;
    /** Why the film or its labels cannot be shown. @type {api.ServerError | null} */
    this.problem = null;
    this.work = labelActions(this);
    /** @type {Record<string, () => void>} */
    this.actions = Object.fromEntries(Object.keys(this.work).map((name) => [name, () => void this.perform(name)]));
    this.toolbar = byId("toolbar", HTMLElement);
    makeToolbar(this.toolbar, BUTTONS, LABEL, this.actions, this.stageElement);
    const threshold = byId("suggest-threshold", HTMLInputElement);
    threshold.addEventListener("input", () => {
      this.threshold = threshold.valueAsNumber;
      this.draw();
    });
    this.#listen();
    language.watch(() => this.draw());
  }

  /** @returns {import("./editor.js").Scene} */
  #scene() {
    return {
      boxes: () => this.open?.labels.boxes ?? [],
      suggestions: () => this.suggestions,
      film: () => this.open?.size ?? { width: 1, height: 1 },
      editable: () => this.open !== null,
      className: () => this.active,
      classNames: () => this.names,
      commit: (boxes) => this.commit(boxes),
      drawn: (box) => void this.drawn(box),
      accept: (mark, box) => this.accept(mark, box),
      changed: () => this.draw(),
    };
  }

  #listen() {
    events.on("film", (row) => {
      this.pages.update(row);
      const known = this.films.get(row.id);
      if (known && row.etag) known.heard = row.etag;
      if (row.id === this.id) void this.#heard(row.id);
    });
    let waiting = 0;
    events.on("films", () => {
      clearTimeout(waiting);
      waiting = window.setTimeout(() => void this.refreshList(), LIST_DELAY);
    });
    events.on("suggestion", ({ film }) => film === this.id && void this.#suggest());
    this.models.models.watch(() => {
      if (this.models.current) void this.#suggest();
      void this.readClasses();
    });
    events.reachable.watch((there) => {
      if (there) for (const film of this.films.values()) void film.saver.flush();
      if (there && this.pages.total > 0) this.refreshList().then(() => this.id && this.#heard(this.id)).catch(tellError);
    });
    for (const kind of /** @type {const} */ (["visibilitychange", "pagehide"])) {
      addEventListener(kind, () => {
        if (kind === "visibilitychange" && document.visibilityState !== "hidden") return;
        for (const film of this.films.values()) void film.saver.flush(true);
      });
    }
  }

  /**
   * Do what a key says; a key that came before the film waits for it, and those behind it keep their order.
   * @param {string} name
   */
  async perform(name) {
    this.queue.push(name);
    if (this.draining) return;
    this.draining = true;
    while (this.queue.length > 0 && !(this.loading && NEEDS_LABELS.has(this.queue[0] ?? ""))) {
      await this.work[this.queue.shift() ?? ""]?.();
    }
    this.draining = false;
  }

  get loading() {
    return this.id !== null && this.open === null && this.problem === null;
  }

  // ------------------------------------------------------------------ films

  /** @param {string | null} id The film of the address, if any. */
  async start(id) {
    await Promise.all([this.readClasses(), this.pages.refresh(id), this.models.start()]);
    const first = this.pages.included && id ? id : ((await this.pages.at(0))?.id ?? null);
    if (first) await this.show(first);
    else this.draw();
  }

  async refreshList() {
    await this.pages.refresh(this.id).catch(tellError);
  }

  async readClasses() {
    const { classes } = await api.classes();
    const own = this.names.filter((name) => !classes.some((each) => each.name === name));
    this.names = [...classes.map((each) => each.name), ...own];
    this.active ??= this.names[0] ?? null;
    this.draw();
  }

  /** @param {string} id */
  async show(id) {
    if (this.id === id && this.open) return;
    void this.open?.saver.flush();
    this.id = id;
    this.open = null;
    this.stageElement.setAttribute("aria-busy", "true");
    this.editor.setDrawing(false);
    this.editor.selected = null;
    this.#problem(null);
    this.pages.opened(id);
    this.list.reveal();
    this.draw();
    history.replaceState(null, "", `#label/${id}`);
    try {
      const facts = await api.film(id);
      if (this.id !== id) return;
      await Promise.all([this.#showPicture(facts), this.#openLabels(facts)]);
      if (this.id === id) this.stageElement.setAttribute("aria-busy", "false");
    } catch (reason) {
      if (!(reason instanceof api.ServerError)) throw reason;
      if (this.id === id) this.#problem(reason);
    }
  }

  /** @param {import("./types.js").FilmFacts} facts */
  async #showPicture(facts) {
    try {
      await this.stage.open(facts);
      void this.#prepareNext(facts.id);
    } catch (reason) {
      if (reason instanceof api.ServerError && this.id === facts.id) this.#problem(reason);
      else tellError(reason);
    }
  }

  /** @param {string} id Of the film that is shown. */
  async #prepareNext(id) {
    const next = await this.pages.beside(1);
    if (next && this.id === id) await this.stage.prepare(next.id);
  }

  /** @param {import("./types.js").FilmFacts} facts */
  async #openLabels(facts) {
    const known = this.films.get(facts.id);
    const annotation = known?.saver.pending ? known.annotation : await api.annotation(facts.id);
    if (this.id !== facts.id) return;
    if (known && (known.saver.pending || known.saver.etag === annotation.etag)) {
      this.open = known;
      // remembered films go out oldest first
      this.films.delete(facts.id);
    } else {
      this.open = new OpenFilm(facts, annotation, this.drafts, {
        state: () => this.drawSaveState(),
        saved: (saver) => this.#saved(saver),
        conflict: (saver, current) => void this.#conflict(saver, current),
      });
    }
    this.films.set(facts.id, this.open);
    for (const [id, film] of this.films) if (this.films.size > REMEMBERED && !film.saver.pending && film !== this.open) this.films.delete(id);
    this.presence.open(facts.id);
    this.draw();
    void this.perform("nothing");
    await this.#takeUpDrafts(this.open);
    await this.#suggest();
  }

  /**
   * What a closed window left of this film.
   * @param {OpenFilm} film
   */
  async #takeUpDrafts(film) {
    for (const { draft, forget } of await this.drafts.left(film.facts.id)) {
      const mine = labelsOf(draft.labels);
      if (!sameLabels(mine, film.labels)) {
        if (draft.etag === film.saver.etag || wroteIt(draft.unanswered, film.annotation)) film.overwrite(film.annotation, mine);
        else await this.#decide(film, film.annotation, mine);
        this.draw();
      }
      forget();
    }
  }

  /** @param {Autosave} saver */
  #saved(saver) {
    const film = this.films.get(saver.film.id);
    if (film === this.open) this.draw();
    if (film?.heard && film.heard !== saver.etag) void this.#heard(saver.film.id);
  }

  /**
   * The server said that a film changed: read it again if it was not this window's doing.
   * @param {string} id
   */
  async #heard(id) {
    const film = this.films.get(id);
    if (film && (film.saver.pending || film.saver.sending || film.heard === film.saver.etag)) return;
    if (this.id !== id) return;
    try {
      const annotation = await api.annotation(id);
      if (this.id !== id || !film || film !== this.open) return void (this.open === null && this.show(id));
      film.heard = annotation.etag;
      if (film.saver.pending || annotation.etag === film.saver.etag) return;
      film.reload(annotation);
      tell(say("film.reloaded"));
      this.draw();
    } catch (reason) {
      if (!(reason instanceof api.ServerError)) throw reason;
      if (reason.passing || this.id !== id) return;
      this.films.delete(id);
      this.open = null;
      this.#problem(reason);
    }
  }

  /**
   * @param {Autosave} saver
   * @param {Annotation} current
   */
  async #conflict(saver, current) {
    const film = this.films.get(saver.film.id);
    if (film) await this.#decide(film, current, film.labels);
    this.draw();
  }

  /**
   * @param {OpenFilm} film
   * @param {Annotation} current
   * @param {import("./types.js").Labels} mine
   */
  async #decide(film, current, mine) {
    const theirs = labelsOf(current);
    const picture = this.stage.kept.get(film.facts.id) ?? null;
    const answer = await askConflict(film.facts.name, mine, theirs, previewer(picture, film.size, this.names));
    if (answer === "theirs") film.reload(current);
    else film.overwrite(current, answer === "mine" ? mine : joined(mine, theirs));
  }

  async #suggest() {
    const film = this.open;
    if (!film || !this.models.current) return;
    try {
      const answer = await api.suggestionsFor(film.facts.id);
      film.suggest(answer);
    } catch (reason) {
      tellError(reason);
    }
    if (film === this.open) this.draw();
  }

  // ------------------------------------------------------------------ boxes

  /** Lowest score shown. */
  get shownFrom() {
    return this.threshold ?? this.open?.answer?.threshold ?? this.models.current?.threshold ?? 0.5;
  }

  get suggestions() {
    return this.open?.open(this.shownFrom) ?? [];
  }

  /** @param {readonly KeyedBox[]} boxes */
  commit(boxes) {
    this.open?.commit({ boxes });
    this.draw();
  }

  /** @param {KeyedBox} box */
  async drawn(box) {
    const film = this.open;
    if (!film) return;
    const name = this.active ?? (await this.newClass());
    if (name === null || film !== this.open) return;
    this.commit([...film.labels.boxes, { ...box, name }]);
    this.editor.select(box.key);
    whisper(say("box.drawn", { name, count: film.labels.boxes.length }));
  }

  /**
   * @param {KeyedBox} box
   * @param {Partial<KeyedBox>} change
   */
  changeBox(box, change) {
    this.commit((this.open?.labels.boxes ?? []).map((each) => (each.key === box.key ? { ...each, ...change } : each)));
  }

  /** @param {KeyedBox} box */
  removeBox(box) {
    const boxes = (this.open?.labels.boxes ?? []).filter((each) => each.key !== box.key);
    this.commit(boxes);
    whisper(say("box.deleted", { name: box.name, count: boxes.length }));
  }

  /** @param {string} name */
  useClass(name) {
    this.active = name;
    const box = this.editor.selectedBox;
    if (box && box.name !== name) this.changeBox(box, { name });
    this.draw();
  }

  /** @returns {Promise<string | null>} */
  async newClass() {
    const name = await askName(say("boxes.new_class_name"), this.names.length ? "" : say("boxes.first_class"));
    this.stageElement.focus();
    if (name === null) return null;
    if (!this.names.includes(name)) this.names = [...this.names, name];
    this.useClass(name);
    return name;
  }

  /**
   * @param {Suggestion} mark
   * @param {KeyedBox | null} changed As it was dragged; null: as it is.
   */
  accept(mark, changed) {
    const { score, ...box } = { ...mark, ...changed };
    void score;
    this.commit([...(this.open?.labels.boxes ?? []), box]);
    this.editor.select(changed ? box.key : (this.suggestions[0]?.key ?? null));
    whisper(say("box.drawn", { name: box.name, count: this.open?.labels.boxes.length ?? 0 }));
    this.draw();
  }

  acceptAll() {
    const boxes = this.suggestions.map(({ score, ...box }) => (void score, box));
    if (boxes.length > 0) this.commit([...(this.open?.labels.boxes ?? []), ...boxes]);
  }

  /** @param {Suggestion} mark */
  dismiss(mark) {
    this.open?.dismiss(mark);
    this.editor.select(this.suggestions[0]?.key ?? null);
    this.draw();
  }

  // ------------------------------------------------------------------ picture of it all

  draw() {
    const { open, editor } = this;
    this.panel.draw({
      labels: open?.labels ?? null,
      editable: open !== null,
      exists: open?.annotation.exists ?? false,
      suggestions: this.suggestions,
      suggestionNote: this.#suggestionNote(),
      names: this.names,
      active: this.active,
      selected: editor.selected,
    });
    const threshold = byId("suggest-threshold", HTMLInputElement);
    if (document.activeElement !== threshold) threshold.valueAsNumber = this.shownFrom;
    byId("suggest-threshold-value", HTMLOutputElement).textContent = number(this.shownFrom, 2);
    this.#drawNotes();
    this.drawTools();
    this.drawSaveState();
    this.stage.viewer.refresh();
  }

  #suggestionNote() {
    if (!this.models.current) return say("suggestions.no_model");
    return this.open?.answer?.status === "waiting" ? say("suggestions.waiting") : say("suggestions.none");
  }

  drawTools() {
    const { viewer } = this.stage;
    const { open, editor } = this;
    this.stageElement.classList.toggle("verified", Boolean(open?.labels.verified));
    showStates(this.toolbar, {
      draw: { pressed: editor.drawing, disabled: open === null },
      verified: { pressed: Boolean(open?.labels.verified), disabled: open === null },
      undo: { disabled: !open?.history.canUndo },
      redo: { disabled: !open?.history.canRedo },
      window: { pressed: viewer.windowing },
      invert: { pressed: viewer.inverted },
      magnifier: { pressed: viewer.magnifying },
      hide: { pressed: editor.hidden },
    });
  }

  drawSaveState() {
    const place = byId("save-state", HTMLElement);
    const saver = this.open?.saver;
    const elsewhere = [...this.films.values()].filter((film) => film.saver.pending && film !== this.open).length;
    const state = saver ? (saver.state === "saved" && !this.open?.annotation.exists ? "new" : saver.state) : null;
    place.className = `save-state ${state ?? ""}`;
    const text = state === null ? "" : say(`save.${state}`, { reason: saver?.failure ? explain(saver.failure) : "" });
    const parts = elsewhere > 0 ? [text, say("save.unsent", { count: elsewhere })] : [text];
    if (place.textContent !== parts.join(" · ")) place.textContent = parts.join(" · ");
  }

  #drawNotes() {
    const { open } = this;
    const notes = [];
    if (open) {
      const { facts, annotation } = open;
      notes.push(...annotation.notes.map((note) => [note.message, note.place, note.hint].filter(Boolean).join("; ")));
      if (facts.burnt_in_text) notes.push(say("film.burnt_in"));
      if (facts.frames > 1) notes.push(say("film.frames", { frames: facts.frames }));
      const kinds = new Set((open.answer?.disagreements ?? []).map((each) => each.kind));
      for (const kind of /** @type {const} */ (["missed_by_human", "missed_by_model", "other_class"])) if (kinds.has(kind)) notes.push(say(`suggestions.${kind}`));
    }
    fill(byId("notes", HTMLElement), ...notes.map((note) => make("p", { class: "note-line" }, note)));
    byId("film-name", HTMLElement).textContent = open?.facts.name ?? this.pages.row(this.pages.position ?? -1)?.name ?? "";
    const facts = open?.facts;
    const about = facts ? [say("film.size", { width: facts.width, height: facts.height, bits: facts.bit_depth }), facts.dicom && say("film.dicom"), facts.body_part, facts.view, facts.laterality] : [];
    byId("film-facts", HTMLElement).textContent = about.filter(Boolean).join(" · ");
    byId("restore", HTMLButtonElement).hidden = !open?.annotation.has_backup;
    byId("remove-labels", HTMLButtonElement).hidden = !open?.annotation.exists;
  }

  /** @param {api.ServerError | null} reason Why the film, or its labels, cannot be shown. */
  #problem(reason) {
    const place = byId("stage-problem", HTMLElement);
    this.problem = reason;
    place.hidden = reason === null;
    if (reason === null) return;
    void this.perform("nothing");
    const malformed = reason.code === "annotation_malformed";
    if (!malformed) this.stage.close();
    const text = /** @type {string | undefined} */ (reason.document?.text);
    fill(
      place,
      make("h2", {}, say(malformed ? "film.malformed" : "film.unreadable")),
      make("p", {}, malformed ? [reason.message, reason.place].filter(Boolean).join("; ") : explain(reason)),
      malformed && make("p", { class: "quiet" }, say("film.malformed_hint")),
      text !== undefined && make("pre", { tabindex: 0 }, text),
    );
    this.draw();
    if (malformed) {
      byId("save-state", HTMLElement).textContent = say("save.malformed");
      byId("save-state", HTMLElement).className = "save-state refused";
    }
  }
}
