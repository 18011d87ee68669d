/** What the server does, how far this round is, and how the model gets better. */

import { Failure, call } from "./api.js";
import { auditWords, curve } from "./curve.js";
import { duration, make, named } from "./dom.js";

const STAGES = {
  narrow: "choosing images",
  score: "looking where the model doubts",
  pick: "choosing questions",
  ask: "asking",
  await: "waiting for answers",
  settle: "turning answers into labels",
  train: "training",
  evaluate: "measuring",
};
const EVERY = 2000;

/**
 * Ask for the status again and again, and show it.
 *
 * @param {(status: any, before: any) => void} changed
 */
export function follow(changed) {
  let before = /** @type {any} */ (null);
  async function once() {
    if (document.visibilityState === "visible" || !before) {
      try {
        const status = await call("GET", "/status", undefined, { seconds: 10 });
        show(status);
        changed(status, before);
        before = status;
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        named("stagename").textContent = error.status ? error.message : "The server cannot be reached; your work is kept here.";
      }
    }
    setTimeout(once, EVERY);
  }
  once();
}

/** @param {any} status */
function show(status) {
  const { working, questions, mine } = status;
  const said = named("stagename");
  said.classList.toggle("wrong", Boolean(status.failed));
  said.textContent = words(status);
  const bar = named("working");
  bar.hidden = !working?.total || status.state !== "running";
  if (working?.total) bar.value = working.done / working.total;
  const cost = mine.answered ? ` · ${duration(mine.seconds / mine.answered)} each` : "";
  const enough = questions.enough && questions.enough < questions.total ? `, ${questions.enough} are enough` : "";
  const goal = goalWords(status);
  named("progress").replaceChildren(
    make("strong", {}, `${questions.answered} of ${questions.total}`),
    ` answered in round ${status.round}${enough}`,
    make("br"),
    make("small", {}, `You: ${mine.answered} answers, ${duration(mine.seconds)}${cost}${goal}${agreement(status.agreement)}`),
  );
  named("progress-bar").value = questions.total ? questions.answered / questions.total : 0;
  named("curve").replaceChildren(curve(status.curve, status.audit_set));
  named("audit").textContent = auditWords(status.curve, status.audit_set);
}

/** @param {any} status */
function words(status) {
  const { working } = status;
  if (status.failed) return `Round ${status.round} stopped: ${status.failed}`;
  if (status.state === "finished") return "The run is finished.";
  if (status.state === "awaiting" || status.stage === "await") return `Round ${status.round}: waiting for answers`;
  const stage = /** @type {Record<string, string>} */ (STAGES)[status.stage] ?? status.stage;
  if (!working?.total) return `Round ${status.round}: ${stage}`;
  return `Round ${status.round}: ${working.what} ${working.done} of ${working.total}`;
}

/** @type {{unit: string, total: number|null}|null} */
let aim = null;

/** @param {{unit: string, total: number|null}} goal */
export const setGoal = (goal) => (aim = goal);

/** @param {any} status */
function goalWords({ spent }) {
  if (!aim?.total || spent?.[aim.unit] === undefined) return "";
  const share = aim.unit === "pool-share";
  const [paid, total] = [spent[aim.unit], aim.total].map((value) => (share ? `${figure(100 * value)} %` : figure(value)));
  return ` · goal ${paid} of ${total} ${share ? "of the pool" : aim.unit}`;
}

/** @param {number} value to a hundredth where it is below 10 */
const figure = (value) => String(value < 10 ? Number(value.toFixed(2)) : Math.round(value));

/** @param {any} found */
function agreement(found) {
  if (!found?.asked_twice) return "";
  return ` · two people agreed on ${found.agreeing} of ${found.asked_twice}`;
}
