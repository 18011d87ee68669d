/** The corners of a polygon that is not closed yet: steps of the labels' history that change no pixel. */

/** @typedef {import("./types.js").Stroke} Stroke */
/** @typedef {import("./types.js").Place} Place */

/** Steps that end a polygon: it was closed, or dropped. */
const ENDS = new Set(["polygon", "dropped"]);

/** @param {Place} corner */
export const step = (corner) => ({ tool: "corner", runs: [], corner });

/** The step that drops a polygon. */
export const dropped = () => ({ tool: "dropped", runs: [] });

/**
 * @param {Stroke[]} strokes
 * @returns {Place[]} the corners since the last polygon ended
 */
export function open(strokes) {
  return strokes.slice(end(strokes)).flatMap(({ corner }) => (corner ? [corner] : []));
}

/**
 * A history with all corners of the polygon that a draft has beside it, where the history itself was cut.
 *
 * @param {Stroke[]} strokes
 * @param {Place[]} corners
 */
export function completed(strokes, corners) {
  const missing = corners.slice(0, Math.max(0, corners.length - open(strokes).length)).map(step);
  return strokes.toSpliced(end(strokes), 0, ...missing);
}

/** @param {Stroke[]} strokes */
const end = (strokes) => strokes.findLastIndex(({ tool }) => ENDS.has(tool)) + 1;
