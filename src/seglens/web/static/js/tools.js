/** The tools and which of them is in hand. */

import { Cursor } from "./cursor.js";
import { make, icon, named } from "./dom.js";
import { listen } from "./pointer.js";
import { brush } from "./tools/brush.js";
import { cutOut } from "./tools/cut-out.js";
import { line } from "./tools/line.js";
import { point } from "./tools/point.js";
import { polygon } from "./tools/polygon.js";
import { superpixel } from "./tools/superpixel.js";

/** @typedef {import("./types.js").Place} Place */

/**
 * @typedef {object} Tool
 * @property {(place: Place, event: import("./pointer.js").Sign) => void} down
 * @property {(places: Place[], event: import("./pointer.js").Sign) => void} [move]
 * @property {(place: Place, event: import("./pointer.js").Sign) => void} [up]
 * @property {() => void} [cancel] the gesture is not to be
 * @property {(place: Place|null) => void} [hover]
 * @property {(context: CanvasRenderingContext2D, scale: number) => void} [draw]
 * @property {() => boolean} [enter] Enter was pressed; true = the tool needed it
 * @property {() => void} [leave] another tool follows
 * @property {() => void} [drop] what is half drawn is to go
 * @property {() => void} [fresh] another question is there
 * @property {() => void} [classed] another class was chosen
 */

/**
 * What a tool works with.
 *
 * @typedef {object} Bench
 * @property {import("./session.js").Session} session
 * @property {import("./view.js").View} view
 * @property {import("./stage.js").Stage} stage
 * @property {number} diameter of brush and eraser, pixels of the image
 * @property {(tool: string) => import("./types.js").Stroke|null} commit
 * @property {(sentence: string) => void} tell
 * @property {(index: number) => string} color
 * @property {(is: boolean) => void} busy
 */

const ROWS = /** @type {const} */ ([
  ["brush", "Brush", "M4 20c3 0 5-1 5-4l-2-2c-3 0-3 4-3 6zM9 14l9-11 3 3-11 9z"],
  ["eraser", "Eraser", "M9 20h11M4 15l9-10 7 6-8 9H8z"],
  ["polygon", "Polygon", "M5 9l8-5 7 7-4 9-9-1z"],
  ["line", "Line that cuts a part off", "M3 17c5-9 9 6 18-9M5 21h14"],
  ["superpixel", "Superpixels", "M3 3h18v18H3zM3 10l7 2 3-9M10 12l-2 9M10 12l11 3"],
  ["cut-out", "Click to segment", "M12 2v5M12 17v5M2 12h5M17 12h5M12 9a3 3 0 100 6 3 3 0 000-6z"],
  ["pan", "Move the picture", "M12 2l3 3H9zM12 22l3-3H9zM2 12l3-3v6zM22 12l-3-3v6zM12 5v14M5 12h14"],
]);
const DRAWN = new Set(["dense", "mask"]);

export class Tools {
  /**
   * @param {Bench} bench
   * @param {(place: Place|null) => void} above is told where the pointer is
   */
  constructor(bench, above) {
    this.bench = bench;
    this.superpixel = superpixel(bench);
    this.cutOut = cutOut(bench);
    /** @type {Record<string, Tool>} */
    this.all = {
      brush: brush(bench, "brush"), eraser: brush(bench, "eraser"), polygon: polygon(bench), line: line(bench),
      superpixel: this.superpixel, "cut-out": this.cutOut, point: point(bench), pan: { down() {} },
    };
    this.name = "pan";
    /** @type {string} the one to draw with, kept over questions */
    this.liked = "superpixel";
    for (const [name, text, path] of ROWS) {
      const press = () => this.choose(name);
      const button = make("button", { type: "button", class: "tool", "data-test": `tool-${name}`, "aria-label": text, title: text, onclick: press }, icon(path));
      named("tools").append(button);
    }
    bench.session.addEventListener("edit", () => bench.stage.redraw());
    bench.stage.extra = (context, scale) => {
      if (this.name !== "polygon") this.all.polygon.draw?.(context, scale);
      this.now.draw?.(context, scale);
      this.cursor.draw(context, scale);
    };
    /** @type {import("./pointer.js").Hand} */
    const hand = {
      down: (place, event) => {
        bench.session.clicks++;
        this.now.down(place, event);
      },
      move: (places, event) => {
        above(places.at(-1) ?? null);
        this.now.move?.(places, event);
      },
      up: (place, event) => this.now.up?.(place, event),
      cancel: () => {
        bench.session.clicks--;
        bench.session.mask?.abort();
        this.now.cancel?.();
      },
      hover: (place) => {
        above(place);
        this.now.hover?.(place);
      },
      pans: () => this.name === "pan" || !bench.session.question || bench.session.sending,
      keyed: () => this.cursor.shown,
    };
    this.cursor = new Cursor(bench, hand);
    listen(bench.view, hand);
  }

  get now() {
    return this.all[this.name];
  }

  /** @param {string} name */
  choose(name) {
    const { kind } = this.bench.session.question ?? {};
    if (!kind || (!DRAWN.has(kind) && name !== "pan" && name !== "point")) return;
    this.bench.session.mask?.abort();
    if (name !== this.name) this.now.leave?.();
    this.name = name;
    if (DRAWN.has(kind) && name !== "pan") this.liked = name;
    if (name === "superpixel") this.superpixel.prepare();
    this.#show();
  }

  /** A new question: the tools that fit it. */
  fresh() {
    this.now.fresh?.();
    const { question } = this.bench.session;
    const drawn = Boolean(question && DRAWN.has(question.kind));
    named("tools").classList.toggle("few", !drawn);
    named("options").hidden = !drawn;
    for (const [name] of ROWS) if (name !== "pan") named(`tool-${name}`).disabled = !drawn;
    this.choose(drawn ? (this.bench.session.corners.length ? "polygon" : this.liked) : question?.kind === "point" ? "point" : "pan");
    this.#show();
  }

  #show() {
    for (const [name] of ROWS) named(`tool-${name}`).setAttribute("aria-pressed", String(name === this.name));
    named("stage-frame").dataset.tool = this.name;
    named("option-size").hidden = this.name !== "brush" && this.name !== "eraser";
    named("option-scale").hidden = this.name !== "superpixel";
    named("option-cut-out").hidden = this.name !== "cut-out";
    named("option-polygon").hidden = this.name !== "polygon";
    named("option-line").hidden = this.name !== "line";
    this.bench.stage.redraw();
  }
}
