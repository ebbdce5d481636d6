/** The lower part of the panel: choosing the model, running it on the folder, and training. */
import { notify, notifyError } from "./announce.js";
import * as api from "./api.js";
import { byId, fill, make } from "./dom.js";
import * as events from "./events.js";
import { duration, fromServer, language, number, say } from "./i18n.js";
import { Value } from "./store.js";

/**
 * @typedef {import("./types.js").Models} Models
 * @typedef {import("./types.js").Training} Training
 */

export class ModelPanel {
  /** @param {import("./types.js").Session} session */
  constructor(session) {
    this.session = session;
    /** @type {Value<Models>} */
    this.models = new Value(/** @type {Models} */ ({ models: [], current: null }));
    /** @type {import("./types.js").SuggestionRun | null} */
    this.run = null;
    /** @type {Training | null} */
    this.training = null;
    this.choice = byId("model", HTMLSelectElement);
    this.choice.addEventListener("change", () => {
      api
        .chooseModel(this.choice.value)
        .then((models) => this.models.set(models))
        .catch(notifyError);
    });
    byId("suggest-run", HTMLButtonElement).addEventListener("click", () => {
      const answer = this.run?.running ? api.stopSuggestions().then(api.suggestionRun) : api.startSuggestions();
      answer.then((run) => this.#take(run)).catch(notifyError);
    });
    byId("train-run", HTMLButtonElement).addEventListener("click", () => this.#train());
    byId("train-use", HTMLButtonElement).addEventListener("click", () => this.#decide(true));
    byId("train-keep", HTMLButtonElement).addEventListener("click", () => this.#decide(false));
    events.on("suggestions", (run) => this.#take(run));
    events.on("training", (training) => {
      const before = this.training?.state;
      this.training = training;
      if (before !== training.state && training.state === "done") notify(say("training.done"));
      this.#drawTraining();
    });
    events.on("model", () => this.#read().catch(notifyError));
    this.models.watch(() => this.#draw());
    language.watch(() => this.#draw());
  }

  /** Read the models, the run and the training. */
  async start() {
    await this.#read();
    this.run = await api.suggestionRun();
    this.training = await api.training();
    this.#draw();
  }

  get current() {
    const { models, current } = this.models.now;
    return models.find((model) => model.id === current) ?? null;
  }

  async #read() {
    this.models.set(await api.models());
  }

  /** @param {import("./types.js").SuggestionRun} run */
  #take(run) {
    this.run = run;
    this.#draw();
  }

  /** @param {boolean} use Whether the new model takes over. */
  #decide(use) {
    api
      .decideTraining(use)
      .then((training) => {
        this.training = training;
        this.#drawTraining();
      })
      .catch(notifyError);
  }

  #train() {
    const running = isRunning(this.training);
    const steps = byId("train-steps", HTMLInputElement).valueAsNumber;
    const answer = running ? api.stopTraining().then(api.training) : api.startTraining(steps);
    answer
      .then((training) => {
        this.training = training;
        this.#drawTraining();
      })
      .catch(notifyError);
  }

  #draw() {
    const { models, current } = this.models.now;
    fill(
      this.choice,
      ...models.map((model) =>
        make(
          "option",
          { value: model.id, selected: model.id === current, disabled: model.problem !== null },
          model.name,
        ),
      ),
    );
    this.choice.disabled = models.length === 0;
    byId("model-part", HTMLElement).classList.toggle("without-model", models.length === 0);
    const { run } = this;
    byId("suggest-run", HTMLButtonElement).textContent = say(run?.running ? "suggestions.stop" : "suggestions.run");
    byId("suggest-run", HTMLButtonElement).disabled = current === null;
    const bar = byId("suggest-bar", HTMLProgressElement);
    bar.hidden = !run?.running;
    bar.max = Math.max(run?.total ?? 1, 1);
    bar.value = run?.done ?? 0;
    const parts =
      run && run.running ? [say("suggestions.progress", { done: number(run.done), total: number(run.total) })] : [];
    if (run?.running && run.seconds_left) parts.push(say("training.left", { time: duration(run.seconds_left) }));
    if (run?.failed) parts.push(say("suggestions.failed", { count: number(run.failed) }));
    byId("suggest-progress", HTMLElement).textContent = parts.join(", ");
    this.#drawTraining();
  }

  #drawTraining() {
    const { training, session } = this;
    const running = isRunning(training);
    const start = byId("train-run", HTMLButtonElement);
    start.textContent = say(running ? "training.stop" : "training.start");
    start.disabled = !session.can_train;
    byId("train-steps", HTMLInputElement).disabled = running || !session.can_train;
    byId("train-progress", HTMLElement).textContent = session.can_train
      ? progressOf(training)
      : say("error.torch_missing");
    const bar = byId("train-bar", HTMLProgressElement);
    bar.hidden = !running;
    bar.max = Math.max(training?.num_steps ?? 1, 1);
    bar.value = training?.step ?? 0;
    const asks = Boolean(training?.asks) && training?.model !== this.models.now.current;
    byId("train-result", HTMLElement).hidden = !asks;
    if (training && asks) this.#drawResult(training);
    byId("train-log", HTMLElement).textContent = training?.lines.join("\n") ?? "";
    byId("train-details", HTMLElement).hidden = !training?.lines.length;
    drawCurve(byId("train-curve", HTMLCanvasElement), training?.history.map((point) => point.loss) ?? []);
  }

  /** @param {Training} training Whose model waits for a decision. */
  #drawResult({ result, in_use, kept_step, model }) {
    const name = (/** @type {string | null} */ id) => this.models.now.models.find((each) => each.id === id)?.name ?? id ?? "";
    const kept = say("training.kept", { model: name(model), step: kept_step === null ? "–" : number(kept_step) });
    const measured = result?.AP50
      ? say("training.kept_measured", {
          value: withInterval(result.AP50),
          images: number(result.images),
          boxes: number(result.boxes),
          negatives: number(result.negatives),
        })
      : say("training.kept_unmeasured");
    byId("train-kept", HTMLElement).textContent = `${kept} ${measured}`;
    const { in_use_ap50: before = null, difference = null, seen = null } = result ?? {};
    const compared =
      before === null || difference === null
        ? []
        : [
            say("training.compared", { model: name(in_use), value: number(before, 2), difference: withInterval(difference) }),
            seen ? say("training.seen", { count: number(seen) }) : "",
          ];
    byId("train-compared", HTMLElement).textContent = compared.filter(Boolean).join(" ");
  }
}

/** @param {import("./types.js").MeasuredValue} measured */
function withInterval({ value, low, high }) {
  const interval = low === null || high === null ? "" : ` (${say("training.interval", { low: number(low, 2), high: number(high, 2) })})`;
  return `${number(value, 2)}${interval}`;
}

/** @param {Training | null} training */
function isRunning(training) {
  return training !== null && ["preparing", "running", "measuring"].includes(training.state);
}

/** @param {Training | null} training */
function progressOf(training) {
  if (!training || training.state === "idle") return say("training.idle");
  if (training.state === "failed") return say("training.failed", { reason: fromServer(training.message) || say("training.see_log") });
  const running = training.state === "running";
  const parts = [
    running
      ? say("training.running", { step: number(training.step), total: number(training.num_steps) })
      : say(`training.${training.state}`),
  ];
  if (running && training.loss !== null) parts.push(say("training.loss", { loss: number(training.loss, 3) }));
  const measured = training.validations.at(-1);
  if (running && typeof measured?.AP50 === "number") parts.push(say("training.measured", { value: number(measured.AP50, 2) }));
  if (running && training.seconds_left !== null) parts.push(say("training.left", { time: duration(training.seconds_left) }));
  return parts.join(", ");
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number[]} values
 */
function drawCurve(canvas, values) {
  canvas.hidden = values.length < 2;
  if (canvas.hidden) return;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const { width, height } = canvas;
  const highest = Math.max(...values);
  context.clearRect(0, 0, width, height);
  context.strokeStyle = getComputedStyle(canvas).color;
  context.lineWidth = 2;
  context.beginPath();
  values.forEach((value, place) =>
    context.lineTo((place / (values.length - 1)) * width, height - 2 - (value / highest) * (height - 4)),
  );
  context.stroke();
}
