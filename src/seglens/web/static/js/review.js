/** What a reviewer decides: questions that two people answered differently, and answers that an audit doubts. */

import { call } from "./api.js";
import { drawing } from "./comparison.js";
import { hide, tell } from "./dialog.js";
import { make } from "./dom.js";
import * as timer from "./timer.js";
import { thumb, view } from "./views.js";

/**
 * What the sections of the review work with.
 *
 * @typedef {object} Table
 * @property {import("./session.js").Session} session
 * @property {import("./types.js").Run} run
 * @property {import("./palette.js").Palette} palette
 * @property {() => number} clock seconds of looking since the last decision
 */

/**
 * @param {import("./session.js").Session} session
 * @param {import("./types.js").Run} run
 * @param {import("./palette.js").Palette} palette
 */
export function review(session, run, palette) {
  const table = { session, run, palette, clock: timer.apart() };
  return view("Review", async () => {
    const [disputes, { at, doubted }] = await Promise.all([call("GET", "/review"), call("GET", "/doubts")]);
    const none = at
      ? "Nothing of what the last audit doubts is left to look at."
      : "No audit yet: the command “seglens audit” looks for answers that are likely wrong.";
    return [
      make("h3", { class: "review" }, "Two people, two answers"),
      ...(disputes.length ? disputes.map((/** @type {any} */ row) => dispute(table, row)) : ["Nothing to review: where two people were asked, they agreed."]),
      make("h3", {}, "Answers that the audit doubts"),
      ...(doubted.length ? doubted.map((/** @type {any} */ row) => doubt(table, row)) : [none]),
    ];
  });
}

/**
 * @param {Table} table
 * @param {any} row
 */
function dispute(table, row) {
  const { palette } = table;
  const section = make("section", { class: "dispute", "data-test": `dispute-${row.id}` });
  const take = taker(table, section, row.id);
  const sides = row.answers.map((/** @type {any} */ answer) => {
    const side = make("button", { type: "button", class: "side", "data-test": `take-${answer.annotator}`, onclick: () => take({ annotator: answer.annotator, seen: answer.revision }) }, ...said(table, answer), make("small", {}, `by ${answer.annotator} · take this one`));
    if (answer.mask) drawing(row.image, row.box, answer.mask, palette).then((canvas) => side.prepend(canvas), (error) => tell(error.message));
    return side;
  });
  const drawn = row.answers.filter((/** @type {any} */ { mask }) => mask);
  const own = make("button", { type: "button", "data-test": "settle", onclick: opener(table, row.id, null) }, drawn.length ? "Neither: draw it anew" : "Neither: answer it yourself");
  const corrected = drawn.map((/** @type {any} */ { annotator, mask }) => make("button", { type: "button", "data-test": `correct-${annotator}`, onclick: opener(table, row.id, mask) }, `Correct ${annotator}’s`));
  const neither = row.kind === "dominant-class" ? [others(table, "Neither: it is…", take)] : [make("div", { class: "neither" }, ...corrected, own)];
  section.append(make("img", { src: thumb(row.id, 240), alt: `Region in ${row.image}` }), make("div", { class: "sides" }, ...sides, ...neither));
  return section;
}

/**
 * @param {Table} table
 * @param {any} row
 */
function doubt(table, row) {
  const section = make("section", { class: "dispute doubt", "data-test": `doubt-${row.id}` });
  const take = taker(table, section, row.id);
  const keep = make("button", { type: "button", class: "side", "data-test": `keep-${row.id}`, onclick: () => take({ annotator: row.annotator, seen: row.answer.revision }) }, ...said(table, row.answer), make("small", {}, `by ${row.annotator} · keep it`));
  const rather = { status: "answered", classes: [row.instead], point: null, mask: null };
  const change =
    row.kind === "dominant-class"
      ? [
          make("button", { type: "button", class: "side", "data-test": `rather-${row.id}`, onclick: () => take({ answer: rather }) }, ...said(table, rather), make("small", {}, "change it to this")),
          others(table, "Neither: it is…", take),
        ]
      : [];
  const open = make("button", { type: "button", "data-test": `open-${row.id}`, onclick: opener(table, row.id, row.answer.mask) }, row.answer.mask ? "Correct it" : "Answer it anew");
  section.append(
    make("img", { src: row.picture, alt: `Region in ${row.image}` }),
    make("div", { class: "sides" }, make("div", { class: "reasons" }, ...row.reasons.map((/** @type {string} */ text) => make("p", {}, text))), keep, ...change, make("div", { class: "neither" }, open)),
  );
  return section;
}

/**
 * An answer in words, with its colour.
 *
 * @param {Table} table
 * @param {any} answer
 */
function said({ run, palette }, answer) {
  const words = answer.status === "answered" ? answer.classes.map((/** @type {number} */ index) => run.classes[index]?.name).join(", ") || "labelled" : answer.status;
  const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
  const at = run.classes.findIndex(({ index }) => index === answer.classes[0]);
  if (answer.status === "answered" && at >= 0) swatch.style.background = palette.background(at);
  return [!answer.mask && swatch, make("strong", {}, words)];
}

/**
 * Any other class, by one choice.
 *
 * @param {Table} table
 * @param {string} text
 * @param {(body: any) => void} take
 */
function others({ run }, text, take) {
  const found = make("select", { "aria-label": "Neither: another class" }, make("option", { value: "" }, text));
  for (const { index, name } of run.classes) found.append(make("option", { value: index }, name));
  found.addEventListener("change", () => found.value && take({ answer: { status: "answered", classes: [Number(found.value)], point: null, mask: null } }));
  return found;
}

/**
 * Look again when the last decision of an open review has arrived.
 *
 * @param {import("./session.js").Session} session
 * @param {import("./types.js").Run} run
 * @param {import("./palette.js").Palette} palette
 */
export function again(session, run, palette) {
  const open = document.querySelector("dialog[open] .review");
  if (open && !document.querySelector(".dispute")) review(session, run, palette);
}

/**
 * Decides, and takes the section away. What it took goes along: the seconds since the decision before, the clicks in this
 * section, and one edit where the answer is another.
 *
 * @param {Table} table
 * @param {HTMLElement} section
 * @param {string} id
 */
function taker({ session, clock }, section, id) {
  let [seconds, clicks] = [0, 0];
  section.addEventListener("click", () => clicks++, true);
  return (/** @type {any} */ { annotator, seen, answer }) => {
    seconds += clock();
    const effort = { seconds, clicks: Math.max(clicks, 1), edits: answer ? 1 : 0 };
    const body = answer ? { answer: { ...answer, ...effort } } : { annotator, seen, ...effort };
    section.remove();
    session.outbox.post("review", id, "POST", `/review/${encodeURIComponent(id)}`, body);
  };
}

/**
 * Opens the question itself, to answer it with the tools; what was looked at so far counts for it.
 *
 * @param {Table} table
 * @param {string} id
 * @param {any} from a drawing to begin with
 */
const opener = ({ session, clock }, id, from) => async () => {
  const looked = clock();
  hide();
  await session.settle(id, from);
  if (session.question?.id === id) timer.start(timer.spent() + looked);
};
