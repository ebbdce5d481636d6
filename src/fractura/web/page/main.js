/** Entry point of the page: session, views, keys, language, theme. */
import { notify, notifyError } from "./announce.js";
import * as api from "./api.js";
import { replay } from "./autosave.js";
import { DetectView } from "./detect_view.js";
import { askToken, dialogOpen, showHelp } from "./dialogs.js";
import { byId } from "./dom.js";
import { Drafts } from "./drafts.js";
import * as events from "./events.js";
import { chooseLanguage, language, say, translatePage } from "./i18n.js";
import { reopen } from "./folder_dialog.js";
import { listenToKeys } from "./keys.js";
import { LabelView } from "./label_view.js";

/** @typedef {"label" | "detect"} ViewName */

/** @type {LabelView | null} */
let label = null;
/** @type {DetectView | null} */
let detect = null;
/** The current view; null before the first is shown. @type {ViewName | null} */
let present = null;

/** @param {ViewName} name */
function show(name) {
  present = name;
  for (const each of /** @type {const} */ (["label", "detect"])) {
    byId(each, HTMLElement).hidden = each !== name;
    byId(`tab-${each}`, HTMLElement).setAttribute("aria-current", each === name ? "page" : "false");
  }
  byId("save-state", HTMLElement).hidden = name !== "label";
  if (name === "detect") history.replaceState(null, "", "#detect");
  else if (label?.id) history.replaceState(null, "", `#label/${label.id}`);
}

function listenToPage() {
  byId("tab-label", HTMLElement).addEventListener("click", () => show("label"));
  byId("tab-detect", HTMLElement).addEventListener("click", () => show("detect"));
  byId("help", HTMLElement).addEventListener("click", help);
  byId("theme", HTMLElement).addEventListener("click", () => {
    const { dataset } = document.documentElement;
    dataset["theme"] = dataset["theme"] === "light" ? "dark" : "light";
    localStorage.setItem("fractura-theme", dataset["theme"]); // read by theme.js
  });
  byId("language", HTMLElement).addEventListener("click", () => chooseLanguage(language.now === "en" ? "es" : "en"));
  for (const button of document.querySelectorAll(".list-toggle")) {
    button.addEventListener("click", () => document.body.classList.toggle("list-open"));
  }
  closeListOnLeave();
  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) document.body.classList.remove("dropping");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length === 0) return;
    show("detect");
    void detect?.add(files).catch(notifyError);
  });
  listenToKeys(() => {
    const view = presentView();
    return view === null || dialogOpen() ? null : { table: view.table, actions: { ...view.actions, help } };
  });
}

/** On a narrow screen the list covers the image: Escape and a press outside the list close it. */
function closeListOnLeave() {
  const { classList } = document.body;
  addEventListener("pointerdown", ({ target }) => {
    if (target instanceof Element && !target.closest(".list, .list-toggle")) classList.remove("list-open");
  });
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !classList.contains("list-open") || dialogOpen()) return;
      event.preventDefault();
      classList.remove("list-open");
      /** @type {HTMLElement | null} */ (document.querySelector(".list-toggle"))?.focus();
    },
    true,
  );
}

function presentView() {
  return present && { label, detect }[present];
}

function help() {
  const view = presentView();
  if (view) showHelp(view.table);
}

async function start() {
  language.watch(translatePage);
  api.onTokenNeeded(askToken);
  // before any request: the browser would open an image dropped in the meantime
  detect = new DetectView();
  listenToPage();
  const session = await api.session();
  byId("version", HTMLElement).textContent = session.version;
  byId("folder", HTMLElement).textContent = session.folder ?? "";
  events.listen();
  events.on("folder", ({ id }) => id !== session.folder_id && reopen());
  byId("tab-label", HTMLElement).hidden = session.mode !== "label";
  const wanted = location.hash;
  if (session.mode === "label") {
    const drafts = new Drafts(session.folder_id ?? session.folder ?? "");
    drafts.onRefused = () => notify(say("save.storage"), "warning");
    const { saved, kept } = await replay(drafts);
    label = new LabelView(session, drafts);
    show(wanted === "#detect" ? "detect" : "label");
    await label.start(/^#label\/(\w+)$/.exec(wanted)?.[1] ?? null);
    if (saved.length > 0) notify(say("save.recovered", { names: saved.join(", ") }));
    const undecided = kept.filter((draft) => draft.image !== label?.id).map((draft) => draft.name);
    if (undecided.length > 0) notify(say("save.decide", { names: undecided.join(", ") }), "warning");
  } else {
    show("detect");
  }
  await detect.start();
}

start().catch(notifyError);
