/** A drawn answer over its piece of the image. */

import { address, bitmapOf } from "./pictures.js";
import { NONE } from "./runs.js";

/** How strongly labels cover the image. */
const STRENGTH = 0.55;

/**
 * @param {string} image
 * @param {[number, number, number, number]} box top, left, bottom, right
 * @param {import("./types.js").MaskRuns} said
 * @param {import("./palette.js").Palette} palette
 * @returns {Promise<HTMLCanvasElement>}
 */
export async function drawing(image, [top, left, bottom, right], said, palette) {
  const picture = await bitmapOf(address("/api/picture", { image }));
  const [height, width] = [bottom - top, right - left];
  const classes = new Uint8Array(height * width).fill(NONE);
  for (const [value, runs] of said.runs_by_class) {
    for (const [start, length] of runs) {
      for (let pixel = start; pixel < start + length; pixel++) {
        const x = pixel % picture.width;
        classes[((pixel - x) / picture.width - top) * width + x - left] = value;
      }
    }
  }
  const data = new ImageData(width, height);
  palette.paint(classes, new Uint32Array(data.data.buffer), width, [0, 0, height, width]);
  const labels = new OffscreenCanvas(width, height);
  labels.getContext("2d")?.putImageData(data, 0, 0);
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.setAttribute("aria-hidden", "true");
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.drawImage(picture, -left, -top);
  context.globalAlpha = STRENGTH;
  context.drawImage(labels, 0, 0);
  picture.close();
  return canvas;
}
