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
    await this.next(question && !question.answer ? question.id : null);
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

  /** @param {import("./types.js").Question} question */
  open(question) {
    this.flush();
    this.question = question;
    this.empty = false;
    this.sending = false;
    this.mask = new Mask(question.size, question.region.runs);
    const kept = this.outbox.draft(question.id);
    const newest = [question.draft, kept].reduce((a, b) => ((b?.revision ?? -1) > (a?.revision ?? -1) ? b : a), null);
    const said = newest && newest.revision >= question.revision ? newest : (question.answer ?? newest);
    this.revision = Math.max(question.revision, newest?.revision ?? 0);
    this.mask.load(said?.mask, said && "strokes" in said ? said.strokes : []);
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
    this.outbox.post("draft", question.id, "PUT", `/questions/${encodeURIComponent(question.id)}/draft`, this.draft());
  }

  /** @returns {import("./types.js").Draft} */
  draft() {
    const said = this.#said();
    let strokes = this.mask?.strokes ?? [];
    let length = 0;
    for (let i = strokes.length - 1; i >= 0; i--) {
      length += 7 * strokes[i].runs.length;
      if (length > LONGEST) {
        strokes = strokes.slice(i + 1);
        break;
      }
    }
    return { ...said, strokes };
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
    this.mask?.abort();
    this.unsaved = false;
    this.revision++;
    this.sending = true;
    const path = `/questions/${encodeURIComponent(question.id)}/answer`;
    const said = this.#said();
    const nothing = status === "answered" ? {} : { mask: null, classes: [], point: null };
    this.outbox.post("answer", question.id, "POST", path, { status, ...said, ...nothing });
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
    if (!this.past.includes(letter.id)) this.past.push(letter.id);
    this.#happened("answered");
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
