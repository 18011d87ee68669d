/**
 * Colours of classes. The page's own are seven that colour-blind people can tell apart (after Okabe and Ito) and a light
 * grey; further classes repeat them under another hatching. The run's own colours can be chosen instead.
 */

const SAFE = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
  [222, 222, 222],
];

/** Hatchings: is this pixel on a line? Three pixels dark of ten, in another direction each. */
const HATCHES = [
  () => false,
  (/** @type {number} */ y, /** @type {number} */ x) => (x + y) % 10 < 3,
  (/** @type {number} */ y, /** @type {number} */ x) => (x - y + 10 * y) % 10 < 3,
  (/** @type {number} */ y, /** @type {number} */ x) => y % 8 < 3 && x % 8 < 3,
  (/** @type {number} */ y) => y % 10 < 3,
  (/** @type {number} */ _y, /** @type {number} */ x) => x % 10 < 3,
];
const ANGLES = ["", "135deg", "45deg", "", "0deg", "90deg"];

export class Palette {
  /**
   * @param {import("./types.js").ClassRow[]} classes
   * @param {boolean} own the run's own colours instead of the safe ones
   */
  constructor(classes, own) {
    this.colors = classes.map((row, index) => (own ? row.color : SAFE[index % SAFE.length]));
    this.hatches = classes.map((_row, index) =>
      own ? 0 : Math.min(Math.floor(index / SAFE.length), HATCHES.length - 1),
    );
    const plain = new Uint32Array(256);
    const dark = new Uint32Array(256);
    this.colors.forEach(([red, green, blue], index) => {
      plain[index] = word(red, green, blue);
      dark[index] = word(red * 0.45, green * 0.45, blue * 0.45);
    });
    this.plain = plain;
    this.dark = dark;
  }

  /**
   * Colour part of a map of classes.
   *
   * @param {Uint8Array} classes
   * @param {Uint32Array} into one word a pixel, as in ImageData
   * @param {number} width
   * @param {[number, number, number, number]} box top, left, bottom, right
   */
  paint(classes, into, width, [top, left, bottom, right]) {
    for (let y = top; y < bottom; y++) {
      for (let x = left, at = y * width + left; x < right; x++, at++) {
        const value = classes[at];
        const hatch = this.hatches[value];
        into[at] = hatch && HATCHES[hatch](y, x) ? this.dark[value] : this.plain[value];
      }
    }
  }

  /**
   * The same for a swatch: a CSS background.
   *
   * @param {number} index
   */
  background(index) {
    const color = `rgb(${this.colors[index].join(" ")})`;
    const hatch = this.hatches[index];
    if (!hatch) return color;
    const line = `rgb(${this.colors[index].map((value) => Math.round(value * 0.45)).join(" ")})`;
    if (hatch === 3) return `radial-gradient(${line} 1.5px, transparent 2px) 0 0 / 5px 5px, ${color}`;
    return `repeating-linear-gradient(${ANGLES[hatch]}, ${line} 0 2px, ${color} 2px 6px)`;
  }
}

/**
 * Dark blue over red to light yellow, for maps of 0 to 255: one opaque word each.
 *
 * @returns {Uint32Array}
 */
export function heat() {
  const stops = [[10, 8, 40], [80, 18, 110], [180, 50, 110], [245, 120, 70], [253, 230, 150]];
  return Uint32Array.from({ length: 256 }, (_none, value) => {
    const at = (value / 255) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    const mix = stops[low].map((start, i) => start + (at - low) * (stops[low + 1][i] - start));
    return word(mix[0], mix[1], mix[2]);
  });
}

/**
 * @param {number} red
 * @param {number} green
 * @param {number} blue
 */
function word(red, green, blue) {
  return ((255 << 24) | (Math.round(blue) << 16) | (Math.round(green) << 8) | Math.round(red)) >>> 0;
}
