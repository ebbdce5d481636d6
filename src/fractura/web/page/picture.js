/**
 * An image's pixels in several sizes, so that an image of 4000 pixels moves as smoothly as a small one.
 *
 * @typedef {import("./types.js").Grey} Grey
 * @typedef {object} Picture
 * @property {number} width Of the image, in image pixels; the levels may have fewer.
 * @property {number} height
 * @property {ImageBitmap[]} levels Largest first, each half as large as the one before.
 * @property {Grey | null} grey The window it was rendered with; null for 8-bit images.
 */

/** No level smaller than this on its longer side. */
const SMALLEST_LEVEL = 500;

/**
 * @param {Blob} blob
 * @param {{width: number, height: number}} image
 * @param {Grey | null} grey
 * @returns {Promise<Picture>}
 */
export async function decode(blob, image, grey) {
  const levels = [await createImageBitmap(blob, { colorSpaceConversion: "none" })];
  for (let last = levels[0]; last && Math.max(last.width, last.height) > 2 * SMALLEST_LEVEL; last = levels.at(-1)) {
    const size = { resizeWidth: Math.ceil(last.width / 2), resizeHeight: Math.ceil(last.height / 2) };
    levels.push(await createImageBitmap(last, { ...size, resizeQuality: "medium", colorSpaceConversion: "none" }));
  }
  return { width: image.width, height: image.height, levels, grey };
}

/** @param {Picture | null} picture */
export function release(picture) {
  for (const level of picture?.levels ?? []) level.close();
}

/**
 * The level with just enough pixels.
 * @param {Picture} picture
 * @param {number} scale Device pixels per image pixel.
 * @returns {ImageBitmap}
 */
export function levelFor(picture, scale) {
  const enough = picture.levels.filter((level) => level.width / picture.width >= scale * 0.95);
  return /** @type {ImageBitmap} */ (enough.at(-1) ?? picture.levels[0]);
}

/**
 * The linear change that shows a picture through another window: wanted = slope · grey + intercept, greys being 0..1.
 * @param {Grey} drawn
 * @param {Grey} wanted
 * @param {boolean} dark Large values are dark (MONOCHROME1).
 * @param {boolean} inverted Black and white are swapped by the user.
 * @returns {{slope: number, intercept: number}}
 */
export function greyChange(drawn, wanted, dark, inverted) {
  const slope = drawn.width / wanted.width;
  const lowest = drawn.centre - drawn.width / 2;
  const wantedLowest = wanted.centre - wanted.width / 2;
  const intercept = dark
    ? 1 - (lowest + drawn.width - wantedLowest) / wanted.width
    : (lowest - wantedLowest) / wanted.width;
  return inverted ? { slope: -slope, intercept: 1 - intercept } : { slope, intercept };
}
