/** Pictures from the server, as numbers: exact, whatever the screen's colours. */

import { fetchBlob } from "./api.js";

/**
 * @param {string} path
 * @param {Record<string, string|number>} query
 */
export function address(path, query) {
  return `${path}?${new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)]))}`;
}

/** @param {string} url */
export async function bitmapOf(url) {
  return createImageBitmap(await fetchBlob(url), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

/**
 * @param {string} url
 * @returns {Promise<{data: Uint8ClampedArray, width: number, height: number}>} four bytes a pixel
 */
async function bytes(url) {
  const picture = await bitmapOf(url);
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
    canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" })
  );
  context.drawImage(picture, 0, 0);
  picture.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

/**
 * A grey picture's values.
 *
 * @param {string} url
 */
export async function grey(url) {
  const { data, width, height } = await bytes(url);
  const values = new Uint8Array(width * height);
  for (let i = 0; i < values.length; i++) values[i] = data[4 * i];
  return { values, width, height };
}

/**
 * Superpixels: the id of each pixel, and each id's pixels one after the other (`pixels[offsets[id]..offsets[id + 1]]`).
 *
 * @typedef {{ids: Uint32Array, offsets: Uint32Array, pixels: Uint32Array}} Superpixels
 * @param {string} url of a PNG whose id is R + 256 G + 65536 B
 * @returns {Promise<Superpixels>}
 */
export async function superpixels(url) {
  const { data, width, height } = await bytes(url);
  const ids = new Uint32Array(width * height);
  let most = 0;
  for (let i = 0; i < ids.length; i++) {
    ids[i] = data[4 * i] + 256 * data[4 * i + 1] + 65536 * data[4 * i + 2];
    if (ids[i] > most) most = ids[i];
  }
  const offsets = new Uint32Array(most + 2);
  for (const id of ids) offsets[id + 1]++;
  for (let id = 0; id <= most; id++) offsets[id + 1] += offsets[id];
  const next = offsets.slice();
  const pixels = new Uint32Array(ids.length);
  for (let i = 0; i < ids.length; i++) pixels[next[ids[i]]++] = i;
  return { ids, offsets, pixels };
}
