/** Brush and eraser: a disc of a fixed diameter along the pointer's way. */

import { NONE } from "../runs.js";
import { thickLine } from "../raster.js";

/**
 * @param {import("../tools.js").Bench} bench
 * @param {"brush"|"eraser"} name
 * @returns {import("../tools.js").Tool}
 */
export function brush(bench, name) {
  /** @type {import("../types.js").Place|null} */
  let last = null;
  /** @type {import("../types.js").Place|null} */
  let above = null;
  const value = () => (name === "eraser" ? NONE : bench.session.cls);

  function reach(/** @type {import("../types.js").Place} */ place) {
    const mask = /** @type {import("../mask.js").Mask} */ (bench.session.mask);
    /** @type {number[]} */
    const pixels = [];
    thickLine(last ?? place, place, bench.diameter, mask.size, (pixel) => pixels.push(pixel));
    mask.set(pixels, value());
    last = above = place;
  }

  return {
    down(place) {
      bench.session.mask?.begin();
      last = null;
      reach(place);
    },
    move(places) {
      for (const place of places) reach(place);
    },
    up(place) {
      reach(place);
      bench.commit(name);
    },
    hover(place) {
      above = place;
      bench.stage.redraw();
    },
    draw(context, scale) {
      if (!above) return;
      context.beginPath();
      context.arc(above.x + 0.5, above.y + 0.5, Math.max(bench.diameter, 1) / 2, 0, 2 * Math.PI);
      context.lineWidth = 3 / scale;
      context.strokeStyle = "rgb(0 0 0 / 0.6)";
      context.stroke();
      context.lineWidth = 1.5 / scale;
      context.strokeStyle = name === "eraser" ? "#fff" : bench.color(bench.session.cls);
      context.stroke();
    },
  };
}
