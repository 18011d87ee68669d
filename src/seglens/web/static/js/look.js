/** Buttons, sliders and switches: which action each stands for, and how the page looks. */

import { make, named } from "./dom.js";
import { logout } from "./people.js";

const THEME = "seglens:theme";
const PRESSED = [
  "accept", "submit", "undo", "redo", "similar", "void", "unsure", "missing", "skip", "yes", "no", "back", "next",
  "history", "guide", "review", "people", "train", "zoom-in", "zoom-out", "zoom-region", "zoom-all",
];

/**
 * @param {any} acts what main.js puts together
 * @param {import("./keys.js").Keys} keys
 * @param {(name: string) => void} press
 */
export function look({ tools, bench, run }, keys, press) {
  for (const name of PRESSED) {
    named(name).addEventListener("click", () => {
      press(name);
      if (!["history", "guide", "review", "people", "similar"].includes(name)) named("stage-frame").focus({ preventScroll: true });
    });
  }
  named("keys").addEventListener("click", () => keys.open());
  named("logout").addEventListener("click", logout);

  named("size").addEventListener("input", () => {
    bench.diameter = Number(named("size").value);
    named("size-told").textContent = `${bench.diameter} px`;
    bench.stage.redraw();
  });
  choice("option-scale", "scale", run.scales, tools.superpixel.scale, (name) => {
    tools.superpixel.scale = name;
    tools.superpixel.prepare();
  });
  const points = [["belongs", "Belongs to it"], ["belongs-not", "Does not"]];
  choice("option-cut-out", "cut-out", points.map(([name]) => name), "belongs", (name) => (tools.cutOut.belongs = name === "belongs"));
  for (const [name, text] of points) named(`cut-out-${name}`).textContent = text;
  if (run.cut_out.length > 1) choice("option-cut-out", "cut-out", run.cut_out, run.cut_out[0], (name) => (tools.cutOut.by = name));

  const filter = () => {
    const picture = document.querySelector(".layer-image");
    const [bright, contrast] = [named("brightness").value, named("contrast").value];
    if (picture instanceof HTMLElement) picture.style.filter = bright === "100" && contrast === "100" ? "" : `brightness(${bright}%) contrast(${contrast}%)`;
  };
  for (const name of ["brightness", "contrast"]) {
    named(name).addEventListener("input", filter);
    named(name).addEventListener("dblclick", () => ((named(name).value = "100"), filter()));
  }
  const fade = (/** @type {string} */ slider, /** @type {string} */ canvas) => {
    const show = () => (named(canvas).style.opacity = String(named(slider).value / 100));
    named(slider).addEventListener("input", show);
    show();
  };
  fade("fade-mask", "stage");
  fade("fade-dim", "dim");

  const root = document.documentElement;
  const stored = localStorage.getItem(THEME);
  if (stored) root.dataset.theme = stored;
  named("theme").addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    localStorage.setItem(THEME, root.dataset.theme);
  });
}

/**
 * Buttons of which one is pressed.
 *
 * @param {string} where
 * @param {string} prefix
 * @param {string[]} names
 * @param {string} first
 * @param {(name: string) => void} chosen
 */
function choice(where, prefix, names, first, chosen) {
  const buttons = names.map((name) => {
    const button = make("button", { type: "button", "data-test": `${prefix}-${name}`, "aria-pressed": String(name === first) }, name);
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      chosen(name);
    });
    return button;
  });
  named(where).append(...buttons);
}
