/** Who works here: login, review of what two people saw differently, and the owner's list. */

import { call } from "./api.js";
import { drawing } from "./comparison.js";
import { hide, show, tell } from "./dialog.js";
import { duration, make, named } from "./dom.js";
import { thumb, view } from "./views.js";

/** Ask for name and password; the page loads anew when they are right. */
export function login() {
  if (named("login")) return;
  const name = make("input", { "data-test": "login-name", autocomplete: "username", required: true, "aria-label": "Name" });
  const password = make("input", { type: "password", "data-test": "login-password", autocomplete: "current-password", required: true, "aria-label": "Password" });
  const note = make("p", { class: "wrong", role: "alert", "data-test": "login-error" });
  const button = make("button", { class: "first", "data-test": "login" }, "Log in");
  const form = make("form", { class: "login" }, make("label", {}, "Name", name), make("label", {}, "Password", password), note, button);
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    button.disabled = true;
    note.textContent = "";
    try {
      await call("POST", "/login", { name: name.value, password: password.value });
      location.reload();
    } catch (error) {
      note.textContent = /** @type {Error} */ (error).message;
      button.disabled = false;
      password.select();
    }
  });
  const dialog = show("Log in to label", form);
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  named("close").hidden = true;
  name.focus();
}

export async function logout() {
  try {
    await call("POST", "/logout");
    location.reload();
  } catch (error) {
    tell(/** @type {Error} */ (error).message);
  }
}

/**
 * @param {import("./session.js").Session} session
 * @param {import("./types.js").Run} run
 * @param {import("./palette.js").Palette} palette
 */
export function review(session, run, palette) {
  return view("Two people, two answers", async () => {
    const rows = await call("GET", "/review");
    if (!rows.length) return ["Nothing to review: where two people were asked, they agreed."];
    return rows.map((/** @type {any} */ row) => {
      const section = make("section", { class: "dispute", "data-test": `dispute-${row.id}` });
      const take = async (/** @type {any} */ body) => {
        try {
          await call("POST", `/review/${encodeURIComponent(row.id)}`, body);
          section.remove();
          if (!document.querySelector(".dispute")) review(session, run, palette);
        } catch (error) {
          tell(/** @type {Error} */ (error).message);
        }
      };
      const sides = row.answers.map((/** @type {any} */ answer) => {
        const said = answer.status === "answered" ? answer.classes.map((/** @type {number} */ index) => run.classes[index]?.name).join(", ") || "labelled" : answer.status;
        const swatch = make("span", { class: "swatch", "aria-hidden": "true" });
        const at = run.classes.findIndex(({ index }) => index === answer.classes[0]);
        if (answer.status === "answered" && at >= 0) swatch.style.background = palette.background(at);
        const press = () => take({ annotator: answer.annotator });
        const side = make("button", { type: "button", class: "side", "data-test": `take-${answer.annotator}`, onclick: press }, !answer.mask && swatch, make("strong", {}, said), make("small", {}, `by ${answer.annotator} · take this one`));
        if (answer.mask) drawing(row.image, row.box, answer.mask, palette).then((canvas) => side.prepend(canvas), (error) => tell(error.message));
        return side;
      });
      const other = make("select", { "aria-label": "Neither: another class" }, make("option", { value: "" }, "Neither: it is…"));
      for (const { index, name } of run.classes) other.append(make("option", { value: index }, name));
      other.addEventListener("change", () => other.value && take({ answer: { status: "answered", classes: [Number(other.value)], point: null, mask: null } }));
      const settle = (/** @type {any} */ from) => () => (hide(), session.settle(row.id, from));
      const own = make("button", { type: "button", "data-test": "settle", onclick: settle(null) }, row.answers.some((/** @type {any} */ { mask }) => mask) ? "Neither: draw it anew" : "Neither: answer it yourself");
      const corrected = row.answers.filter((/** @type {any} */ { mask }) => mask).map((/** @type {any} */ { annotator, mask }) => make("button", { type: "button", "data-test": `correct-${annotator}`, onclick: settle(mask) }, `Correct ${annotator}’s`));
      const neither = row.kind === "dominant-class" ? [other] : [make("div", { class: "neither" }, ...corrected, own)];
      section.append(make("img", { src: thumb(row.id, 240), alt: `Region in ${row.image}` }), make("div", { class: "sides" }, ...sides, ...neither));
      return section;
    });
  });
}

export function people() {
  return view("People", async () => {
    const rows = await call("GET", "/people");
    const cells = rows.map((/** @type {any} */ row) =>
      make("tr", {}, make("td", {}, row.name), make("td", {}, row.role), make("td", {}, String(row.answered)), make("td", {}, duration(row.seconds)), make("td", {}, row.agreement === null || row.agreement === undefined ? "–" : `${Math.round(100 * row.agreement)} %`)),
    );
    const head = ["Name", "Role", "Answers", "Time", "Agreement"].map((text) => make("th", { scope: "col" }, text));
    const name = make("input", { required: true, "aria-label": "Name", "data-test": "person-name", autocomplete: "off" });
    const password = make("input", { type: "password", required: true, "aria-label": "Password", "data-test": "person-password", autocomplete: "new-password" });
    const role = make("select", { "aria-label": "Role", "data-test": "person-role" }, ...["annotator", "reviewer", "owner"].map((text) => make("option", {}, text)));
    const form = make("form", { class: "login" }, make("h3", {}, "Add somebody"), make("label", {}, "Name", name), make("label", {}, "Password", password), make("label", {}, "Role", role), make("button", { class: "first", "data-test": "person-add" }, "Add"));
    form.addEventListener("submit", async (/** @type {Event} */ event) => {
      event.preventDefault();
      try {
        await call("POST", "/people", { name: name.value, role: role.value, password: password.value });
        hide();
        people();
      } catch (error) {
        tell(/** @type {Error} */ (error).message);
      }
    });
    return [make("table", {}, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...cells)), form];
  });
}
