/**
 * Changes to the boxes of the open image: drawing, editing, accepting suggestions; and the class palette.
 *
 * @typedef {import("./types.js").KeyedBox} KeyedBox
 * @typedef {import("./types.js").Suggestion} Suggestion
 */
import { announce, notifyError } from "./announce.js";
import * as api from "./api.js";
import { askClass } from "./dialogs.js";
import { Editor } from "./editor.js";
import { say } from "./i18n.js";

export class Labelling {
  /**
   * @param {import("./open_images.js").OpenImages} openImages
   * @param {() => import("./types.js").Model | null} model
   * @param {() => void} changed Redraw.
   * @param {() => void} focusImage Return the focus to the image.
   */
  constructor(openImages, model, changed, focusImage) {
    this.openImages = openImages;
    this.model = model;
    this.changed = changed;
    this.focusImage = focusImage;
    /** All classes in the order of the palette. @type {string[]} */
    this.names = [];
    /** Class of new boxes. @type {string | null} */
    this.active = null;
    /** Name of the file with the list of classes. */
    this.classFile = "";
    /** Lowest score of the suggestions shown; null for the model's own threshold. @type {number | null} */
    this.threshold = null;
    this.editor = new Editor(this.#scene());
  }

  get open() {
    return this.openImages.open;
  }

  /** @returns {import("./editor.js").Scene} */
  #scene() {
    return {
      boxes: () => this.open?.labels.boxes ?? [],
      suggestions: () => this.suggestions,
      image: () => this.open?.size ?? { width: 1, height: 1 },
      editable: () => this.open !== null,
      className: () => this.active,
      classNames: () => this.names,
      commit: (boxes) => this.commit(boxes),
      drawn: (box) => void this.drawn(box),
      accept: (suggestion, box) => this.accept(suggestion, box),
      changed: () => this.changed(),
    };
  }

  async readClasses() {
    this.#take(await api.classes());
  }

  /** @param {import("./types.js").ClassNames} found */
  #take({ classes, file }) {
    const own = this.names.filter((name) => !classes.some((each) => each.name === name));
    this.names = [...classes.map((each) => each.name), ...own];
    this.active ??= this.names[0] ?? null;
    this.classFile = file;
    this.changed();
  }

  /** Lowest score shown. */
  get shownFrom() {
    return this.threshold ?? this.open?.answer?.threshold ?? this.model()?.threshold ?? 0.5;
  }

  get suggestions() {
    return this.open?.pendingSuggestions(this.shownFrom) ?? [];
  }

  /** @param {readonly KeyedBox[]} boxes */
  commit(boxes) {
    this.open?.setBoxes(boxes);
    this.changed();
  }

  /** @param {KeyedBox} box */
  async drawn(box) {
    const image = this.open;
    if (!image) return;
    const name = this.active ?? (await this.newClass());
    if (name === null || image !== this.open) return;
    this.commit([...image.labels.boxes, { ...box, name }]);
    this.editor.select(box.key);
    announce(say("box.drawn", { name, count: image.labels.boxes.length }));
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
    announce(say("box.deleted", { name: box.name, count: boxes.length }));
  }

  /** @param {string} name */
  useClass(name) {
    this.active = name;
    const box = this.editor.selectedBox;
    if (box && box.name !== name) this.changeBox(box, { name });
    this.changed();
  }

  /** @returns {Promise<string | null>} */
  async newClass() {
    const answer = await askClass(this.names.length ? "" : say("boxes.first_class"), this.classFile);
    this.focusImage();
    if (answer === null) return null;
    const { name, keep } = answer;
    if (!this.names.includes(name)) this.names = [...this.names, name];
    this.useClass(name);
    if (keep) api.addClass(name).then((classes) => this.#take(classes)).catch(notifyError);
    return name;
  }

  /**
   * @param {Suggestion} suggestion
   * @param {KeyedBox | null} changed After dragging; null to accept it as it is.
   */
  accept(suggestion, changed) {
    const box = drawnBox({ ...suggestion, ...changed });
    this.commit([...(this.open?.labels.boxes ?? []), box]);
    this.editor.select(changed ? box.key : (this.suggestions[0]?.key ?? null));
    announce(say("box.drawn", { name: box.name, count: this.open?.labels.boxes.length ?? 0 }));
    this.changed();
  }

  acceptAll() {
    const boxes = this.suggestions.map(drawnBox);
    if (boxes.length > 0) this.commit([...(this.open?.labels.boxes ?? []), ...boxes]);
  }

  /** @param {Suggestion} suggestion */
  dismiss(suggestion) {
    this.open?.dismiss(suggestion);
    this.editor.select(this.suggestions[0]?.key ?? null);
    this.changed();
  }
}

/**
 * A person answers for an accepted suggestion: it has neither score nor probability.
 * @param {Suggestion} suggestion
 * @returns {KeyedBox}
 */
function drawnBox({ score, probability, ...box }) {
  void score;
  void probability;
  return box;
}
