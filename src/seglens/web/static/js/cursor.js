/**
 * The pixel cursor: a place in the image that keys move, and a key that stands for the button of a mouse. It feeds the
 * same hand as pointers do, and goes when one moves.
 */

/** @typedef {import("./types.js").Place} Place */

/** Pixels of a bigger step. */
const FAR = 10;
/** So near to the frame's border, client pixels, the picture moves along. */
const EDGE = 40;

export class Cursor {
  /**
   * @param {import("./tools.js").Bench} bench
   * @param {import("./pointer.js").Hand} hand
   */
  constructor(bench, hand) {
    this.bench = bench;
    this.hand = hand;
    /** @type {Place|null} */
    this.place = null;
    this.shown = false;
    this.down = false;
    let [x, y] = [NaN, NaN];
    bench.view.frame.addEventListener("pointermove", (event) => {
      const moved = Math.abs(event.screenX - x) + Math.abs(event.screenY - y) > 0; // browsers tell of a picture that moves
      [x, y] = [event.screenX, event.screenY];
      if (moved) this.hide();
    });
    bench.view.frame.addEventListener("pointerdown", () => this.hide());
    window.addEventListener("blur", () => this.up());
    bench.session.addEventListener("question", () => this.#gone());
  }

  /**
   * One step; the first one only shows it, in the middle of the region.
   *
   * @param {number} dy
   * @param {number} dx
   */
  move(dy, dx) {
    const { question } = this.bench.session;
    if (!question) return;
    const { frame } = this.bench.view;
    frame.focus({ preventScroll: true });
    const [height, width] = question.size;
    const [top, left, bottom, right] = question.region.box;
    const from = this.place ?? { y: (top + bottom) >> 1, x: (left + right) >> 1 };
    const to = this.shown ? { y: within(from.y + dy, height), x: within(from.x + dx, width) } : from;
    this.shown = true;
    this.place = to;
    this.bench.view.reveal(to, EDGE);
    this.hand.hover(to, sign());
    if (this.down) this.hand.move(way(from, to), sign());
    this.bench.stage.redraw();
  }

  /** Press the button; nothing where the cursor is not out, or the tool moves the picture. */
  press() {
    if (!this.shown || !this.place || this.down || this.hand.pans()) return;
    this.down = true;
    this.hand.down(this.place, sign());
  }

  /** Let it go. */
  up() {
    if (!this.down || !this.place) return;
    this.down = false;
    this.hand.up(this.place, sign());
  }

  /** What is being drawn is not to be; false where nothing is. */
  cancel() {
    const { down } = this;
    if (down) this.hand.cancel();
    this.down = false;
    return down;
  }

  /** Press it and leave it pressed, or let it go. */
  hold() {
    if (this.down) this.up();
    else this.press();
    this.bench.stage.redraw();
  }

  hide() {
    if (!this.shown) return;
    this.up();
    this.shown = false;
    this.bench.stage.redraw();
  }

  /** What it was over is not there any more. */
  #gone() {
    this.place = null;
    this.shown = this.down = false;
  }

  /**
   * @param {CanvasRenderingContext2D} context in image pixels
   * @param {number} scale
   */
  draw(context, scale) {
    if (!this.shown || !this.place) return;
    const { y, x } = this.place;
    const [arm, gap] = [14 / scale, Math.max(0.5, 4 / scale)];
    context.beginPath();
    for (const [dy, dx] of [[0, 1], [0, -1], [1, 0], [-1, 0]]) {
      context.moveTo(x + 0.5 + gap * dx, y + 0.5 + gap * dy);
      context.lineTo(x + 0.5 + (gap + arm) * dx, y + 0.5 + (gap + arm) * dy);
    }
    context.rect(x, y, 1, 1);
    for (const [color, line] of /** @type {const} */ ([["#000", 4], [this.down ? "#ffd24a" : "#fff", 2]])) {
      context.lineWidth = line / scale;
      context.strokeStyle = color;
      context.stroke();
    }
  }

  /** @returns {import("./keys.js").Action[]} */
  actions() {
    const ways = /** @type {const} */ ([["left", "Left", 0, -1], ["right", "Right", 0, 1], ["up", "Up", -1, 0], ["down", "Down", 1, 0]]);
    return [
      ...ways.flatMap(([name, key, dy, dx]) => [
        { name: `cursor-${name}`, title: `Cursor ${name}`, key: `Arrow${key}`, repeats: true, act: () => this.move(dy, dx) },
        { name: `cursor-far-${name}`, title: `Cursor ${name}, ${FAR} pixels`, key: `Shift+Arrow${key}`, repeats: true, act: () => this.move(FAR * dy, FAR * dx) },
      ]),
      { name: "cursor-press", title: "Click at the cursor; held, draw", key: "Space", act: () => this.press(), release: () => this.up() },
      { name: "cursor-hold", title: "Begin to draw at the cursor, and end", key: "Shift+Space", act: () => this.hold() },
    ];
  }
}

/** What tools look at in a pointer's event. */
const sign = () => ({ timeStamp: performance.now(), button: 0, altKey: false });

/**
 * @param {number} value
 * @param {number} size
 */
const within = (value, size) => Math.min(size - 1, Math.max(0, value));

/**
 * Every place on a straight way along a row or a column, without the first.
 *
 * @param {Place} from
 * @param {Place} to
 */
function way(from, to) {
  const steps = Math.abs(to.y - from.y) + Math.abs(to.x - from.x);
  const [dy, dx] = [Math.sign(to.y - from.y), Math.sign(to.x - from.x)];
  return Array.from({ length: steps }, (_, at) => ({ y: from.y + dy * (at + 1), x: from.x + dx * (at + 1) }));
}
