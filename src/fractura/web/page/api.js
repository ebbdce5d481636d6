/**
 * The server's API, one function per request. Every failure is a `ServerError`; no response at all is one with status 0.
 *
 * @typedef {import("./types.js").Annotation} Annotation
 */

export class ServerError extends Error {
  /**
   * @param {number} status 0 when the server was not reached.
   * @param {{code: string, message: string, place?: string | null, hint?: string | null}} error
   * @param {any} [document] The whole response.
   */
  constructor(status, error, document = null) {
    super(error.message);
    this.status = status;
    this.code = error.code;
    this.place = error.place ?? null;
    this.hint = error.hint ?? null;
    this.document = document;
  }

  /** Whether the same request may succeed later by itself. */
  get passing() {
    return this.status === 0 || this.status >= 500;
  }
}

/** Called when the server requires the token; resolves when it has it. @type {(() => Promise<void>) | null} */
let askToken = null;

/** @param {() => Promise<void>} ask Called once for all waiting requests. */
export function onTokenNeeded(ask) {
  /** @type {Promise<void> | null} */
  let asked = null;
  askToken = () => (asked ??= ask().finally(() => (asked = null)));
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, form?: FormData, headers?: Record<string, string>, keepalive?: boolean, signal?: AbortSignal}} [options]
 * @returns {Promise<Response>}
 */
async function request(method, path, options = {}) {
  const headers = { ...options.headers };
  if (method !== "GET") headers["X-Fractura"] = "1";
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  const response = await reached(
    fetch(path, {
      method,
      headers,
      body: options.form ?? (options.body === undefined ? null : JSON.stringify(options.body)),
      keepalive: options.keepalive ?? false,
      signal: options.signal ?? null,
    }),
  );
  if (response.ok) return response;
  const failure = await failureOf(response);
  if (failure.code !== "token_needed" || askToken === null) throw failure;
  await askToken();
  return request(method, path, options);
}

/**
 * The server may disappear before or in the middle of its response: both are the same `ServerError`.
 * @template T
 * @param {Promise<T>} coming Headers or body of a response.
 * @returns {Promise<T>}
 */
async function reached(coming) {
  try {
    return await coming;
  } catch (reason) {
    if (!(reason instanceof TypeError)) throw reason; // an aborted request is a DOMException, a broken document a SyntaxError
    throw new ServerError(0, { code: "unreachable", message: "the server does not respond" });
  }
}

/**
 * @param {Response} response
 * @returns {Promise<ServerError>}
 */
async function failureOf(response) {
  const text = await reached(response.text());
  try {
    const document = JSON.parse(text);
    if (document?.error?.code) return new ServerError(response.status, document.error, document);
  } catch (reason) {
    if (!(reason instanceof SyntaxError)) throw reason;
  }
  return new ServerError(response.status, { code: "unexpected", message: `HTTP ${response.status} ${text.slice(0, 200)}` });
}

/**
 * @template T
 * @param {Promise<Response>} response
 * @returns {Promise<T>}
 */
async function json(response) {
  return reached((await response).json());
}

/**
 * @param {Record<string, string | number | string[] | null | undefined>} values
 * @returns {string}
 */
function query(values) {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") parts.append(name, String(each));
    }
  }
  return parts.toString() ? `?${parts}` : "";
}

/** @returns {Promise<import("./types.js").Session>} */
export const session = () => json(request("GET", "/api/session"));

/** @param {string} token */
export const giveToken = async (token) => {
  await request("POST", "/api/session", { body: { token } });
};

/**
 * @param {{state?: string[], query?: string, order?: string, offset?: number, limit?: number, around?: string | null}} options
 * @returns {Promise<import("./types.js").ImagePage>}
 */
export const images = (options) => json(request("GET", `/api/images${query(options)}`));

/**
 * @param {string} id
 * @returns {Promise<import("./types.js").ImageFacts>}
 */
export const image = (id) => json(request("GET", `/api/images/${id}`));

/**
 * @param {string} id
 * @returns {Promise<import("./types.js").RelatedImages>}
 */
export const related = (id) => json(request("GET", `/api/images/${id}/related`));

/**
 * @param {string} id
 * @param {{grey?: import("./types.js").Grey | null, side?: number | null}} options
 * @param {AbortSignal} [signal]
 * @returns {Promise<Blob>}
 */
export async function picture(id, options, signal) {
  const path = `/api/images/${id}/picture${query({ centre: options.grey?.centre, width: options.grey?.width, side: options.side })}`;
  return reached((await request("GET", path, signal ? { signal } : {})).blob());
}

/**
 * @param {string} id
 * @returns {Promise<Annotation>}
 */
export const annotation = (id) => json(request("GET", `/api/annotations/${id}`));

/**
 * @param {string} id
 * @param {string} etag Of the file when the boxes were drawn.
 * @param {import("./types.js").PlainLabels} labels
 * @param {boolean} [keepalive] The page is closing.
 * @returns {Promise<Annotation>}
 */
export const saveAnnotation = (id, etag, labels, keepalive = false) =>
  json(request("PUT", `/api/annotations/${id}`, { body: labels, headers: { "If-Match": etag }, keepalive }));

/**
 * @param {string} id
 * @param {string} etag
 * @returns {Promise<Annotation>}
 */
export const removeAnnotation = (id, etag) =>
  json(request("DELETE", `/api/annotations/${id}`, { headers: { "If-Match": etag } }));

/**
 * @param {string} id
 * @param {string} etag
 * @returns {Promise<Annotation>}
 */
export const restoreAnnotation = (id, etag) =>
  json(request("POST", `/api/annotations/${id}/restore`, { headers: { "If-Match": etag } }));

/**
 * @param {string | null} id Of a folder; null for what lies above all of them.
 * @returns {Promise<import("./types.js").FolderListing>}
 */
export const folders = (id) => json(request("GET", id === null ? "/api/folders" : `/api/folders/${id}`));
/**
 * @param {string} id
 * @returns {Promise<import("./types.js").Session>}
 */
export const openFolder = (id) => json(request("PUT", "/api/folder", { body: { id } }));

/** @returns {Promise<import("./types.js").ClassNames>} */
export const classes = () => json(request("GET", "/api/classes"));
/**
 * Add a class to the list in the file.
 * @param {string} name
 * @returns {Promise<import("./types.js").ClassNames>}
 */
export const addClass = (name) => json(request("POST", "/api/classes", { body: { name } }));

/** @returns {Promise<import("./types.js").Models>} */
export const models = () => json(request("GET", "/api/models"));

/**
 * @param {string} id
 * @returns {Promise<import("./types.js").Models>}
 */
export const chooseModel = (id) => json(request("PUT", "/api/models/current", { body: { id } }));

/**
 * @param {string} id
 * @returns {Promise<import("./types.js").ImageSuggestions>}
 */
export const suggestionsFor = (id) => json(request("GET", `/api/images/${id}/suggestions`));

/** @returns {Promise<import("./types.js").SuggestionRun>} */
export const suggestionRun = () => json(request("GET", "/api/suggestions"));
/** @returns {Promise<import("./types.js").SuggestionRun>} */
export const startSuggestions = () => json(request("POST", "/api/suggestions"));
export const stopSuggestions = () => request("DELETE", "/api/suggestions");

/** @returns {Promise<import("./types.js").Training>} */
export const training = () => json(request("GET", "/api/training"));
/**
 * @param {number} numSteps
 * @returns {Promise<import("./types.js").Training>}
 */
export const startTraining = (numSteps) => json(request("POST", "/api/training", { body: { num_steps: numSteps } }));
/**
 * @param {boolean} use Whether the new model makes the suggestions from now on.
 * @returns {Promise<import("./types.js").Training>}
 */
export const decideTraining = (use) => json(request("POST", "/api/training/decision", { body: { use } }));
export const stopTraining = () => request("DELETE", "/api/training");

/**
 * @param {File} imageFile
 * @param {File[]} annotations Pascal VOC files of that image, as ground truth.
 * @returns {Promise<import("./types.js").DetectResult>}
 */
export async function detect(imageFile, annotations) {
  const form = new FormData();
  form.append("images", imageFile);
  for (const each of annotations) form.append("annotations", each);
  /** @type {import("./types.js").DetectResponse} */
  const response = await json(request("POST", "/api/detect", { form }));
  const images = response.images.map((each) => ({ ...each, detections: each.detections.map(detectionOf) }));
  return { ...response, images };
}

/**
 * A row of results.json as a box of the page.
 * @param {import("./types.js").DetectionRow} row
 * @returns {import("./types.js").Detection}
 */
function detectionOf(row) {
  const [xmin, ymin, xmax, ymax] = row.box;
  return { name: row.class, xmin, ymin, xmax, ymax, score: row.score, probability: row.probability };
}

/** @param {string} id */
export const forgetImage = (id) => request("DELETE", `/api/uploads/${id}`);

/**
 * @param {string} format
 * @param {string[]} ids
 * @param {number} threshold
 * @param {boolean} identifiers With those of DICOM images.
 */
export const exportImages = (format, ids, threshold, identifiers) =>
  file(request("POST", "/api/export", { body: { format, images: ids, threshold, identifiers } }), `results.${format}`);

/**
 * @param {string} id
 * @param {{boxes: {text: string, colour: number, xmin: number, ymin: number, xmax: number, ymax: number}[], captions: string[]}} body
 */
export const drawing = (id, body) => file(request("POST", `/api/images/${id}/drawing`, { body }), "image.png");

/**
 * @param {string} id
 * @param {{threshold: number, caption: string, scale: [string, string]}} body
 */
export const heat = (id, body) => file(request("POST", `/api/images/${id}/heat`, { body }), "image.png");

/**
 * @param {Promise<Response>} coming
 * @param {string} otherwise Its name where the server gives none.
 * @returns {Promise<{name: string, content: Blob}>}
 */
async function file(coming, otherwise) {
  const response = await coming;
  const name = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("Content-Disposition") ?? "")?.[1];
  return { name: name ? decodeURIComponent(name) : otherwise, content: await reached(response.blob()) };
}
