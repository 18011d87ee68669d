/** Where one person's questions come from, and how what is said to them gets to the server. */

import { Failure, call } from "./api.js";
import { renewed } from "./claim.js";
import { afterFrame } from "./dom.js";
import { isCut } from "./drafts.js";
import { Work } from "./work.js";

const NOT_TAKEN = { draft: "The last strokes were", answer: "The answer was", many: "The answers were", review: "The decision was" };

export class Session extends Work {
  /**
   * @param {import("./outbox.js").Outbox} outbox
   * @param {(sentence: string) => void} tell
   */
  constructor(outbox, tell) {
    super();
    this.outbox = outbox;
    this.tell = tell;
    this.empty = false;
    this.sending = false;
    this.asking = false;
    /** Whether others answered the question at hand, and this person says which answer holds. */
    this.reviewing = false;
    this.renewing = 0;
    this.saveSoon = afterFrame(() => this.flush());
    window.addEventListener("pagehide", () => this.flush());
    /** @type {string[]} ids answered from this page, oldest first */
    this.past = [];
    outbox.delivered = (letter, answer) => this.#delivered(letter, answer);
    outbox.refused = (letter, failure) => this.#refused(letter, failure);
  }

  /**
   * Ask for a question.
   *
   * @param {string|null} [after] leave this one to others, and go on behind it
   * @param {string|null} [query] have just this one
   */
  async next(after = null, query = null) {
    if (this.asking) return;
    this.asking = true;
    try {
      const question = await call("POST", "/claim", { after, query });
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

  /**
   * Leave the question as it is and go on; what was drawn stays in its draft.
   *
   * @param {string|null} [query] to this one; else to the next
   */
  async onward(query = null) {
    const { question } = this;
    if (this.sending) return;
    this.flush();
    await this.outbox.send();
    await this.next(question && !question.answer && !this.reviewing ? question.id : null, query);
  }

  /** @param {string} id of one's own answer, or of one to look at */
  async visit(id) {
    const question = await this.#fetched(id);
    if (question) this.open(question);
  }

  /**
   * Settle a question that others answered, by an answer of one's own.
   *
   * @param {string} id
   * @param {import("./types.js").MaskRuns|null} [from] a drawing to begin with, where nothing is drawn yet
   */
  async settle(id, from = null) {
    const question = await this.#fetched(id);
    if (!question) return;
    this.open(question, true);
    if (from && this.mask && !this.mask.filled().done && this.mask.lay(from)) this.edited();
  }

  async #fetched(/** @type {string} */ id) {
    try {
      return await call("GET", `/questions/${encodeURIComponent(id)}`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return this.tell(`The question cannot be shown: ${error.message}`);
    }
  }

  /**
   * @param {import("./types.js").Question} question
   * @param {boolean} [reviewing]
   */
  open(question, reviewing = false) {
    this.flush();
    this.reviewing = reviewing;
    this.empty = false;
    const sent = this.outbox.answer(question.id);
    this.sending = Boolean(sent);
    const kept = sent ?? this.outbox.draft(question.id);
    const said = this.take(question, kept, this.outbox.history(question.id));
    clearInterval(this.renewing);
    this.renewing = renewed(question, (failure) => this.#lost(question, failure));
    this.happened("question");
    if (kept && kept === said && kept === this.outbox.parked(question.id)) this.keep();
  }

  close() {
    this.question = null;
    this.mask = null;
    this.sending = false;
    this.empty = true;
    clearInterval(this.renewing);
    this.happened("question");
  }

  /** Keep what was said, and send it. The screen comes first. */
  keep() {
    super.keep();
    this.saveSoon();
  }

  /** Keep what is not kept yet. */
  flush() {
    if (this.unsaved) this.save();
  }

  save() {
    const { question, mask } = this;
    this.unsaved = false;
    if (!question || this.sending) return;
    const revision = ++this.revision;
    const path = `/${this.reviewing ? "review" : "questions"}/${encodeURIComponent(question.id)}/draft`;
    const draft = this.draft();
    if (mask && isCut(mask, draft)) this.outbox.remember(question.id, { revision, strokes: mask.strokes, undone: mask.undone });
    this.outbox.post("draft", question.id, "PUT", path, draft);
  }

  /** Take a step back; where the question has none, go back to the answer before it. */
  undo() {
    const done = super.undo();
    if (!done && !this.stepwise) this.back();
    return done;
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
    const body = { status, ...this.draft() };
    if (this.reviewing) this.outbox.post("answer", question.id, "POST", `/review/${id}`, { answer: body });
    else this.outbox.post("answer", question.id, "POST", `/questions/${id}/answer`, body);
    this.happened("sending");
  }

  /**
   * Say the same to several questions that lie on this desk.
   *
   * @param {import("./types.js").Question} question the one that they are like
   * @param {any} body as the server takes it
   */
  several(question, body) {
    if (this.sending) return;
    this.sending = this.question === question && body.queries.includes(question.id);
    this.outbox.post("many", question.id, "POST", "/answers/many", body);
    this.happened("sending");
  }

  #delivered(/** @type {import("./outbox.js").Letter} */ letter, /** @type {any} */ answer) {
    if (letter.what === "many") this.#told(letter.body.queries, answer);
    if (letter.what === "many" && letter.body.queries.includes(this.question?.id)) return this.#done();
    if (letter.what === "review") this.happened("decided");
    if (letter.what !== "answer") return;
    const settled = letter.path.startsWith("/review/");
    if (!settled && !this.past.includes(letter.id)) this.past.push(letter.id);
    this.happened(settled ? "settled" : "answered");
    if (this.question?.id === letter.id || !this.question) this.#done();
  }

  #done() {
    this.question = null;
    this.next();
  }

  /** What became of answers to several questions. */
  #told(/** @type {string[]} */ queries, /** @type {{stored: number, refused: {id: string, error: string}[]}} */ { stored, refused }) {
    const not = refused.length ? ` ${refused.length} not: ${refused[0].error}` : "";
    this.tell(`${stored} answers stored.${not}`);
    this.past.push(...queries.filter((id) => !refused.some((one) => one.id === id)));
  }

  #refused(/** @type {import("./outbox.js").Letter} */ letter, /** @type {Failure} */ failure) {
    const here = this.question?.id === letter.id;
    if (here && failure.status === 409 && failure.body?.revision >= letter.body.revision) {
      this.revision = Math.max(this.revision, failure.body.revision);
      if (letter.what === "draft") return this.save();
      this.sending = false;
      return this.answer(letter.body.status);
    }
    const kept = here && this.outbox.parked(letter.id) ? " It is kept in this browser, should the question come back." : "";
    if (here || letter.what === "many" || letter.what === "review") this.tell(`${NOT_TAKEN[letter.what]} not taken: ${failure.message}${kept}`);
    if (letter.what === "review") this.happened("decided");
    if (!here) return;
    this.sending = false;
    this.happened("sending");
    const gone = failure.status === 409 || failure.status === 404 || (failure.status === 403 && this.reviewing);
    if (gone && failure.body) this.next(); // a proxy's refusal says nothing of the question
  }

  #lost(/** @type {import("./types.js").Question} */ question, /** @type {Failure} */ failure) {
    if (this.question !== question || this.sending) return;
    this.tell(`This question is no longer yours: ${failure.message}`);
    this.next();
  }

  #soon(/** @type {() => void} */ work) {
    setTimeout(work, 1500);
  }
}
