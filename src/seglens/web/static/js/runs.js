/** Run-lengths and masks: pure functions. */

/** The index of a pixel that nothing is said about. */
export const NONE = 255;

/**
 * A bitmap of the runs' pixels.
 *
 * @param {import("./types.js").Runs} runs
 * @param {number} pixels how many the image has
 */
export function bitmap(runs, pixels) {
  const found = new Uint8Array(pixels);
  for (const [start, length] of runs) found.fill(1, start, start + length);
  return found;
}

/**
 * What a mask says inside a region, as runs by class; pixels without a class are left out.
 *
 * @param {Uint8Array} mask
 * @param {import("./types.js").Runs} region
 * @returns {import("./types.js").MaskRuns}
 */
export function runsByClass(mask, region) {
  /** @type {Map<number, import("./types.js").Runs>} */
  const found = new Map();
  for (const [start, length] of region) {
    const end = start + length;
    let from = start;
    while (from < end) {
      const value = mask[from];
      let to = from + 1;
      while (to < end && mask[to] === value) to++;
      if (value !== NONE) {
        if (!found.has(value)) found.set(value, []);
        found.get(value)?.push([from, to - from]);
      }
      from = to;
    }
  }
  return { runs_by_class: [...found].sort((a, b) => a[0] - b[0]) };
}

/**
 * The stroke that leads from one mask to another, over these pixels.
 *
 * @param {Uint32Array|number[]} pixels ascending
 * @param {(pixel: number) => number} before
 * @param {(pixel: number) => number} after
 * @returns {number[]} flat quadruples start, length, before, after; pixels that did not change are left out
 */
export function delta(pixels, before, after) {
  /** @type {number[]} */
  const runs = [];
  let start = -1;
  let length = 0;
  let old = 0;
  let now = 0;
  for (const pixel of pixels) {
    const was = before(pixel);
    const is = after(pixel);
    if (was === is) continue;
    if (length && pixel === start + length && was === old && is === now) {
      length++;
      continue;
    }
    if (length) runs.push(start, length, old, now);
    [start, length, old, now] = [pixel, 1, was, is];
  }
  if (length) runs.push(start, length, old, now);
  return runs;
}

/**
 * The edges between the runs' pixels and the rest, as straight lines [y0, x0, y1, x1] over pixel corners.
 *
 * @param {Uint8Array} inside
 * @param {[number, number]} size
 * @param {[number, number, number, number]} box top, left, bottom, right
 * @returns {[number, number, number, number][]}
 */
export function edges(inside, [height, width], [top, left, bottom, right]) {
  /** @type {[number, number, number, number][]} */
  const found = [];
  const at = (/** @type {number} */ y, /** @type {number} */ x) =>
    y < 0 || x < 0 || y >= height || x >= width ? 0 : inside[y * width + x];
  for (let y = top; y <= bottom; y++) {
    for (let x = left, from = -1; x <= right; x++) {
      const edge = x < right && at(y - 1, x) !== at(y, x);
      if (edge && from < 0) from = x;
      if (!edge && from >= 0) {
        found.push([y, from, y, x]);
        from = -1;
      }
    }
  }
  for (let x = left; x <= right; x++) {
    for (let y = top, from = -1; y <= bottom; y++) {
      const edge = y < bottom && at(y, x - 1) !== at(y, x);
      if (edge && from < 0) from = y;
      if (!edge && from >= 0) {
        found.push([from, x, y, x]);
        from = -1;
      }
    }
  }
  return found;
}
