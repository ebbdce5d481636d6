/**
 * Films dropped on the page, the model's boxes on them, and what was measured of the model at the chosen threshold.
 *
 * @typedef {import("./types.js").Mark} Mark
 * @typedef {import("./dropped_films.js").Dropped} Dropped
 */
import { tell, tellError, whisper } from "./announce.js";
import * as api from "./api.js";
import { topmost } from "./boxes.js";
import { drawDropped, drawFacts, drawMarks, revealDropped } from "./detect_lists.js";
import { byId, make } from "./dom.js";
import { TRUTH_COLOUR, colourOf, drawBoxes } from "./draw.js";
import { DroppedFilms } from "./dropped_films.js";
import * as events from "./events.js";
import { FilmStage } from "./film_stage.js";
import { language, number, say } from "./i18n.js";
import { DETECT } from "./keys.js";
import { Value } from "./store.js";
import { drawThreshold } from "./threshold_panel.js";
import { VIEWING, makeToolbar, showStates } from "./toolbar.js";
import { within } from "./view.js";
import { Viewer } from "./viewer.js";

/** @type {(import("./toolbar.js").Button | null)[]} */
const BUTTONS = [
  ["open", "open"],
  ["previous", "previous"],
  ["next", "next"],
  null,
  ["compare", "compare"],
  null,
  ...VIEWING,
];
const THRESHOLD_STEP = 0.05;

export class DetectView {
  constructor() {
    this.table = DETECT;
    this.dropped = new DroppedFilms((film) => this.#changed(film));
    /** @type {Dropped | null} */
    this.open = null;
    /** Place of the selected mark among those shown. @type {number | null} */
    this.selected = null;
    this.hidden = false;
    /** @type {number | null} */
    this.threshold = null;
    /** Whether the server has said which models there are. */
    this.known = false;
    /** @type {Value<import("./types.js").Models>} */
    this.models = new Value(/** @type {import("./types.js").Models} */ ({ models: [], current: null }));
    this.stageElement = byId("detect-stage", HTMLElement);
    const tool = this.#tool();
    this.stage = new FilmStage(this.stageElement, tool, byId("detect-status", HTMLElement));
    this.truthElement = byId("truth-stage", HTMLElement);
    this.mirror = new Viewer(this.truthElement, tool);
    this.mirror.onView = (view) => {
      // moved here: the other side follows
      if (view !== this.stage.viewer.view) this.stage.viewer.setView(view);
    };
    this.mirror.onGrey = (grey) => {
      this.stage.viewer.grey = grey;
      this.stage.viewer.onGrey?.(grey);
      this.stage.viewer.refresh();
    };
    this.mirror.follows = true;
    this.stage.mirror = this.mirror;
    this.stage.viewer.paint = (context, view) => this.#paint(context, view);
    this.mirror.paint = (context, view) => this.#paintTruth(context, view);
    this.stage.onTools = () => this.draw();
    this.actions = this.#actions();
    this.toolbar = byId("detect-toolbar", HTMLElement);
    makeToolbar(this.toolbar, BUTTONS, DETECT, this.actions, this.stageElement);
    this.#listen();
    language.watch(() => this.draw());
  }

  async start() {
    this.models.set(await api.models());
    this.known = true;
    this.draw();
  }

  /** @param {File[]} files They may come before anything is known of the server. */
  async add(files) {
    if (!this.known) await this.start();
    if (this.models.now.current === null) return tell(say("detect.no_model"), "warning");
    this.dropped.add(files);
  }

  #listen() {
    const chooser = byId("chooser", HTMLInputElement);
    chooser.addEventListener("change", () => {
      void this.add([...(chooser.files ?? [])]).catch(tellError);
      chooser.value = "";
    });
    for (const button of document.querySelectorAll(".choose")) button.addEventListener("click", () => chooser.click());
    const slider = byId("threshold", HTMLInputElement);
    slider.addEventListener("input", () => this.setThreshold(slider.valueAsNumber));
    for (const button of document.querySelectorAll("[data-export]")) {
      button.addEventListener("click", () => void this.#export(button.getAttribute("data-export") ?? ""));
    }
    for (const choice of document.querySelectorAll("input[name=export]"))
      choice.addEventListener("change", () => this.draw());
    byId("clear", HTMLButtonElement).addEventListener("click", () => {
      for (const film of this.dropped.films) this.dropped.remove(film);
    });
    events.on("model", () => void this.start().catch(tellError));
  }

  // ------------------------------------------------------------------ films

  /** @param {Dropped | null} film */
  #changed(film) {
    if (this.open && !this.dropped.films.includes(this.open)) this.#close();
    if (film && film === this.open && film.state === "done") void this.show(film);
    if (!this.open && film?.state === "done") void this.show(film);
    if (film?.state === "done")
      whisper(say("detect.finished", { name: film.file.name, count: this.#marks(film).length }));
    this.draw();
  }

  #close() {
    this.open = null;
    this.selected = null;
    this.stage.close();
  }

  /** The film behind it is shown instead, or the one before. @param {Dropped} film */
  #remove(film) {
    const { films } = this.dropped;
    const place = films.indexOf(film);
    const next = films[place + 1] ?? films[place - 1];
    if (film === this.open && next) void this.show(next);
    this.dropped.remove(film);
  }

  /** @param {Dropped} film */
  async show(film) {
    this.open = film;
    this.selected = null;
    this.draw();
    revealDropped();
    if (!film.facts) return this.stage.close();
    try {
      await this.stage.open(film.facts);
    } catch (reason) {
      if (!(reason instanceof api.ServerError)) return tellError(reason);
      film.state = "failed";
      film.failure = reason;
      this.draw();
    }
  }

  // ------------------------------------------------------------------ marks

  get model() {
    const { models, current } = this.models.now;
    return models.find((model) => model.id === current) ?? null;
  }

  get shownFrom() {
    return this.threshold ?? this.dropped.last?.threshold ?? this.model?.threshold ?? 0.5;
  }

  /** @param {number} threshold */
  setThreshold(threshold) {
    this.threshold = within(Math.round(threshold * 1000) / 1000, 0.05, 1);
    this.selected = null;
    this.draw();
  }

  /** @param {Dropped | null} film @returns {Mark[]} */
  #marks(film) {
    return (film?.result?.marks ?? []).filter((mark) => mark.score >= this.shownFrom);
  }

  get names() {
    return this.dropped.last?.class_names ?? this.model?.class_names ?? [];
  }

  get comparing() {
    return !this.truthElement.hidden;
  }

  /** @returns {import("./viewer.js").Tool} */
  #tool() {
    const under = (/** @type {import("./types.js").Point} */ point) =>
      topmost(this.#marks(this.open), point, 6 / this.stage.viewer.view.scale);
    return {
      press: (point) => {
        const mark = under(point);
        this.select(mark ? this.#marks(this.open).indexOf(mark) : null);
        return mark !== null;
      },
      drag: () => undefined,
      release: () => undefined,
      hover: (point) => (point && under(point) ? "pointer" : "grab"),
      abandon: () => undefined,
    };
  }

  /** @param {number | null} place */
  select(place) {
    this.selected = place;
    const mark = place === null ? undefined : this.#marks(this.open)[place];
    if (mark) this.stage.viewer.reveal(mark);
    this.draw();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {import("./view.js").View} view
   */
  #paint(context, view) {
    if (this.hidden) return;
    if (!this.comparing) this.#paintTruth(context, view);
    const items = this.#marks(this.open).map((box, place) => {
      const tag = `${box.name} ${number(box.score, 2)}`;
      return { box, look: { colour: colourOf(box.name, this.names), tag, selected: place === this.selected } };
    });
    drawBoxes(context, view, items);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {import("./view.js").View} view
   */
  #paintTruth(context, view) {
    if (this.hidden) return;
    const look = { colour: TRUTH_COLOUR, dashed: !this.comparing };
    const items = (this.open?.result?.truth ?? []).map((box) => ({
      box,
      look: { ...look, tag: this.comparing ? box.name : say("detect.truth") },
    }));
    drawBoxes(context, view, items);
  }

  // ------------------------------------------------------------------ actions

  #actions() {
    const go = (/** @type {1 | -1} */ step) => () => {
      const { films } = this.dropped;
      const next = films[this.open ? films.indexOf(this.open) + step : 0];
      if (next) void this.show(next);
      else whisper(say(step > 0 ? "list.last" : "list.first"));
    };
    return {
      ...this.stage.actions,
      next: go(1),
      previous: go(-1),
      open: () => byId("chooser", HTMLInputElement).click(),
      lower: () => this.setThreshold(this.shownFrom - THRESHOLD_STEP),
      higher: () => this.setThreshold(this.shownFrom + THRESHOLD_STEP),
      nextMark: () => {
        const { length } = this.#marks(this.open);
        this.select(length ? ((this.selected ?? -1) + 1) % length : null);
      },
      compare: () => {
        if (!this.open?.result?.truth) return tell(say("detect.no_truth"));
        this.truthElement.hidden = !this.truthElement.hidden;
        this.draw();
      },
      hide: () => {
        this.hidden = !this.hidden;
        this.draw();
      },
      remove: () => this.open && this.#remove(this.open),
      cancel: () => this.select(null),
    };
  }

  /** @param {string} format */
  async #export(format) {
    const all = byId("export-all", HTMLInputElement).checked;
    const films = all ? this.dropped.films : this.dropped.films.filter((film) => film === this.open);
    const ids = films.flatMap((film) => (film.state === "done" && film.result?.id ? [film.result.id] : []));
    if (ids.length === 0) return;
    try {
      const { name, content } = await api.exportFilms(format, ids, this.shownFrom);
      const address = URL.createObjectURL(content);
      make("a", { href: address, download: name }).click();
      // the download reads it after this returns
      setTimeout(() => URL.revokeObjectURL(address), 10_000);
    } catch (reason) {
      tellError(reason);
    }
  }

  // ------------------------------------------------------------------ picture of it all

  draw() {
    const { films } = this.dropped;
    byId("detect", HTMLElement).classList.toggle("empty", films.length === 0);
    byId("detect-progress", HTMLElement).textContent = films.length
      ? say("detect.done", { done: this.dropped.done, total: films.length })
      : "";
    drawDropped(films, this.open, {
      count: (film) => this.#marks(film).length,
      show: (film) => {
        document.body.classList.remove("list-open");
        void this.show(film);
      },
      remove: (film) => this.#remove(film),
    });
    drawFacts(this.open);
    const { names, selected } = this;
    drawMarks(this.open, this.#marks(this.open), { selected, names, select: (place) => this.select(place) });
    drawThreshold(this.model, this.shownFrom, (threshold) => this.setThreshold(threshold));
    const truth = this.open?.result?.truth ?? null;
    if (truth === null) this.truthElement.hidden = true;
    this.stageElement.dataset["title"] = this.comparing ? say("detect.model_says") : "";
    this.truthElement.dataset["title"] = say("detect.truth");
    const { viewer } = this.stage;
    showStates(this.toolbar, {
      compare: { pressed: this.comparing, disabled: truth === null },
      window: { pressed: viewer.windowing },
      invert: { pressed: viewer.inverted },
      magnifier: { pressed: viewer.magnifying },
      hide: { pressed: this.hidden },
    });
    const dicomOnly = films.length > 0 && films.every((film) => film.state !== "done" || film.result?.dicom);
    const report = /** @type {HTMLButtonElement} */ (document.querySelector("[data-export=dicom-sr]"));
    report.disabled = byId("export-all", HTMLInputElement).checked ? !dicomOnly : !this.open?.result?.dicom;
    report.title = report.disabled ? say("detect.no_dicom") : "";
    viewer.refresh();
    this.mirror.refresh();
  }
}
