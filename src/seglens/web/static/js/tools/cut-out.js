/**
 * Click to segment: a click says "this belongs to it", a click with the right button or Alt, or after the switch,
 * "this does not". Each click asks the server again; its result takes the last one's place, as a step that can be taken
 * back together with the click.
 */

import { call } from "../api.js";

/** @typedef {{stroke: import("../types.js").Stroke, inside: [number, number][], outside: [number, number][]}} Result */

/**
 * @param {import("../tools.js").Bench} bench
 * @returns {import("../tools.js").Tool & {by: string, belongs: boolean}}
 */
export function cutOut(bench) {
  /** @type {[number, number][]} */
  let inside = [];
  /** @type {[number, number][]} */
  let outside = [];
  /** The results for one object, each with the clicks that led to it. @type {Result[]} */
  let results = [];
  /** Those taken back: done again, their clicks come back too. @type {Result[]} */
  let later = [];
  let number = 0;

  function forget() {
    inside = [];
    outside = [];
    results = [];
    later = [];
    cancel();
    bench.stage.redraw();
  }

  /** Whatever is being asked is not wanted any more. */
  function cancel() {
    number++;
    bench.busy(false);
  }

  /** Undo, redo and other tools change the history: the clicks follow. */
  function follow() {
    const all = [...results, ...later];
    if (!all.length) return;
    const { strokes, undone } = bench.session.mask ?? { strokes: [], undone: [] };
    const at = all.findIndex(({ stroke }) => stroke === strokes.at(-1));
    const begun = undone.at(-1) === all[0].stroke;
    if (at < 0 && !begun) return forget();
    if (at === results.length - 1) return;
    cancel();
    results = all.slice(0, at + 1);
    later = all.slice(at + 1);
    inside = [...(results.at(-1)?.inside ?? [])];
    outside = [...(results.at(-1)?.outside ?? [])];
  }

  const tool = {
    by: "walker",
    /** Whether a plain click says what belongs to it, or what does not. */
    belongs: true,
    down() {},
    async up(/** @type {import("../types.js").Place} */ place, /** @type {import("../pointer.js").Sign} */ event) {
      const { question, mask, cls } = bench.session;
      if (!question || !mask) return;
      const [height, width] = mask.size;
      if (place.y < 0 || place.x < 0 || place.y >= height || place.x >= width) return;
      follow();
      const not = event.button === 2 || event.altKey || !tool.belongs;
      (not ? outside : inside).push([place.y, place.x]);
      bench.stage.redraw();
      if (!inside.length) return;
      const mine = ++number;
      bench.busy(true);
      try {
        const { runs } = await call("POST", "/cut-out", {
          image: question.image, query: question.id, inside, outside, box: null, by: tool.by,
        });
        if (mine !== number || bench.session.mask !== mask) return;
        mask.begin();
        mask.without(results.map(({ stroke }) => stroke));
        mask.set(pixels(runs), cls);
        const stroke = bench.commit("cut-out");
        if (stroke) {
          results.push({ stroke, inside: [...inside], outside: [...outside] });
          later = [];
        } else bench.tell("Nothing new was found there: try another place, or say what does not belong to it.");
      } catch (error) {
        bench.tell(`The object was not cut out: ${/** @type {Error} */ (error).message}`);
      } finally {
        if (mine === number) bench.busy(false);
      }
    },
    enter() {
      if (!inside.length && !outside.length) return false;
      forget();
      return true;
    },
    leave: forget,
    drop: forget,
    fresh: forget,
    classed: forget,
    draw(/** @type {CanvasRenderingContext2D} */ context, /** @type {number} */ scale) {
      follow();
      for (const [places, fill] of /** @type {const} */ ([[inside, "#2bd576"], [outside, "#ff4d4d"]])) {
        for (const [y, x] of places) {
          context.beginPath();
          context.arc(x + 0.5, y + 0.5, 5 / scale, 0, 2 * Math.PI);
          context.fillStyle = fill;
          context.fill();
          context.lineWidth = 1.5 / scale;
          context.strokeStyle = "#000";
          context.stroke();
        }
      }
    },
  };
  return tool;
}

/** @param {import("../types.js").Runs} runs */
function* pixels(runs) {
  for (const [start, length] of runs) for (let pixel = start; pixel < start + length; pixel++) yield pixel;
}
