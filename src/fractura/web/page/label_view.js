/**
 * Labelling a folder film by film: opens films, keeps what is drawn safe, shows the list, the boxes and the suggestions.
 *
 * @typedef {import("./types.js").KeyedBox} KeyedBox
 * @typedef {import("./types.js").Suggestion} Suggestion
 */
import { tellError, whisper } from "./announce.js";
import * as api from "./api.js";
import { BoxPanel } from "./box_panel.js";
import { previewer } from "./conflict_preview.js";
import { askName } from "./dialogs.js";
import { byId } from "./dom.js";
import { Editor } from "./editor.js";
import * as events from "./events.js";
import { FilmDesk } from "./film_desk.js";
import { FilmList } from "./film_list.js";
import { drawNotes, drawProblem, drawSaveState } from "./film_notes.js";
import { FilmPages } from "./film_pages.js";
import { FilmStage } from "./film_stage.js";
import { language, number, say } from "./i18n.js";
import { LABEL } from "./keys.js";
import { labelActions } from "./label_actions.js";
import { ModelPanel } from "./model_panel.js";
import { makeToolbar, showStates } from "./toolbar.js";

/** ms; the list is read again so long after the server said that films changed. */
const LIST_DELAY = 400;

/** What a key does that must wait for the film's labels. */
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
    this.table = LABEL;
    this.models = new ModelPanel(session);
    this.desk = new FilmDesk(drafts, () => this.models.current !== null, {
      changed: () => this.#opened(),
      state: () => this.drawSaveState(),
      problem: () => this.#refused(),
      again: (id) => void this.show(id),
      preview: (film) => previewer(this.stage.kept.get(film.facts.id) ?? null, film.size, this.names),
    });
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
    /** Keys pressed while a film was on its way. @type {string[]} */
    this.queue = [];
    this.draining = false;
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
    byId("remove-labels", HTMLButtonElement).addEventListener("click", () => void this.desk.exchange("removeAnnotation"));
    byId("restore", HTMLButtonElement).addEventListener("click", () => void this.desk.exchange("restoreAnnotation"));
    this.#listen();
    language.watch(() => this.draw());
  }

  /** The film whose labels are shown. */
  get open() {
    return this.desk.open;
  }

  /** Of the film that was asked for. */
  get id() {
    return this.desk.id;
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
      const known = this.desk.films.get(row.id);
      if (known && row.etag) known.heard = row.etag;
      if (row.id === this.id) void this.desk.heardOf(row.id);
    });
    let waiting = 0;
    events.on("films", () => {
      clearTimeout(waiting);
      waiting = window.setTimeout(() => void this.refreshList(), LIST_DELAY);
    });
    events.on("suggestions", (run) => !run.running && void this.refreshList());
    events.on("suggestion", ({ film }) => film === this.id && void this.desk.suggest());
    this.models.models.watch(() => {
      void this.desk.suggest();
      void this.readClasses();
    });
    events.reachable.watch((there) => {
      if (there) this.desk.saveAll();
      if (there && this.pages.total > 0) this.refreshList().then(() => this.id && this.desk.heardOf(this.id)).catch(tellError);
    });
    for (const kind of /** @type {const} */ (["visibilitychange", "pagehide"])) {
      addEventListener(kind, () => {
        if (kind === "visibilitychange" && document.visibilityState !== "hidden") return;
        this.desk.saveAll(true);
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
    while (this.queue.length > 0 && !(this.desk.loading && NEEDS_LABELS.has(this.queue[0] ?? ""))) {
      await this.work[this.queue.shift() ?? ""]?.();
    }
    this.draining = false;
  }

  #opened() {
    this.draw();
    void this.perform("nothing");
  }

  #refused() {
    const { problem } = this.desk;
    if (problem?.code !== "annotation_malformed") this.stage.close();
    this.stageElement.setAttribute("aria-busy", "false");
    this.draw();
    drawProblem(problem);
    void this.perform("nothing");
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
    this.desk.ask(id);
    this.stageElement.setAttribute("aria-busy", "true");
    this.editor.setDrawing(false);
    this.editor.selected = null;
    drawProblem(null);
    this.pages.opened(id);
    this.list.reveal();
    this.draw();
    history.replaceState(null, "", `#label/${id}`);
    try {
      const facts = await api.film(id);
      if (this.id !== id) return;
      await Promise.all([this.#showPicture(facts), this.desk.openLabels(facts)]);
      if (this.id === id) this.stageElement.setAttribute("aria-busy", "false");
    } catch (reason) {
      if (!(reason instanceof api.ServerError)) throw reason;
      if (this.id === id) this.desk.refuse(reason);
    }
  }

  /** @param {import("./types.js").FilmFacts} facts */
  async #showPicture(facts) {
    try {
      await this.stage.open(facts);
      void this.#prepareNext(facts.id);
    } catch (reason) {
      if (reason instanceof api.ServerError && this.id === facts.id) this.desk.refuse(reason);
      else tellError(reason);
    }
  }

  /** @param {string} id Of the film that is shown. */
  async #prepareNext(id) {
    const next = await this.pages.beside(1);
    if (next && this.id === id) await this.stage.prepare(next.id);
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
    drawNotes(open, this.pages.row(this.pages.position ?? -1)?.name ?? "");
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
    const { open } = this;
    if (this.desk.problem === null) drawSaveState(open, this.desk.unsaved.filter((film) => film !== open).length);
  }
}
