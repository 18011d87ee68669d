/** What opens in the dialog: earlier answers, the guide, similar regions. */

import { Failure, call } from "./api.js";
import { hide, show, tell } from "./dialog.js";
import { duration, make, named } from "./dom.js";
import { address } from "./pictures.js";
import { spent } from "./timer.js";

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

/**
 * Many similar regions, one class, one press.
 *
 * @param {import("./session.js").Session} session
 * @param {import("./types.js").Run} run
 */
export function similar(session, run) {
  const { question } = session;
  if (!question) return;
  view("Confirm many at once", async () => {
    const rows = await call("POST", `/questions/${encodeURIComponent(question.id)}/similar?limit=24`);
    if (!rows.length) return ["No other open question looks like this one."];
    const all = [{ id: question.id, image: question.image }, ...rows];
    const picked = new Set(all.map(({ id }) => id));
    const select = make("select", { "data-test": "many-class", "aria-label": "Class of all that are ticked" });
    for (const { index, name } of run.classes) select.append(make("option", { value: index }, name));
    select.value = String(question.suggestion?.classes[0] ?? rows[0].suggestion?.classes?.[0] ?? 0);
    const confirm = make("button", { type: "button", class: "first", "data-test": "many-confirm" });
    const count = () => {
      confirm.textContent = `Confirm ${picked.size}`;
      confirm.disabled = !picked.size;
    };
    let clicks = 1;
    let given = false;
    const release = () => {
      if (given) return;
      for (const { id } of rows) call("POST", `/questions/${encodeURIComponent(id)}/release`).catch(() => {});
    };
    const tiles = all.map(({ id, image }) => {
      const tile = make("button", { type: "button", class: "tile", "aria-pressed": "true", "data-test": `many-${id}`, "aria-label": `Region in ${image}` }, make("img", { src: thumb(id, 160), alt: "" }));
      tile.addEventListener("click", () => {
        clicks++;
        if (!picked.delete(id)) picked.add(id);
        tile.setAttribute("aria-pressed", String(picked.has(id)));
        count();
      });
      return tile;
    });
    confirm.addEventListener("click", () => {
      given = true;
      session.several(question, { queries: [...picked], classes: [Number(select.value)], seconds: spent(), clicks });
      hide();
    });
    count();
    if (named("dialog").open) named("dialog").addEventListener("close", release, { once: true });
    else release();
    return [
      make("p", { class: "note" }, "Those that the model takes for the same. Press what does not belong, choose the class, confirm."),
      make("div", { class: "grid many" }, ...tiles),
      make("div", { class: "confirm" }, make("label", {}, "All ticked are ", select), confirm),
    ];
  });
}
