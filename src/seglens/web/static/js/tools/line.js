/** Line: drawn from border to border of the region, it cuts a part off and fills it. */

import { cutOff } from "../raster.js";

/**
 * @param {import("../tools.js").Bench} bench
 * @returns {import("../tools.js").Tool}
 */
export function line(bench) {
  /** @type {import("../types.js").Place[]} */
  let way = [];
  return {
    down(place) {
      way = [place];
    },
    move(places) {
      way.push(...places);
      bench.stage.redraw();
    },
    up(place) {
      const { mask, cls } = bench.session;
      const drawn = [...way, place];
      way = [];
      bench.stage.redraw();
      if (!mask || drawn.length < 2) return;
      const pixels = cutOff(mask.inside, drawn, mask.size);
      if (!pixels.length) {
        bench.tell("The line cuts nothing off: draw it from one border of the outlined region to another, or around a part of it.");
        return;
      }
      mask.begin();
      mask.set(pixels, cls);
      bench.commit("line");
    },
    cancel() {
      way = [];
      bench.stage.redraw();
    },
    draw(context, scale) {
      if (!way.length) return;
      context.beginPath();
      for (const place of way) context.lineTo(place.x + 0.5, place.y + 0.5);
      context.lineWidth = 4 / scale;
      context.strokeStyle = "rgb(0 0 0 / 0.6)";
      context.stroke();
      context.lineWidth = 2 / scale;
      context.strokeStyle = bench.color(bench.session.cls);
      context.stroke();
    },
  };
}
