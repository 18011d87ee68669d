/** What the server does, how far this round is, and how the model gets better. */

import { Failure, call } from "./api.js";
import { draw, duration, make, named } from "./dom.js";

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
  named("curve").replaceChildren(curve(status.curve));
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

/**
 * mIoU over clicks, a point a round.
 *
 * @param {{round: number, clicks: number, miou: number|null}[]} rounds
 */
export function curve(rounds) {
  const known = rounds.filter(({ miou }) => miou !== null);
  const [width, height, left, bottom, top, right] = [300, 132, 34, 24, 10, 12];
  const picture = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "data-points": known.length });
  if (!known.length) {
    const note = rounds.length ? "No measured images: the curve needs masks to measure on." : "The learning curve begins with the first round.";
    return make("p", { class: "note", "data-points": "0" }, note);
  }
  const best = Math.max(...known.map(({ miou }) => miou ?? 0));
  const ceiling = Math.min(1, Math.max(0.1, Math.ceil(best * 11) / 10));
  const most = Math.max(...known.map(({ clicks }) => clicks), 1);
  const x = (/** @type {number} */ clicks) => left + (clicks / most) * (width - left - right);
  const y = (/** @type {number} */ miou) => height - bottom - (miou / ceiling) * (height - bottom - top);
  for (const share of [0, 0.5, 1]) {
    const at = y(ceiling * share);
    picture.append(
      draw("line", { x1: left, x2: width - right, y1: at, y2: at, class: "grid" }),
      draw("text", { x: left - 5, y: at + 3.5, "text-anchor": "end" }, `${Math.round(100 * ceiling * share)}`),
    );
  }
  const points = known.map(({ clicks, miou }) => [x(clicks), y(miou ?? 0)]);
  picture.append(
    draw("text", { x: left, y: height - 6 }, "mIoU, % over clicks"),
    draw("text", { x: width - right, y: height - 6, "text-anchor": "end" }, String(Math.round(most))),
    draw("polyline", { points: points.map((point) => point.join(",")).join(" "), class: "line" }),
    ...points.map(([cx, cy]) => draw("circle", { cx, cy, r: 3.5, class: "dot" })),
  );
  const last = /** @type {number} */ (known.at(-1)?.miou);
  const [lx, ly] = /** @type {number[]} */ (points.at(-1));
  picture.append(draw("text", { x: Math.min(lx, width - right), y: ly - 7, "text-anchor": "end", class: "value" }, `${(100 * last).toFixed(1)} %`));
  picture.setAttribute("aria-label", `Learning curve: after ${known.length} rounds mIoU is ${(100 * last).toFixed(1)} percent`);
  return picture;
}
