/** Drafts: which of several holds, and how much of a long history goes into one. */

/** A draft's history is cut to its newest strokes where its JSON would be longer than this; the browser keeps all. */
const LONGEST = 2_500_000;

/** @typedef {import("./types.js").Stroke} Stroke */
/** @typedef {{revision: number, strokes: Stroke[], undone: Stroke[]}} History */

/**
 * What was said to a question last.
 *
 * @param {import("./types.js").Question} question with the server's draft
 * @param {import("./types.js").Draft|null} kept the browser's own
 * @returns {{newest: import("./types.js").Draft|null, holds: boolean}} the newer draft; whether nothing was handed in since
 */
export function latest(question, kept) {
  const newest = (kept?.revision ?? -1) > (question.draft?.revision ?? -1) ? kept : question.draft;
  return { newest, holds: Boolean(newest && newest.revision >= question.revision) };
}

/**
 * @param {import("./mask.js").Mask|null} mask
 * @returns {{strokes: Stroke[], undone: Stroke[]}} of its history what a draft has room for
 */
export function history(mask) {
  const [strokes, left] = newest(mask?.strokes ?? [], LONGEST);
  const [undone] = newest(mask?.undone ?? [], left);
  return { strokes, undone };
}

/**
 * Whether a draft has less than the whole history.
 *
 * @param {import("./mask.js").Mask} mask
 * @param {import("./types.js").Draft} draft
 */
export const isCut = (mask, draft) => draft.strokes.length < mask.strokes.length || (draft.undone?.length ?? 0) < mask.undone.length;

/**
 * The last strokes whose JSON is not longer than allowed, and the length that is left.
 *
 * @param {Stroke[]} strokes
 * @param {number} length
 * @returns {[Stroke[], number]}
 */
function newest(strokes, length) {
  let first = strokes.length;
  const size = (/** @type {number} */ at) => 50 + 7 * strokes[at].runs.length;
  while (first > 0 && size(first - 1) <= length) length -= size(--first);
  return [strokes.slice(first), length];
}
