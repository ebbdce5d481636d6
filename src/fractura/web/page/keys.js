/**
 * The keyboard shortcuts of each view. One table serves the keys, the tooltips and the help.
 *
 * @typedef {import("./i18n.js").Word} Word
 * @typedef {object} Key
 * @property {string} keys As shown, alternatives separated by " / ".
 * @property {Word} word Its description.
 * @property {string} action Its name in the view.
 * @property {boolean} [quiet] Not listed in the help, as a variant of another line.
 */
import { focusStage } from "./dom.js";

/** Keys of both views. @type {Key[]} */
export const COMMON = [
  { keys: "D", word: "tool.next", action: "next" },
  { keys: "A", word: "tool.previous", action: "previous" },
  { keys: "Ctrl++ / Ctrl+=", word: "tool.zoom_in", action: "zoomIn" },
  { keys: "Ctrl+-", word: "tool.zoom_out", action: "zoomOut" },
  { keys: "+ / =", word: "tool.zoom_in", action: "zoomIn", quiet: true },
  { keys: "-", word: "tool.zoom_out", action: "zoomOut", quiet: true },
  { keys: "Ctrl+0", word: "tool.actual", action: "actual" },
  { keys: "F / Ctrl+F", word: "tool.fit", action: "fit" },
  { keys: "U", word: "tool.ruler", action: "ruler" },
  { keys: "T", word: "tool.rotate", action: "rotate" },
  { keys: "Shift+T", word: "tool.rotate_back", action: "rotateBack" },
  { keys: "I", word: "tool.invert", action: "invert" },
  { keys: "L", word: "tool.window", action: "window" },
  { keys: "R", word: "tool.window_reset", action: "windowReset" },
  { keys: "M", word: "tool.magnifier", action: "magnifier" },
  { keys: "H / Ctrl+H", word: "tool.hide", action: "hide" },
  { keys: "?", word: "help", action: "help" },
];

/** LabelImg's keys first. @type {Key[]} */
export const LABEL = [
  { keys: "W", word: "tool.draw", action: "draw" },
  ...COMMON.slice(0, 2),
  { keys: "Ctrl+S", word: "tool.save", action: "save" },
  { keys: "Ctrl+D", word: "tool.copy", action: "copy" },
  { keys: "Ctrl+V", word: "tool.paste", action: "paste" },
  { keys: "Delete / Backspace", word: "tool.delete", action: "delete" },
  { keys: "Space", word: "tool.verified", action: "verified" },
  { keys: "Ctrl+E / E", word: "tool.edit_class", action: "editClass" },
  { keys: "ArrowLeft", word: "tool.move", action: "left" },
  { keys: "ArrowRight", word: "tool.move", action: "right", quiet: true },
  { keys: "ArrowUp", word: "tool.move", action: "up", quiet: true },
  { keys: "ArrowDown", word: "tool.move", action: "down", quiet: true },
  { keys: "Shift+ArrowLeft", word: "tool.move", action: "farLeft", quiet: true },
  { keys: "Shift+ArrowRight", word: "tool.move", action: "farRight", quiet: true },
  { keys: "Shift+ArrowUp", word: "tool.move", action: "farUp", quiet: true },
  { keys: "Shift+ArrowDown", word: "tool.move", action: "farDown", quiet: true },
  { keys: "Alt+ArrowRight", word: "tool.resize", action: "wider" },
  { keys: "Alt+ArrowLeft", word: "tool.resize", action: "narrower", quiet: true },
  { keys: "Alt+ArrowDown", word: "tool.resize", action: "taller", quiet: true },
  { keys: "Alt+ArrowUp", word: "tool.resize", action: "flatter", quiet: true },
  { keys: "Shift+W", word: "tool.draw_middle", action: "drawMiddle" },
  { keys: "N", word: "tool.next_box", action: "nextBox" },
  { keys: "1", word: "tool.class", action: "class1" },
  ...[2, 3, 4, 5, 6, 7, 8, 9].map((n) => ({
    keys: `${n}`,
    word: /** @type {Word} */ ("tool.class"),
    action: `class${n}`,
    quiet: true,
  })),
  { keys: "Q", word: "tool.difficult", action: "difficult" },
  { keys: "C", word: "tool.comment", action: "comment" },
  { keys: "Enter", word: "tool.accept", action: "accept" },
  { keys: "Shift+Enter", word: "tool.accept_all", action: "acceptAll" },
  { keys: "Ctrl+Z", word: "tool.undo", action: "undo" },
  { keys: "Ctrl+Y / Ctrl+Shift+Z", word: "tool.redo", action: "redo" },
  { keys: "Shift+D", word: "tool.next_unlabelled", action: "nextUnlabelled" },
  { keys: "B", word: "tool.second", action: "second" },
  { keys: "P", word: "tool.picture", action: "picture" },
  { keys: "Shift+P", word: "tool.heat", action: "heat" },
  { keys: "/", word: "tool.search", action: "search" },
  { keys: "Escape", word: "tool.cancel", action: "cancel" },
  { keys: "Ctrl+U", word: "folder.open", action: "openFolder" },
  // LabelImg chooses the folder of the annotations with it; the browser would load the page again
  { keys: "Ctrl+R", word: "tool.cancel", action: "nothing", quiet: true },
  ...COMMON.slice(2),
];

/** @type {Key[]} */
export const DETECT = [
  ...COMMON.slice(0, 2),
  { keys: "O", word: "detect.choose", action: "open" },
  { keys: "[ / ,", word: "detect.lower", action: "lower" },
  { keys: "] / .", word: "detect.higher", action: "higher" },
  { keys: "N", word: "detect.detection", action: "nextDetection" },
  { keys: "G", word: "detect.compare", action: "compare" },
  { keys: "Delete / Backspace", word: "detect.remove", action: "remove" },
  { keys: "Escape", word: "tool.cancel", action: "cancel" },
  ...COMMON.slice(2),
];

/**
 * The name of a pressed key as the tables write it.
 * @param {KeyboardEvent} event
 */
export function nameOf(event) {
  const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const control = event.ctrlKey || event.metaKey;
  // Shift is part of a character such as "?" or "+", but not of a letter or an arrow
  const shift = event.shiftKey && (key.length > 1 || /[A-Z]/.test(key));
  return [control && "Ctrl", event.altKey && "Alt", shift && "Shift", key].filter(Boolean).join("+");
}

/**
 * Listen to the keyboard.
 * @param {() => {table: Key[], actions: Record<string, () => void>} | null} present The current view; null while a dialog is open.
 */
export function listenToKeys(present) {
  document.addEventListener("keydown", (event) => {
    const view = present();
    if (view === null || event.defaultPrevented || event.isComposing) return;
    if (event.target instanceof HTMLSelectElement) leaveSelect(event);
    if (isTyped(event)) return;
    const name = nameOf(event);
    const found = view.table.find((each) => each.keys.split(" / ").includes(name));
    if (!found) return;
    event.preventDefault();
    view.actions[found.action]?.();
  });
}

/**
 * Letters are shortcuts of the view, never a search among the options, which would choose one unnoticed; Escape and Enter
 * return to the image.
 * @param {KeyboardEvent} event
 */
function leaveSelect(event) {
  if (event.key.length === 1 && event.key !== " ") event.preventDefault();
  if (event.key !== "Escape" && event.key !== "Enter") return;
  // after the open list has handled the key
  setTimeout(focusStage);
}

/**
 * Whether the key belongs to the control that has the focus.
 * @param {KeyboardEvent} event
 */
function isTyped(event) {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (event.ctrlKey || event.metaKey)
    return (
      target.matches("input[type=text], input[type=search], input[type=password], textarea") &&
      /^[acvxyz]$/i.test(event.key)
    );
  if (target.matches("select")) return /^( |Enter|Escape|F\d+|Tab|Arrow.*|Home|End|Page.*)$/.test(event.key);
  if (target.matches("textarea, input:not([type=checkbox], [type=range], [type=radio])")) return true;
  if (target.matches("input[type=range]")) return /^(Arrow|Page|Home|End)/.test(event.key);
  if (target.matches("[role=listbox]")) return /^(Arrow.*|Home|End|Page.*)$/.test(event.key);
  return target.matches("button, summary, a, input") && /^( |Enter)$/.test(event.key);
}
