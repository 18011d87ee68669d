/** Keeps a question on this desk while its person does something. */

import { Failure, call } from "./api.js";
import * as timer from "./timer.js";

/**
 * @param {import("./types.js").Question} question
 * @param {(failure: Failure) => void} lost it is on another desk now
 * @returns {number} an interval, to be cleared when the question goes; 0 where it is on no desk
 */
export function renewed(question, lost) {
  const left = question.claim?.seconds_left;
  if (!left) return 0;
  const pause = 1000 * Math.min(60, Math.max(0.5, left / 3));
  let last = performance.now();
  return window.setInterval(async () => {
    if (document.visibilityState !== "visible" || timer.lively() <= last) return;
    last = performance.now();
    try {
      await call("POST", `/questions/${encodeURIComponent(question.id)}/renew`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (error.status === 409 || error.status === 403) lost(error);
    }
  }, pause);
}
