/** The open image as a picture to download: with its boxes, or with the evidence for the model's detections. */
import { notify, notifyError } from "./announce.js";
import { answerText, certainty, thresholdText } from "./answers.js";
import * as api from "./api.js";
import { download } from "./dom.js";
import { fromServer, say } from "./i18n.js";

/**
 * The boxes that are shown, suggestions with their scores; below them what the model says, if it takes part.
 * @param {import("./label_view.js").LabelView} view
 */
export async function downloadPicture({ open, labelling }) {
  if (!open) return;
  const { names, suggestions } = labelling;
  const drawn = (/** @type {import("./types.js").Box} */ box, text = box.name) => ({
    text,
    colour: Math.max(names.indexOf(box.name), 0),
    xmin: box.xmin,
    ymin: box.ymin,
    xmax: box.xmax,
    ymax: box.ymax,
  });
  const suggested = suggestions.map((each) => drawn(each, `${each.name} ${certainty(each.score, each.probability)}`));
  const boxes = [...open.labels.boxes.map((box) => drawn(box)), ...suggested];
  const captions = suggestions.length > 0 ? modelSays(open) : [];
  await save(api.drawing(open.facts.id, { boxes, captions }));
}

/** @param {import("./open_image.js").OpenImage} open */
function modelSays({ answer }) {
  const { image_score: score, image_probability: probability, threshold, sensitivity } = answer ?? {};
  if (typeof score !== "number" || typeof threshold !== "number") return [];
  const says = [answerText(score, probability ?? null, threshold), thresholdText(threshold, sensitivity ?? null)];
  return [fromServer(answer?.warning), ...says].filter(Boolean);
}

let busy = false;

/** @param {import("./label_view.js").LabelView} view */
export async function downloadHeat({ open, labelling }) {
  if (!open || busy) return;
  busy = true;
  notify(say("heat.running"));
  /** @type {[string, string]} */
  const scale = [say("heat.none"), say("heat.most")];
  const caption = [fromServer(open.answer?.warning), say("heat.caption")].filter(Boolean).join(" ");
  await save(api.heat(open.facts.id, { threshold: labelling.shownFrom, caption, scale }));
  busy = false;
}

/** @param {Promise<{name: string, content: Blob}>} coming */
async function save(coming) {
  try {
    download(await coming);
  } catch (reason) {
    notifyError(reason);
  }
}
