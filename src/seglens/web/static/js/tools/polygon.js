/**
 * Polygon: corners by click; a click on the first one, a double click or Enter closes it. Each corner is a step of the
 * labels' history and stays there when another tool is taken.
 */

import { dropped, step } from "../corners.js";
import { polygon as inside } from "../raster.js";

/** Two clicks at one place within so many milliseconds are a double click. */
const TWICE = 500;
/** So near to the first corner, client pixels, a click closes. */
const NEAR = 9;

/**
 * @param {import("../tools.js").Bench} bench
 * @returns {import("../tools.js").Tool}
 */
export function polygon(bench) {
  const { session } = bench;
  /** @type {import("../types.js").Place|null} */
  let above = null;
  let clicked = -Infinity;

  function drop() {
    if (!session.corners.length) return;
    session.mask?.step(dropped());
    session.keep();
  }

  function close() {
    const { mask, cls, corners: drawn } = session;
    if (!mask || drawn.length < 3) return drop();
    /** @type {number[]} */
    const pixels = [];
    inside(drawn, mask.size, (pixel) => pixels.push(pixel));
    mask.begin();
    mask.set(pixels, cls);
    if (!bench.commit("polygon")) drop();
  }

  return {
    down() {},
    up(place, event) {
      const { corners, mask } = session;
      const [first] = corners;
      const near = first && Math.hypot(place.y - first.y, place.x - first.x) * bench.view.scale <= NEAR;
      const last = corners.at(-1);
      const again = event.timeStamp - clicked < TWICE && last?.y === place.y && last.x === place.x;
      clicked = event.timeStamp;
      if (corners.length > 2 && (near || again)) return close();
      if (!mask || (last?.y === place.y && last.x === place.x)) return;
      mask.step(step(place));
      session.keep();
    },
    hover(place) {
      above = place;
      if (session.corners.length) bench.stage.redraw();
    },
    enter() {
      if (!session.corners.length) return false;
      close();
      return true;
    },
    leave() {
      above = null;
    },
    drop,
    classed() {
      if (session.corners.length) session.keep();
    },
    draw(context, scale) {
      const { corners } = session;
      if (!corners.length) return;
      context.beginPath();
      for (const corner of above ? [...corners, above] : corners) context.lineTo(corner.x + 0.5, corner.y + 0.5);
      context.lineWidth = 4 / scale;
      context.strokeStyle = "rgb(0 0 0 / 0.6)";
      context.stroke();
      context.lineWidth = 2 / scale;
      context.strokeStyle = bench.color(session.cls);
      context.stroke();
      for (const [index, corner] of corners.entries()) {
        context.beginPath();
        context.arc(corner.x + 0.5, corner.y + 0.5, (index ? 3.5 : 5.5) / scale, 0, 2 * Math.PI);
        context.fillStyle = index ? "#fff" : bench.color(session.cls);
        context.fill();
        context.lineWidth = 1 / scale;
        context.strokeStyle = "#000";
        context.stroke();
      }
    },
  };
}
