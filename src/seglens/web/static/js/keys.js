/** Keys: what each does, what it can be changed to, and the dialog that changes it. */

import { show } from "./dialog.js";
import { make } from "./dom.js";

const STORED = "seglens:keys";
const FIXED = new Set(["Tab", "Shift+Tab"]);

/**
 * @typedef {object} Action
 * @property {string} name
 * @property {string} title
 * @property {string} key as first set, "" = none
 * @property {() => void} act
 * @property {() => void} [release] the key is let go
 * @property {boolean} [repeats] again and again while it is held
 */

export class Keys {
  /** @param {Action[]} actions */
  constructor(actions) {
    this.actions = actions;
    /** @type {Record<string, string>} name of the action to its key, where it differs */
    this.own = {};
    try {
      this.own = JSON.parse(localStorage.getItem(STORED) ?? "{}") ?? {};
    } catch {
      this.own = {};
    }
    this.changed = () => {};
    /** @type {((key: string) => void)|null} takes the next key in place of its action */
    this.catching = null;
    /** Actions whose keys are held, by the key's place on the keyboard. @type {Map<string, Action>} */
    this.held = new Map();
    window.addEventListener("keydown", (event) => this.#pressed(event));
    window.addEventListener("keyup", ({ code }) => {
      this.held.get(code)?.release?.();
      this.held.delete(code);
    });
  }

  /** @param {string} name */
  of(name) {
    return this.own[name] ?? this.actions.find((action) => action.name === name)?.key ?? "";
  }

  /**
   * Give an action a key. Whatever had it loses it.
   *
   * @param {string} name
   * @param {string} key
   */
  set(name, key) {
    for (const action of this.actions) if (key && this.of(action.name) === key) this.own[action.name] = "";
    this.own[name] = key;
    this.#store();
  }

  reset() {
    this.own = {};
    this.#store();
  }

  /** The dialog. */
  open() {
    const list = make("div", { class: "keys" });
    const fill = () => {
      list.replaceChildren(
        ...this.actions.map(({ name, title }) => {
          const button = make("button", { type: "button", class: "key", "data-test": `key-${name}`, "aria-label": `Key for ${title}: ${this.of(name) || "none"}` }, this.of(name) || "none");
          button.addEventListener("click", () => {
            button.textContent = "press a key…";
            button.classList.add("waits");
            this.catching = (key) => {
              this.catching = null;
              if (key !== "Escape") this.set(name, key);
              fill();
              list.querySelector(`[data-test="key-${name}"]`)?.focus();
            };
          });
          return make("div", { class: "key-row" }, make("span", {}, title), button);
        }),
      );
    };
    fill();
    const back = make("button", { type: "button", "data-test": "keys-reset", onclick: () => (this.reset(), fill()) }, "As they were first");
    const text = "Press a button, then the new key. Escape leaves it as it was. Hold the space bar to move the picture, as long as no cursor is there.";
    const dialog = show("Keys", make("p", {}, text), list, back);
    dialog.addEventListener("close", () => (this.catching = null), { once: true });
  }

  #store() {
    localStorage.setItem(STORED, JSON.stringify(this.own));
    this.changed();
  }

  #pressed(/** @type {KeyboardEvent} */ event) {
    const key = spell(event);
    if (!key || FIXED.has(key)) return;
    if (this.catching) {
      event.preventDefault();
      event.stopPropagation();
      this.catching(key);
      return;
    }
    const target = /** @type {HTMLElement} */ (event.target);
    if (document.querySelector("dialog[open]") || target.closest("input:not([type=checkbox]):not([type=range]), textarea, select")) return;
    if (["Enter", "Space", "Shift+Space"].includes(key) && target.closest("button, a, summary, input")) return;
    if (/^(Shift\+)?Arrow/.test(key) && target.closest("input")) return;
    const action = this.actions.find(({ name }) => this.of(name) === key);
    if (!action || (event.repeat && !action.repeats)) return;
    event.preventDefault();
    if (action.release) this.held.set(event.code, action);
    action.act();
  }
}

/**
 * A key press as text, such as "b", "Shift+Enter" or "Ctrl+z".
 *
 * @param {KeyboardEvent} event
 */
export function spell(event) {
  if (["Shift", "Control", "Alt", "Meta", "Dead", "Process"].includes(event.key)) return "";
  const sign = event.altKey && /^Digit\d$/.test(event.code) ? event.code.slice(-1) : event.key;
  const key = sign === " " ? "Space" : sign.length === 1 ? sign.toLowerCase() : sign;
  const cased = key.length > 1 || sign.toLowerCase() !== sign.toUpperCase();
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push("Ctrl");
  if (event.altKey) parts.push("Alt");
  if (event.shiftKey && cased) parts.push("Shift");
  return [...parts, key].join("+");
}
