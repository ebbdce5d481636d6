/**
 * The images dropped on the page and the model's detections: a queue processed one image at a time.
 *
 * @typedef {import("./types.js").ImageResult} ImageResult
 * @typedef {object} Dropped
 * @property {string} key
 * @property {File} file
 * @property {"waiting" | "running" | "done" | "failed"} state
 * @property {ImageResult | null} result
 * @property {import("./types.js").ImageFacts | null} facts
 * @property {{code: string, message: string, place?: string | null, hint?: string | null} | null} failure
 */
import { notifyError } from "./announce.js";
import * as api from "./api.js";

/** @param {string} name */
function stem(name) {
  return name.replace(/\.[^.]+$/, "");
}

export class DroppedImages {
  /** @param {(image: Dropped | null) => void} changed Called with the image that changed, or null for the list itself. */
  constructor(changed) {
    this.changed = changed;
    /** @type {Dropped[]} */
    this.images = [];
    /** Ground truth by the image's name without extension. @type {Map<string, File>} */
    this.groundTruth = new Map();
    /** The last response: model, threshold, class names. @type {import("./types.js").DetectResult | null} */
    this.last = null;
    this.working = false;
    this.made = 0;
  }

  get done() {
    return this.images.filter((image) => image.state === "done" || image.state === "failed").length;
  }

  /** @param {File[]} files Images, and XML files with their ground truth. */
  add(files) {
    const isGroundTruth = (/** @type {File} */ file) => /\.xml$/i.test(file.name);
    for (const file of files.filter(isGroundTruth)) {
      this.groundTruth.set(stem(file.name), file);
      // an image that came before its ground truth is processed again
      for (const image of this.images) if (stem(image.file.name) === stem(file.name)) image.state = "waiting";
    }
    for (const file of files.filter((each) => !isGroundTruth(each))) {
      this.made += 1;
      this.images.push({
        key: `dropped-${this.made}`,
        file,
        state: "waiting",
        result: null,
        facts: null,
        failure: null,
      });
    }
    this.images.sort((one, other) => one.file.name.localeCompare(other.file.name, undefined, { numeric: true }));
    this.changed(null);
    void this.#work();
  }

  /** @param {Dropped} image */
  remove(image) {
    this.images = this.images.filter((each) => each !== image);
    this.#forget(image);
    this.changed(null);
  }

  /** Let the server drop the image from its memory. @param {Dropped} image */
  #forget(image) {
    if (image.result?.id) void api.forgetImage(image.result.id).catch(notifyError);
  }

  async #work() {
    if (this.working) return;
    this.working = true;
    for (let image = this.#next(); image; image = this.#next()) await this.#detect(image);
    this.working = false;
  }

  #next() {
    return this.images.find((image) => image.state === "waiting");
  }

  /** @param {Dropped} image */
  async #detect(image) {
    image.state = "running";
    this.changed(image);
    const groundTruth = this.groundTruth.get(stem(image.file.name));
    try {
      const answer = await api.detect(image.file, groundTruth ? [groundTruth] : []);
      const result = /** @type {ImageResult} */ (answer.images[0]);
      this.last = answer;
      image.result = result;
      // removed while the model was running on it
      if (!this.images.includes(image)) return this.#forget(image);
      image.failure = result.error;
      image.state = result.error ? "failed" : "done";
      if (result.id && !result.error) image.facts = await api.image(result.id);
    } catch (reason) {
      if (!(reason instanceof api.ServerError)) throw reason;
      image.state = "failed";
      image.failure = reason;
    }
    if (this.images.includes(image)) this.changed(image);
  }
}
