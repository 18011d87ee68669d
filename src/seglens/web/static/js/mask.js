/** The labels of one question: a class a pixel, and every stroke that made them. */

import { NONE, bitmap, delta, runsByClass } from "./runs.js";

/** @typedef {import("./types.js").Stroke} Stroke */

export class Mask {
  /**
   * @param {[number, number]} size
   * @param {import("./types.js").Runs} region nothing outside it ever changes
   */
  constructor(size, region) {
    this.size = size;
    this.region = region;
    this.pixels = new Uint8Array(size[0] * size[1]).fill(NONE);
    this.inside = bitmap(region, this.pixels.length);
    /** @type {Stroke[]} */
    this.strokes = [];
    /** @type {Stroke[]} */
    this.undone = [];
    /** @type {number[]|null} the open stroke's pixels; what each was before stands in `before` */
    this.touched = null;
    this.before = new Uint8Array(this.pixels.length);
    this.stamps = new Uint32Array(this.pixels.length);
    this.stamp = 0;
    /** @type {(top: number, left: number, bottom: number, right: number) => void} */
    this.changed = () => {};
  }

  /** Begin a stroke. */
  begin() {
    this.touched = [];
    this.stamp++;
  }

  /**
   * Set pixels to a class within the open stroke; nothing where it was dropped meanwhile.
   *
   * @param {Iterable<number>} pixels
   * @param {number} value
   */
  set(pixels, value) {
    const { touched } = this;
    if (!touched) return;
    const dirty = new Box(this.size[1]);
    for (const pixel of pixels) {
      const old = this.pixels[pixel];
      if (!this.inside[pixel] || old === value) continue;
      if (this.stamps[pixel] !== this.stamp) {
        this.stamps[pixel] = this.stamp;
        this.before[pixel] = old;
        touched.push(pixel);
      }
      this.pixels[pixel] = value;
      dirty.add(pixel);
    }
    dirty.tell(this.changed);
  }

  /**
   * End the stroke and keep it.
   *
   * @param {string} tool
   * @returns {Stroke|null} null where nothing changed
   */
  commit(tool) {
    const touched = Uint32Array.from(this.touched ?? []).sort();
    this.touched = null;
    const runs = delta(touched, (pixel) => this.before[pixel], (pixel) => this.pixels[pixel]);
    if (!runs.length) return null;
    const stroke = { tool, runs };
    this.strokes.push(stroke);
    this.undone = [];
    return stroke;
  }

  /**
   * Keep a step that changes no pixel.
   *
   * @param {Stroke} step
   */
  step(step) {
    this.strokes.push(step);
    this.undone = [];
  }

  /** Drop the open stroke. */
  abort() {
    if (!this.touched) return;
    const dirty = new Box(this.size[1]);
    for (const pixel of this.touched) {
      this.pixels[pixel] = this.before[pixel];
      dirty.add(pixel);
    }
    this.touched = null;
    dirty.tell(this.changed);
  }

  /** Take the last stroke back; null where there is none. */
  undo() {
    const stroke = this.strokes.pop();
    if (!stroke) return null;
    this.undone.push(stroke);
    this.#write(stroke, 2);
    return stroke;
  }

  /** Do the stroke again that was taken back last; null where there is none. */
  redo() {
    const stroke = this.undone.pop();
    if (!stroke) return null;
    this.strokes.push(stroke);
    this.#write(stroke, 3);
    return stroke;
  }

  /**
   * Set, within the open stroke, what was there before other strokes.
   *
   * @param {Stroke[]} strokes the last ones
   */
  without(strokes) {
    for (const { runs } of strokes.toReversed()) {
      for (let i = 0; i < runs.length; i += 4) this.set(range(runs[i], runs[i + 1]), runs[i + 2]);
    }
  }

  /**
   * Take up where somebody left off.
   *
   * @param {import("./types.js").MaskRuns|null|undefined} said
   * @param {Stroke[]} [strokes] its history, as far as known
   * @param {Stroke[]} [undone] what was taken back of it, the last one last
   */
  load(said, strokes = [], undone = []) {
    this.pixels.fill(NONE);
    for (const [value, runs] of said?.runs_by_class ?? []) {
      for (const [start, length] of runs) this.pixels.fill(value, start, start + length);
    }
    this.strokes = [...strokes];
    this.undone = [...undone];
    this.changed(0, 0, this.size[0], this.size[1]);
  }

  /**
   * Lay a drawing over it, as one stroke.
   *
   * @param {import("./types.js").MaskRuns} said
   * @returns {Stroke|null} null where nothing changed
   */
  lay(said) {
    this.begin();
    for (const [value, runs] of said.runs_by_class) {
      for (const [start, length] of runs) this.set(range(start, length), value);
    }
    return this.commit("laid");
  }

  /** What is said, as runs by class. */
  said() {
    return runsByClass(this.pixels, this.region);
  }

  /** How many of the region's pixels have a class, and how many there are. */
  filled() {
    let done = 0;
    let all = 0;
    for (const [start, length] of this.region) {
      all += length;
      for (let pixel = start; pixel < start + length; pixel++) if (this.pixels[pixel] !== NONE) done++;
    }
    return { done, all };
  }

  /**
   * @param {Stroke} stroke
   * @param {2|3} which of its quadruples' values
   */
  #write({ runs }, which) {
    const dirty = new Box(this.size[1]);
    for (let i = 0; i < runs.length; i += 4) {
      const end = runs[i] + runs[i + 1];
      this.pixels.fill(runs[i + which], runs[i], end);
      for (let pixel = runs[i]; pixel < end; pixel++) dirty.add(pixel);
    }
    dirty.tell(this.changed);
  }
}

/**
 * @param {number} start
 * @param {number} length
 */
const range = (start, length) => Array.from({ length }, (_, at) => start + at);

/** The box around pixels, growing. */
class Box {
  /** @param {number} width */
  constructor(width) {
    this.width = width;
    this.top = this.left = Infinity;
    this.bottom = this.right = -1;
  }

  /** @param {number} pixel */
  add(pixel) {
    const x = pixel % this.width;
    const y = (pixel - x) / this.width;
    if (y < this.top) this.top = y;
    if (y >= this.bottom) this.bottom = y + 1;
    if (x < this.left) this.left = x;
    if (x >= this.right) this.right = x + 1;
  }

  /** @param {Mask["changed"]} changed */
  tell(changed) {
    if (this.bottom > 0) changed(this.top, this.left, this.bottom, this.right);
  }
}
