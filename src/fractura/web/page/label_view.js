/**
 * The labelling view: opens the folder's images one by one and shows the list, the boxes and the suggestions.
 */
import { notifyError } from "./announce.js";
import { answerText, thresholdText } from "./answers.js";
import * as api from "./api.js";
import { BoxPanel } from "./box_panel.js";
import { previewer } from "./conflict_preview.js";
import { byId } from "./dom.js";
import * as events from "./events.js";
import { chooseFolder, drawEmpty } from "./folder_dialog.js";
import { OpenImages } from "./open_images.js";
import { ImageList } from "./image_list.js";
import { drawNotes, drawProblem, drawSaveState } from "./image_notes.js";
import { ImagePages } from "./image_pages.js";
import { ImageStage } from "./image_stage.js";
import { language, number, say } from "./i18n.js";
import { KeyQueue } from "./key_queue.js";
import { LABEL } from "./keys.js";
import { labelActions } from "./label_actions.js";
import { Labelling } from "./labelling.js";
import { makeMenu } from "./menu.js";
import { ModelPanel } from "./model_panel.js";
import { SecondView } from "./second_view.js";
import { MORE, VIEWING, makeToolbar, showStates } from "./toolbar.js";

/** Delay from an event about changed images until the list is read again, ms. */
const LIST_DELAY = 400;

/** @type {(import("./toolbar.js").Button | null)[]} */
const BUTTONS = [
  ["previous", "previous"],
  ["next", "next"],
  null,
  ["draw", "draw"],
  ["verified", "verified"],
  ["save", "save"],
  null,
  ["undo", "undo"],
  ["redo", "redo"],
  null,
  ...VIEWING,
];

/** @type {(import("./toolbar.js").Button | null)[]} */
const MENU = [["second", "second"], ...MORE, null, ["picture", "picture"], ["heat", "heat"]];

export class LabelView {
  /**
   * @param {import("./types.js").Session} session
   * @param {import("./drafts.js").Drafts} drafts
   */
  constructor(session, drafts) {
    this.table = LABEL;
    this.session = session;
    this.models = new ModelPanel(session);
    this.openImages = new OpenImages(drafts, () => this.models.current !== null, {
      changed: () => this.#opened(),
      state: () => this.drawSaveState(),
      problem: () => this.#refused(),
      again: (id) => void this.show(id),
      preview: (image) => previewer(this.stage.kept.get(image.facts.id) ?? null, image.size, this.labelling.names),
    });
    this.stageElement = byId("stage", HTMLElement);
    this.labelling = new Labelling(
      this.openImages,
      () => this.models.current,
      () => this.draw(),
      () => this.stageElement.focus(),
    );
    this.editor = this.labelling.editor;
    this.stage = new ImageStage(this.stageElement, this.editor, byId("stage-status", HTMLElement));
    this.editor.viewer = this.stage.viewer;
    this.stage.viewer.paint = (context, view) => this.editor.paint(context, view);
    this.stage.onTools = () => this.drawTools();
    this.pages = new ImagePages();
    this.list = new ImageList(
      this.pages,
      () => this.id,
      (id) => this.show(id),
    );
    this.panel = new BoxPanel({
      select: (key) => this.editor.select(key),
      change: (box, change) => this.labelling.changeBox(box, change),
      remove: (box) => this.labelling.removeBox(box),
      useClass: (name) => this.labelling.useClass(name),
      newClass: () => void this.labelling.newClass(),
      accept: (suggestion) => this.labelling.accept(suggestion, null),
      dismiss: (suggestion) => this.labelling.dismiss(suggestion),
      acceptAll: () => this.labelling.acceptAll(),
      comment: (comment) => this.open?.setComment(comment),
    });
    this.second = new SecondView(
      () => this.labelling.names,
      () => this.editor.hidden,
      () => this.drawTools(),
    );
    this.queue = new KeyQueue(labelActions(this), () => this.openImages.loading);
    this.actions = this.queue.actions;
    this.toolbar = byId("toolbar", HTMLElement);
    makeToolbar(this.toolbar, BUTTONS, LABEL, this.actions, this.stageElement);
    makeMenu(this.toolbar, MENU, LABEL, this.actions, this.stageElement);
    const threshold = byId("suggest-threshold", HTMLInputElement);
    threshold.addEventListener("input", () => {
      this.labelling.threshold = threshold.valueAsNumber;
      this.draw();
    });
    byId("remove-labels", HTMLButtonElement).addEventListener(
      "click",
      () => void this.openImages.exchange("removeAnnotation"),
    );
    const openFolder = byId("open-folder", HTMLButtonElement);
    openFolder.hidden = !session.can_open;
    openFolder.addEventListener("click", () => void this.openFolder());
    byId("restore", HTMLButtonElement).addEventListener("click", () => void this.openImages.exchange("restoreAnnotation"));
    this.#listen();
    language.watch(() => this.draw());
  }

  /** The image whose labels are shown. */
  get open() {
    return this.openImages.open;
  }

  /** Id of the image that was requested. */
  get id() {
    return this.openImages.id;
  }

  #listen() {
    events.on("image", (row) => {
      this.pages.update(row);
      const known = this.openImages.images.get(row.id);
      if (known && row.etag) known.reportedEtag = row.etag;
      if (row.id === this.id) void this.openImages.changedOnServer(row.id);
    });
    let waiting = 0;
    events.on("images", () => {
      clearTimeout(waiting);
      waiting = window.setTimeout(() => void this.refreshList(), LIST_DELAY);
    });
    events.on("suggestions", (run) => !run.running && void this.refreshList());
    events.on("suggestion", ({ image }) => image === this.id && void this.openImages.suggest());
    this.models.models.watch(() => {
      void this.openImages.suggest();
      this.labelling.readClasses().catch(notifyError);
    });
    events.reachable.watch((there) => {
      if (there) this.openImages.saveAll();
      if (there && this.pages.total > 0)
        this.refreshList()
          .then(() => this.id && this.openImages.changedOnServer(this.id))
          .catch(notifyError);
    });
    for (const kind of /** @type {const} */ (["visibilitychange", "pagehide"])) {
      addEventListener(kind, () => {
        if (kind === "visibilitychange" && document.visibilityState !== "hidden") return;
        this.openImages.saveAll(true);
      });
    }
  }

  #opened() {
    this.draw();
    void this.queue.run();
  }

  #refused() {
    const { problem } = this.openImages;
    if (problem?.code !== "annotation_malformed") this.stage.close();
    this.stageElement.setAttribute("aria-busy", "false");
    this.draw();
    drawProblem(problem);
    void this.queue.run();
  }

  // ------------------------------------------------------------------ images

  async openFolder() {
    await chooseFolder(this.session, () => this.openImages.saveEverything());
  }

  /** @param {string | null} id Of the image in the address, if any. */
  async start(id) {
    await Promise.all([this.labelling.readClasses(), this.pages.refresh(id), this.models.start()]);
    await this.#showFirst(id);
  }

  /** @param {string | null} id The image to show if it is in the list. */
  async #showFirst(id) {
    const first = this.pages.included && id ? id : ((await this.pages.at(0))?.id ?? null);
    if (first) await this.show(first);
    else this.draw();
  }

  async refreshList() {
    await this.pages.refresh(this.id).catch(notifyError);
    // images have come into an empty folder
    if (this.id === null && this.pages.total > 0) await this.#showFirst(null);
    else drawEmpty(this.session, this.pages.empty);
  }

  /** @param {string} id */
  async show(id) {
    if (this.id === id && this.open) return;
    this.openImages.request(id);
    this.stageElement.setAttribute("aria-busy", "true");
    this.editor.setDrawing(false);
    this.editor.selected = null;
    drawProblem(null);
    this.pages.opened(id);
    this.list.reveal();
    this.draw();
    history.replaceState(null, "", `#label/${id}`);
    try {
      const facts = await api.image(id);
      if (this.id !== id) return;
      await Promise.all([this.#showPicture(facts), this.openImages.openLabels(facts)]);
      if (this.id === id) this.stageElement.setAttribute("aria-busy", "false");
    } catch (reason) {
      if (!(reason instanceof api.ServerError)) throw reason;
      if (this.id === id) this.openImages.refuse(reason);
    }
  }

  /** @param {import("./types.js").ImageFacts} facts */
  async #showPicture(facts) {
    try {
      await this.stage.open(facts);
      void this.second.follow(facts.id);
      this.#prepareNext(facts.id).catch(notifyError);
    } catch (reason) {
      if (reason instanceof api.ServerError && this.id === facts.id) this.openImages.refuse(reason);
      else notifyError(reason);
    }
  }

  /** @param {string} id Of the current image. */
  async #prepareNext(id) {
    const next = await this.pages.neighbour(1);
    if (next && this.id === id) await this.stage.prepare(next.id);
  }

  // ------------------------------------------------------------------ drawing

  draw() {
    const { open, editor, labelling } = this;
    this.panel.draw({
      labels: open?.labels ?? null,
      editable: open !== null,
      suggestions: labelling.suggestions,
      suggestionNote: this.#suggestionNote(),
      names: labelling.names,
      active: labelling.active,
      selected: editor.selected,
    });
    const threshold = byId("suggest-threshold", HTMLInputElement);
    if (document.activeElement !== threshold) threshold.valueAsNumber = labelling.shownFrom;
    byId("suggest-threshold-value", HTMLOutputElement).textContent = number(labelling.shownFrom, 2);
    this.#drawAnswer();
    drawNotes(open, this.pages.row(this.pages.position ?? -1)?.name ?? "");
    drawEmpty(this.session, this.pages.empty);
    this.drawTools();
    this.drawSaveState();
    this.stage.viewer.refresh();
    this.second.stage.viewer.refresh();
  }

  /** What the model says of the whole image, at its own threshold. */
  #drawAnswer() {
    const { image_score: score, image_probability: probability, threshold, sensitivity } = this.open?.answer ?? {};
    const known = typeof score === "number" && typeof threshold === "number";
    byId("suggest-answer", HTMLElement).textContent = known ? answerText(score, probability ?? null, threshold) : "";
    byId("suggest-answer-threshold", HTMLElement).textContent = known
      ? thresholdText(threshold, sensitivity ?? null)
      : "";
  }

  #suggestionNote() {
    if (this.openImages.problem !== null) return "";
    if (!this.models.current) return say("suggestions.no_model");
    return this.open?.answer?.status === "waiting" ? say("suggestions.waiting") : say("suggestions.none");
  }

  drawTools() {
    const { viewer } = this.stage;
    const { open, editor } = this;
    this.stageElement.classList.toggle("verified", Boolean(open?.labels.verified));
    showStates(this.toolbar, {
      draw: { pressed: editor.drawing, disabled: open === null },
      verified: { pressed: Boolean(open?.labels.verified), disabled: open === null },
      save: { disabled: open === null, word: open?.labels.boxes.length === 0 ? "tool.save_normal" : "tool.save_boxes" },
      undo: { disabled: !open?.history.canUndo },
      redo: { disabled: !open?.history.canRedo },
      window: { pressed: viewer.windowing },
      invert: { pressed: viewer.inverted },
      magnifier: { pressed: viewer.magnifying },
      hide: { pressed: editor.hidden },
      ruler: { pressed: this.stage.measuring },
      second: { pressed: this.second.isOpen },
      picture: { disabled: open === null },
      heat: { disabled: !open?.detections.some(({ score }) => score >= this.labelling.shownFrom) },
    });
  }

  drawSaveState() {
    const { open } = this;
    if (this.openImages.problem === null) drawSaveState(open, this.openImages.unsaved.filter((image) => image !== open));
  }
}
