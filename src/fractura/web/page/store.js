/**
 * A value that tells when it changes.
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
   * @param {(value: T) => void} listener Called at once, too.
   * @returns {() => void} Stops it.
   */
  watch(listener) {
    this.listeners.add(listener);
    listener(this.held);
    return () => this.listeners.delete(listener);
  }
}
