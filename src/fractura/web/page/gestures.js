/** Mouse, pen and touch gestures on the stage that all views share. The rest is up to the view's tool. */
import { toImage } from "./view.js";

/**
 * @typedef {import("./types.js").Point} Point
 * @typedef {"tool" | "move" | "grey" | "pinch"} Drag
 */

const WHEEL_SPEED = 0.0015;
/** A trackpad's pinch arrives as a wheel with Ctrl and small steps. */
const PINCH_SPEED = 0.01;

/**
 * Left drag goes to the tool, or moves the image; middle drag moves it; right drag changes the window; the wheel zooms; two
 * fingers move and zoom.
 * @param {import("./viewer.js").Viewer} viewer
 */
export function watchPointer(viewer) {
  /** @type {Map<number, Point>} */
  const fingers = new Map();
  /** @type {Drag | null} */
  let drag = null;
  const { host } = viewer;
  const image = (/** @type {Point} */ point) => toImage(viewer.view, point);

  host.addEventListener("pointerdown", (event) => {
    if (!viewer.picture || (event.target instanceof Element && event.target.closest("button, a, input"))) return;
    host.focus({ preventScroll: true });
    const point = viewer.pointOf(event);
    fingers.set(event.pointerId, point);
    host.setPointerCapture(event.pointerId);
    if (fingers.size === 2) {
      if (drag === "tool") viewer.tool.abandon();
      drag = "pinch";
    } else if (fingers.size === 1) {
      drag = dragOf(event, point);
    }
    event.preventDefault();
  });

  /**
   * @param {PointerEvent} event
   * @param {Point} point
   * @returns {Drag}
   */
  function dragOf(event, point) {
    if (event.button === 2) return "grey";
    if (event.button === 1) return "move";
    if (viewer.windowing) return "grey";
    return viewer.tool.press(image(point), event) ? "tool" : "move";
  }

  host.addEventListener("pointermove", (event) => {
    const point = viewer.pointOf(event);
    const before = fingers.get(event.pointerId) ?? point;
    viewer.pointer = point;
    if (drag === "tool") viewer.tool.drag(image(point), event);
    else if (drag === "move") viewer.move(point.x - before.x, point.y - before.y);
    else if (drag === "grey") viewer.dragGrey(point.x - before.x, point.y - before.y);
    else if (drag === "pinch") pinch(event.pointerId, before, point);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, point);
    host.style.cursor =
      drag === "move" ? "grabbing" : drag === "grey" || viewer.windowing ? "ns-resize" : viewer.tool.hover(image(point));
    viewer.refresh();
  });

  /**
   * @param {number} finger
   * @param {Point} before
   * @param {Point} point
   */
  function pinch(finger, before, point) {
    const other = [...fingers].find(([id]) => id !== finger)?.[1];
    if (!other) return;
    const length = (/** @type {Point} */ at) => Math.max(Math.hypot(at.x - other.x, at.y - other.y), 1);
    viewer.move((point.x - before.x) / 2, (point.y - before.y) / 2);
    viewer.zoom(length(point) / length(before), { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 });
  }

  host.addEventListener("pointerup", (event) => {
    if (drag === "tool") viewer.tool.release(image(viewer.pointOf(event)), event);
    end(event);
  });
  host.addEventListener("pointercancel", (event) => {
    if (drag === "tool") viewer.tool.abandon();
    end(event);
  });

  /** @param {PointerEvent} event */
  function end(event) {
    fingers.delete(event.pointerId);
    if (fingers.size === 0) drag = null;
    host.style.cursor = viewer.tool.hover(image(viewer.pointOf(event)));
    viewer.refresh();
  }

  host.addEventListener("pointerleave", () => {
    viewer.pointer = null;
    viewer.tool.hover(null);
    viewer.refresh();
  });
  host.addEventListener("contextmenu", (event) => event.preventDefault());
  host.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      viewer.zoom(Math.exp(-event.deltaY * lines * (event.ctrlKey ? PINCH_SPEED : WHEEL_SPEED)), viewer.pointOf(event));
    },
    { passive: false },
  );
}
