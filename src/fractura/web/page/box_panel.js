/** The panel next to the image: its boxes, the class palette, flags, the comment and the model's suggestions. */
import { certainty } from "./answers.js";
import { byId, fill, make, replaceKeepingFocus } from "./dom.js";
import { colourOf } from "./draw.js";
import { hasKeyboard, number, say, withKeys } from "./i18n.js";

/**
 * @typedef {import("./types.js").KeyedBox} KeyedBox
 * @typedef {import("./types.js").Suggestion} Suggestion
 * @typedef {import("./types.js").Labels} Labels
 * @typedef {object} PanelState
 * @property {Labels | null} labels null if there is no image or its labels cannot be read.
 * @property {boolean} editable
 * @property {readonly Suggestion[]} suggestions
 * @property {string} suggestionNote Shown if there are no suggestions.
 * @property {readonly string[]} names
 * @property {string | null} active Class of new boxes.
 * @property {string | null} selected
 *
 * @typedef {object} PanelActions
 * @property {(key: string) => void} select
 * @property {(box: KeyedBox, change: Partial<KeyedBox>) => void} change
 * @property {(box: KeyedBox) => void} remove
 * @property {(name: string) => void} useClass
 * @property {() => void} newClass
 * @property {(suggestion: Suggestion) => void} accept
 * @property {(suggestion: Suggestion) => void} dismiss
 * @property {() => void} acceptAll
 * @property {(comment: string) => void} comment
 */

export class BoxPanel {
  /** @param {PanelActions} actions */
  constructor(actions) {
    this.actions = actions;
    this.comment = byId("comment", HTMLTextAreaElement);
    this.comment.addEventListener("input", () => actions.comment(this.comment.value));
    this.comment.addEventListener("keydown", (event) => {
      if (event.key === "Escape") byId("stage", HTMLElement).focus();
    });
  }

  /** @param {PanelState} state */
  draw(state) {
    this.#drawClasses(state);
    this.#drawBoxes(state);
    this.#drawSuggestions(state);
    this.comment.disabled = !state.editable;
    const comment = state.labels?.comment ?? "";
    if (this.comment.value !== comment) this.comment.value = comment;
  }

  /** @param {PanelState} state */
  #drawClasses({ names, active, editable }) {
    const choices = names.map((name, place) => {
      const number = place < 9 && hasKeyboard() ? make("kbd", {}, place + 1) : null;
      const choice = make(
        "button",
        {
          class: "class",
          "aria-pressed": String(name === active),
          disabled: !editable,
          onclick: () => this.actions.useClass(name),
        },
        swatch(name, names),
        make("span", { class: "name" }, name),
        number,
      );
      return choice;
    });
    const more = make(
      "button",
      { class: "class quiet", disabled: !editable, onclick: () => this.actions.newClass() },
      "+ ",
      say("boxes.new_class"),
    );
    replaceKeepingFocus(byId("classes", HTMLElement), [...choices, more]);
  }

  /** @param {PanelState} state */
  #drawBoxes(state) {
    const { labels, editable } = state;
    const place = byId("boxes", HTMLElement);
    if (labels === null) return fill(place);
    const rows = labels.boxes.map((box) => this.#boxRow(box, state));
    if (rows.length === 0 && editable) {
      const text = labels.normal ? say("boxes.saved_empty") : `${say("boxes.none")} ${say("boxes.no_finding")}`;
      rows.push(make("p", { class: "quiet" }, text));
    }
    replaceKeepingFocus(place, rows);
  }

  /**
   * @param {KeyedBox} box
   * @param {PanelState} state
   */
  #boxRow(box, { editable, names, selected }) {
    const row = make("div", { class: "box", "data-key": box.key, "aria-current": String(box.key === selected) });
    const size = say("boxes.size", { width: number(box.xmax - box.xmin), height: number(box.ymax - box.ymin) });
    const pick = make(
      "button",
      { class: "plain pick", "data-part": `pick-${box.key}`, title: size, onclick: () => this.actions.select(box.key) },
      swatch(box.name, names),
      make("span", { class: "name" }, box.name),
    );
    const classes = make("select", {
      "aria-label": say("boxes.class"),
      disabled: !editable,
      "data-part": `class-${box.key}`,
    });
    for (const name of names.includes(box.name) ? names : [box.name, ...names])
      classes.append(make("option", { selected: name === box.name }, name));
    classes.addEventListener("change", () => this.actions.change(box, { name: classes.value }));
    const difficult = make("input", { type: "checkbox", disabled: !editable, "data-part": `difficult-${box.key}` });
    difficult.checked = Boolean(box.difficult);
    difficult.addEventListener("change", () => this.actions.change(box, { difficult: difficult.checked }));
    const remove = make(
      "button",
      {
        class: "plain",
        "aria-label": `${say("boxes.delete")}: ${box.name}`,
        title: withKeys(say("boxes.delete"), "Delete"),
        disabled: !editable,
        onclick: () => this.actions.remove(box),
      },
      "×",
    );
    const line = make("div", { class: "line" }, pick, make("span", { class: "quiet size" }, size), remove);
    row.append(line);
    if (box.key === selected)
      row.append(
        make(
          "div",
          { class: "line detail" },
          classes,
          make("label", { title: withKeys("", "Q") }, difficult, say("boxes.difficult")),
        ),
      );
    else if (box.difficult)
      line.insertBefore(make("span", { class: "flag", title: say("boxes.difficult") }, "?"), remove);
    return row;
  }

  /** @param {PanelState} state */
  #drawSuggestions({ suggestions, suggestionNote, editable, names, selected }) {
    const rows = suggestions.map((suggestion) =>
      make(
        "div",
        { class: "box suggested", "aria-current": String(suggestion.key === selected) },
        make(
          "div",
          { class: "line" },
          make(
            "button",
            { class: "plain pick", "data-part": `pick-${suggestion.key}`, onclick: () => this.actions.select(suggestion.key) },
            swatch(suggestion.name, names),
            make("span", { class: "name" }, suggestion.name),
            make("span", { class: "score" }, certainty(suggestion.score, suggestion.probability)),
          ),
          make(
            "button",
            {
              class: "small",
              disabled: !editable,
              title: withKeys("", "Enter"),
              "aria-label": `${say("suggestions.accept")}: ${suggestion.name}`,
              onclick: () => this.actions.accept(suggestion),
            },
            "✓",
          ),
          make(
            "button",
            {
              class: "small",
              disabled: !editable,
              title: withKeys("", "Delete"),
              "aria-label": `${say("suggestions.dismiss")}: ${suggestion.name}`,
              onclick: () => this.actions.dismiss(suggestion),
            },
            "×",
          ),
        ),
      ),
    );
    if (rows.length > 1)
      rows.push(
        make(
          "div",
          { class: "line below-rows" },
          make(
            "button",
            { class: "small", disabled: !editable, title: withKeys("", "Shift+Enter"), onclick: () => this.actions.acceptAll() },
            say("suggestions.accept_all"),
          ),
        ),
      );
    if (rows.length === 0) rows.push(make("p", { class: "quiet" }, suggestionNote));
    replaceKeepingFocus(byId("suggestions", HTMLElement), rows);
  }
}

/**
 * @param {string} name
 * @param {readonly string[]} names
 */
function swatch(name, names) {
  const dot = make("span", { class: "swatch", "aria-hidden": "true" });
  dot.style.backgroundColor = colourOf(name, names);
  return dot;
}
