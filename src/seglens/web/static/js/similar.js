/** Many similar regions, answered by one press. */

import { call } from "./api.js";
import { hide } from "./dialog.js";
import { make, named } from "./dom.js";
import * as keep from "./keep.js";
import { TICKS } from "./outbox.js";
import { spent } from "./timer.js";
import { thumb, view } from "./views.js";

/** Kinds of question that may be answered together, and what is said of all that are ticked. */
const SAID = {
  "dominant-class": "All ticked are ",
  verdict: "All ticked are ",
  mask: "Each outlined object is whole and ",
  "class-set": "In each of the ticked: ",
};

/** @param {import("./types.js").Question|null} question */
export const together = (question) => Boolean(question && question.kind in SAID);

/**
 * @param {import("./session.js").Session} session
 * @param {import("./types.js").Run} run
 */
export function similar(session, run) {
  const { question } = session;
  if (!question || !together(question)) return;
  view("Confirm many at once", async () => {
    const rows = await call("POST", `/questions/${encodeURIComponent(question.id)}/similar?limit=24`);
    if (!rows.length) return ["No other open question looks like this one."];
    const all = [{ id: question.id, image: question.image }, ...rows];
    const key = `${session.outbox.run}:${TICKS}:${question.id}`;
    const before = keep.get(key);
    const picked = new Set(all.map(({ id }) => id).filter((id) => !before?.left.includes(id)));
    const suggested = before?.classes ?? question.suggestion?.classes ?? rows[0].suggestion?.classes ?? [0];
    const confirm = make("button", { type: "button", class: "first", "data-test": "many-confirm" });
    let edits = before?.edits ?? 0;
    const edited = () => {
      edits++;
      const left = all.map(({ id }) => id).filter((id) => !picked.has(id));
      keep.put(key, { what: TICKS, at: Date.now(), left, classes: chosen(), edits });
      count();
    };
    const several = question.kind === "class-set";
    const { element, chosen } = several ? set(run, suggested, edited) : one(run, suggested[0], edited);
    const count = () => {
      confirm.textContent = `Confirm ${picked.size}`;
      confirm.disabled = !picked.size || !chosen().length;
    };
    let given = false;
    const release = () => {
      if (given) return;
      for (const { id } of rows) call("POST", `/questions/${encodeURIComponent(id)}/release`).catch(() => {});
    };
    const tiles = all.map(({ id, image }) => {
      const tile = make("button", { type: "button", class: "tile", "aria-pressed": String(picked.has(id)), "data-test": `many-${id}`, "aria-label": `Region in ${image}` }, make("img", { src: thumb(id, 160), alt: "" }));
      tile.addEventListener("click", () => {
        if (!picked.delete(id)) picked.add(id);
        tile.setAttribute("aria-pressed", String(picked.has(id)));
        edited();
      });
      return tile;
    });
    confirm.addEventListener("click", () => {
      given = true;
      // a click for each choice, one that confirms
      session.several(question, { queries: [...picked], classes: chosen(), seconds: spent(), clicks: edits + 1, edits });
      keep.drop(key);
      hide();
    });
    count();
    if (named("dialog").open) named("dialog").addEventListener("close", release, { once: true });
    else release();
    return [
      make("p", { class: "note" }, "Those that the model takes for the same. Press what does not belong, choose the class, confirm."),
      make("div", { class: "grid many" }, ...tiles),
      make("div", { class: "confirm" }, make("div", { class: "together" }, SAID[/** @type {keyof typeof SAID} */ (question.kind)], element), confirm),
    ];
  });
}

/**
 * @typedef {{element: HTMLElement, chosen: () => number[]}} Choice
 *
 * One class of all.
 *
 * @param {import("./types.js").Run} run
 * @param {number} first
 * @param {() => void} changed
 * @returns {Choice}
 */
function one(run, first, changed) {
  const element = make("select", { "data-test": "many-class", "aria-label": "Class of all that are ticked", onchange: changed });
  for (const { index, name } of run.classes) element.append(make("option", { value: index }, name));
  element.value = String(first);
  return { element, chosen: () => [Number(element.value)] };
}

/**
 * Any of the classes.
 *
 * @param {import("./types.js").Run} run
 * @param {number[]} first
 * @param {() => void} changed
 * @returns {Choice}
 */
function set(run, first, changed) {
  const boxes = run.classes.map(({ index, name }) => {
    const box = make("input", { type: "checkbox", value: index, "data-test": `many-class-${index}`, onchange: changed });
    box.checked = first.includes(index);
    return { box, label: make("label", {}, box, name) };
  });
  const element = make("div", { class: "set", role: "group", "aria-label": "Classes in each that is ticked" }, ...boxes.map(({ label }) => label));
  return { element, chosen: () => boxes.filter(({ box }) => box.checked).map(({ box }) => Number(box.value)) };
}
