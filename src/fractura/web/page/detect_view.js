/**
 * The detection view: dropped images, the model's boxes on them, and the model's measured performance at the threshold.
 *
 * @typedef {import("./types.js").Detection} Detection
 * @typedef {import("./dropped_images.js").Dropped} Dropped
 */
import { notify, notifyError, announce } from "./announce.js";
import { certainty } from "./answers.js";
import * as api from "./api.js";
import { topmost } from "./boxes.js";
import { drawAnswer, drawDropped, drawFacts, drawDetections, revealDropped } from "./detect_lists.js";
import { byId, download } from "./dom.js";
import { GROUND_TRUTH_COLOUR, colourOf, drawBoxes } from "./draw.js";
import { DroppedImages } from "./dropped_images.js";
import * as events from "./events.js";
import { ImageStage } from "./image_stage.js";
import { language, say } from "./i18n.js";
import { DETECT } from "./keys.js";
import { makeMenu } from "./menu.js";
import { Value } from "./store.js";
import { drawThreshold } from "./threshold_panel.js";
import { MORE, VIEWING, makeToolbar, showStates } from "./toolbar.js";
import { within } from "./view.js";
import { Viewer } from "./viewer.js";

/** @type {(import("./toolbar.js").Button | null)[]} */
const BUTTONS = [
  ["open", "open"],
  ["previous", "previous"],
  ["next", "next"],
  null,
  ["compare", "compare"],
  null,
  ...VIEWING,
];
const THRESHOLD_STEP = 0.05;

export class DetectView {
  constructor() {
    this.table = DETECT;
    this.dropped = new DroppedImages((image) => this.#changed(image));
    /** @type {Dropped | null} */
    this.open = null;
    /** Place of the selected detection among those shown. @type {number | null} */
    this.selected = null;
    this.hidden = false;
    /** @type {number | null} */
    this.threshold = null;
    /** Whether the list of models has arrived. */
    this.known = false;
    /** @type {Value<import("./types.js").Models>} */
    this.models = new Value(/** @type {import("./types.js").Models} */ ({ models: [], current: null }));
    this.stageElement = byId("detect-stage", HTMLElement);
    const tool = this.#tool();
    this.stage = new ImageStage(this.stageElement, tool, byId("detect-status", HTMLElement));
    this.groundTruthElement = byId("ground-truth-stage", HTMLElement);
    this.mirror = new Viewer(this.groundTruthElement, tool);
    this.mirror.onView = (view) => {
      // moved on this side: the other one follows
      if (view !== this.stage.viewer.view) this.stage.viewer.setView(view);
    };
    this.mirror.onGrey = (grey) => {
      this.stage.viewer.grey = grey;
      this.stage.viewer.onGrey?.(grey);
      this.stage.viewer.refresh();
    };
    this.mirror.follows = true;
    this.stage.mirror = this.mirror;
    this.stage.viewer.paint = (context, view) => this.#paint(context, view);
    this.mirror.paint = (context, view) => this.#paintGroundTruth(context, view);
    this.stage.onTools = () => this.draw();
    this.actions = this.#actions();
    this.toolbar = byId("detect-toolbar", HTMLElement);
    makeToolbar(this.toolbar, BUTTONS, DETECT, this.actions, this.stageElement);
    makeMenu(this.toolbar, MORE, DETECT, this.actions, this.stageElement);
    this.#listen();
    language.watch(() => this.draw());
  }

  async start() {
    this.models.set(await api.models());
    this.known = true;
    this.draw();
  }

  /** @param {File[]} files They may arrive before the server's first response. */
  async add(files) {
    if (!this.known) await this.start();
    if (this.models.now.current === null) return notify(say("detect.no_model"), "warning");
    this.dropped.add(files);
  }

  #listen() {
    const chooser = byId("chooser", HTMLInputElement);
    chooser.addEventListener("change", () => {
      void this.add([...(chooser.files ?? [])]).catch(notifyError);
      chooser.value = "";
    });
    for (const button of document.querySelectorAll(".choose")) button.addEventListener("click", () => chooser.click());
    const slider = byId("threshold", HTMLInputElement);
    slider.addEventListener("input", () => this.setThreshold(slider.valueAsNumber));
    for (const button of document.querySelectorAll("[data-export]")) {
      button.addEventListener("click", () => void this.#export(button.getAttribute("data-export") ?? ""));
    }
    for (const choice of document.querySelectorAll("input[name=export]"))
      choice.addEventListener("change", () => this.draw());
    byId("clear", HTMLButtonElement).addEventListener("click", () => {
      for (const image of this.dropped.images) this.dropped.remove(image);
    });
    events.on("model", () => void this.start().catch(notifyError));
  }

  // ------------------------------------------------------------------ images

  /** @param {Dropped | null} image */
  #changed(image) {
    if (this.open && !this.dropped.images.includes(this.open)) this.#close();
    if (image && image === this.open && image.state === "done") void this.show(image);
    if (!this.open && image?.state === "done") void this.show(image);
    if (image?.state === "done")
      announce(say("detect.finished", { name: image.file.name, count: this.#detections(image).length }));
    this.draw();
  }

  #close() {
    this.open = null;
    this.selected = null;
    this.stage.close();
  }

  /** The next image is shown instead, or the previous one. @param {Dropped} image */
  #remove(image) {
    const { images } = this.dropped;
    const place = images.indexOf(image);
    const next = images[place + 1] ?? images[place - 1];
    if (image === this.open && next) void this.show(next);
    this.dropped.remove(image);
  }

  /** @param {Dropped} image */
  async show(image) {
    this.open = image;
    this.selected = null;
    this.draw();
    revealDropped();
    if (!image.facts) return this.stage.close();
    try {
      await this.stage.open(image.facts);
    } catch (reason) {
      if (!(reason instanceof api.ServerError)) return notifyError(reason);
      image.state = "failed";
      image.failure = reason;
      this.draw();
    }
  }

  // ------------------------------------------------------------------ detections

  get model() {
    const { models, current } = this.models.now;
    return models.find((model) => model.id === current) ?? null;
  }

  get shownFrom() {
    return this.threshold ?? this.dropped.last?.threshold ?? this.model?.threshold ?? 0.5;
  }

  /** @param {number} threshold */
  setThreshold(threshold) {
    this.threshold = within(Math.round(threshold * 1000) / 1000, 0.05, 1);
    this.selected = null;
    this.draw();
  }

  /** @param {Dropped | null} image @returns {Detection[]} */
  #detections(image) {
    return (image?.result?.detections ?? []).filter((detection) => detection.score >= this.shownFrom);
  }

  get names() {
    return this.dropped.last?.class_names ?? this.model?.class_names ?? [];
  }

  get comparing() {
    return !this.groundTruthElement.hidden;
  }

  /** @returns {import("./viewer.js").Tool} */
  #tool() {
    const under = (/** @type {import("./types.js").Point} */ point) =>
      topmost(this.#detections(this.open), point, 6 / this.stage.viewer.view.scale);
    return {
      press: (point) => {
        const detection = under(point);
        this.select(detection ? this.#detections(this.open).indexOf(detection) : null);
        return detection !== null;
      },
      drag: () => undefined,
      release: () => undefined,
      hover: (point) => (point && under(point) ? "pointer" : "grab"),
      abandon: () => undefined,
    };
  }

  /** @param {number | null} place */
  select(place) {
    this.selected = place;
    const detection = place === null ? undefined : this.#detections(this.open)[place];
    if (detection) this.stage.viewer.reveal(detection);
    this.draw();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {import("./view.js").View} view
   */
  #paint(context, view) {
    if (this.hidden) return;
    if (!this.comparing) this.#paintGroundTruth(context, view);
    const items = this.#detections(this.open).map((box, place) => {
      const tag = `${box.name} ${certainty(box.score, box.probability)}`;
      return { box, style: { colour: colourOf(box.name, this.names), tag, selected: place === this.selected } };
    });
    drawBoxes(context, view, items);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {import("./view.js").View} view
   */
  #paintGroundTruth(context, view) {
    if (this.hidden) return;
    const style = { colour: GROUND_TRUTH_COLOUR, dashed: !this.comparing };
    const items = (this.open?.result?.ground_truth ?? []).map((box) => ({
      box,
      style: { ...style, tag: this.comparing ? box.name : say("detect.ground_truth") },
    }));
    drawBoxes(context, view, items);
  }

  // ------------------------------------------------------------------ actions

  #actions() {
    const go = (/** @type {1 | -1} */ step) => () => {
      const { images } = this.dropped;
      const next = images[this.open ? images.indexOf(this.open) + step : 0];
      if (next) void this.show(next);
      else announce(say(step > 0 ? "list.last" : "list.first"));
    };
    return {
      ...this.stage.actions,
      next: go(1),
      previous: go(-1),
      open: () => byId("chooser", HTMLInputElement).click(),
      lower: () => this.setThreshold(this.shownFrom - THRESHOLD_STEP),
      higher: () => this.setThreshold(this.shownFrom + THRESHOLD_STEP),
      nextDetection: () => {
        const { length } = this.#detections(this.open);
        this.select(length ? ((this.selected ?? -1) + 1) % length : null);
      },
      compare: () => {
        if (!this.open?.result?.ground_truth) return notify(say("detect.no_ground_truth"));
        this.groundTruthElement.hidden = !this.groundTruthElement.hidden;
        this.draw();
      },
      hide: () => {
        this.hidden = !this.hidden;
        this.draw();
      },
      remove: () => this.open && this.#remove(this.open),
      cancel: () => (this.stage.measuring ? this.stage.setMeasuring(false) : this.select(null)),
    };
  }

  /** @param {string} format */
  async #export(format) {
    const all = byId("export-all", HTMLInputElement).checked;
    const images = all ? this.dropped.images : this.dropped.images.filter((image) => image === this.open);
    // those that could not be read stand in the file, with the reason
    const ids = images.flatMap((image) => (image.result?.id ? [image.result.id] : []));
    const identifiers = byId("export-identifiers", HTMLInputElement).checked;
    if (ids.length === 0) return;
    try {
      download(await api.exportImages(format, ids, this.shownFrom, identifiers));
    } catch (reason) {
      notifyError(reason);
    }
  }

  // ------------------------------------------------------------------ drawing

  draw() {
    const { images } = this.dropped;
    byId("detect", HTMLElement).classList.toggle("empty", images.length === 0);
    byId("detect-progress", HTMLElement).textContent = images.length
      ? say("detect.done", { done: this.dropped.done, total: images.length })
      : "";
    drawDropped(images, this.open, {
      count: (image) => this.#detections(image).length,
      threshold: this.shownFrom,
      show: (image) => {
        document.body.classList.remove("list-open");
        void this.show(image);
      },
      remove: (image) => this.#remove(image),
    });
    drawFacts(this.open);
    drawAnswer(this.open, this.shownFrom, this.dropped.last);
    const { names, selected } = this;
    drawDetections(this.open, this.#detections(this.open), { selected, names, select: (place) => this.select(place) });
    drawThreshold(this.model, this.shownFrom, (threshold) => this.setThreshold(threshold));
    const groundTruth = this.open?.result?.ground_truth ?? null;
    if (groundTruth === null) this.groundTruthElement.hidden = true;
    this.stageElement.dataset["title"] = this.comparing ? say("detect.model_says") : "";
    this.groundTruthElement.dataset["title"] = say("detect.ground_truth");
    const { viewer } = this.stage;
    showStates(this.toolbar, {
      compare: { pressed: this.comparing, disabled: groundTruth === null },
      window: { pressed: viewer.windowing },
      invert: { pressed: viewer.inverted },
      magnifier: { pressed: viewer.magnifying },
      hide: { pressed: this.hidden },
      ruler: { pressed: this.stage.measuring },
    });
    const dicomOnly = images.length > 0 && images.every((image) => image.state !== "done" || image.result?.dicom);
    const all = byId("export-all", HTMLInputElement).checked;
    for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-export^=dicom]"))) {
      button.disabled = all ? !dicomOnly : !this.open?.result?.dicom;
      button.title = button.disabled ? say("detect.no_dicom") : "";
    }
    viewer.refresh();
    this.mirror.refresh();
  }
}
