/** What the server tells by itself: images changed, suggestions ready, training going on. */

import { Value } from "./store.js";

/**
 * @typedef {object} Heard
 * @property {import("./types.js").ImageRow} image
 * @property {{revision: number, counts: Record<string, number>}} images
 * @property {import("./types.js").SuggestionRun} suggestions
 * @property {{image: string}} suggestion
 * @property {import("./types.js").Training} training
 * @property {{current: string | null}} model
 */

/** Whether the server is there. */
export const reachable = new Value(true);

/** @type {EventSource | null} */
let source = null;

/** Begin to listen; the browser connects again by itself. */
export function listen() {
  source = new EventSource("/api/events");
  source.addEventListener("open", () => reachable.set(true));
  source.addEventListener("error", () => {
    reachable.set(false);
    // an answer that is no event stream ends it for good: begin again
    if (source?.readyState === EventSource.CLOSED) setTimeout(restart, 2000);
  });
  for (const [kind, hear] of heard) source.addEventListener(kind, hear);
}

function restart() {
  source?.close();
  listen();
}

/** @type {[string, (event: MessageEvent<string>) => void][]} */
const heard = [];

/**
 * @template {keyof Heard} K
 * @param {K} kind
 * @param {(data: Heard[K]) => void} listener
 */
export function on(kind, listener) {
  const hear = (/** @type {MessageEvent<string>} */ event) => listener(JSON.parse(event.data));
  heard.push([kind, hear]);
  source?.addEventListener(kind, hear);
}
