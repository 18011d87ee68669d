/** The place of a point answer. */

/**
 * @param {import("../tools.js").Bench} bench
 * @returns {import("../tools.js").Tool}
 */
export function point(bench) {
  return {
    down() {},
    up({ y, x }) {
      const { mask, session } = { mask: bench.session.mask, session: bench.session };
      if (!mask) return;
      const [height, width] = mask.size;
      if (y < 0 || x < 0 || y >= height || x >= width || !mask.inside[y * width + x]) {
        bench.tell("The point belongs inside the outlined region.");
        return;
      }
      session.say({ point: [y, x] });
      bench.stage.redraw();
    },
    draw(context, scale) {
      if (!bench.session.naming.point) return;
      const [y, x] = bench.session.naming.point.map((value) => value + 0.5);
      for (const [color, width] of /** @type {const} */ ([["#000", 5], ["#fff", 2]])) {
        context.beginPath();
        context.arc(x, y, 8 / scale, 0, 2 * Math.PI);
        context.moveTo(x - 13 / scale, y);
        context.lineTo(x + 13 / scale, y);
        context.moveTo(x, y - 13 / scale);
        context.lineTo(x, y + 13 / scale);
        context.lineWidth = width / scale;
        context.strokeStyle = color;
        context.stroke();
      }
    },
  };
}
