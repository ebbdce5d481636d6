/**
 * An observable value.
 *
 * @template T
 */
export class Value {
  /** @param {T} first */
  constructor(first) {
    /** @type {T} */
    this.held = first;
    /** @type {Set<(value: T) => void>} */
    this.listeners = new Set();
  }

  get now() {
    return this.held;
  }

  /** @param {T} value */
  set(value) {
    if (Object.is(value, this.held)) return;
    this.held = value;
    for (const listener of [...this.listeners]) listener(value);
  }

  /**
   * @param {(value: T) => void} listener Called at once and after every change.
   * @returns {() => void} Stops listening.
   */
  watch(listener) {
    this.listeners.add(listener);
    listener(this.held);
    return () => this.listeners.delete(listener);
  }
}
