/** The one dialog: a title, contents, and a way out. */

import { make, named } from "./dom.js";

/**
 * Show contents in the dialog; what was there goes.
 *
 * @param {string} title
 * @param {...(Node|string|false|null)} contents
 * @returns {HTMLDialogElement}
 */
export function show(title, ...contents) {
  const dialog = /** @type {HTMLDialogElement} */ (named("dialog"));
  const close = make("button", { type: "button", class: "close", "data-test": "close", "aria-label": "Close", onclick: () => dialog.close() }, "×");
  dialog.replaceChildren(
    make("div", { class: "dialog-head" }, make("h2", { id: "dialog-title" }, title), close),
    make("div", { class: "dialog-body" }, ...contents),
  );
  if (!dialog.open) dialog.showModal();
  return dialog;
}

export function hide() {
  /** @type {HTMLDialogElement} */ (named("dialog")).close();
}

/**
 * Tell one sentence; it goes by itself after a while.
 *
 * @param {string} sentence
 */
export function tell(sentence) {
  const box = named("tells");
  for (const old of box.children) if (old.dataset.sentence === sentence) old.remove();
  const line = make("div", { class: "tell", "data-test": "tell", "data-sentence": sentence }, sentence);
  line.append(make("button", { type: "button", "aria-label": "Dismiss", onclick: () => line.remove() }, "×"));
  box.append(line);
  while (box.children.length > 3) box.firstChild.remove();
  setTimeout(() => line.remove(), 7000);
}
