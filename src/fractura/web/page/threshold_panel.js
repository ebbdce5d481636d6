/** The threshold and the model's measured performance there. Only measured points are shown, never interpolated ones. */
import { byId, make, replaceKeepingFocus } from "./dom.js";
import { number, percent, say } from "./i18n.js";

/** A measured point farther from the threshold than this is not shown. */
const NEAR = 0.05;
/** A detection counts as correct from this intersection over union with a labelled box. */
const MEASURED_IOU = 0.3;

/**
 * @param {import("./types.js").Model | null} model
 * @param {number} threshold
 * @param {(threshold: number) => void} choose
 */
export function drawThreshold(model, threshold, choose) {
  const slider = byId("threshold", HTMLInputElement);
  if (document.activeElement !== slider || Math.abs(slider.valueAsNumber - threshold) > 0.006)
    slider.valueAsNumber = threshold;
  slider.setAttribute("aria-valuetext", number(threshold, 2));
  byId("threshold-value", HTMLOutputElement).textContent = number(threshold, 2);
  byId("detect-model", HTMLElement).textContent = model?.name ?? say("error.no_model");
  const points = model?.operating_points ?? [];
  const nearest = points.toSorted(
    (one, other) => Math.abs(one.threshold - threshold) - Math.abs(other.threshold - threshold),
  )[0];
  byId("measured", HTMLElement).textContent = model ? measuredText(nearest, threshold, model.images) : "";
  byId("points", HTMLElement).hidden = points.length < 2;
  replaceKeepingFocus(
    byId("points-rows", HTMLElement),
    points.map((point) => {
      const pick = make(
        "button",
        { class: "plain", onclick: () => choose(point.threshold) },
        number(point.threshold, 2),
      );
      const cells = [
        make("td", {}, pick),
        make("td", {}, percent(point.sensitivity)),
        make("td", {}, number(point.false_positives_per_image, 2)),
      ];
      return make("tr", { "aria-current": String(point === nearest && isNear(point, threshold)) }, ...cells);
    }),
  );
}

/**
 * @param {import("./types.js").OperatingPoint} point
 * @param {number} threshold
 */
function isNear(point, threshold) {
  return Math.abs(point.threshold - threshold) <= NEAR;
}

/**
 * @param {import("./types.js").OperatingPoint | undefined} point The nearest measured one.
 * @param {number} threshold
 * @param {number | null} images
 */
function measuredText(point, threshold, images) {
  if (!point) return say("detect.never_measured");
  if (!isNear(point, threshold)) return say("detect.not_measured", { threshold: number(threshold, 2) });
  const values = {
    threshold: number(point.threshold, 2),
    sensitivity: percent(point.sensitivity),
    false_positives: number(point.false_positives_per_image, 2),
    iou: number(MEASURED_IOU, 1),
  };
  return images === null
    ? say("detect.measured_unknown", values)
    : say("detect.measured", { ...values, images: number(images) });
}
