/** The question in words, the classes, and the buttons that answer it. */

import { afterFrame, make, named } from "./dom.js";
import { together } from "./similar.js";

const ASKED = {
  dense: "Label the outlined region",
  mask: "Outline the object",
  "dominant-class": "What is most of this region?",
  "class-set": "Which classes are in this region?",
  point: "Mark a point and say what it is",
  verdict: "Is the prediction right?",
};

/**
 * @param {import("./session.js").Session} session
 * @param {import("./types.js").Run} run
 * @param {import("./keys.js").Keys} keys
 * @param {{choose: (index: number) => void}} acts
 */
export function panel(session, run, keys, acts) {
  const buttons = run.classes.map(({ index, name, text }) =>
    make(
      "button",
      { type: "button", class: "class", "data-test": `class-${index}`, title: text ?? "", onclick: () => acts.choose(index) },
      make("span", { class: "swatch", "aria-hidden": "true" }),
      make("span", { class: "name" }, name),
      make("kbd", {}),
    ),
  );
  named("classes").append(...buttons);

  function hints() {
    buttons.forEach((button, at) => {
      const key = keys.of(`class-${run.classes[at].index}`);
      button.querySelector("kbd").textContent = short(key);
      button.setAttribute("aria-label", key ? `${run.classes[at].name} (key ${key})` : run.classes[at].name);
    });
    for (const name of ["void", "unsure", "missing", "skip", "yes", "no"]) {
      named(name).querySelector("kbd").textContent = short(keys.of(name));
    }
    for (const name of ["undo", "redo", "similar", "submit", "back", "next", "zoom-region", "zoom-all"]) {
      named(name).title = keys.of(name) ? `Key ${keys.of(name)}` : "";
    }
  }

  /** @param {import("./palette.js").Palette} palette */
  function recolor(palette) {
    buttons.forEach((button, at) => (button.querySelector(".swatch").style.background = palette.background(at)));
  }

  function question() {
    const { question } = session;
    named("answer-card").hidden = named("question").hidden = !question;
    if (!question) return;
    const { kind, suggestion } = question;
    const first = suggestion ? run.classes[suggestion.classes[0]]?.name : null;
    named("asked").textContent = kind === "verdict" && first ? `Is this ${first}?` : ASKED[kind];
    named("why").textContent = question.why;
    const changes = session.reviewing ? "in review · " : question.answer ? `changing an earlier answer${earlier(question.answer)} · ` : "";
    named("where").textContent = `${changes}round ${question.round} · question ${question.position + 1} of ${question.of} · ${question.image}`;
    named("verdict").hidden = kind !== "verdict";
    named("classes").hidden = kind === "verdict";
    const accept = named("accept");
    const drawn = session.drawn;
    accept.hidden = kind === "verdict" || kind === "point" || (!drawn && !suggestion) || (kind === "mask" && !suggestion) || (kind === "dense" && !question.layers.includes("prediction"));
    const names = suggested(question).map((index) => run.classes[index]?.name).join(", ");
    const sure = suggestion?.confidence ? ` (${Math.round(100 * suggestion.confidence)} %)` : "";
    accept.textContent = kind === "dense" ? "Fill the rest as predicted" : kind === "mask" ? `All of it is ${names}` : `Accept: ${names}${sure}`;
    accept.title = `Key ${keys.of("accept")}, or Enter while nothing is said`;
    named("submit").hidden = kind === "dominant-class" || kind === "verdict";
    named("similar").hidden = !together(question);
    named("similar").disabled = !question.similar;
    named("similar").textContent = question.similar ? `Similar (${question.similar})…` : "None similar";
    for (const name of ["undo", "redo"]) named(name).hidden = !session.stepwise;
    edit();
  }

  function edit() {
    const { question } = session;
    if (!question) return;
    const chosen = session.drawn || question.kind === "point" ? [session.cls] : session.naming.classes;
    buttons.forEach((button, at) => {
      button.setAttribute("aria-pressed", String(chosen.includes(run.classes[at].index)));
      button.classList.toggle("suggested", suggested(question).includes(run.classes[at].index));
    });
    named("undo").disabled = !session.mask?.strokes.length && !session.naming.past.length;
    named("redo").disabled = !session.mask?.undone.length && !session.naming.undone.length;
    named("back").disabled = !session.past.some((id) => id !== question.id);
    named("answer-card").classList.toggle("busy", session.sending);
    const submit = named("submit");
    if (session.drawn && session.mask) {
      const { done, all } = session.mask.filled();
      submit.textContent = done ? `Hand in (${share(done, all)})` : "Hand in";
      submit.disabled = !done || session.sending;
    } else {
      submit.textContent = "Hand in";
      submit.disabled = session.sending || !ready(session);
    }
  }

  const soon = afterFrame(edit);
  keys.changed = hints;
  hints();
  session.addEventListener("question", question);
  session.addEventListener("edit", soon);
  session.addEventListener("sending", edit);
  return { recolor, edit };
}

/**
 * The classes that accepting would give.
 *
 * @param {import("./types.js").Question} question
 */
function suggested({ kind, suggestion }) {
  return suggestion?.classes.slice(0, kind === "class-set" ? undefined : 1) ?? [];
}

/**
 * Whether enough is said to hand in.
 *
 * @param {import("./session.js").Session} session
 */
export function ready(session) {
  const { question, mask } = session;
  if (!question) return false;
  if (session.drawn) return Boolean(mask && mask.filled().done);
  if (question.kind === "point") return session.naming.point !== null;
  return session.naming.classes.length > 0;
}

/**
 * @param {number} done
 * @param {number} all
 */
function share(done, all) {
  const percent = Math.floor((100 * done) / all);
  return done && !percent ? "under 1 %" : `${percent} %`;
}

/** @param {import("./types.js").Answer} answer */
const earlier = ({ status }) => (status === "answered" ? "" : ` (${status})`);

/** @param {string} key */
const short = (key) => key.replace("Shift+", "⇧").replace("Ctrl+", "⌃").replace("Enter", "↵").toUpperCase();
