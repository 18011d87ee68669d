/** Zoom and pan: one CSS transform; no pixel is touched. */

const LEAST = 0.05;
const MOST = 40;
/** At least this share of the image's shorter side is shown around a region. */
const CONTEXT = 0.45;

export class View {
  /**
   * @param {HTMLElement} frame what is seen
   * @param {HTMLElement} world holds the pictures, in the image's own pixels
   */
  constructor(frame, world) {
    this.frame = frame;
    this.world = world;
    /** @type {[number, number]} */
    this.size = [1, 1];
    this.scale = 1;
    this.left = 0;
    this.top = 0;
    this.pending = 0;
    /** @type {[number, number, number, number]|null} what was fitted last: fitted again when the frame changes */
    this.fitted = null;
    this.margin = 0;
    this.changed = () => {};
    new ResizeObserver(() => (this.fitted ? this.fit(this.fitted, this.margin) : this.#draw())).observe(frame);
  }

  /** @param {[number, number]} size of the image */
  resize(size) {
    this.size = size;
    this.world.style.width = `${size[1]}px`;
    this.world.style.height = `${size[0]}px`;
  }

  /**
   * Show a box with some of what is around it.
   *
   * @param {[number, number, number, number]} box top, left, bottom, right
   * @param {number} margin share of the box's longer side
   */
  fit([top, left, bottom, right], margin) {
    this.fitted = [top, left, bottom, right];
    this.margin = margin;
    const side = Math.max(bottom - top, right - left);
    const around = margin ? Math.max(margin * side, (CONTEXT * Math.min(...this.size) - side) / 2) : 0;
    const y0 = Math.max(0, top - around);
    const x0 = Math.max(0, left - around);
    const y1 = Math.min(this.size[0], bottom + around);
    const x1 = Math.min(this.size[1], right + around);
    const { clientHeight: height, clientWidth: width } = this.frame;
    this.scale = clamp(Math.min(height / (y1 - y0), width / (x1 - x0)));
    this.left = width / 2 - (this.scale * (x0 + x1)) / 2;
    this.top = height / 2 - (this.scale * (y0 + y1)) / 2;
    this.#draw();
  }

  whole() {
    this.fit([0, 0, this.size[0], this.size[1]], 0);
  }

  /**
   * @param {number} factor
   * @param {number} x client pixels: what is there stays there
   * @param {number} y
   */
  zoom(factor, x, y) {
    const frame = this.frame.getBoundingClientRect();
    const scale = clamp(this.scale * factor);
    const grown = scale / this.scale;
    this.left = x - frame.left - grown * (x - frame.left - this.left);
    this.top = y - frame.top - grown * (y - frame.top - this.top);
    this.scale = scale;
    this.fitted = null;
    this.#draw();
  }

  /** @param {number} factor about the middle */
  zoomMiddle(factor) {
    const frame = this.frame.getBoundingClientRect();
    this.zoom(factor, frame.left + frame.width / 2, frame.top + frame.height / 2);
  }

  /**
   * @param {number} dx client pixels
   * @param {number} dy
   */
  pan(dx, dy) {
    this.left += dx;
    this.top += dy;
    this.fitted = null;
    this.#draw();
  }

  /**
   * Move the picture no more than it takes to show a pixel.
   *
   * @param {import("./types.js").Place} place
   * @param {number} edge client pixels that it is to be away from the frame's border
   */
  reveal({ y, x }, edge) {
    const { clientHeight: height, clientWidth: width } = this.frame;
    const into = (/** @type {number} */ at, /** @type {number} */ side) => Math.min(side - edge, Math.max(edge, at)) - at;
    const dx = into(this.left + this.scale * (x + 0.5), width);
    const dy = into(this.top + this.scale * (y + 0.5), height);
    if (dx || dy) this.pan(dx, dy);
  }

  /**
   * The pixel under a pointer; it may lie outside the image.
   *
   * @param {number} x client pixels
   * @param {number} y
   * @returns {import("./types.js").Place}
   */
  place(x, y) {
    const box = this.world.getBoundingClientRect();
    return {
      y: Math.floor(((y - box.top) * this.size[0]) / box.height),
      x: Math.floor(((x - box.left) * this.size[1]) / box.width),
    };
  }

  #draw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => {
      this.pending = 0;
      this.world.style.transform = `translate(${this.left}px, ${this.top}px) scale(${this.scale})`;
      this.world.classList.toggle("close", this.scale >= 2);
      this.changed();
    });
  }
}

/** @param {number} scale */
const clamp = (scale) => Math.min(MOST, Math.max(LEAST, scale));
