/**
 * The folder's images as the server lists them, page by page: positions and neighbours.
 *
 * @typedef {import("./types.js").ImageRow} ImageRow
 */
import { notifyError } from "./announce.js";
import * as api from "./api.js";

const PAGE = 200;

export class ImagePages {
  constructor() {
    /** Rows by page. @type {Map<number, ImageRow[]>} */
    this.pages = new Map();
    this.filter = { state: /** @type {string[]} */ ([]), query: "", order: "name" };
    this.total = 0;
    /** Whether the server has sent a list yet. */
    this.answered = false;
    /** @type {Record<string, number>} */
    this.counts = {};
    /** Position of the open image, or where it would be. @type {number | null} */
    this.position = null;
    /** Whether that image is in the list. */
    this.included = false;
    /** @type {Set<number>} */
    this.asked = new Set();
    /** Responses to earlier requests are dropped. */
    this.requestNumber = 0;
    /** @type {() => void} */
    this.onChange = () => undefined;
  }

  /** Whether the folder has no image at all, as far as is known. */
  get empty() {
    return this.answered && this.filter.query === "" && this.filter.state.length === 0 && this.total === 0;
  }

  /** @param {number} place */
  row(place) {
    const row = this.pages.get(Math.floor(place / PAGE))?.[place % PAGE] ?? null;
    if (row === null && place >= 0 && place < this.total) this.#fetch(Math.floor(place / PAGE)).catch(notifyError);
    return row;
  }

  /**
   * Read the list again, after the filter or the folder has changed.
   * @param {string | null} id Of the image that is open.
   */
  async refresh(id) {
    this.requestNumber += 1;
    const number = this.requestNumber;
    const page = await api.images({ ...this.filter, limit: PAGE, around: id });
    if (number !== this.requestNumber) return;
    this.pages = new Map();
    this.asked = new Set();
    this.#take(page);
    this.position = page.position;
    this.included = page.position !== null && page.images[page.position - page.offset]?.id === id;
    this.onChange();
  }

  /**
   * Update a row; the order of the list is not changed until the next refresh.
   * @param {ImageRow} row
   */
  update(row) {
    for (const rows of this.pages.values()) {
      const place = rows.findIndex((each) => each.id === row.id);
      if (place >= 0) rows[place] = row;
    }
    this.onChange();
  }

  /**
   * @param {1 | -1} step
   * @returns {Promise<ImageRow | null>} The image before or after the open one.
   */
  async neighbour(step) {
    if (this.total === 0) return null;
    // the open image has left the list: the one at its position is the next
    const place =
      this.position === null ? (step > 0 ? 0 : this.total - 1) : this.position + (this.included || step < 0 ? step : 0);
    return this.at(place);
  }

  /**
   * @param {number} place
   * @returns {Promise<ImageRow | null>}
   */
  async at(place) {
    if (place < 0 || place >= this.total) return null;
    if (!this.pages.has(Math.floor(place / PAGE))) await this.#fetch(Math.floor(place / PAGE));
    return this.row(place);
  }

  /** @param {string} id Of the image that is now open. */
  opened(id) {
    for (const [page, rows] of this.pages) {
      const place = rows.findIndex((row) => row.id === id);
      if (place < 0) continue;
      this.position = page * PAGE + place;
      this.included = true;
      return this.onChange();
    }
    this.refresh(id).catch(notifyError);
  }

  /** @param {number} page */
  async #fetch(page) {
    if (this.asked.has(page)) return;
    this.asked.add(page);
    const number = this.requestNumber;
    let answer;
    try {
      answer = await api.images({ ...this.filter, limit: PAGE, offset: page * PAGE });
    } catch (reason) {
      if (number === this.requestNumber) this.asked.delete(page);
      throw reason;
    }
    if (number !== this.requestNumber) return;
    this.#take(answer);
    this.onChange();
  }

  /** @param {import("./types.js").ImagePage} answer */
  #take(answer) {
    this.answered = true;
    this.total = answer.total;
    this.counts = answer.counts;
    answer.images.forEach((row, index) => {
      const place = answer.offset + index;
      const page = Math.floor(place / PAGE);
      const rows = this.pages.get(page) ?? [];
      rows[place % PAGE] = row;
      this.pages.set(page, rows);
    });
    for (const page of this.pages.keys()) if (this.#complete(page)) this.asked.add(page);
  }

  /** @param {number} page */
  #complete(page) {
    const rows = this.pages.get(page) ?? [];
    const expected = Math.min(PAGE, this.total - page * PAGE);
    for (let place = 0; place < expected; place += 1) if (!rows[place]) return false;
    return true;
  }
}
