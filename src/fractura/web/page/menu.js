/** A button of the toolbar that opens a short list of further tools, made from the table of keys. */
import { icon, make } from "./dom.js";
import { hasKeyboard, readable, translatePage } from "./i18n.js";

/** Distance of the list from its button and from the edges of the window, CSS pixels. */
const GAP = 4;
let menus = 0;

/**
 * @param {HTMLElement} host The toolbar.
 * @param {readonly (import("./toolbar.js").Button | null)[]} entries null: a line between groups.
 * @param {import("./keys.js").Key[]} table
 * @param {Record<string, () => void>} actions
 * @param {HTMLElement} stage
 */
export function makeMenu(host, entries, table, actions, stage) {
  menus += 1;
  const id = `menu-${menus}`;
  const list = make("div", { class: "menu", id, popover: true });
  const opener = make("button", { class: "tool more", popovertarget: id, "data-tip": "tool.more" }, icon("more"));
  for (const entry of entries) list.append(entry === null ? make("hr") : item(...entry));
  list.addEventListener("toggle", () => {
    for (const shown of list.querySelectorAll("kbd")) shown.textContent = readable(shown.dataset["keys"] ?? "");
    place(list, opener);
  });
  host.append(opener, list);
  translatePage();

  /**
   * @param {string} action
   * @param {import("./dom.js").IconName} shape
   */
  function item(action, shape) {
    const key = table.find((line) => line.action === action && !line.quiet);
    const text = make("span", { "data-say": key?.word });
    const button = make("button", { class: "plain", "data-action": action }, icon(shape), text);
    if (key && hasKeyboard()) button.append(make("kbd", { "data-keys": key.keys }));
    button.addEventListener("click", () => {
      list.hidePopover();
      stage.focus({ preventScroll: true });
      actions[action]?.();
    });
    return button;
  }
}

/**
 * Below its button, within the window.
 * @param {HTMLElement} list
 * @param {HTMLElement} opener
 */
function place(list, opener) {
  const button = opener.getBoundingClientRect();
  list.style.top = `${button.bottom + GAP}px`;
  list.style.left = `${Math.max(button.right - list.offsetWidth, GAP)}px`;
}
