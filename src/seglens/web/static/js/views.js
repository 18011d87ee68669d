/** What opens in the dialog: earlier answers, the guide. */

import { Failure, call } from "./api.js";
import { hide, show, tell } from "./dialog.js";
import { duration, make } from "./dom.js";
import { address } from "./pictures.js";

const STATUS = {
  answered: "",
  void: "void",
  unsure: "not sure",
  "missing-class": "class missing",
  skipped: "skipped",
};

/**
 * A question's region, outlined in its surroundings.
 *
 * @param {string} query
 * @param {number} size
 */
export const thumb = (query, size) => address("/api/thumb", { query, size });

/**
 * A loaded view, or the reason why not in a sentence; neither where the dialog was closed or used anew meanwhile.
 *
 * @param {string} title
 * @param {() => Promise<(Node|string|false)[]>} fill
 */
export async function view(title, fill) {
  const loading = make("p", { class: "note" }, "Loading…");
  const dialog = show(title, loading);
  const waited = () => dialog.open && loading.isConnected;
  try {
    const contents = await fill();
    if (waited()) show(title, ...contents);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (waited()) show(title, make("p", {}, error.message));
  }
}

/**
 * @param {import("./session.js").Session} session
 * @param {import("./types.js").Run} run
 */
export function history(session, run) {
  return view("My answers", async () => {
    const grid = make("div", { class: "grid history" });
    const more = make("button", { type: "button", "data-test": "older" }, "Older ones");
    let before = "";
    const load = async () => {
      const rows = await call("GET", `/answers?limit=50${before && `&before=${encodeURIComponent(before)}`}`);
      for (const row of rows) {
        const said = STATUS[/** @type {keyof typeof STATUS} */ (row.status)] || row.classes.map((/** @type {number} */ index) => run.classes[index]?.name).join(", ") || (row.kind === "verdict" ? "wrong" : "labelled");
        const open = () => (hide(), session.visit(row.id));
        grid.append(
          make(
            "button",
            { type: "button", class: "tile", "data-test": `answer-${row.id}`, "aria-label": `Change the answer ${said}`, onclick: open },
            make("img", { src: thumb(row.id, 160), alt: "", loading: "lazy" }),
            make("strong", {}, said),
            make("small", {}, `${duration(row.seconds)}, ${row.clicks} click${row.clicks === 1 ? "" : "s"}`),
          ),
        );
      }
      before = rows.at(-1)?.number ?? before;
      more.hidden = rows.length < 50;
      return rows.length;
    };
    more.addEventListener("click", () => load().catch((error) => tell(error.message)));
    const any = await load();
    return any ? [make("p", { class: "note" }, "Newest first. Press one to look at it and change it."), grid, more] : ["You have not answered anything yet."];
  });
}

/**
 * @param {import("./palette.js").Palette} palette
 * @param {import("./types.js").Run} run
 */
export function guide(palette, run) {
  return view("Labelling guide", async () => {
    const rows = await call("GET", "/guide");
    const others = [
      ["Void", "No class fits, and none should: your own car, a smear on the lens. It is not asked again."],
      ["Not sure", "A class fits, but you cannot tell which. It is not asked again."],
      ["Class missing", "You know what it is, and it is not on the list."],
      ["Skip", "Nothing of that: you give no answer. It is not asked again; My answers has it, to change it later."],
    ];
    return [
      make(
        "div",
        { class: "guide" },
        ...rows.map((/** @type {any} */ row) => {
          const at = run.classes.findIndex(({ index }) => index === row.index);
          const swatch = make("span", { class: "swatch" });
          swatch.style.background = palette.background(at);
          const crops = row.examples.map((/** @type {string} */ src) => make("img", { src, alt: `Example of ${row.name}`, loading: "lazy" }));
          const none = make("span", { class: "note" }, "no example yet");
          return make("section", {}, make("h3", {}, swatch, row.name), row.text && make("p", {}, row.text), make("div", { class: "crops" }, ...(crops.length ? crops : [none])));
        }),
      ),
      make("h3", {}, "When there is no class to give"),
      make("dl", {}, ...others.flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)])),
    ];
  });
}
