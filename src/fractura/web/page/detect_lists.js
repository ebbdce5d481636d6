/** The list of dropped images, and the list of detections on the one that is shown. */
import { explain } from "./announce.js";
import { answerText, certainty, thresholdText } from "./answers.js";
import { byId, make, replaceKeepingFocus } from "./dom.js";
import { colourOf } from "./draw.js";
import { fromServer, say } from "./i18n.js";

/** @typedef {import("./dropped_images.js").Dropped} Dropped */

/** The slider has steps: this near, the threshold is the model's own. */
const SAME_THRESHOLD = 0.0006;

/**
 * @param {readonly Dropped[]} images
 * @param {Dropped | null} open
 * @param {object} how
 * @param {(image: Dropped) => number} how.count Detections above the threshold.
 * @param {number} how.threshold
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
      make("button", pick, dot, name, make("span", { class: "quiet below" }, stateText(image, count, how.threshold))),
      make("button", remove, "×"),
    );
  });
  replaceKeepingFocus(byId("dropped", HTMLElement), rows);
}

/** @param {string} view Such as `flipped` or `tiles=1536`. */
function viewName(view) {
  const [kind, side] = view.split("=");
  if (kind === "tiles") return say("view.tiles", { side: side ?? "" });
  return kind === "whole" || kind === "flipped" ? say(`view.${kind}`) : view;
}

/** Scroll to the image that is shown. */
export function revealDropped() {
  document.querySelector("#dropped [aria-current=true]")?.scrollIntoView({ block: "nearest" });
}

/**
 * @param {Dropped} image
 * @param {number} count
 * @param {number} threshold
 */
function stateText(image, count, threshold) {
  if (image.state === "failed") return image.failure ? explain(image.failure) : "";
  if (image.state !== "done") return say(`detect.${image.state}`);
  const found = count > 0 ? say("detect.detections", { count }) : say("detect.no_detections");
  return [fromServer(image.result?.warning), wholeAnswer(image, threshold), found].filter(Boolean).join(" · ");
}

/**
 * @param {Dropped | null} image
 * @param {number} threshold
 */
function wholeAnswer(image, threshold) {
  const score = image?.result?.image_score ?? null;
  return score === null ? "" : answerText(score, image?.result?.image_probability ?? null, threshold);
}

/**
 * The answer for the whole image, the threshold with its sensitivity, and which model gave it.
 * @param {Dropped | null} open
 * @param {number} threshold
 * @param {import("./types.js").DetectResult | null} run
 */
export function drawAnswer(open, threshold, run) {
  const answer = wholeAnswer(open, threshold);
  byId("answer-part", HTMLElement).hidden = answer === "";
  byId("detect-answer", HTMLElement).textContent = answer;
  const warning = fromServer(open?.result?.warning);
  byId("detect-warning", HTMLElement).hidden = warning === "";
  byId("detect-warning", HTMLElement).textContent = warning;
  const own = run !== null && Math.abs(run.threshold - threshold) < SAME_THRESHOLD;
  byId("detect-answer-threshold", HTMLElement).textContent = thresholdText(threshold, own ? run.sensitivity : null);
  byId("detect-run", HTMLElement).textContent = run
    ? say("detect.run", { digest: run.model_digest.slice(0, 12), views: run.views.map(viewName).join(", "), time: run.created })
    : "";
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
        open.result?.ground_truth_problem && (fromServer(open.result.ground_truth_problem) || say("detect.no_ground_truth")),
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
      make("span", { class: "score" }, certainty(detection.score, detection.probability)),
    );
  });
  replaceKeepingFocus(place, rows);
}
