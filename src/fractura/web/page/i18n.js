/** The page's two languages: words, numbers and durations. */
import { inSpanish } from "./messages_es.js";
import { Value } from "./store.js";
import { english } from "./words_en.js";
import { spanish } from "./words_es.js";

/** @typedef {keyof typeof english} Word */
/** @typedef {"en" | "es"} Language */

const WORDS = { en: english, es: spanish };
/** Fingers are the only pointer: as far as a page can know, there is no keyboard. */
const FINGERS = matchMedia("(hover: none) and (pointer: coarse)");
const REMEMBERED = "fractura-language";

/** @type {Value<Language>} */
export const language = new Value(first());

/** @returns {Language} The language chosen before, else the browser's. */
function first() {
  const chosen = localStorage.getItem(REMEMBERED) ?? navigator.language.slice(0, 2);
  return chosen === "es" ? "es" : "en";
}

/** @param {Language} chosen */
export function chooseLanguage(chosen) {
  localStorage.setItem(REMEMBERED, chosen);
  language.set(chosen);
}

/**
 * @param {Word} word Where there is no keyboard, `word.touch` is said instead if there is one: it names no keys.
 * @param {Record<string, string | number>} [values]
 * @returns {string}
 */
export function say(word, values = {}) {
  const words = WORDS[language.now];
  const ofTouch = /** @type {Partial<Record<string, string>>} */ (words)[`${word}.touch`];
  const text = (FINGERS.matches && ofTouch) || words[word];
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * A sentence of the server in the language of the page.
 * @param {string | null | undefined} text
 * @returns {string} Empty where there is none, or no translation: no English in the Spanish page.
 */
export function fromServer(text) {
  if (!text) return "";
  return language.now === "en" ? text : inSpanish(text);
}

/**
 * @param {string} code Of an error of the server.
 * @param {string} message What the server says of the case, in the language of the page.
 */
export function sayError(code, message) {
  const word = /** @type {Word} */ (`error.${code}`);
  if (!(word in english)) return message || say("error.other", { code });
  // without a reason, the sentence stands alone
  return message ? say(word, { message }) : say(word).replace(/\s*\(\{message\}\)|:\s*\{message\}/, "");
}

/** Whether keys may be shown. */
export const hasKeyboard = () => !FINGERS.matches;

/** Keys as they are shown to people. @param {string} keys As the table of keys has them. */
export function readable(keys) {
  return keys
    .replace("Backspace", "⌫")
    .replace(/Delete|Escape|Enter|Space|Shift/g, (key) => say(/** @type {Word} */ (`key.${key}`)));
}

/**
 * A tooltip.
 * @param {string} text
 * @param {string | null} keys That do the same.
 */
export function withKeys(text, keys) {
  if (!keys || !hasKeyboard()) return text;
  return text ? `${text} (${readable(keys)})` : readable(keys);
}

/** @param {number} value @param {number} [digits] */
export function number(value, digits = 0) {
  return new Intl.NumberFormat(language.now, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(
    value,
  );
}

/** @param {number} share 0..1, or more. */
export function percent(share) {
  return new Intl.NumberFormat(language.now, { style: "percent" }).format(share);
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${number(seconds / 3600, 1)} h`;
}

/** Translate every element of index.html that has data-say, data-label, data-hint or data-tip. */
export function translatePage() {
  document.documentElement.lang = language.now;
  document.title = say("app.title");
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = say(wordOf(element, "data-say"));
  for (const element of document.querySelectorAll("[data-label]"))
    element.setAttribute("aria-label", say(wordOf(element, "data-label")));
  for (const element of document.querySelectorAll("[data-hint]"))
    element.setAttribute("placeholder", say(wordOf(element, "data-hint")));
  for (const element of document.querySelectorAll("[data-tip]")) translateTip(element);
}

/** @param {Element} element With data-tip, and data-keys where keys do the same. */
export function translateTip(element) {
  const keys = element.getAttribute("data-keys");
  const text = say(wordOf(element, "data-tip"));
  element.setAttribute("title", withKeys(text, keys));
  element.setAttribute("aria-label", text);
  if (keys && hasKeyboard()) element.setAttribute("aria-keyshortcuts", keys.replace(/ \/ /g, " ").replace("Ctrl", "Control"));
}

/**
 * @param {Element} element
 * @param {string} attribute
 * @returns {Word}
 */
function wordOf(element, attribute) {
  return /** @type {Word} */ (element.getAttribute(attribute) ?? "");
}
