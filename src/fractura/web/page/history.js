/**
 * Undo and redo of one image's labels: a list of states and a position in it. Pure.
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
   * Add a state; undone states are discarded.
   * @param {T} state
   */
  push(state) {
    this.states = [...this.states.slice(0, this.place + 1), state].slice(-this.most);
    this.place = this.states.length - 1;
  }

  /**
   * Replace the current state without adding a step.
   * @param {T} state
   */
  replace(state) {
    this.states[this.place] = state;
  }

  /** @returns {T} The previous state, or the current one at the beginning. */
  undo() {
    this.place = Math.max(this.place - 1, 0);
    return this.now;
  }

  /** @returns {T} The next state, or the current one at the end. */
  redo() {
    this.place = Math.min(this.place + 1, this.states.length - 1);
    return this.now;
  }
}
