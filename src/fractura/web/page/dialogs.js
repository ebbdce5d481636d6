/** The dialogs: questions and help. All are native dialogs: focus stays inside, Escape closes them. */
import { ServerError, giveToken } from "./api.js";
import { fill, make } from "./dom.js";
import { fromServer, hasKeyboard, readable, say, sayError } from "./i18n.js";

/**
 * @typedef {import("./types.js").PlainLabels} PlainLabels
 * @typedef {(context: CanvasRenderingContext2D, labels: PlainLabels, width: number, height: number) => void} Preview
 */

/** Whether a dialog is open: the views' keys are off then. */
export function dialogOpen() {
  return document.querySelector("dialog[open]") !== null;
}

/**
 * @param {string} title
 * @param {(Node | string)[]} content
 * @param {string} [kind]
 */
export function dialog(title, content, kind = "") {
  const heading = make("h2", { id: "dialog-title" }, title);
  const element = make("dialog", { class: kind, "aria-labelledby": "dialog-title" }, heading, ...content);
  element.addEventListener("close", () => element.remove());
  document.body.append(element);
  element.showModal();
  return element;
}

/**
 * @param {import("./keys.js").Key[]} table
 */
export function showHelp(table) {
  const lines = table
    .filter((key) => !key.quiet)
    .map((key) => {
      const keys =
        key.action === "left"
          ? "← ↑ → ↓"
          : key.action === "wider"
            ? "Alt+← ↑ → ↓"
            : key.action === "class1"
              ? "1 … 9"
              : readable(key.keys);
      return make(
        "div",
        {},
        make("dt", {}, ...keys.split(" / ").map((each) => make("kbd", {}, each))),
        make("dd", {}, say(key.word)),
      );
    });
  const list = make("dl", { class: "keys" }, ...(hasKeyboard() ? lines : tools()));
  const pointer = make("p", { class: "quiet" }, say("help.pointer"));
  const close = make("button", { onclick: () => element.close() }, say("close"));
  const element = dialog(
    say("help.title"),
    [...(hasKeyboard() ? [list, pointer] : [pointer, list]), make("div", { class: "answers" }, close)],
    "wide",
  );
  element.addEventListener("keydown", (event) => event.key === "?" && element.close());
}

/** What the tools of the view do: a finger cannot hover over them. */
function tools() {
  return [...document.querySelectorAll("main:not([hidden]) .toolbar .tool")].map((tool) =>
    make(
      "div",
      {},
      make("dt", {}, tool.querySelector(".icon")?.cloneNode(true)),
      make("dd", {}, tool.getAttribute("aria-label")),
    ),
  );
}

/** @returns {Promise<void>} Resolves when the server has accepted the token. */
export function askToken() {
  return new Promise((resolve) => {
    const field = make("input", {
      type: "password",
      autocomplete: "off",
      "aria-label": say("token.title"),
      required: true,
    });
    const wrong = make("p", { class: "problem", role: "alert" });
    const form = make("form", { class: "inline" }, field, make("button", { class: "main" }, say("token.send")));
    const element = dialog(say("token.title"), [make("p", {}, say("token.text")), form, wrong]);
    element.addEventListener("cancel", (event) => event.preventDefault());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        await giveToken(field.value);
        element.close();
        resolve();
      } catch (reason) {
        if (!(reason instanceof ServerError)) throw reason;
        wrong.textContent = reason.code === "wrong_token" ? say("token.wrong") : sayError(reason.code, fromServer(reason.message));
        field.select();
      }
    });
  });
}

/**
 * Ask for a new class.
 * @param {string} text
 * @param {string} file Where the list of classes is kept.
 * @returns {Promise<{name: string, keep: boolean} | null>} Whether it is to be kept in the list; null if no name was given.
 */
export function askClass(text, file) {
  return new Promise((resolve) => {
    const title = say("boxes.new_class_name");
    const field = make("input", { type: "text", "aria-label": title, required: true, maxlength: 100 });
    const keep = make("input", { type: "checkbox" });
    const form = make(
      "form",
      {},
      make("div", { class: "inline" }, field, make("button", { class: "main" }, say("boxes.add"))),
      make("p", {}, make("label", {}, keep, " ", say("boxes.keep_class", { file }))),
    );
    const element = dialog(title, [
      make("p", {}, text),
      form,
      make("div", { class: "answers" }, make("button", { onclick: () => element.close() }, say("cancel"))),
    ]);
    /** @type {string | null} */
    let name = null;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      name = field.value.trim() || null;
      element.close();
    });
    element.addEventListener("close", () => resolve(name === null ? null : { name, keep: keep.checked }));
  });
}

/**
 * Ask what to keep after somebody else has saved the image in between.
 * @param {string} name Of the image.
 * @param {PlainLabels} mine
 * @param {PlainLabels} theirs
 * @param {Preview} preview
 * @returns {Promise<"mine" | "theirs" | "both">}
 */
export function askConflict(name, mine, theirs, preview) {
  return new Promise((resolve) => {
    /** @type {"mine" | "theirs" | "both" | null} */
    let answer = null;
    // Enter pressed by accident must not lose anything
    const choice = (/** @type {"mine" | "theirs" | "both"} */ value, /** @type {string} */ text) =>
      make(
        "button",
        {
          class: value === "both" ? "main" : "",
          autofocus: value === "both",
          onclick: () => ((answer = value), element.close()),
        },
        text,
      );
    const sides = make(
      "div",
      { class: "sides" },
      side(say("conflict.mine"), mine, preview),
      side(say("conflict.theirs"), theirs, preview),
    );
    const answers = make(
      "div",
      { class: "answers" },
      choice("theirs", say("conflict.take_theirs")),
      choice("mine", say("conflict.keep_mine")),
      choice("both", say("conflict.keep_both")),
    );
    const element = dialog(
      say("conflict.title", { name }),
      [make("p", {}, say("conflict.text")), sides, answers],
      "wide",
    );
    element.addEventListener("cancel", (event) => event.preventDefault());
    element.addEventListener("close", () => answer && resolve(answer));
  });
}

/**
 * @param {string} title
 * @param {PlainLabels} labels
 * @param {Preview} preview
 */
function side(title, labels, preview) {
  const canvas = make("canvas", { width: 560, height: 420, "aria-hidden": "true" });
  preview(/** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")), labels, 560, 420);
  const list = make(
    "ul",
    {},
    ...(labels.boxes ?? []).map((box) => make("li", {}, `${box.name} ${box.xmin}, ${box.ymin} – ${box.xmax}, ${box.ymax}`)),
  );
  const part = make("section", {}, make("h3", {}, title), canvas, list);
  if (!labels.boxes?.length)
    fill(list, make("li", { class: "quiet" }, say(labels.normal ? "boxes.saved_empty" : "save.new")));
  if (labels.verified) part.append(make("p", {}, say("boxes.verified")));
  if (labels.comment) part.append(make("p", {}, labels.comment));
  return part;
}
