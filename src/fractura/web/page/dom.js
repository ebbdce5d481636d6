/** Creates elements. Content is always set as text, never as HTML: file names are untrusted. */

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {{[name: string]: string | number | boolean | null | undefined | ((event: any) => void)}} Attributes
 */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes] `on…` functions become listeners; true is an empty attribute, false and null none.
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  fill(element, ...children);
  return element;
}

/**
 * Replace the content of an element.
 * @param {Element} element
 * @param {...Child} children
 */
export function fill(element, ...children) {
  element.replaceChildren(
    ...children
      .filter((child) => child !== null && child !== undefined && child !== false)
      .map((child) => (child instanceof Node ? child : String(child))),
  );
}

/**
 * Replace the content of an element and keep the keyboard focus: it goes to the same `data-part`, else to the button at the
 * same position, else to the image.
 * @param {HTMLElement} place
 * @param {readonly HTMLElement[]} children
 */
export function replaceKeepingFocus(place, children) {
  const held = document.activeElement;
  if (!(held instanceof HTMLElement) || !place.contains(held)) return fill(place, ...children);
  const index = Math.max([...place.querySelectorAll("button")].indexOf(/** @type {HTMLButtonElement} */ (held)), 0);
  const part = held.dataset["part"] ?? "";
  fill(place, ...children);
  const buttons = [...place.querySelectorAll("button")];
  const next = place.querySelector(`[data-part="${part}"]`) ?? buttons[index] ?? buttons.at(-1);
  if (next instanceof HTMLElement) next.focus();
  else focusStage();
}

/** Return the focus to the image of the current view. */
export function focusStage() {
  const stage = document.querySelector("main:not([hidden]) .stage");
  if (stage instanceof HTMLElement) stage.focus({ preventScroll: true });
}

/**
 * Have the browser save a file.
 * @param {{name: string, content: Blob}} file
 */
export function download({ name, content }) {
  const address = URL.createObjectURL(content);
  make("a", { href: address, download: name }).click();
  // the download still reads it after this returns
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/**
 * The element with this id; it must be in index.html.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`index.html has no ${kind.name} #${id}`);
  return element;
}

const SHAPES = {
  draw: "M4 7V4h3M13 4h3v3M16 13v3h-3M7 16H4v-3M10 7v6M7 10h6",
  window: "M10 3a7 7 0 0 0 0 14M10 3a7 7 0 0 1 0 14zM10 5v10M12.500 5v10M15 7v6",
  invert: "M3 4h7v12H3zM10 4h7v12h-7M4.500 5v10M6 5v10M7.500 5v10M9 5v10",
  magnifier: "M9 3a6 6 0 1 0 0 12A6 6 0 0 0 9 3zM13.5 13.5L18 18",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4",
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  undo: "M8 4L4 8l4 4M4 8h8a4 4 0 0 1 0 8H8",
  redo: "M12 4l4 4-4 4M16 8H8a4 4 0 0 0 0 8h4",
  previous: "M12 4l-6 6 6 6",
  next: "M8 4l6 6-6 6",
  verified: "M4 10l4 4 8-9",
  save: "M10 3v9M6 8.5l4 4 4-4M3 13v4h14v-4",
  hide: "M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5zM10 8a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
  list: "M3 5h2M3 10h2M3 15h2M8 5h9M8 10h9M8 15h9",
  help: "M7 7.5a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.1-1.5 2.4M10 15.5v.5",
  theme: "M15.5 12.5A6.5 6.5 0 0 1 7.5 4.500a6.500 6.500 0 1 0 8 8z",
  remove: "M5 5l10 10M15 5L5 15",
  reset: "M4 10a6 6 0 1 0 2-4.500M4 3v4h4",
  compare: "M3 4h6v12H3zM11 4h6v12h-6z",
  open: "M10 14V4M6 8l4-4 4 4M3 14v3h14v-3",
  more: "M4 10h.1M10 10h.1M16 10h.1",
  picture: "M3 4h14v12H3zM3 13l4-4 4 4 2-2 4 4M12.500 7.500h.1",
  heat: "M10 3c1 3 4 4 4 8a4 4 0 0 1-8 0c0-2 1-3 2-4 0 2 1 2 2 2 0-2-1-4 0-6z",
  second: "M2 4h7v12H2zM11 4h7v12h-7M13.500 12l1.500-3 1.500 3z",
  ruler: "M2 13L13 2l5 5L7 18zM5 10l2 2M8 7l3 3M11 4l2 2",
  rotate: "M16 10a6 6 0 1 1-2-4.500M16 3v4h-4",
};
/** @typedef {keyof typeof SHAPES} IconName */

/**
 * @param {IconName} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = /** @type {SVGSVGElement} */ (document.createElementNS(space, "svg"));
  const path = document.createElementNS(space, "path");
  drawing.setAttribute("viewBox", "0 0 20 20");
  drawing.setAttribute("aria-hidden", "true");
  drawing.classList.add("icon", `icon-${name}`);
  path.setAttribute("d", SHAPES[name]);
  drawing.append(path);
  return drawing;
}
