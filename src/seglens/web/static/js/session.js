/** One person's work: the question at hand, what is said to it so far, and its way to the server. */

import { Failure, call } from "./api.js";
import { afterFrame } from "./dom.js";
import { Mask } from "./mask.js";
import * as timer from "./timer.js";

/** A draft's history is cut to its newest strokes where its JSON would be longer than this; the page keeps all. */
const LONGEST = 2_500_000;

export class Session extends EventTarget {
  /**
   * @param {import("./outbox.js").Outbox} outbox
   * @param {(sentence: string) => void} tell
   */
  constructor(outbox, tell) {
    super();
    this.outbox = outbox;
    this.tell = tell;
    /** @type {import("./types.js").Question|null} */
    this.question = null;
    /** @type {Mask|null} */
    this.mask = null;
    this.cls = 0;
    /** @type {number[]} */
    this.classes = [];
    /** @type {[number, number]|null} */
    this.point = null;
    /** What was said in classes and a point before, and what was taken back. @type {{classes: number[], point: [number, number]|null}[]} */
    this.said = [];
    /** @type {{classes: number[], point: [number, number]|null}[]} */
    this.unsaid = [];
    this.revision = 0;
    this.clicks = 0;
    this.edits = 0;
    this.empty = false;
    this.sending = false;
    this.asking = false;
    /** Whether the question at hand is one that two people answered differently, and this person settles. */
    this.reviewing = false;
    this.renewing = 0;
    /** Whether something was said that is not kept yet. */
    this.unsaved = false;
    this.saveSoon = afterFrame(() => this.flush());
    window.addEventListener("pagehide", () => this.flush());
    /** @type {string[]} ids answered from this page, oldest first */
    this.past = [];
    outbox.delivered = (letter) => this.#delivered(letter);
    outbox.refused = (letter, failure) => this.#refused(letter, failure);
  }

  get drawn() {
    return this.question?.kind === "dense" || this.question?.kind === "mask";
  }

  /**
   * Ask for a question.
   *
   * @param {string|null} [after] leave this one to others, and go on behind it
   */
  async next(after = null) {
    if (this.asking) return;
    this.asking = true;
    try {
      const question = await call("POST", "/claim", { after, query: null });
      if (question) this.open(question);
      else this.close();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (error.status === 0) this.#soon(() => this.question || this.next());
      else if (error.status !== 401) this.tell(`No question came: ${error.message}`);
    } finally {
      this.asking = false;
    }
  }

  /** Leave the question as it is and go on; what was drawn stays in its draft. */
  async onward() {
    const { question } = this;
    if (this.sending) return;
    this.flush();
    await this.outbox.send();
    await this.next(question && !question.answer && !this.reviewing ? question.id : null);
  }

  /** @param {string} id of one's own answer, or of one to look at */
  async visit(id) {
    try {
      this.open(await call("GET", `/questions/${encodeURIComponent(id)}`));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.tell(`The question cannot be shown: ${error.message}`);
    }
  }

  /**
   * Settle a question that two people answered differently, by an answer of one's own.
   *
   * @param {string} id
   * @param {import("./types.js").MaskRuns|null} [from] a drawing to begin with, where nothing is drawn yet
   */
  async settle(id, from = null) {
    try {
      this.open(await call("GET", `/questions/${encodeURIComponent(id)}`), true);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return this.tell(`The question cannot be shown: ${error.message}`);
    }
    if (from && this.mask && !this.mask.filled().done && this.mask.lay(from)) this.edited();
  }

  /**
   * @param {import("./types.js").Question} question
   * @param {boolean} [reviewing]
   */
  open(question, reviewing = false) {
    this.flush();
    this.question = question;
    this.reviewing = reviewing;
    this.empty = false;
    this.sending = false;
    this.mask = new Mask(question.size, question.region.runs);
    const kept = this.outbox.draft(question.id);
    const newest = [question.draft, kept].reduce((a, b) => ((b?.revision ?? -1) > (a?.revision ?? -1) ? b : a), null);
    const said = newest && newest.revision >= question.revision ? newest : (question.answer ?? newest);
    this.revision = Math.max(question.revision, newest?.revision ?? 0);
    this.mask.load(said?.mask, said && "strokes" in said ? said.strokes : [], said?.undone ?? []);
    this.classes = [...(said?.classes ?? [])];
    this.point = said?.point ?? null;
    this.said = [];
    this.unsaid = [];
    const paid = (/** @type {"clicks"|"edits"|"seconds"} */ what) => Math.max(newest?.[what] ?? 0, question.answer?.[what] ?? 0);
    this.clicks = paid("clicks");
    this.edits = paid("edits");
    timer.start(paid("seconds"));
    this.#renew();
    this.#happened("question");
    if (kept && kept === said && kept === this.outbox.parked(question.id)) this.#keep();
  }

  close() {
    this.question = null;
    this.mask = null;
    this.sending = false;
    this.empty = true;
    clearInterval(this.renewing);
    this.#happened("question");
  }

  /** Something was said: keep it, send it. The screen comes first. */
  edited() {
    this.edits++;
    this.#keep();
  }

  #keep() {
    this.unsaved = true;
    this.#happened("edit");
    this.saveSoon();
  }

  /** Keep what is not kept yet. */
  flush() {
    if (this.unsaved) this.save();
  }

  save() {
    const { question } = this;
    this.unsaved = false;
    if (!question || this.sending) return;
    this.revision++;
    const path = `/${this.reviewing ? "review" : "questions"}/${encodeURIComponent(question.id)}/draft`;
    this.outbox.post("draft", question.id, "PUT", path, this.draft());
  }

  /** @returns {import("./types.js").Draft} */
  draft() {
    const [strokes, left] = newest(this.mask?.strokes ?? [], LONGEST);
    const [undone] = newest(this.mask?.undone ?? [], left);
    return { ...this.#said(), strokes, undone };
  }

  /** Whether there are steps to take back before the answer is handed in. */
  get stepwise() {
    return this.drawn || this.question?.kind === "class-set" || this.question?.kind === "point";
  }

  /**
   * Say classes or a point anew.
   *
   * @param {{classes?: number[], point?: [number, number]|null}} what
   */
  say({ classes = this.classes, point = this.point }) {
    this.said.push({ classes: this.classes, point: this.point });
    this.unsaid = [];
    Object.assign(this, { classes, point });
    this.edited();
  }

  undo() {
    if (this.mask?.undo() || this.#step(this.said, this.unsaid)) this.edited();
    else if (!this.stepwise) this.back();
  }

  redo() {
    if (this.mask?.redo() || this.#step(this.unsaid, this.said)) this.edited();
  }

  /**
   * @param {Session["said"]} from
   * @param {Session["said"]} to
   */
  #step(from, to) {
    const found = from.pop();
    if (!found) return false;
    to.push({ classes: this.classes, point: this.point });
    Object.assign(this, found);
    if (this.question?.kind === "point") this.cls = found.classes[0] ?? this.cls;
    return true;
  }

  /** The question answered before this one. */
  back() {
    const at = this.past.indexOf(this.question?.id ?? "");
    const id = this.past[(at < 0 ? this.past.length : at) - 1];
    if (id) this.visit(id);
  }

  /**
   * Hand in.
   *
   * @param {import("./types.js").Status} status
   */
  answer(status) {
    const { question } = this;
    if (!question || this.sending) return;
    if (this.reviewing && status === "skipped") return void this.onward();
    this.mask?.abort();
    this.unsaved = false;
    this.revision++;
    this.sending = true;
    const id = encodeURIComponent(question.id);
    const nothing = status === "answered" ? {} : { mask: null, classes: [], point: null };
    const body = { status, ...this.#said(), ...nothing };
    if (this.reviewing) this.outbox.post("answer", question.id, "POST", `/review/${id}`, { answer: body });
    else this.outbox.post("answer", question.id, "POST", `/questions/${id}/answer`, body);
    this.#happened("sending");
  }

  #said() {
    return {
      revision: this.revision,
      mask: this.drawn && this.mask ? this.mask.said() : null,
      classes: this.classes,
      point: this.point,
      seconds: timer.spent(),
      clicks: this.clicks,
      edits: this.edits,
    };
  }

  #delivered(/** @type {import("./outbox.js").Letter} */ letter) {
    if (letter.what !== "answer") return;
    const settled = letter.path.startsWith("/review/");
    if (!settled && !this.past.includes(letter.id)) this.past.push(letter.id);
    this.#happened(settled ? "settled" : "answered");
    if (this.question?.id === letter.id || !this.question) {
      this.question = null;
      this.next();
    }
  }

  #refused(/** @type {import("./outbox.js").Letter} */ letter, /** @type {Failure} */ failure) {
    const here = this.question?.id === letter.id;
    if (here && failure.status === 409 && failure.body?.revision >= letter.body.revision) {
      this.revision = Math.max(this.revision, failure.body.revision);
      if (letter.what === "draft") return this.save();
      this.sending = false;
      return this.answer(letter.body.status);
    }
    if (!here) return;
    this.sending = false;
    this.#happened("sending");
    const kept = this.outbox.parked(letter.id) ? " It is kept in this browser, should the question come back." : "";
    this.tell(`${letter.what === "answer" ? "The answer was" : "The last strokes were"} not taken: ${failure.message}.${kept}`);
    if (failure.status === 409 || failure.status === 404 || failure.status === 403) this.next();
  }

  #renew() {
    clearInterval(this.renewing);
    const left = /** @type {any} */ (this.question)?.claim?.seconds_left;
    if (!left) return;
    const pause = 1000 * Math.min(60, Math.max(0.5, left / 3));
    let renewed = performance.now();
    this.renewing = window.setInterval(async () => {
      const { question } = this;
      if (!question || document.visibilityState !== "visible" || timer.lively() <= renewed) return;
      renewed = performance.now();
      try {
        await call("POST", `/questions/${encodeURIComponent(question.id)}/renew`);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if ((error.status !== 409 && error.status !== 403) || this.question !== question || this.sending) return;
        this.tell(`This question is no longer yours: ${error.message}`);
        this.next();
      }
    }, pause);
  }

  #soon(/** @type {() => void} */ work) {
    setTimeout(work, 1500);
  }

  #happened(/** @type {string} */ what) {
    this.dispatchEvent(new Event(what));
  }
}

/**
 * The last strokes whose JSON is not longer than allowed, and the length that is left.
 *
 * @param {import("./types.js").Stroke[]} strokes
 * @param {number} length
 * @returns {[import("./types.js").Stroke[], number]}
 */
function newest(strokes, length) {
  let first = strokes.length;
  while (first > 0 && 7 * strokes[first - 1].runs.length <= length) length -= 7 * strokes[--first].runs.length;
  return [strokes.slice(first), length];
}
