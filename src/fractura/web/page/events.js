/** The server's event stream: changed images, new suggestions, training progress. */
import { Value } from "./store.js";

/**
 * @typedef {object} EventData Data of each kind of event.
 * @property {import("./types.js").ImageEvent} image
 * @property {{revision: number, counts: Record<string, number>}} images
 * @property {{id: string}} folder
 * @property {import("./types.js").SuggestionRun} suggestions
 * @property {{image: string}} suggestion
 * @property {import("./types.js").Training} training
 * @property {{current: string | null}} model
 */

/** Whether the server is reachable. */
export const reachable = new Value(true);

/** @type {EventSource | null} */
let source = null;

/** Start listening; the browser reconnects by itself. */
export function listen() {
  source = new EventSource("/api/events");
  source.addEventListener("open", () => reachable.set(true));
  source.addEventListener("error", () => {
    reachable.set(false);
    // a response that is not an event stream ends it for good: start again
    if (source?.readyState === EventSource.CLOSED) setTimeout(restart, 2000);
  });
  for (const [kind, handler] of handlers) source.addEventListener(kind, handler);
}

function restart() {
  source?.close();
  listen();
}

/** @type {[string, (event: MessageEvent<string>) => void][]} */
const handlers = [];

/**
 * @template {keyof EventData} K
 * @param {K} kind
 * @param {(data: EventData[K]) => void} listener
 */
export function on(kind, listener) {
  const handler = (/** @type {MessageEvent<string>} */ event) => listener(JSON.parse(event.data));
  handlers.push([kind, handler]);
  source?.addEventListener(kind, handler);
}
