/** The actions of the keys and buttons of the labelling view. */
import { notify, notifyError, announce } from "./announce.js";
import * as api from "./api.js";
import { keyed } from "./boxes.js";
import { byId } from "./dom.js";
import { number, say } from "./i18n.js";
import { downloadHeat, downloadPicture } from "./label_downloads.js";

const FAR = 10;
/** Pause of the arrow keys until the position of the box is read out, ms. */
const REST = 600;

/**
 * @param {import("./label_view.js").LabelView} view
 * @returns {Record<string, () => unknown>} A promise it returns is awaited before the next key is handled.
 */
export function labelActions(view) {
  const { editor, labelling, second, stage } = view;
  /** The display of the image that has the focus changes. @type {Record<string, () => void>} */
  const viewing = {};
  for (const [action, change] of Object.entries(stage.actions))
    viewing[action] = () => (second.hasFocus ? second.actions[action] : change)?.();

  let resting = 0;
  /** Read out the position of the selected box. */
  function announcePlace() {
    const box = editor.selectedBox;
    if (!box) return;
    const size = say("boxes.size", { width: number(box.xmax - box.xmin), height: number(box.ymax - box.ymin) });
    clearTimeout(resting);
    resting = window.setTimeout(() => announce(`${size}, x ${number(box.xmin)}, y ${number(box.ymin)}`), REST);
  }

  /**
   * The arrow keys move the selected box; without one they move the image.
   * @param {number} dx
   * @param {number} dy
   * @param {number} step
   */
  const arrow = (dx, dy, step) => () => {
    if (second.hasFocus) second.stage.viewer.move(-dx * 40 * step, -dy * 40 * step);
    else if (editor.nudge(dx * step, dy * step)) announcePlace();
    else stage.viewer.move(-dx * 40 * step, -dy * 40 * step);
  };
  const grow = (/** @type {number} */ dx, /** @type {number} */ dy) => () => editor.grow(dx, dy) && announcePlace();

  /** @param {1 | -1} step */
  const go = (step) => async () => {
    const image = await view.pages.neighbour(step);
    if (image) void view.show(image.id);
    else announce(say(step > 0 ? "list.last" : "list.first"));
  };

  async function nextUnlabelled() {
    // images with suggestions are unlabelled, too
    const query = { state: ["unlabelled", "suggested"], order: view.pages.filter.order, limit: 2, around: view.id };
    const { images, position, offset } = await api.images(query);
    const next = position === null ? images[0] : images.slice(position - offset).find((image) => image.id !== view.id);
    if (next) void view.show(next.id);
    else announce(say("list.last"));
  }

  function duplicate() {
    const box = editor.selectedBox;
    const image = view.open;
    if (!box || !image) return;
    const step = Math.max(Math.round(14 / stage.viewer.view.scale), 2);
    const room = { x: image.size.width - box.xmax, y: image.size.height - box.ymax };
    const dx = room.x >= step ? step : -Math.min(step, Math.round(box.xmin) - 1);
    const dy = room.y >= step ? step : -Math.min(step, Math.round(box.ymin) - 1);
    const corners = { xmin: box.xmin + dx, ymin: box.ymin + dy, xmax: box.xmax + dx, ymax: box.ymax + dy };
    const copy = keyed({ ...box, ...corners, truncated: undefined });
    labelling.commit([...image.labels.boxes, copy]);
    editor.select(copy.key);
  }

  async function paste() {
    const image = view.open;
    const before = image && (await view.pages.neighbour(-1));
    if (!image || !before) return;
    const known = view.openImages.images.get(before.id);
    const boxes = known ? known.labels.boxes : (await api.annotation(before.id)).boxes;
    const fitting = boxes.filter((box) => box.xmax <= image.size.width && box.ymax <= image.size.height);
    if (image !== view.open || fitting.length === 0) return;
    labelling.commit([...image.labels.boxes, ...fitting.map((box) => keyed({ ...box, truncated: undefined }))]);
    announce(say("box.pasted", { count: fitting.length }));
  }

  function accept() {
    const suggestion = editor.selectedSuggestion ?? labelling.suggestions[0];
    if (suggestion) labelling.accept(suggestion, null);
  }

  function remove() {
    const { selectedBox, selectedSuggestion } = editor;
    if (selectedBox) labelling.removeBox(selectedBox);
    else if (selectedSuggestion) labelling.dismiss(selectedSuggestion);
  }

  /** @param {"undo" | "redo"} direction */
  const step = (direction) => () => {
    if (!view.open?.step(direction)) return;
    announce(say(direction === "undo" ? "box.undone" : "box.redone"));
    view.draw();
  };

  function verify() {
    const { open } = view;
    if (!open) return;
    if (!open.decided) return notify(say("boxes.undecided"));
    open.commit({ verified: !open.labels.verified });
    void open.saver.flush();
    view.draw();
  }

  function save() {
    const { open } = view;
    if (!open) return;
    const saving = open.save();
    if (open.labels.normal) notify(say("boxes.saved_normal"));
    void saving.then(() => view.draw());
    view.draw();
  }

  function cancel() {
    if (second.hasFocus) second.stage.setMeasuring(false);
    else if (stage.measuring) stage.setMeasuring(false);
    else if (editor.drawing || editor.held) editor.setDrawing(false);
    else editor.select(null);
  }

  /** @type {Record<string, () => void>} */
  const classes = {};
  for (let place = 0; place < 9; place += 1) {
    classes[`class${place + 1}`] = () => {
      const name = labelling.names[place];
      if (name !== undefined) labelling.useClass(name);
    };
  }

  return {
    ...viewing,
    ...classes,
    next: go(1),
    previous: go(-1),
    nextUnlabelled,
    draw: () => {
      stage.setMeasuring(false);
      editor.setDrawing(!editor.drawing);
    },
    ruler: () => {
      editor.setDrawing(false);
      viewing["ruler"]?.();
    },
    second: () => {
      if (second.isOpen) second.close();
      else second.open(view.open?.facts.id ?? null);
    },
    drawMiddle: () => editor.drawMiddle(),
    save,
    copy: duplicate,
    paste: () => void paste().catch(notifyError),
    delete: remove,
    verified: verify,
    editClass: () => {
      const choice = editor.selectedBox && document.querySelector(`[data-part="class-${editor.selectedBox.key}"]`);
      if (choice instanceof HTMLElement) choice.focus();
    },
    difficult: () =>
      editor.selectedBox && labelling.changeBox(editor.selectedBox, { difficult: !editor.selectedBox.difficult }),
    left: arrow(-1, 0, 1),
    right: arrow(1, 0, 1),
    up: arrow(0, -1, 1),
    down: arrow(0, 1, 1),
    farLeft: arrow(-1, 0, FAR),
    farRight: arrow(1, 0, FAR),
    farUp: arrow(0, -1, FAR),
    farDown: arrow(0, 1, FAR),
    wider: grow(1, 0),
    narrower: grow(-1, 0),
    taller: grow(0, 1),
    flatter: grow(0, -1),
    nextBox: () => editor.selectNext(1),
    accept,
    acceptAll: () => labelling.acceptAll(),
    undo: step("undo"),
    redo: step("redo"),
    hide: () => {
      editor.hidden = !editor.hidden;
      view.draw();
    },
    comment: () => byId("comment", HTMLTextAreaElement).focus(),
    picture: () => void downloadPicture(view),
    heat: () => void downloadHeat(view),
    search: () => byId("image-search", HTMLInputElement).focus(),
    cancel,
    openFolder: () => view.openFolder(),
    nothing: () => undefined,
  };
}
