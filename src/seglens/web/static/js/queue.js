/** The panel of the queue: the next questions in the order asked, and who has which. */

import { Failure, call } from "./api.js";
import { make, named } from "./dom.js";
import { thumb } from "./views.js";

/** Questions that the panel lists. */
const MOST = 8;

/**
 * @param {import("./session.js").Session} session
 * @returns {() => Promise<void>} looks again
 */
export function queue(session) {
  const card = named("queue-card");
  let asked = 0;
  async function look() {
    if (!card.open) return;
    const turn = ++asked;
    try {
      const rows = await call("GET", `/queue?limit=${MOST}`);
      if (turn === asked) show(rows, session);
    } catch (error) {
      if (!(error instanceof Failure)) throw error; // what stands there stays; the progress says what is wrong
    }
  }
  card.addEventListener("toggle", look);
  session.addEventListener("question", look);
  return look;
}

/**
 * @param {any[]} rows
 * @param {import("./session.js").Session} session
 */
function show(rows, session) {
  const focused = document.activeElement?.getAttribute("data-test");
  const lines = rows.map(({ id, image, why, persons, here, free }) => {
    const whose = here ? "on this desk" : free ? "free" : persons.length ? `${persons.join(", ")} has it` : "on another desk";
    return make(
      "li",
      {},
      make(
        "button",
        { type: "button", class: "queued", "data-test": `queued-${id}`, disabled: !free || here, "aria-current": here ? "true" : null, title: here || !free ? whose : "Go to this question", onclick: () => session.onward(id) },
        make("img", { src: thumb(id, 96), alt: "", loading: "lazy" }),
        make("span", {}, make("strong", {}, why), make("small", {}, `${image} · ${whose}`)),
      ),
    );
  });
  named("queue").replaceChildren(...lines);
  if (focused?.startsWith("queued-")) named(focused)?.focus();
  named("queue-empty").hidden = rows.length > 0;
}

/** Go to the first question of the panel that can be had. */
export function enter() {
  named("queue-card").open = true;
  named("queue").querySelector("button:enabled")?.focus();
}
