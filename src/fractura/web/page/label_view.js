/**
 * Labelling a folder image by image: opens images, keeps what is drawn safe, shows the list, the boxes and the suggestions.
 */
import { tellError } from "./announce.js";
import * as api from "./api.js";
import { BoxPanel } from "./box_panel.js";
import { previewer } from "./conflict_preview.js";
import { byId } from "./dom.js";
import * as events from "./events.js";
import { ImageDesk } from "./image_desk.js";
import { ImageList } from "./image_list.js";
import { drawNotes, drawProblem, drawSaveState } from "./image_notes.js";
import { ImagePages } from "./image_pages.js";
import { ImageStage } from "./image_stage.js";
import { language, number, say } from "./i18n.js";
import { KeyQueue } from "./key_queue.js";
import { LABEL } from "./keys.js";
import { labelActions } from "./label_actions.js";
import { Labelling } from "./labelling.js";
import { ModelPanel } from "./model_panel.js";
import { VIEWING, makeToolbar, showStates } from "./toolbar.js";

/** ms; the list is read again so long after the server said that images changed. */
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

export class LabelView {
  /**
   * @param {import("./types.js").Session} session
   * @param {import("./drafts.js").Drafts} drafts
   */
  constructor(session, drafts) {
    this.table = LABEL;
    this.models = new ModelPanel(session);
    this.desk = new ImageDesk(drafts, () => this.models.current !== null, {
      changed: () => this.#opened(),
      state: () => this.drawSaveState(),
      problem: () => this.#refused(),
      again: (id) => void this.show(id),
      preview: (image) => previewer(this.stage.kept.get(image.facts.id) ?? null, image.size, this.labelling.names),
    });
    this.stageElement = byId("stage", HTMLElement);
    this.labelling = new Labelling(
      this.desk,
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
      accept: (detection) => this.labelling.accept(detection, null),
      dismiss: (detection) => this.labelling.dismiss(detection),
      acceptAll: () => this.labelling.acceptAll(),
      comment: (comment) => this.open?.setComment(comment),
    });
    this.queue = new KeyQueue(labelActions(this), () => this.desk.loading);
    this.actions = this.queue.actions;
    this.toolbar = byId("toolbar", HTMLElement);
    makeToolbar(this.toolbar, BUTTONS, LABEL, this.actions, this.stageElement);
    const threshold = byId("suggest-threshold", HTMLInputElement);
    threshold.addEventListener("input", () => {
      this.labelling.threshold = threshold.valueAsNumber;
      this.draw();
    });
    byId("remove-labels", HTMLButtonElement).addEventListener(
      "click",
      () => void this.desk.exchange("removeAnnotation"),
    );
    byId("restore", HTMLButtonElement).addEventListener("click", () => void this.desk.exchange("restoreAnnotation"));
    this.#listen();
    language.watch(() => this.draw());
  }

  /** The image whose labels are shown. */
  get open() {
    return this.desk.open;
  }

  /** Of the image that was asked for. */
  get id() {
    return this.desk.id;
  }

  #listen() {
    events.on("image", (row) => {
      this.pages.update(row);
      const known = this.desk.images.get(row.id);
      if (known && row.etag) known.heard = row.etag;
      if (row.id === this.id) void this.desk.heardOf(row.id);
    });
    let waiting = 0;
    events.on("images", () => {
      clearTimeout(waiting);
      waiting = window.setTimeout(() => void this.refreshList(), LIST_DELAY);
    });
    events.on("suggestions", (run) => !run.running && void this.refreshList());
    events.on("suggestion", ({ image }) => image === this.id && void this.desk.suggest());
    this.models.models.watch(() => {
      void this.desk.suggest();
      this.labelling.readClasses().catch(tellError);
    });
    events.reachable.watch((there) => {
      if (there) this.desk.saveAll();
      if (there && this.pages.total > 0)
        this.refreshList()
          .then(() => this.id && this.desk.heardOf(this.id))
          .catch(tellError);
    });
    for (const kind of /** @type {const} */ (["visibilitychange", "pagehide"])) {
      addEventListener(kind, () => {
        if (kind === "visibilitychange" && document.visibilityState !== "hidden") return;
        this.desk.saveAll(true);
      });
    }
  }

  #opened() {
    this.draw();
    void this.queue.run();
  }

  #refused() {
    const { problem } = this.desk;
    if (problem?.code !== "annotation_malformed") this.stage.close();
    this.stageElement.setAttribute("aria-busy", "false");
    this.draw();
    drawProblem(problem);
    void this.queue.run();
  }

  // ------------------------------------------------------------------ images

  /** @param {string | null} id The image of the address, if any. */
  async start(id) {
    await Promise.all([this.labelling.readClasses(), this.pages.refresh(id), this.models.start()]);
    const first = this.pages.included && id ? id : ((await this.pages.at(0))?.id ?? null);
    if (first) await this.show(first);
    else this.draw();
  }

  async refreshList() {
    await this.pages.refresh(this.id).catch(tellError);
  }

  /** @param {string} id */
  async show(id) {
    if (this.id === id && this.open) return;
    this.desk.ask(id);
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
      await Promise.all([this.#showPicture(facts), this.desk.openLabels(facts)]);
      if (this.id === id) this.stageElement.setAttribute("aria-busy", "false");
    } catch (reason) {
      if (!(reason instanceof api.ServerError)) throw reason;
      if (this.id === id) this.desk.refuse(reason);
    }
  }

  /** @param {import("./types.js").ImageFacts} facts */
  async #showPicture(facts) {
    try {
      await this.stage.open(facts);
      this.#prepareNext(facts.id).catch(tellError);
    } catch (reason) {
      if (reason instanceof api.ServerError && this.id === facts.id) this.desk.refuse(reason);
      else tellError(reason);
    }
  }

  /** @param {string} id Of the image that is shown. */
  async #prepareNext(id) {
    const next = await this.pages.beside(1);
    if (next && this.id === id) await this.stage.prepare(next.id);
  }

  // ------------------------------------------------------------------ picture of it all

  draw() {
    const { open, editor, labelling } = this;
    this.panel.draw({
      labels: open?.labels ?? null,
      editable: open !== null,
      exists: open?.annotation.exists ?? false,
      suggestions: labelling.suggestions,
      suggestionNote: this.#suggestionNote(),
      names: labelling.names,
      active: labelling.active,
      selected: editor.selected,
    });
    const threshold = byId("suggest-threshold", HTMLInputElement);
    if (document.activeElement !== threshold) threshold.valueAsNumber = labelling.shownFrom;
    byId("suggest-threshold-value", HTMLOutputElement).textContent = number(labelling.shownFrom, 2);
    drawNotes(open, this.pages.row(this.pages.position ?? -1)?.name ?? "");
    this.drawTools();
    this.drawSaveState();
    this.stage.viewer.refresh();
  }

  #suggestionNote() {
    if (this.desk.problem !== null) return "";
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
      undo: { disabled: !open?.history.canUndo },
      redo: { disabled: !open?.history.canRedo },
      window: { pressed: viewer.windowing },
      invert: { pressed: viewer.inverted },
      magnifier: { pressed: viewer.magnifying },
      hide: { pressed: editor.hidden },
    });
  }

  drawSaveState() {
    const { open } = this;
    if (this.desk.problem === null) drawSaveState(open, this.desk.unsaved.filter((image) => image !== open));
  }
}
