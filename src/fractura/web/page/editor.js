/**
 * Draws and edits boxes with the pointer and the keyboard: the labelling view's tool. It knows nothing of the server; each
 * change is passed on as new labels.
 *
 * @typedef {import("./types.js").KeyedBox} KeyedBox
 * @typedef {import("./types.js").Suggestion} Suggestion
 * @typedef {import("./types.js").Point} Point
 * @typedef {import("./boxes.js").Handle} Handle
 * @typedef {object} Scene What the editor works on; the labelling view.
 * @property {() => readonly KeyedBox[]} boxes
 * @property {() => readonly Suggestion[]} suggestions
 * @property {() => import("./types.js").Size} image
 * @property {() => boolean} editable
 * @property {() => string | null} className Class of new boxes; null to ask for it.
 * @property {() => readonly string[]} classNames
 * @property {(boxes: readonly KeyedBox[]) => void} commit
 * @property {(box: KeyedBox) => void} drawn A new box; the scene commits it.
 * @property {(suggestion: Suggestion, box: KeyedBox) => void} accept
 * @property {() => void} changed The selection or the mode has changed.
 */
import { certainty } from "./answers.js";
import { SMALLEST_SIDE, between, hit, keyed, shifted, stretched, topmost } from "./boxes.js";
import { colourOf, drawBoxes, drawCross } from "./draw.js";
import { toImage, turnedBack } from "./view.js";

/** Distance from an edge within which the pointer grabs it, stage pixels. */
const REACH = { mouse: 6, touch: 16 };
const CURSORS = {
  n: "ns-resize",
  s: "ns-resize",
  e: "ew-resize",
  w: "ew-resize",
  nw: "nwse-resize",
  se: "nwse-resize",
  ne: "nesw-resize",
  sw: "nesw-resize",
  inside: "move",
};
/** Those in a view that is rotated by a quarter. */
const CURSORS_ACROSS = new Map([
  ["ns-resize", "ew-resize"],
  ["ew-resize", "ns-resize"],
  ["nwse-resize", "nesw-resize"],
  ["nesw-resize", "nwse-resize"],
]);

export class Editor {
  /** @param {Scene} scene */
  constructor(scene) {
    this.scene = scene;
    /** @type {import("./viewer.js").Viewer | null} */
    this.viewer = null;
    this.drawing = false;
    this.hidden = false;
    /** Key of the selected box or suggestion. @type {string | null} */
    this.selected = null;
    /** @type {string | null} */
    this.pointed = null;
    /** Box being drawn or dragged, in its present shape. @type {KeyedBox | null} */
    this.shown = null;
    /** @type {{kind: "new", from: Point} | {kind: "move", from: Point, box: KeyedBox} | {kind: "stretch", handle: Handle, box: KeyedBox} | null} */
    this.held = null;
  }

  /** @returns {KeyedBox | null} */
  get selectedBox() {
    return this.scene.boxes().find((box) => box.key === this.selected) ?? null;
  }

  /** @returns {Suggestion | null} */
  get selectedSuggestion() {
    return this.scene.suggestions().find((each) => each.key === this.selected) ?? null;
  }

  /** @param {string | null} key */
  select(key) {
    if (this.selected === key) return;
    this.selected = key;
    this.scene.changed();
  }

  /** @param {boolean} drawing */
  setDrawing(drawing) {
    this.drawing = drawing && this.scene.editable();
    this.abandon();
    this.scene.changed();
  }

  // ------------------------------------------------------------------ pointer

  /**
   * @param {Point} point
   * @param {PointerEvent} event
   */
  press(point, event) {
    if (!this.scene.editable()) return this.#pick(point, event);
    if (this.drawing || event.ctrlKey || event.metaKey) {
      this.select(null);
      this.held = { kind: "new", from: point };
      return true;
    }
    const reach = this.#reach(event);
    const held =
      this.#candidates().find((box) => box.key === this.selected && hit(box, point, reach)) ??
      topmost(this.#candidates(), point, reach);
    this.select(held?.key ?? null);
    if (!held) return false;
    const where = hit(held, point, reach);
    this.held =
      where === "inside"
        ? { kind: "move", from: point, box: held }
        : { kind: "stretch", handle: /** @type {Handle} */ (where), box: held };
    return true;
  }

  /** @param {Point} point */
  drag(point) {
    const image = this.scene.image();
    if (this.held?.kind === "new") {
      this.shown = { ...between(this.held.from, point, image), name: this.scene.className() ?? "", key: "new" };
    } else if (this.held?.kind === "move") {
      this.shown = shifted(this.held.box, point.x - this.held.from.x, point.y - this.held.from.y, image);
    } else if (this.held?.kind === "stretch") {
      this.shown = stretched(this.held.box, this.held.handle, point, image);
    }
  }

  release() {
    const { held: drag, shown } = this;
    this.held = null;
    this.shown = null;
    if (!drag || !shown) return;
    if (drag.kind === "new") this.#finish(shown);
    else if (shown !== drag.box) this.#replace(drag.box, shown);
  }

  abandon() {
    this.held = null;
    this.shown = null;
    this.viewer?.refresh();
  }

  /** @param {Point | null} point */
  hover(point) {
    const reach = REACH.mouse / (this.viewer?.view.scale ?? 1);
    const under = point && !this.drawing && !this.hidden ? topmost(this.#candidates(), point, reach) : null;
    this.pointed = under?.key ?? null;
    if (this.drawing) return "crosshair";
    if (!point || !under) return "grab";
    return this.scene.editable() ? this.#cursor(hit(under, point, reach) ?? "inside") : "pointer";
  }

  /** @param {Handle | "inside"} part */
  #cursor(part) {
    const cursor = CURSORS[part];
    return this.#turn % 2 === 0 ? cursor : (CURSORS_ACROSS.get(cursor) ?? cursor);
  }

  // ------------------------------------------------------------------ keyboard

  /**
   * @param {number} dx Image pixels, across as it is seen.
   * @param {number} dy
   * @returns {boolean} Whether there was a box to move.
   */
  nudge(dx, dy) {
    const { x, y } = turnedBack(this.#turn, { x: dx, y: dy });
    return this.#alter((box) => shifted(box, x, y, this.scene.image()));
  }

  /**
   * Move the lower right corner, as it is seen.
   * @param {number} dx Image pixels.
   * @param {number} dy
   */
  grow(dx, dy) {
    const { x, y } = turnedBack(this.#turn, { x: dx, y: dy });
    const corner = turnedBack(this.#turn, { x: 1, y: 1 });
    const handle = /** @type {Handle} */ ((corner.y > 0 ? "s" : "n") + (corner.x > 0 ? "e" : "w"));
    return this.#alter((box) => {
      const from = { x: corner.x > 0 ? box.xmax : box.xmin, y: corner.y > 0 ? box.ymax : box.ymin };
      return stretched(box, handle, { x: from.x + x, y: from.y + y }, this.scene.image());
    });
  }

  /** @param {(box: KeyedBox) => KeyedBox} change */
  #alter(change) {
    const held = this.selectedBox ?? this.selectedSuggestion;
    if (!held || !this.scene.editable()) return false;
    const box = change(held);
    if (box !== held) this.#replace(held, box);
    return true;
  }

  /** @param {1 | -1} step */
  selectNext(step) {
    const all = this.#candidates();
    if (all.length === 0) return;
    const place = all.findIndex((box) => box.key === this.selected);
    const next = all[(place + step + all.length + (place < 0 && step < 0 ? 1 : 0)) % all.length];
    this.select(next?.key ?? null);
    if (next) this.viewer?.reveal(next);
  }

  /** Add a box in the middle of the visible part, to be moved with the arrow keys. */
  drawMiddle() {
    const { viewer } = this;
    if (!viewer || !this.scene.editable()) return;
    const middle = toImage(viewer.view, { x: viewer.stage.width / 2, y: viewer.stage.height / 2 });
    const half = Math.max(Math.min(viewer.stage.width, viewer.stage.height) / 12 / viewer.view.scale, 4);
    const corners = between(
      { x: middle.x - half, y: middle.y - half },
      { x: middle.x + half, y: middle.y + half },
      this.scene.image(),
    );
    this.#finish({ ...corners, name: this.scene.className() ?? "", key: "new" });
  }

  // ------------------------------------------------------------------ drawing

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {import("./view.js").View} view
   */
  paint(context, view) {
    const names = this.scene.classNames();
    const boxes = this.scene
      .boxes()
      .map((box) => this.#item(box, { tag: box.difficult ? `${box.name} ?` : box.name }, names));
    const suggested = this.scene
      .suggestions()
      .map((suggestion) => this.#item(suggestion, { dashed: true, tag: `${suggestion.name} ${certainty(suggestion.score, suggestion.probability)}` }, names));
    if (!this.hidden) drawBoxes(context, view, [...boxes, ...suggested]);
    if (this.shown?.key === "new")
      drawBoxes(context, view, [{ box: this.shown, style: { colour: colourOf(this.shown.name, names) } }]);
    const { viewer } = this;
    if (this.drawing && viewer?.pointer && view === viewer.view) drawCross(context, viewer.pointer, viewer.stage);
  }

  /**
   * @param {KeyedBox} box
   * @param {{dashed?: boolean, tag: string}} style
   * @param {readonly string[]} names
   */
  #item(box, style, names) {
    const state = { selected: box.key === this.selected, pointed: box.key === this.pointed };
    return {
      box: this.shown?.key === box.key ? this.shown : box,
      style: { ...style, ...state, colour: colourOf(box.name, names) },
    };
  }

  // ------------------------------------------------------------------ internals

  get #turn() {
    return this.viewer?.view.turn ?? 0;
  }

  #candidates() {
    return this.hidden ? [] : [...this.scene.boxes(), ...this.scene.suggestions()];
  }

  /** @param {PointerEvent} event */
  #reach(event) {
    return (event.pointerType === "mouse" ? REACH.mouse : REACH.touch) / (this.viewer?.view.scale ?? 1);
  }

  /**
   * @param {Point} point
   * @param {PointerEvent} event
   */
  #pick(point, event) {
    const held = topmost(this.#candidates(), point, this.#reach(event));
    this.select(held?.key ?? null);
    return held !== null;
  }

  /** @param {KeyedBox} drawn */
  #finish(drawn) {
    if (drawn.xmax - drawn.xmin < SMALLEST_SIDE || drawn.ymax - drawn.ymin < SMALLEST_SIDE) return;
    this.drawing = false;
    this.scene.drawn(keyed(drawn));
  }

  /**
   * @param {KeyedBox} before A box or a suggestion; changing a suggestion accepts it.
   * @param {KeyedBox} after
   */
  #replace(before, after) {
    const suggestion = this.scene.suggestions().find((each) => each.key === before.key);
    if (suggestion) this.scene.accept(suggestion, after);
    else this.scene.commit(this.scene.boxes().map((box) => (box.key === before.key ? after : box)));
  }
}
