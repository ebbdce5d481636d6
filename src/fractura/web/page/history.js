/**
 * Undo and redo of one image's labels: a list of states and a place in it. Pure.
 *
 * @template T
 */
export class History {
  /**
   * @param {T} first
   * @param {number} [most] States kept.
   */
  constructor(first, most = 200) {
    /** @type {T[]} */
    this.states = [first];
    this.place = 0;
    this.most = most;
  }

  /** @returns {T} */
  get now() {
    return /** @type {T} */ (this.states[this.place]);
  }

  get canUndo() {
    return this.place > 0;
  }

  get canRedo() {
    return this.place < this.states.length - 1;
  }

  /**
   * A new state; what had been undone is gone.
   * @param {T} state
   */
  push(state) {
    this.states = [...this.states.slice(0, this.place + 1), state].slice(-this.most);
    this.place = this.states.length - 1;
  }

  /**
   * Put another state in the place of the present one, without a step of its own.
   * @param {T} state
   */
  replace(state) {
    this.states[this.place] = state;
  }

  /** @returns {T} The state before, or the present one at the beginning. */
  undo() {
    this.place = Math.max(this.place - 1, 0);
    return this.now;
  }

  /** @returns {T} The state after, or the present one at the end. */
  redo() {
    this.place = Math.min(this.place + 1, this.states.length - 1);
    return this.now;
  }
}
