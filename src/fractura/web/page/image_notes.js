/** The notes around the image: whether it is saved, what is unusual about it, and why it cannot be shown. */
import { explain } from "./announce.js";
import { byId, fill, make } from "./dom.js";
import { fromServer, say } from "./i18n.js";

/**
 * @param {import("./open_image.js").OpenImage | null} open
 * @param {readonly import("./open_image.js").OpenImage[]} others Other images with unsaved changes.
 */
export function drawSaveState(open, others) {
  const place = byId("save-state", HTMLElement);
  const saver = open?.saver;
  const { exists, comment } = open?.annotation ?? {};
  const unlabelled = comment ? "commented" : "new";
  const state = saver ? (saver.state === "saved" && !exists ? unlabelled : saver.state) : null;
  // the server was reached but could not write, for example on a full disk: show the reason while it is retried
  const shown = state === "unreachable" && saver?.failure?.status ? "refused" : state;
  const text = shown === null ? "" : say(`save.${shown}`, { reason: saver?.failure ? explain(saver.failure) : "" });
  const refused = others.filter((image) => image.saver.state === "refused").map((image) => image.facts.name);
  const waiting = others.length - refused.length;
  const parts = [
    text,
    refused.length > 0 && say("save.refused_elsewhere", { names: refused.join(", ") }),
    waiting > 0 && say("save.unsent", { count: waiting }),
  ];
  const line = parts.filter(Boolean).join(" · ");
  place.className = `save-state ${refused.length > 0 ? "refused" : (state ?? "")}`;
  if (place.textContent !== line) place.textContent = line;
}

/**
 * @param {import("./open_image.js").OpenImage | null} open
 * @param {string} name Of the image that was requested.
 */
export function drawNotes(open, name) {
  const facts = open?.facts;
  byId("image-name", HTMLElement).textContent = facts?.name ?? name;
  const about = facts
    ? [
        say("image.size", { width: facts.width, height: facts.height, bits: facts.bit_depth }),
        facts.dicom && say("image.dicom"),
        facts.body_part,
        facts.view,
        facts.laterality,
      ]
    : [];
  byId("image-facts", HTMLElement).textContent = about.filter(Boolean).join(" · ");
  fill(
    byId("notes", HTMLElement),
    ...(open ? remarks(open) : []).map((note) => make("p", { class: "note" }, note)),
  );
  byId("restore", HTMLButtonElement).hidden = !open?.annotation.has_backup;
  byId("remove-labels", HTMLButtonElement).hidden = !open?.annotation.exists;
  byId("file-part", HTMLElement).hidden = !open?.annotation.has_backup && !open?.annotation.exists;
}

/** @param {import("./open_image.js").OpenImage} open */
function remarks({ annotation, answer, facts, labels }) {
  const notes = annotation.notes.map((note) => [note.message, note.place, note.hint].map(fromServer).filter(Boolean).join("; "));
  if (answer?.warning) notes.push(fromServer(answer.warning));
  if (facts.burnt_in_text) notes.push(say("image.burnt_in"));
  if (facts.frames > 1) notes.push(say("image.frames", { frames: facts.frames }));
  // a reviewer has decided: the model does not contradict any more
  const kinds = new Set(labels.verified ? [] : (answer?.disagreements ?? []).map((each) => each.kind));
  for (const kind of /** @type {const} */ (["missed_by_human", "missed_by_model", "other_class"])) {
    if (kinds.has(kind)) notes.push(say(`suggestions.${kind}`));
  }
  return notes;
}

/** @param {import("./api.js").ServerError | null} reason Why the image, or its labels, cannot be shown. */
export function drawProblem(reason) {
  const place = byId("stage-problem", HTMLElement);
  place.hidden = reason === null;
  if (reason === null) return;
  const malformed = reason.code === "annotation_malformed";
  const text = /** @type {string | undefined} */ (reason.document?.text);
  fill(
    place,
    make("h2", {}, say(malformed ? "image.malformed" : "image.unreadable")),
    make("p", {}, malformed ? [reason.message, reason.place].map(fromServer).filter(Boolean).join("; ") : explain(reason)),
    malformed && make("p", { class: "quiet" }, say("image.malformed_hint")),
    text !== undefined && make("pre", { tabindex: 0 }, text),
  );
  if (!malformed) return;
  byId("save-state", HTMLElement).textContent = say("save.malformed");
  byId("save-state", HTMLElement).className = "save-state refused";
}
