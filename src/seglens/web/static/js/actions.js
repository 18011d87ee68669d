/** Everything that a button or key does, by name. */

import { Failure, call } from "./api.js";
import { tell } from "./dialog.js";
import { named } from "./dom.js";
import { title } from "./layers.js";
import { ready } from "./panel.js";
import * as people from "./people.js";
import { enter as enterQueue } from "./queue.js";
import { review } from "./review.js";
import { NONE } from "./runs.js";
import { similar } from "./similar.js";
import * as views from "./views.js";

/** Client pixels that a key moves the picture by. */
const STEP = 80;
const CLASS_KEYS = [..."1234567890", ..."qwrtadzxijo"];

/**
 * @param {any} acts what main.js puts together
 * @returns {import("./keys.js").Action[]}
 */
export function actions(acts) {
  const { session, tools, bench, layers, view, run } = acts;

  /** @param {number} index */
  function choose(index) {
    const { question } = session;
    if (!question || session.sending) return;
    session.clicks++;
    if (question.kind === "dominant-class" || question.kind === "verdict") {
      session.naming.classes = [index];
      return session.answer("answered");
    }
    if (question.kind === "class-set") {
      const had = session.naming.classes.includes(index);
      return session.say({ classes: had ? session.naming.classes.filter((/** @type {number} */ other) => other !== index) : [...session.naming.classes, index] });
    }
    session.cls = index;
    tools.now.classed?.();
    if (question.kind === "point") {
      if (!session.naming.point) return session.say({ classes: [index] });
      session.naming.classes = [index];
      return session.answer("answered");
    }
    session.dispatchEvent(new Event("edit"));
    bench.stage.redraw();
  }

  async function accept() {
    const { question, mask } = session;
    if (!question || session.sending) return;
    if (question.kind === "dense" && named("accept").hidden) return tell("There is no prediction of this image: choose a class and draw.");
    session.clicks++;
    if (question.kind === "dense") return fillPredicted();
    if (!question.suggestion) return tell("The model suggests nothing here: choose a class.");
    if (question.kind === "mask") {
      mask.begin();
      mask.set(region(mask), question.suggestion.classes[0]);
      return bench.commit("accept");
    }
    if (question.kind === "dominant-class" || question.kind === "class-set") {
      session.naming.classes = [...question.suggestion.classes].slice(0, question.kind === "class-set" ? undefined : 1);
      return session.answer("answered");
    }
    if (question.kind === "verdict") return verdict(true);
    choose(question.suggestion.classes[0]);
  }

  async function fillPredicted() {
    const { mask } = session;
    let map;
    try {
      map = await layers.map("prediction");
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return tell(`The prediction did not load: ${error.message}`);
    }
    if (!map) return tell("There is no prediction yet: this question was asked before the first model.");
    if (session.mask !== mask) return;
    const [height, width] = mask.size;
    /** @type {Map<number, number[]>} */
    const byClass = new Map();
    for (const pixel of region(mask)) {
      if (mask.pixels[pixel] !== NONE) continue;
      const x = pixel % width;
      const y = (pixel - x) / width;
      const value = map.values[Math.floor((y * map.height) / height) * map.width + Math.floor((x * map.width) / width)];
      if (value === NONE) continue;
      if (!byClass.has(value)) byClass.set(value, []);
      byClass.get(value)?.push(pixel);
    }
    mask.begin();
    for (const [value, pixels] of byClass) mask.set(pixels, value);
    if (!bench.commit("accept")) tell("Every pixel of the region has a class already.");
  }

  /** @param {boolean} right */
  function verdict(right) {
    const { question } = session;
    if (question?.kind !== "verdict" || session.sending) return;
    session.clicks++;
    if (right && question.suggestion) {
      session.naming.classes = [question.suggestion.classes[0]];
      return session.answer("answered");
    }
    named("classes").hidden = false;
    tell("What is it, then? Choose its class, or say that none fits.");
  }

  /** @param {import("./types.js").Status} status */
  const status = (status) => () => {
    session.clicks++;
    session.answer(status);
  };

  function submit() {
    if (ready(session)) session.answer("answered");
    else if (session.question) tell("Nothing is said yet: choose a class or draw something first.");
  }

  function enter() {
    if (tools.now.enter?.()) return;
    if (ready(session) && session.question.kind !== "dominant-class") submit();
    else accept();
  }

  async function train() {
    try {
      await call("POST", "/round");
    } catch (error) {
      tell(/** @type {Error} */ (error).message);
    }
  }

  /** @param {number} by */
  const grow = (by) => () => {
    const input = named("size");
    input.value = String(Number(input.value) + by);
    input.dispatchEvent(new Event("input"));
  };
  const slide = (/** @type {() => any} */ found, /** @type {number} */ by) => () => {
    const input = found();
    if (!input) return;
    input.value = String(Number(input.value) + by);
    input.dispatchEvent(new Event("input"));
  };
  /** Of the layer that was switched on last, else of the image. */
  const fade = () => named(`fade-${layers.latest}`);
  const press = (/** @type {string} */ name) => () => named(name)?.click();
  const move = (/** @type {number} */ x, /** @type {number} */ y) => () => view.pan(STEP * x, STEP * y);
  /** The next of buttons of which one is pressed. */
  const turn = (/** @type {string[]} */ names) => () => {
    const at = names.findIndex((name) => named(name)?.getAttribute("aria-pressed") === "true");
    named(names[(at + 1) % names.length])?.click();
  };
  const scale = (/** @type {string} */ name) => () => named(`scale-${name}`).click();
  const tool = (/** @type {string} */ name) => () => tools.choose(name);

  return [
    ...run.classes.map((/** @type {any} */ row, /** @type {number} */ at) => ({ name: `class-${row.index}`, title: `Class ${row.name}`, key: CLASS_KEYS[at] ?? "", act: () => choose(row.index) })),
    { name: "enter", title: "Accept the suggestion, or hand in what is said", key: "Enter", act: enter },
    { name: "accept", title: "Accept the suggestion, or fill the rest as predicted", key: "Shift+Enter", act: accept },
    { name: "submit", title: "Hand in", key: "Ctrl+Enter", act: submit },
    { name: "yes", title: "Verdict: right", key: "y", act: () => verdict(true) },
    { name: "no", title: "Verdict: wrong", key: "n", act: () => verdict(false) },
    { name: "void", title: "Void: no class fits", key: "v", act: status("void") },
    { name: "unsure", title: "Not sure", key: "u", act: status("unsure") },
    { name: "missing", title: "A class is missing here", key: "m", act: status("missing-class") },
    { name: "skip", title: "Skip", key: "k", act: status("skipped") },
    { name: "undo", title: "Undo", key: "Ctrl+z", act: () => session.undo() },
    { name: "redo", title: "Redo", key: "Ctrl+Shift+z", act: () => session.redo() },
    { name: "similar", title: "Confirm many similar regions", key: "Shift+s", act: () => similar(session, run) },
    { name: "back", title: "Back to the last answer", key: "PageUp", act: () => session.back() },
    { name: "next", title: "On to the next question", key: "PageDown", act: () => session.onward() },
    { name: "tool-brush", title: "Brush", key: "b", act: tool("brush") },
    { name: "tool-eraser", title: "Eraser", key: "e", act: tool("eraser") },
    { name: "tool-polygon", title: "Polygon", key: "p", act: tool("polygon") },
    { name: "tool-line", title: "Line", key: "l", act: tool("line") },
    { name: "tool-superpixel", title: "Superpixels", key: "s", act: tool("superpixel") },
    { name: "tool-cut-out", title: "Click to segment", key: "c", act: tool("cut-out") },
    { name: "tool-pan", title: "Move the picture", key: "h", act: tool("pan") },
    { name: "smaller", title: "Smaller brush", key: "[", act: grow(-4) },
    { name: "larger", title: "Larger brush", key: "]", act: grow(4) },
    ...run.scales.map((/** @type {string} */ name, /** @type {number} */ at) => ({ name: `scale-${name}`, title: `Superpixels: ${name}`, key: ["F6", "F7", "F8"][at] ?? "", act: scale(name) })),
    { name: "zoom-in", title: "Zoom in", key: "+", act: () => view.zoomMiddle(1.4) },
    { name: "zoom-out", title: "Zoom out", key: "-", act: () => view.zoomMiddle(1 / 1.4) },
    { name: "zoom-region", title: "Show the region", key: "f", act: () => session.question && view.fit(session.question.region.box, acts.margin) },
    { name: "zoom-all", title: "Show the whole image", key: "g", act: () => session.question && view.whole() },
    { name: "drop", title: "Drop what is half drawn", key: "Escape", act: () => tools.cursor.cancel() || tools.now.drop?.() },
    ...run.layers.map((/** @type {string} */ name, /** @type {number} */ at) => ({ name: `layer-${name}`, title: `Layer: ${title(name)}`, key: `Alt+${at + 1}`, act: () => layers.toggle(name) })),
    ...tools.cursor.actions(),
    { name: "move-left", title: "Show what is left", key: "Alt+ArrowLeft", repeats: true, act: move(1, 0) },
    { name: "move-right", title: "Show what is right", key: "Alt+ArrowRight", repeats: true, act: move(-1, 0) },
    { name: "move-up", title: "Show what is above", key: "Alt+ArrowUp", repeats: true, act: move(0, 1) },
    { name: "move-down", title: "Show what is below", key: "Alt+ArrowDown", repeats: true, act: move(0, -1) },
    { name: "layer-stronger", title: "The last layer stronger", key: "Alt++", repeats: true, act: slide(fade, 10) },
    { name: "layer-fainter", title: "The last layer fainter", key: "Alt+-", repeats: true, act: slide(fade, -10) },
    ...[["fade-mask", "Labels I make", "stronger", "fainter", "Alt+Shift+Arrow"], ["fade-dim", "The rest", "darker", "lighter", ""], ["brightness", "Brightness", "up", "down", "Ctrl+Arrow"], ["contrast", "Contrast", "up", "down", "Ctrl+Shift+Arrow"]].flatMap(([name, text, more, less, key]) => [
      { name: `${name}-more`, title: `${text} ${more}`, key: key && `${key}Up`, repeats: true, act: slide(() => named(name), 10) },
      { name: `${name}-less`, title: `${text} ${less}`, key: key && `${key}Down`, repeats: true, act: slide(() => named(name), -10) },
    ]),
    { name: "frame-before", title: "Look at the frame before", key: ",", act: () => acts.peek(-1) },
    { name: "frame-after", title: "Look at the frame after", key: ".", act: () => acts.peek(1) },
    { name: "cut-out-point", title: "Click to segment: belongs to it or does not", key: "/", act: turn(["cut-out-belongs", "cut-out-belongs-not"]) },
    { name: "cut-out-by", title: "Click to segment: by walker or by SAM", key: "Shift+w", act: turn(run.cut_out.map((/** @type {string} */ name) => `cut-out-${name}`)) },
    { name: "own-colors", title: "The run's own colours", key: "Shift+c", act: press("own-colors") },
    { name: "theme", title: "Dark or light", key: "Shift+t", act: press("theme") },
    { name: "keys", title: "Keys", key: "?", act: press("keys") },
    { name: "report", title: "Report", key: "Shift+r", act: press("report") },
    { name: "logout", title: "Log out", key: "", act: () => named("logout").hidden || named("logout").click() },
    { name: "queue", title: "To the list of the next questions", key: "Shift+q", act: enterQueue },
    { name: "history", title: "My answers", key: "F2", act: () => views.history(session, run) },
    { name: "guide", title: "Guide", key: "F1", act: () => views.guide(acts.palette(), run) },
    { name: "review", title: "Review", key: "F4", act: () => named("review").hidden || review(session, run, acts.palette()) },
    { name: "people", title: "People", key: "", act: () => named("people").hidden || people.people() },
    { name: "train", title: "Train the next round now", key: "", act: train },
  ];
}

/** @param {import("./mask.js").Mask} mask */
function* region(mask) {
  for (const [start, length] of mask.region) for (let pixel = start; pixel < start + length; pixel++) yield pixel;
}
