/** Who works here: login, and the owner's list. */

import { call } from "./api.js";
import { hide, show, tell } from "./dialog.js";
import { duration, make, named } from "./dom.js";
import { view } from "./views.js";

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
