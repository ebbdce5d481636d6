/** Short messages: shown for a while in a corner, and read out by screen readers. */
import { byId, make } from "./dom.js";
import { fromServer, say, sayError } from "./i18n.js";
import { ServerError } from "./api.js";

/** ms */
const SHOWN = 7000;
const MOST = 4;

/**
 * Have screen readers read out a text that is not shown.
 * @param {string} text
 */
export function announce(text) {
  byId("spoken", HTMLElement).textContent = text;
}

/**
 * @param {string} text
 * @param {"note" | "warning"} [kind] A warning stays until it is closed.
 */
export function notify(text, kind = "note") {
  const place = byId("messages", HTMLElement);
  if ([...place.children].some((each) => each.firstChild?.textContent === text)) return;
  const message = make("div", { class: `message ${kind}` }, make("span", {}, text));
  message.append(make("button", { class: "plain", "aria-label": say("close"), onclick: () => message.remove() }, "×"));
  place.append(message);
  while (place.children.length > MOST) place.firstElementChild?.remove();
  if (kind === "note") setTimeout(() => message.remove(), SHOWN);
}

/**
 * Report an error of the server; any other error is a bug of the page and is rethrown.
 * @param {unknown} reason
 */
export function notifyError(reason) {
  if (reason instanceof DOMException && reason.name === "AbortError") return;
  if (!(reason instanceof ServerError)) throw reason;
  notify(explain(reason), "warning");
}

/** @param {{code: string, message: string, place?: string | null, hint?: string | null}} failure */
export function explain(failure) {
  return sayError(failure.code, [failure.message, failure.place, failure.hint].map(fromServer).filter(Boolean).join("; "));
}
