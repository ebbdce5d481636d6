/** The films that were dropped, and the marks of the one that is shown, as lists. */
import { explain } from "./announce.js";
import { byId, make, replaceKeepingFocus } from "./dom.js";
import { colourOf } from "./draw.js";
import { number, say } from "./i18n.js";

/** @typedef {import("./dropped_films.js").Dropped} Dropped */

/**
 * @param {readonly Dropped[]} films
 * @param {Dropped | null} open
 * @param {object} how
 * @param {(film: Dropped) => number} how.count Marks above the threshold.
 * @param {(film: Dropped) => void} how.show
 * @param {(film: Dropped) => void} how.remove
 */
export function drawDropped(films, open, how) {
  const rows = films.map((film) => {
    const count = how.count(film);
    const found = film.state === "done" && count > 0;
    const dot = make("span", { class: `dot ${film.state} ${found ? "found" : ""}`, "aria-hidden": "true" });
    const name = make("span", { class: "name" }, film.file.name);
    const pick = { class: "plain pick", "data-part": `pick-${film.key}`, onclick: () => how.show(film) };
    const remove = {
      class: "plain",
      "data-part": `remove-${film.key}`,
      title: say("detect.remove"),
      "aria-label": `${say("detect.remove")}: ${film.file.name}`,
      onclick: () => how.remove(film),
    };
    return make(
      "div",
      { class: "drop", role: "listitem", "aria-current": String(film === open) },
      make("button", pick, dot, name, make("span", { class: "quiet below" }, stateText(film, count))),
      make("button", remove, "×"),
    );
  });
  replaceKeepingFocus(byId("dropped", HTMLElement), rows);
}

/** Scroll to the film that is shown. */
export function revealDropped() {
  document.querySelector("#dropped [aria-current=true]")?.scrollIntoView({ block: "nearest" });
}

/**
 * @param {Dropped} film
 * @param {number} count
 */
function stateText(film, count) {
  if (film.state === "failed") return film.failure ? explain(film.failure) : "";
  if (film.state !== "done") return say(`detect.${film.state}`);
  return count > 0 ? say("detect.marks", { count }) : say("detect.no_marks");
}

/** @param {Dropped | null} open */
export function drawFacts(open) {
  byId("detect-name", HTMLElement).textContent = open?.file.name ?? "";
  const facts = open?.facts;
  const parts = facts
    ? [
        say("film.size", { width: facts.width, height: facts.height, bits: facts.bit_depth }),
        facts.dicom && say("film.dicom"),
        facts.burnt_in_text && say("film.burnt_in"),
        open.result?.truth_problem,
      ]
    : [];
  byId("detect-facts", HTMLElement).textContent = parts.filter(Boolean).join(" · ");
}

/**
 * @param {Dropped | null} open
 * @param {readonly import("./types.js").Mark[]} marks Those above the threshold.
 * @param {object} how
 * @param {number | null} how.selected
 * @param {readonly string[]} how.names Of all classes.
 * @param {(place: number) => void} how.select
 */
export function drawMarks(open, marks, how) {
  const place = byId("marks", HTMLElement);
  if (open?.state === "failed" && open.failure) {
    return replaceKeepingFocus(place, [make("p", { class: "problem" }, explain(open.failure))]);
  }
  if (marks.length === 0) {
    const note = make("p", { class: "quiet" }, say("detect.no_marks"));
    return replaceKeepingFocus(place, open?.state === "done" ? [note] : []);
  }
  const rows = marks.map((mark, index) => {
    const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.backgroundColor = colourOf(mark.name, how.names);
    return make(
      "button",
      {
        class: "plain pick mark-row",
        "aria-current": String(index === how.selected),
        onclick: () => how.select(index),
      },
      swatch,
      make("span", { class: "name" }, mark.name),
      make("span", { class: "score" }, number(mark.score, 2)),
    );
  });
  replaceKeepingFocus(place, rows);
}
