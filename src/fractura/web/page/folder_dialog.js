/** The dialog that opens another folder, and what an empty folder shows instead of an image. */
import { notify, notifyError } from "./announce.js";
import * as api from "./api.js";
import { dialog } from "./dialogs.js";
import { byId, fill, make } from "./dom.js";
import { number, say } from "./i18n.js";

/**
 * @param {import("./types.js").Session} session
 * @param {() => Promise<void>} finish Save what is still to be saved.
 */
export async function chooseFolder(session, finish) {
  if (!session.can_open) return notify(say("error.folders_refused"));
  try {
    const { start } = await api.folders(null);
    show(await api.folders(start), finish);
  } catch (reason) {
    notifyError(reason);
  }
}

/**
 * @param {import("./types.js").FolderListing} first
 * @param {() => Promise<void>} finish
 */
function show(first, finish) {
  let listing = first;
  const trail = make("nav", { class: "trail", "aria-label": say("folder.trail") });
  const folders = make("div", { class: "folders", role: "group", "aria-label": say("folder.below") });
  const about = make("p", { class: "quiet", "aria-live": "polite" });
  const open = make("button", { class: "main", onclick: () => void take() });
  const close = make("button", { onclick: () => element.close() }, say("cancel"));
  const answers = make("div", { class: "answers" }, close, open);
  const element = dialog(say("folder.title"), [trail, folders, about, answers]);

  /** @param {string | null} id */
  const go = (id) => () =>
    void api
      .folders(id)
      .then((found) => {
        listing = found;
        draw();
      })
      .catch(notifyError);

  async function take() {
    if (listing.id === null) return;
    open.disabled = true;
    try {
      await finish();
      await api.openFolder(listing.id);
      reopen();
    } catch (reason) {
      open.disabled = false;
      element.close();
      notifyError(reason);
    }
  }

  function draw() {
    const above = [{ id: null, name: say("folder.places") }, ...listing.trail];
    fill(
      trail,
      ...above.map(({ id, name }) =>
        make("button", { class: "plain", onclick: go(id), "aria-current": id === listing.id ? "page" : null }, name),
      ),
    );
    fill(
      folders,
      ...listing.folders.map(({ id, name }) => make("button", { class: "plain wide", onclick: go(id) }, name)),
      listing.folders.length === 0 && make("p", { class: "quiet" }, say("folder.none")),
    );
    about.textContent = listing.id === null ? "" : say("folder.images", { count: number(listing.images) });
    open.hidden = listing.id === null;
    open.textContent = say("folder.open_this", { name: listing.name });
    // what had the focus is gone
    if (!element.contains(document.activeElement)) folders.querySelector("button")?.focus();
  }
  draw();
}

/** Load the page again: the server has opened another folder. */
export function reopen() {
  history.replaceState(null, "", "/");
  location.reload();
}

/**
 * @param {import("./types.js").Session} session
 * @param {boolean} empty
 */
export function drawEmpty(session, empty) {
  const place = byId("no-images", HTMLElement);
  place.hidden = !empty;
  if (!empty) return;
  const open = byId("open-folder", HTMLButtonElement);
  fill(
    place,
    make("h2", {}, say("empty.title", { folder: session.folder ?? "" })),
    make("p", {}, say("empty.sought")),
    make("p", {}, say("empty.copy")),
    make("p", { class: "quiet" }, say("empty.detect")),
    session.can_open &&
      make("p", {}, make("button", { class: "main", onclick: () => open.click() }, say("folder.open"))),
  );
}
