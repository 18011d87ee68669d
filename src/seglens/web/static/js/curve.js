/** The learning curve, and what it is measured on. */

import { draw, duration, make } from "./dom.js";

/**
 * @typedef {{low: number|null, high: number|null, images: number}|null} OnAudit
 * @typedef {{round: number, clicks: number, miou: number|null, audit: OnAudit}} Point
 * @typedef {{images: number, labelled: number, clicks: number, seconds: number}|null} AuditSet
 */

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [300, 132, 34, 24, 10, 12];

/** @param {number} share */
const percent = (share) => (100 * share).toFixed(1);

/**
 * mIoU over clicks, a point a round; on the audit set with its 95 % interval.
 *
 * @param {Point[]} rounds
 * @param {AuditSet} auditSet
 */
export function curve(rounds, auditSet) {
  const known = /** @type {(Point & {miou: number})[]} */ (rounds.filter(({ miou }) => miou !== null));
  if (!known.length) return make("p", { class: "note", "data-points": "0" }, unmeasured(rounds, auditSet));
  const picture = draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "data-points": known.length });
  const best = Math.max(...known.map(({ miou, audit }) => audit?.high ?? miou));
  const ceiling = Math.min(1, Math.max(0.1, Math.ceil(best * 11) / 10));
  const most = Math.max(...known.map(({ clicks }) => clicks), 1);
  const x = (/** @type {number} */ clicks) => LEFT + (clicks / most) * (WIDTH - LEFT - RIGHT);
  const y = (/** @type {number} */ miou) => HEIGHT - BOTTOM - (miou / ceiling) * (HEIGHT - BOTTOM - TOP);
  for (const share of [0, 0.5, 1]) {
    const at = y(ceiling * share);
    picture.append(
      draw("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: at, y2: at, class: "grid" }),
      draw("text", { x: LEFT - 5, y: at + 3.5, "text-anchor": "end" }, `${Math.round(100 * ceiling * share)}`),
    );
  }
  for (const { clicks, audit } of known) {
    if (typeof audit?.low !== "number" || typeof audit.high !== "number") continue;
    const interval = { "data-low": audit.low, "data-high": audit.high };
    picture.append(draw("line", { x1: x(clicks), x2: x(clicks), y1: y(audit.low), y2: y(audit.high), class: "interval", ...interval }));
  }
  const last = /** @type {Point & {miou: number}} */ (known.at(-1));
  const points = known.map(({ clicks, miou }) => [x(clicks), y(miou)]);
  const [lx, ly] = [x(last.clicks), y(last.audit?.high ?? last.miou)];
  picture.append(
    draw("text", { x: LEFT, y: HEIGHT - 6 }, last.audit ? "mIoU on the audit set, % over clicks" : "mIoU, % over clicks"),
    draw("text", { x: WIDTH - RIGHT, y: HEIGHT - 6, "text-anchor": "end" }, String(Math.round(most))),
    draw("polyline", { points: points.map((point) => point.join(",")).join(" "), class: "line" }),
    ...points.map(([cx, cy]) => draw("circle", { cx, cy, r: 3.5, class: "dot" })),
    draw("text", { x: Math.min(lx, WIDTH - RIGHT), y: Math.max(ly - 7, 10), "text-anchor": "end", class: "value" }, `${percent(last.miou)} %`),
  );
  const where = last.audit ? " on the audit set" : "";
  picture.setAttribute("aria-label", `Learning curve: after ${known.length} rounds mIoU${where} is ${percent(last.miou)} percent${between(last.audit)}`);
  return picture;
}

/**
 * Why there is no curve yet, and what makes one.
 *
 * @param {Point[]} rounds
 * @param {AuditSet} auditSet
 */
function unmeasured(rounds, auditSet) {
  if (auditSet && !auditSet.labelled) return "The learning curve begins when images of the audit set are labelled: they are asked about after the round's other questions.";
  if (auditSet || !rounds.length) return "The learning curve begins with the first round.";
  return "No measured images: the curve needs masks to measure on. A run that begins with “seglens annotate IMAGES --audit-set 20 …” draws 20 images by chance for that, to be labelled whole.";
}

/** @param {OnAudit} audit */
function between(audit) {
  return typeof audit?.low === "number" && typeof audit.high === "number" ? `, between ${percent(audit.low)} and ${percent(audit.high)}` : "";
}

/**
 * What the audit set is, how far it is labelled, and what that cost.
 *
 * @param {Point[]} rounds
 * @param {AuditSet} auditSet
 */
export function auditWords(rounds, auditSet) {
  if (!auditSet) return "";
  const { images, labelled, clicks, seconds } = auditSet;
  const audit = rounds.findLast((point) => point.audit)?.audit;
  const measured = audit ? ` mIoU is measured on ${audit.images} of them${between(audit)} (95 %).` : "";
  return `Audit set: ${labelled} of ${images} images labelled, ${Math.round(clicks)} clicks and ${duration(seconds)}, apart from the budget.${measured}`;
}
