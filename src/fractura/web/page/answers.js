/**
 * What the model says of an image as a whole, and whether a number is a score or a probability. The rule is that of
 * `fractura.inference.answer`, applied here at the threshold that is chosen on the page.
 *
 * @typedef {import("./types.js").Answer} Answer
 * @typedef {import("./types.js").Sensitivity} Sensitivity
 * @typedef {import("./i18n.js").Word} Word
 */
import { number, percent, say } from "./i18n.js";

const EVEN = 0.5;

/**
 * @param {number} score Of the image's best candidate.
 * @param {number | null} probability That the image shows a fracture; null without a calibration.
 * @param {number} threshold
 * @returns {Answer}
 */
export function answerOf(score, probability, threshold) {
  const detected = score >= threshold;
  if (probability === null) return detected ? "suspected" : "not detected";
  if (detected !== probability >= EVEN) return "possible";
  return detected ? "likely" : "unlikely";
}

/**
 * @param {number} score
 * @param {number | null} probability
 * @param {number} threshold
 */
export function answerText(score, probability, threshold) {
  const answer = answerOf(score, probability, threshold).replace(" ", "_");
  const note = probability === null ? `, ${say("answer.not_calibrated")}` : "";
  return `${say(/** @type {Word} */ (`answer.${answer}`))}: ${certainty(score, probability)}${note}`;
}

/**
 * A probability where there is one, else the score; it says which.
 * @param {number} score
 * @param {number | null} probability
 */
export function certainty(score, probability) {
  return probability === null
    ? say("certainty.score", { value: number(score, 2) })
    : say("certainty.probability", { value: number(probability, 2) });
}

/**
 * The threshold with what was measured there for whole images.
 * @param {number} threshold
 * @param {Sensitivity | null} sensitivity null where it was not measured at this threshold.
 */
export function thresholdText(threshold, sensitivity) {
  const at = { threshold: number(threshold, 2) };
  if (sensitivity === null) return say("answer.threshold_unmeasured", at);
  const { value, low, high, images } = sensitivity;
  const interval = low === null || high === null ? "" : ` (${number(low * 100)}–${percent(high)})`;
  return say("answer.threshold", { ...at, sensitivity: `${percent(value)}${interval}`, images: number(images) });
}
