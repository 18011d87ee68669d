/** Superpixels: a click fills one, a drag all that it passes. Every pixel list is at hand, so a fill is at once. */

import { address, superpixels } from "../pictures.js";

/** Fills that are remembered for measuring. */
const REMEMBERED = 1000;

/** Milliseconds from a pointer's event to when the frame that shows its fill was painted. @type {number[]} */
export const fillMs = [];

/**
 * @param {import("../tools.js").Bench} bench
 * @returns {import("../tools.js").Tool & {scale: string, prepare: () => Promise<void>}}
 */
export function superpixel(bench) {
  /** @type {Map<string, Promise<import("../pictures.js").Superpixels>>} */
  const sets = new Map();
  /** @type {import("../pictures.js").Superpixels|null} */
  let now = null;
  let wanted = "";

  async function prepare() {
    const { question } = bench.session;
    if (!question) return;
    const key = `${question.image}\n${tool.scale}`;
    wanted = key;
    now = null;
    if (!sets.has(key)) {
      if (sets.size > 8) sets.clear();
      sets.set(key, superpixels(address("/api/ids", { image: question.image, scale: tool.scale })));
    }
    try {
      const found = await sets.get(key);
      if (wanted === key) now = found ?? null;
    } catch (error) {
      sets.delete(key);
      bench.tell(`The superpixels did not load: ${/** @type {Error} */ (error).message}`);
    }
  }

  function fill(/** @type {import("../types.js").Place[]} */ places, /** @type {import("../pointer.js").Sign} */ event) {
    const { mask, cls } = bench.session;
    if (!mask || !now) return;
    const [height, width] = mask.size;
    const before = mask.touched?.length;
    for (const { y, x } of places) {
      if (y < 0 || x < 0 || y >= height || x >= width || !mask.inside[y * width + x]) continue;
      const id = now.ids[y * width + x];
      mask.set(now.pixels.subarray(now.offsets[id], now.offsets[id + 1]), cls);
    }
    if (mask.touched?.length === before) return;
    const asked = event.timeStamp;
    requestAnimationFrame(() => {
      // a message that is sent before a frame is painted comes after it
      const painted = new MessageChannel();
      painted.port1.onmessage = () => {
        fillMs.push(performance.now() - asked);
        if (fillMs.length > REMEMBERED) fillMs.shift();
      };
      painted.port2.postMessage(null);
    });
  }

  const tool = {
    scale: "medium",
    prepare,
    down(/** @type {import("../types.js").Place} */ place, /** @type {import("../pointer.js").Sign} */ event) {
      if (!now) bench.tell("The superpixels are still loading.");
      bench.session.mask?.begin();
      fill([place], event);
    },
    move: fill,
    up() {
      bench.commit("superpixel");
    },
  };
  return tool;
}
