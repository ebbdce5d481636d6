/** The image list on the left: search, filter, order. Only visible rows exist, so that 100,000 images scroll smoothly. */
import { notifyError } from "./announce.js";
import { byId, fill, make } from "./dom.js";
import { language, number, say } from "./i18n.js";

/** @typedef {import("./types.js").ImageRow} ImageRow */

/** px; touch.css gives a row the same. */
const rowHeight = () => (TALL.matches ? 44 : 30);
const TALL = matchMedia("(width <= 700px), (pointer: coarse)");
const STATES = /** @type {const} */ (["unlabelled", "suggested", "labelled", "verified", "disagreeing", "malformed"]);

export class ImageList {
  /**
   * @param {import("./image_pages.js").ImagePages} pages
   * @param {() => string | null} openId
   * @param {(id: string) => void} open
   */
  constructor(pages, openId, open) {
    this.pages = pages;
    this.openId = openId;
    this.open = open;
    this.box = byId("images", HTMLElement);
    this.rows = make("div", { class: "rows", role: "presentation" });
    this.box.append(this.rows);
    this.search = byId("image-search", HTMLInputElement);
    this.state = byId("image-state", HTMLSelectElement);
    this.order = byId("image-order", HTMLSelectElement);
    this.waiting = false;
    pages.onChange = () => this.refresh();
    this.box.addEventListener("scroll", () => this.refresh());
    this.box.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.refresh()).observe(this.box);
    let typing = 0;
    this.search.addEventListener("input", () => {
      clearTimeout(typing);
      typing = window.setTimeout(() => this.#applyFilter().catch(notifyError), 200);
    });
    this.search.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "Escape") return;
      clearTimeout(typing);
      if (event.key === "Escape") this.search.value = "";
      (event.key === "Enter" ? this.#find() : this.#applyFilter()).catch(notifyError);
      document.body.classList.remove("list-open");
      byId("stage", HTMLElement).focus();
    });
    language.watch(() => this.refresh());
    TALL.addEventListener("change", () => this.reveal());
    for (const select of [this.state, this.order]) {
      let pressed = false;
      select.addEventListener("pointerdown", () => (pressed = true));
      select.addEventListener("keydown", () => (pressed = false));
      select.addEventListener("change", () => {
        this.#applyFilter().catch(notifyError);
        // somebody who goes through the options with the arrow keys is not done with the first
        if (pressed) byId("stage", HTMLElement).focus();
      });
    }
  }

  /** Open the first match, unless the open image is one. */
  async #find() {
    await this.#applyFilter();
    const first = this.pages.included ? null : await this.pages.at(0);
    if (first) this.open(first.id);
  }

  async #applyFilter() {
    this.pages.filter = {
      state: this.state.value ? [this.state.value] : [],
      query: this.search.value.trim(),
      order: this.order.value,
    };
    await this.pages.refresh(this.openId());
    this.reveal();
  }

  /** Draw the visible rows with the next frame; the list gets its full height at once, so that it can be scrolled. */
  refresh() {
    this.rows.style.height = `${Math.max(this.pages.total * rowHeight(), 1)}px`;
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.#draw();
    });
  }

  /** Scroll to the open image. */
  reveal() {
    const { position } = this.pages;
    if (position === null) return;
    const top = position * rowHeight();
    if (top < this.box.scrollTop || top + rowHeight() > this.box.scrollTop + this.box.clientHeight) {
      this.box.scrollTop = top - this.box.clientHeight / 2;
    }
    this.refresh();
  }

  /** The options with their counts, in the current language. */
  #drawChoices() {
    const all = Object.values(this.pages.counts).reduce((sum, count) => sum + count, 0);
    const choices = [make("option", { value: "" }, `${say("list.all")} (${number(all)})`)];
    for (const state of STATES) {
      const count = this.pages.counts[state] ?? 0;
      if (count > 0 || this.state.value === state)
        choices.push(make("option", { value: state }, `${say(`state.${state}`)} (${number(count)})`));
    }
    const text = choices.map((choice) => choice.textContent).join("|");
    if (this.state.dataset["shown"] === text) return;
    const chosen = this.state.value;
    fill(this.state, ...choices);
    this.state.value = chosen;
    this.state.dataset["shown"] = text;
  }

  #draw() {
    this.#drawChoices();
    const { total, position, included } = this.pages;
    byId("image-position", HTMLElement).textContent =
      position === null || !included
        ? number(total)
        : say("list.position", { position: number(position + 1), total: number(total) });
    // a list box without options is none
    this.box.setAttribute("role", total === 0 ? "group" : "listbox");
    if (total === 0) {
      this.box.removeAttribute("aria-activedescendant");
      const filtered = this.pages.filter.query !== "" || this.pages.filter.state.length > 0;
      return fill(this.rows, make("p", { class: "quiet" }, say(filtered ? "list.empty" : "list.no_images")));
    }
    const first = Math.max(Math.floor(this.box.scrollTop / rowHeight()) - 5, 0);
    const last = Math.min(first + Math.ceil(this.box.clientHeight / rowHeight()) + 10, total);
    const rows = [];
    for (let place = first; place < last; place += 1) rows.push(this.#row(place));
    fill(this.rows, ...rows);
    const open = this.openId();
    if (open && this.rows.querySelector(`#image-${open}`))
      this.box.setAttribute("aria-activedescendant", `image-${open}`);
    else this.box.removeAttribute("aria-activedescendant");
  }

  /** @param {number} place */
  #row(place) {
    const image = this.pages.row(place);
    const row = make("div", {
      class: "row",
      role: "option",
      "aria-setsize": this.pages.total,
      "aria-posinset": place + 1,
    });
    row.style.top = `${place * rowHeight()}px`;
    if (image === null) return row;
    const state = say(`state.${image.state}`);
    row.id = `image-${image.id}`;
    row.setAttribute("aria-selected", String(image.id === this.openId()));
    row.title = `${image.name}: ${state}`;
    fill(
      row,
      make("span", { class: `dot ${image.state}`, "aria-hidden": "true" }),
      pathOf(image.name),
      make("span", { class: "visually-hidden" }, state),
      image.comment && make("span", { class: "comment-icon", title: say("list.comment") }, "✎"),
      image.boxes ? make("span", { class: "count", title: say("list.boxes", { count: image.boxes }) }, image.boxes) : null,
    );
    row.addEventListener("click", () => {
      document.body.classList.remove("list-open");
      this.open(image.id);
    });
    return row;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (step === undefined) return;
    event.preventDefault();
    const place = Math.min(Math.max((this.pages.position ?? -1) + step, 0), this.pages.total - 1);
    this.pages
      .at(place)
      .then((image) => image && this.open(image.id))
      .catch(notifyError);
  }
}

/**
 * Where there is not enough room, the folder is cut before the name of the file.
 * @param {string} path Of an image, below the folder.
 */
function pathOf(path) {
  const start = path.lastIndexOf("/") + 1;
  if (start === 0) return make("span", { class: "name" }, path);
  return make("span", { class: "name path" }, make("span", {}, path.slice(0, start)), make("span", {}, path.slice(start)));
}
