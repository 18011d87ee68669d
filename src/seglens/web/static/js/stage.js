/** The labels' canvas in the image's own pixels, and a thin one over everything for outlines and pointers. */

import { edges } from "./runs.js";

export class Stage {
  /**
   * @param {HTMLCanvasElement} labels
   * @param {HTMLCanvasElement} dim darkens what is not asked about
   * @param {HTMLCanvasElement} hud in the frame's pixels
   * @param {import("./view.js").View} view
   */
  constructor(labels, dim, hud, view) {
    this.labels = labels;
    this.dim = dim;
    this.hud = hud;
    this.view = view;
    /** @type {import("./mask.js").Mask|null} */
    this.mask = null;
    /** @type {import("./palette.js").Palette|null} */
    this.palette = null;
    this.data = new ImageData(1, 1);
    this.words = new Uint32Array(1);
    /** @type {Path2D|null} */
    this.outline = null;
    /** @type {(context: CanvasRenderingContext2D, scale: number) => void} what the tool adds, in image pixels */
    this.extra = () => {};
    this.pending = 0;
    view.changed = () => this.redraw();
  }

  /**
   * @param {import("./mask.js").Mask} mask
   * @param {import("./types.js").Region} region
   */
  show(mask, region) {
    const [height, width] = mask.size;
    this.mask = mask;
    for (const canvas of [this.labels, this.dim]) Object.assign(canvas, { width, height });
    this.data = new ImageData(width, height);
    this.words = new Uint32Array(this.data.data.buffer);
    mask.changed = (top, left, bottom, right) => this.paint([top, left, bottom, right]);
    this.paint([0, 0, height, width]);
    const dark = /** @type {CanvasRenderingContext2D} */ (this.dim.getContext("2d"));
    dark.fillRect(0, 0, width, height);
    for (const [start, length] of region.runs) {
      for (let at = start, left = length; left > 0; ) {
        const x = at % width;
        const some = Math.min(left, width - x);
        dark.clearRect(x, (at - x) / width, some, 1);
        at += some;
        left -= some;
      }
    }
    this.outline = new Path2D();
    for (const [y0, x0, y1, x1] of edges(mask.inside, mask.size, region.box)) {
      this.outline.moveTo(x0, y0);
      this.outline.lineTo(x1, y1);
    }
    this.redraw();
  }

  clear() {
    this.mask = null;
    this.outline = null;
    for (const canvas of [this.labels, this.dim]) canvas.width = canvas.height = 1;
    this.redraw();
  }

  /** @param {[number, number, number, number]} box top, left, bottom, right */
  paint([top, left, bottom, right]) {
    if (!this.mask || !this.palette) return;
    this.palette.paint(this.mask.pixels, this.words, this.mask.size[1], [top, left, bottom, right]);
    const context = this.labels.getContext("2d");
    context?.putImageData(this.data, 0, 0, left, top, right - left, bottom - top);
  }

  /** @param {import("./palette.js").Palette} palette */
  recolor(palette) {
    this.palette = palette;
    if (this.mask) this.paint([0, 0, ...this.mask.size]);
  }

  /** Draw outlines and pointers anew with the next frame. */
  redraw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.#draw();
    });
  }

  #draw() {
    const { hud, view } = this;
    const dots = window.devicePixelRatio || 1;
    const [width, height] = [view.frame.clientWidth, view.frame.clientHeight].map((side) => Math.round(side * dots));
    if (hud.width !== width || hud.height !== height) Object.assign(hud, { width, height });
    const context = /** @type {CanvasRenderingContext2D} */ (hud.getContext("2d"));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    const scale = view.scale * dots;
    context.setTransform(scale, 0, 0, scale, view.left * dots, view.top * dots);
    if (this.outline) {
      context.lineCap = "square";
      context.strokeStyle = "rgb(0 0 0 / 0.75)";
      context.lineWidth = (3.5 * dots) / scale;
      context.stroke(this.outline);
      context.strokeStyle = "#fff";
      context.lineWidth = (1.5 * dots) / scale;
      context.stroke(this.outline);
    }
    this.extra(context, scale / dots);
  }
}
