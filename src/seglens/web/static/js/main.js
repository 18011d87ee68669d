/** The labelling page: puts its parts together. */

import { actions } from "./actions.js";
import { Failure, call, line, sit } from "./api.js";
import { tell } from "./dialog.js";
import { make, named } from "./dom.js";
import * as keep from "./keep.js";
import { Keys } from "./keys.js";
import { Layers } from "./layers.js";
import { look } from "./look.js";
import { Outbox } from "./outbox.js";
import { Palette } from "./palette.js";
import { panel } from "./panel.js";
import * as people from "./people.js";
import { follow, setGoal } from "./progress.js";
import { queue } from "./queue.js";
import { again, review } from "./review.js";
import { Session } from "./session.js";
import { Stage } from "./stage.js";
import { Tools } from "./tools.js";
import { fillMs } from "./tools/superpixel.js";
import { View } from "./view.js";

const OWN_COLORS = "seglens:own-colors";
const MARGIN = 0.7;

line.login = () => people.login();

/** What tests and the console see of the page. */
const page = /** @type {any} */ ({ fillMs });
Object.assign(window, { seglens: page });

async function begin() {
  await Promise.all([keep.open(), sit()]);
  const [me, run] = await Promise.all([call("GET", "/me"), call("GET", "/run")]);
  document.title = `${run.name} · Seglens`;
  named("run").textContent = run.name;
  setGoal(run.goal);
  named("review").hidden = me.role === "annotator";
  named("people").hidden = me.role !== "owner" || !me.accounts;
  named("logout").hidden = !me.accounts;

  const outbox = new Outbox(`${run.id}/${me.name}`);
  const session = new Session(outbox, tell);
  const view = new View(named("stage-frame"), named("world"));
  const stage = new Stage(named("stage"), named("dim"), named("hud"), view);
  const layers = new Layers(named("world"), run.layers, named("layers"), tell);
  let palette = new Palette(run.classes, localStorage.getItem(OWN_COLORS) === "yes");
  const bench = {
    session, view, stage, tell, diameter: 15,
    commit: (/** @type {string} */ tool) => {
      const stroke = session.mask?.touched ? session.mask.commit(tool) : null;
      if (stroke) session.edited();
      return stroke;
    },
    color: (/** @type {number} */ index) => `rgb(${palette.colors[index]?.join(" ") ?? "255 255 255"})`,
    busy: (/** @type {boolean} */ is) => named("stage-frame").classList.toggle("waits", is),
  };
  const tools = new Tools(bench, (place) => under(place, session, layers, run));
  const acts = { session, tools, bench, layers, view, run, me, peek: (/** @type {number} */ by) => step(by), palette: () => palette, margin: MARGIN };
  const keys = new Keys(actions(acts));
  const press = (/** @type {string} */ name) => keys.actions.find((action) => action.name === name)?.act();
  const shown = panel(session, run, keys, { choose: (index) => press(`class-${index}`) });
  look(acts, keys, press);

  const recolor = () => {
    palette = new Palette(run.classes, named("own-colors").checked);
    for (const part of [stage, layers, shown]) part.recolor(palette);
  };
  named("own-colors").checked = localStorage.getItem(OWN_COLORS) === "yes";
  named("own-colors").addEventListener("change", () => {
    localStorage.setItem(OWN_COLORS, named("own-colors").checked ? "yes" : "no");
    recolor();
  });
  recolor();

  outbox.changed = () => {
    const waiting = outbox.waiting().length || Number(session.unsaved);
    const text = outbox.offline && waiting ? `offline: ${waiting} waiting` : waiting ? "saving" : "saved";
    named("saved").textContent = text;
    named("saved").dataset.state = outbox.offline && waiting ? "offline" : text;
  };
  session.addEventListener("edit", () => outbox.changed());
  session.addEventListener("settled", () => review(session, run, palette));
  session.addEventListener("decided", () => again(session, run, palette));
  session.addEventListener("question", () => question(session, view, stage, layers, tools));
  const lookAtQueue = queue(session);
  follow((status, before) => {
    outbox.send();
    const newer = before && status.round !== before.round;
    if (newer || (before && status.curve.length !== before.curve.length)) layers.forget();
    if (session.empty && status.questions.open > 0) session.next();
    if (!before || moved(status) !== moved(before)) lookAtQueue();
    if (session.empty) nothing(status);
    const { answered, enough } = status.questions;
    const could = status.failed || (status.state === "awaiting" && answered > 0 && answered >= enough);
    named("train").hidden = me.role !== "owner" || Boolean(status.working) || status.state === "finished" || !could;
    named("train").textContent = status.failed ? "Try this round again" : "Train the next round now";
    if (status.failed && status.failed !== before?.failed) tell(`The round stopped: ${status.failed} Your answers are kept.`);
  });
  await outbox.send();
  await session.next();
  page.session = session;
  return { session, tools, view, outbox };
}

/**
 * @param {Session} session
 * @param {View} view
 * @param {Stage} stage
 * @param {Layers} layers
 * @param {Tools} tools
 */
async function question(session, view, stage, layers, tools) {
  const { question, mask } = session;
  named("empty").hidden = Boolean(question);
  named("world").hidden = !question;
  tools.fresh();
  if (!question || !mask) {
    stage.clear();
    named("neighbours").replaceChildren();
    return;
  }
  view.resize(question.size);
  stage.show(mask, question.region);
  view.fit(question.region.box, MARGIN);
  if (session.drawn && question.suggestion && !mask.strokes.length) session.cls = question.suggestion.classes[0];
  session.dispatchEvent(new Event("edit"));
  const slow = setTimeout(() => (named("loading").hidden = false), 300);
  try {
    const why = question.purpose === "audit" ? "The audit set is labelled without the model's help" : "None yet: the model has not looked at this image";
    await layers.show(question.image, question.size, question.layers, why);
    neighbours(question).catch((error) => {
      named("neighbours").replaceChildren();
      if (!(error instanceof Failure)) throw error;
    });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    layers.image = "";
    tell(`The picture did not load: ${error.message}`);
  } finally {
    clearTimeout(slow);
    named("loading").hidden = true;
  }
}

/** Looks at the frame before (-1) or after (1) the one that is shown; back at the question's own, it hides. */
let step = (/** @type {number} */ _by) => {};

/** @param {import("./types.js").Question} question */
async function neighbours(question) {
  const { before, after } = await call("GET", `/neighbours?image=${encodeURIComponent(question.image)}&n=2`);
  const peek = named("peek");
  const box = [0, 0, ...question.size].join(",");
  const images = [...before, question.image, ...after];
  let at = before.length;
  const look = (/** @type {number} */ to) => {
    at = to;
    const image = images[at];
    peek.hidden = image === question.image;
    if (peek.hidden) return;
    peek.src = `/api/picture?image=${encodeURIComponent(image)}`;
    peek.alt = `The neighbouring frame ${image}`;
  };
  look(at);
  step = (by) => look(Math.min(images.length - 1, Math.max(0, at + by)));
  const thumbs = images.map((image, number) => {
    const here = image === question.image;
    const src = `/api/thumb?image=${encodeURIComponent(image)}&box=${box}&size=96`;
    const show = () => look(number);
    const hide = () => look(before.length);
    return make(
      "button",
      { type: "button", class: here ? "here" : "", "aria-label": here ? `This frame, ${image}` : `Look at ${image}`, title: image, onpointerdown: show, onpointerup: hide, onpointerleave: hide, onkeydown: (/** @type {KeyboardEvent} */ event) => event.key === "Enter" && show(), onkeyup: hide, onblur: hide },
      make("img", { src, alt: "" }),
    );
  });
  named("neighbours").replaceChildren(...(thumbs.length > 1 ? thumbs : []));
}

/** What of a status says that the queue is another. @param {any} status */
const moved = ({ round, questions }) => [round, questions.answered, questions.claimed, questions.total].join();

/** @param {any} status */
function nothing(status) {
  const [title, text] =
    status.state === "finished"
      ? ["Done", "Every round is through. The report tells what came of it."]
      : status.failed
        ? ["The round stopped", `${status.failed} Your answers are kept.`]
        : status.state === "running"
          ? ["Thank you", "The model learns from the answers. The next questions come by themselves."]
          : ["Nothing to ask now", "Every question of this round is answered or in somebody's hands. New ones come by themselves."];
  named("empty").querySelector("h2").textContent = title;
  named("empty").querySelector("p").textContent = text;
}

/**
 * What lies under the pointer, in words.
 *
 * @param {import("./types.js").Place|null} place
 * @param {Session} session
 * @param {Layers} layers
 * @param {import("./types.js").Run} run
 */
function under(place, { mask, question }, layers, run) {
  const [height, width] = question?.size ?? [0, 0];
  if (!place || !mask || place.y < 0 || place.x < 0 || place.y >= height || place.x >= width) {
    named("under").textContent = "\u00a0";
    return;
  }
  const said = [`${place.x}, ${place.y}`];
  const label = run.classes[mask.pixels[place.y * width + place.x]]?.name;
  if (label) said.push(label);
  for (const name of ["prediction", "labels"]) {
    const map = layers.values.get(name);
    if (!map || !named(`layer-${name}`).checked) continue;
    const at = Math.floor((place.y * map.height) / height) * map.width + Math.floor((place.x * map.width) / width);
    const found = run.classes[map.values[at]]?.name;
    if (found) said.push(name === "labels" ? `so far ${found}` : `predicted ${found}`);
  }
  named("under").textContent = said.join(" · ");
}

page.ready = begin().then(
  ({ session, tools, view, outbox }) => {
    page.state = () => ({
      question: session.question,
      mask: session.mask ? session.mask.pixels.slice() : new Uint8Array(),
      tool: tools.name,
      class: session.cls,
      classes: [...session.naming.classes],
      zoom: view.scale,
      revision: session.revision,
      sending: session.sending,
      strokes: session.mask?.strokes.length ?? 0,
      corners: session.corners.map(({ y, x }) => [y, x]),
      saved: outbox.waiting().length === 0 && !session.unsaved,
    });
  },
  (error) => {
    if (!(error instanceof Failure)) throw error;
    if (error.status !== 401) tell(`${error.message} Load the page again when it is back.`);
  },
);
