/** The row of buttons above the image, made from the table of keys. */
import { icon, make } from "./dom.js";
import { say, translatePage, translateTip } from "./i18n.js";

/**
 * @typedef {import("./dom.js").IconName} IconName
 * @typedef {readonly [action: string, icon: IconName]} Button
 */

/** The buttons that change the display: the end of both views' toolbars. @type {(Button | null)[]} */
export const VIEWING = [
  ["window", "window"],
  ["invert", "invert"],
  ["magnifier", "magnifier"],
  ["hide", "hide"],
  null,
  ["zoomOut", "minus"],
  ["zoomIn", "plus"],
  ["fit", "fit"],
];

/** What is used less often: behind one button. @type {(Button | null)[]} */
export const MORE = [
  ["ruler", "ruler"],
  ["rotate", "rotate"],
  ["windowReset", "reset"],
];

/**
 * @param {HTMLElement} host
 * @param {readonly (Button | null)[]} buttons null: a gap.
 * @param {import("./keys.js").Key[]} table
 * @param {Record<string, () => void>} actions
 * @param {HTMLElement} stage
 */
export function makeToolbar(host, buttons, table, actions, stage) {
  for (const each of buttons) {
    if (each === null) {
      host.append(make("span", { class: "gap" }));
      continue;
    }
    const [action, shape] = each;
    const key = table.find((line) => line.action === action && !line.quiet);
    const button = make(
      "button",
      { class: "tool", "data-action": action, "data-tip": key?.word, "data-keys": key?.keys },
      icon(shape),
    );
    button.addEventListener("click", (event) => {
      actions[action]?.();
      // a click must not leave the focus here: Space would press the button again instead of verifying the image
      if (event.detail > 0) stage.focus({ preventScroll: true });
    });
    host.append(button);
  }
  translatePage();
}

/**
 * @param {HTMLElement} host
 * @param {Record<string, {pressed?: boolean, disabled?: boolean, word?: import("./i18n.js").Word}>} states By action; `word` is
 *   written on the button, for what it does depends on the image.
 */
export function showStates(host, states) {
  for (const [action, { pressed, disabled, word }] of Object.entries(states)) {
    const button = host.querySelector(`[data-action="${action}"]`);
    if (!(button instanceof HTMLButtonElement)) continue;
    if (pressed !== undefined) button.setAttribute("aria-pressed", String(pressed));
    if (disabled !== undefined) button.disabled = disabled;
    if (word !== undefined) caption(button, word);
  }
}

/**
 * @param {HTMLButtonElement} button
 * @param {import("./i18n.js").Word} word
 */
function caption(button, word) {
  const text = button.querySelector(".caption") ?? button.appendChild(make("span", { class: "caption" }));
  if (text.textContent === say(word)) return;
  text.textContent = say(word);
  button.dataset["tip"] = word;
  translateTip(button);
}
