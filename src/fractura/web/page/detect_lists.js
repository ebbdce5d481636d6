/** The list of dropped images, and the list of detections on the one that is shown. */
import { explain } from "./announce.js";
import { byId, make, replaceKeepingFocus } from "./dom.js";
import { colourOf } from "./draw.js";
import { number, say } from "./i18n.js";

/** @typedef {import("./dropped_images.js").Dropped} Dropped */

/**
 * @param {readonly Dropped[]} images
 * @param {Dropped | null} open
 * @param {object} how
 * @param {(image: Dropped) => number} how.count Detections above the threshold.
 * @param {(image: Dropped) => void} how.show
 * @param {(image: Dropped) => void} how.remove
 */
export function drawDropped(images, open, how) {
  const rows = images.map((image) => {
    const count = how.count(image);
    const found = image.state === "done" && count > 0;
    const dot = make("span", { class: `dot ${image.state} ${found ? "found" : ""}`, "aria-hidden": "true" });
    const name = make("span", { class: "name" }, image.file.name);
    const pick = { class: "plain pick", "data-part": `pick-${image.key}`, onclick: () => how.show(image) };
    const remove = {
      class: "plain",
      "data-part": `remove-${image.key}`,
      title: say("detect.remove"),
      "aria-label": `${say("detect.remove")}: ${image.file.name}`,
      onclick: () => how.remove(image),
    };
    return make(
      "div",
      { class: "drop", role: "listitem", "aria-current": String(image === open) },
      make("button", pick, dot, name, make("span", { class: "quiet below" }, stateText(image, count))),
      make("button", remove, "×"),
    );
  });
  replaceKeepingFocus(byId("dropped", HTMLElement), rows);
}

/** Scroll to the image that is shown. */
export function revealDropped() {
  document.querySelector("#dropped [aria-current=true]")?.scrollIntoView({ block: "nearest" });
}

/**
 * @param {Dropped} image
 * @param {number} count
 */
function stateText(image, count) {
  if (image.state === "failed") return image.failure ? explain(image.failure) : "";
  if (image.state !== "done") return say(`detect.${image.state}`);
  return count > 0 ? say("detect.detections", { count }) : say("detect.no_detections");
}

/** @param {Dropped | null} open */
export function drawFacts(open) {
  byId("detect-name", HTMLElement).textContent = open?.file.name ?? "";
  const facts = open?.facts;
  const parts = facts
    ? [
        say("image.size", { width: facts.width, height: facts.height, bits: facts.bit_depth }),
        facts.dicom && say("image.dicom"),
        facts.burnt_in_text && say("image.burnt_in"),
        open.result?.ground_truth_problem,
      ]
    : [];
  byId("detect-facts", HTMLElement).textContent = parts.filter(Boolean).join(" · ");
}

/**
 * @param {Dropped | null} open
 * @param {readonly import("./types.js").Detection[]} detections Those at or above the threshold.
 * @param {object} how
 * @param {number | null} how.selected
 * @param {readonly string[]} how.names Of all classes.
 * @param {(place: number) => void} how.select
 */
export function drawDetections(open, detections, how) {
  const place = byId("detections", HTMLElement);
  if (open?.state === "failed" && open.failure) {
    return replaceKeepingFocus(place, [make("p", { class: "problem" }, explain(open.failure))]);
  }
  if (detections.length === 0) {
    const note = make("p", { class: "quiet" }, say("detect.no_detections"));
    return replaceKeepingFocus(place, open?.state === "done" ? [note] : []);
  }
  const rows = detections.map((detection, index) => {
    const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
    swatch.style.backgroundColor = colourOf(detection.name, how.names);
    return make(
      "button",
      {
        class: "plain pick detection-row",
        "aria-current": String(index === how.selected),
        onclick: () => how.select(index),
      },
      swatch,
      make("span", { class: "name" }, detection.name),
      make("span", { class: "score" }, number(detection.score, 2)),
    );
  });
  replaceKeepingFocus(place, rows);
}
