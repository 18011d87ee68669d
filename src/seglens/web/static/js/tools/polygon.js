/** Polygon: corners by click; a click on the first one, a double click or Enter closes it. */

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
  /** @type {import("../types.js").Place[]} */
  let corners = [];
  /** @type {import("../types.js").Place|null} */
  let above = null;
  let clicked = -Infinity;

  function close() {
    const { mask, cls } = bench.session;
    const drawn = corners;
    corners = [];
    bench.stage.redraw();
    if (!mask || drawn.length < 3) return;
    /** @type {number[]} */
    const pixels = [];
    inside(drawn, mask.size, (pixel) => pixels.push(pixel));
    mask.begin();
    mask.set(pixels, cls);
    bench.commit("polygon");
  }

  return {
    down() {},
    up(place, event) {
      const [first] = corners;
      const near = first && Math.hypot(place.y - first.y, place.x - first.x) * bench.view.scale <= NEAR;
      const last = corners.at(-1);
      const again = event.timeStamp - clicked < TWICE && last?.y === place.y && last.x === place.x;
      clicked = event.timeStamp;
      if (corners.length > 2 && (near || again)) return close();
      if (last?.y !== place.y || last.x !== place.x) corners.push(place);
      bench.stage.redraw();
    },
    hover(place) {
      above = place;
      if (corners.length) bench.stage.redraw();
    },
    enter() {
      if (!corners.length) return false;
      close();
      return true;
    },
    back() {
      if (!corners.length) return false;
      corners.pop();
      bench.stage.redraw();
      return true;
    },
    leave() {
      corners = [];
      bench.stage.redraw();
    },
    draw(context, scale) {
      if (!corners.length) return;
      context.beginPath();
      for (const corner of above ? [...corners, above] : corners) context.lineTo(corner.x + 0.5, corner.y + 0.5);
      context.lineWidth = 4 / scale;
      context.strokeStyle = "rgb(0 0 0 / 0.6)";
      context.stroke();
      context.lineWidth = 2 / scale;
      context.strokeStyle = bench.color(bench.session.cls);
      context.stroke();
      for (const [index, corner] of corners.entries()) {
        context.beginPath();
        context.arc(corner.x + 0.5, corner.y + 0.5, (index ? 3.5 : 5.5) / scale, 0, 2 * Math.PI);
        context.fillStyle = index ? "#fff" : bench.color(bench.session.cls);
        context.fill();
        context.lineWidth = 1 / scale;
        context.strokeStyle = "#000";
        context.stroke();
      }
    },
  };
}
