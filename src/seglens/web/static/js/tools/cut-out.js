/**
 * Click to segment: a click says "this belongs to it", a click with the right button or Alt, or after the switch,
 * "this does not". Each click asks the server again and takes the place of the last result.
 */

import { call } from "../api.js";

/**
 * @param {import("../tools.js").Bench} bench
 * @returns {import("../tools.js").Tool & {by: string, belongs: boolean}}
 */
export function cutOut(bench) {
  /** @type {[number, number][]} */
  let inside = [];
  /** @type {[number, number][]} */
  let outside = [];
  /** @type {import("../types.js").Stroke|null} */
  let last = null;
  let number = 0;

  function forget() {
    inside = [];
    outside = [];
    last = null;
    number++;
    bench.stage.redraw();
  }

  const tool = {
    by: "walker",
    /** Whether a plain click says what belongs to it, or what does not. */
    belongs: true,
    down() {},
    async up(/** @type {import("../types.js").Place} */ place, /** @type {PointerEvent} */ event) {
      const { question, mask, cls } = bench.session;
      if (!question || !mask) return;
      const [height, width] = mask.size;
      if (place.y < 0 || place.x < 0 || place.y >= height || place.x >= width) return;
      if (last && mask.strokes.at(-1) !== last) forget();
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
        if (last && mask.strokes.at(-1) === last) {
          mask.undo();
          mask.undone.pop();
        }
        mask.begin();
        mask.set(pixels(runs), cls);
        last = bench.commit("cut-out");
        if (!last) bench.tell("Nothing new was found there: try another place, or say what does not belong to it.");
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
    fresh: forget,
    classed: forget,
    draw(/** @type {CanvasRenderingContext2D} */ context, /** @type {number} */ scale) {
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
