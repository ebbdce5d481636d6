/**
 * A second image beside the one that is labelled, to compare: read-only, with a view of its own. Of a DICOM image it is
 * another one of the same study or patient; else the user chooses.
 *
 * @typedef {import("./types.js").ImageRow} ImageRow
 * @typedef {import("./types.js").RelatedImage} RelatedImage
 */
import { notifyError } from "./announce.js";
import * as api from "./api.js";
import { byId, fill, make } from "./dom.js";
import { colourOf, drawBoxes } from "./draw.js";
import * as events from "./events.js";
import { ImageStage } from "./image_stage.js";
import { language, say } from "./i18n.js";

/** Images of the list that are offered without a search. */
const NEAR = 40;
/** Delay from the last letter until the search, ms. */
const TYPING = 250;

export class SecondView {
  /**
   * @param {() => readonly string[]} classNames
   * @param {() => boolean} hidden Whether boxes are hidden.
   * @param {() => void} changed It was opened or closed.
   */
  constructor(classNames, hidden, changed) {
    this.changed = changed;
    this.element = byId("second", HTMLElement);
    this.choice = byId("second-image", HTMLSelectElement);
    this.search = byId("second-search", HTMLInputElement);
    /** The image that is labelled. @type {string | null} */
    this.first = null;
    /** The image beside it. @type {string | null} */
    this.shown = null;
    this.name = "";
    /** Whether the user has chosen it for images that do not say whose they are. */
    this.chosen = false;
    /** @type {RelatedImage[] | null} null where the file of the first one does not say whose it is. */
    this.related = null;
    /** What is offered besides. @type {ImageRow[]} */
    this.others = [];
    /** @type {import("./types.js").Box[]} */
    this.boxes = [];
    this.stageElement = byId("second-stage", HTMLElement);
    this.stage = new ImageStage(this.stageElement, reading, byId("second-status", HTMLElement));
    this.stage.viewer.paint = (context, view) => {
      if (hidden()) return;
      const names = classNames();
      drawBoxes(
        context,
        view,
        this.boxes.map((box) => ({ box, style: { colour: colourOf(box.name, names), tag: box.name } })),
      );
    };
    this.actions = this.stage.actions;
    this.#listen();
  }

  get isOpen() {
    return !this.element.hidden;
  }

  /** Whether keys that change the display are meant for this image. */
  get hasFocus() {
    return this.isOpen && document.activeElement === this.stageElement;
  }

  #listen() {
    this.choice.addEventListener("change", () => {
      this.chosen = this.related === null;
      void this.#show(this.choice.value || null);
    });
    let typing = 0;
    this.search.addEventListener("input", () => {
      clearTimeout(typing);
      typing = window.setTimeout(() => this.#findOthers().catch(notifyError), TYPING);
    });
    byId("second-rotate", HTMLButtonElement).addEventListener("click", () => this.actions["rotate"]?.());
    byId("second-close", HTMLButtonElement).addEventListener("click", () => this.close());
    events.on("image", (row) => row.id === this.shown && void this.#readBoxes());
    language.watch(() => this.#drawChoice());
  }

  /** @param {string | null} first Id of the image that is labelled. */
  open(first) {
    this.element.hidden = false;
    this.first = null;
    if (first) void this.follow(first);
    this.changed();
  }

  close() {
    this.element.hidden = true;
    this.shown = null;
    this.chosen = false;
    this.stage.close();
    this.changed();
  }

  /**
   * Another image is labelled: its own second one takes the place of the last. Where files do not say what belongs
   * together, the user's choice stays.
   * @param {string} first
   */
  async follow(first) {
    if (!this.isOpen || first === this.first) return;
    const before = this.first;
    this.first = first;
    try {
      const timer = setTimeout(() => this.#say("second.searching"), TYPING);
      const { images } = await api.related(first).finally(() => clearTimeout(timer));
      if (this.first !== first || !this.isOpen) return;
      this.related = images;
      await this.#findOthers();
      if (this.first !== first || !this.isOpen) return;
      await this.#show(this.#next(before));
    } catch (reason) {
      notifyError(reason);
    }
  }

  /** @param {string | null} before The image that was labelled before. */
  #next(before) {
    const { related, shown, first } = this;
    if (related) {
      this.chosen = false;
      return related.some(({ id }) => id === shown) ? shown : (related[0]?.id ?? null);
    }
    // another patient's image is shown by choice only
    if (!this.chosen) return null;
    return shown === first ? before : shown;
  }

  /** @param {string | null} id */
  async #show(id) {
    const isNew = id !== this.shown || id !== this.stage.facts?.id;
    this.shown = id;
    this.#drawChoice();
    if (id === null) {
      this.stage.close();
      return this.#say(this.related === null ? "second.unknown" : "second.alone");
    }
    if (!isNew) return this.#say(null);
    this.boxes = [];
    this.#say(null);
    try {
      const facts = await api.image(id);
      if (this.shown !== id) return;
      this.name = facts.name;
      this.#drawChoice();
      await Promise.all([this.stage.open(facts), this.#readBoxes()]);
    } catch (reason) {
      notifyError(reason);
    }
  }

  async #readBoxes() {
    const id = this.shown;
    if (id === null) return;
    try {
      const { boxes } = await api.annotation(id);
      if (this.shown === id) this.boxes = boxes;
    } catch (reason) {
      if (!(reason instanceof api.ServerError)) throw reason;
      if (this.shown === id) this.#say("second.labels");
    }
    this.stage.viewer.refresh();
  }

  /** Images whose name has what was typed; without it those that are near in the list. */
  async #findOthers() {
    const query = this.search.value.trim();
    const near = query ? { query } : { around: this.first };
    const { images } = await api.images({ ...near, limit: NEAR });
    this.others = images;
    this.#drawChoice();
  }

  #drawChoice() {
    const related = this.related ?? [];
    const others = this.others.filter(({ id }) => id !== this.first && !related.some((each) => each.id === id));
    const group = (/** @type {"study" | "patient" | "others"} */ name, /** @type {readonly ImageRow[]} */ rows) =>
      rows.length > 0 &&
      make(
        "optgroup",
        { label: say(`second.${name}`) },
        ...rows.map((row) => make("option", { value: row.id }, row.name)),
      );
    const offered = [...related, ...others].some(({ id }) => id === this.shown);
    fill(
      this.choice,
      make("option", { value: "" }, say("second.none")),
      this.shown !== null && !offered && make("option", { value: this.shown }, this.name),
      group("study", related.filter(({ relation }) => relation === "study")),
      group("patient", related.filter(({ relation }) => relation === "patient")),
      group("others", others),
    );
    this.choice.value = this.shown ?? "";
  }

  /** @param {"second.searching" | "second.alone" | "second.unknown" | "second.labels" | null} word */
  #say(word) {
    byId("second-note", HTMLElement).textContent = word ? say(word) : "";
  }
}

/** The pointer only moves and zooms. @type {import("./viewer.js").Tool} */
const reading = {
  press: () => false,
  drag: () => undefined,
  release: () => undefined,
  hover: () => "grab",
  abandon: () => undefined,
};
