/**
 * What is on its way to the server: the newest draft of each question, answers, and what was said to several at once.
 * Everything is kept first and sent then, one after the other, again and again until the server has it. A draft or an
 * answer that the server does not take stays in the browser.
 *
 * @typedef {"draft"|"answer"|"many"|"review"} What
 *
 * @typedef {object} Letter
 * @property {string} desk the tab that wrote it
 * @property {number} at when, milliseconds
 * @property {What} what
 * @property {string} id of the question, or of the one that several are like
 * @property {"PUT"|"POST"} method
 * @property {string} path
 * @property {any} body
 */

import { Failure, call, desk } from "./api.js";
import * as keep from "./keep.js";

/** A letter of another tab that is older than this has lost its tab. */
const ORPHAN = 120_000;
const PAUSE = 1500;
const SENT = new Set(["draft", "answer", "many", "review"]);
/** What the server would not take: it waits for the question to come back. */
const PARKED = "parked";
/** A history of strokes that is longer than the server's copy of it. */
const HISTORY = "history";
/** What was unticked and chosen of similar questions, and not confirmed yet. */
export const TICKS = "ticks";
/** So old, milliseconds, a history or ticks have lost their question. */
const OLD = 7 * 86_400_000;

export class Outbox {
  /** @param {string} run id of the run, and the person: letters of another run stay where they are */
  constructor(run) {
    this.run = run;
    /** @type {Promise<void>|null} under way */
    this.sending = null;
    this.offline = false;
    this.timer = 0;
    /** So many characters and more are too many for the server, or for a proxy before it. */
    this.most = Infinity;
    /** @type {() => void} */
    this.changed = () => {};
    /** @type {(letter: Letter, answer: any) => void} */
    this.delivered = () => {};
    /** @type {(letter: Letter, failure: Failure) => void} */
    this.refused = () => {};
    for (const [key, { what, at }] of keep.entries()) if ((what === HISTORY || what === TICKS) && Date.now() - at > OLD) keep.drop(key);
    window.addEventListener("online", () => this.send());
    window.addEventListener("offline", () => this.#later(true));
  }

  /**
   * Keep and send. A newer letter of the same kind about the same question takes the older one's place.
   *
   * @param {What} what
   * @param {string} id
   * @param {"PUT"|"POST"} method
   * @param {string} path
   * @param {any} body of a draft or an answer with its `revision`
   */
  post(what, id, method, path, body) {
    keep.put(this.#key(what, id), { desk, at: Date.now(), what, id, method, path, body });
    if (what === "answer") keep.drop(this.#key("draft", id));
    keep.drop(this.#key(PARKED, id));
    this.changed();
    if (!this.timer) this.send();
  }

  /**
   * A draft that the server may not have yet, or would not take.
   *
   * @param {string} id
   * @returns {any} its body, or null
   */
  draft(id) {
    const found = keep.get(this.#key("draft", id));
    return found && this.#mine(found) ? found.body : this.parked(id);
  }

  /**
   * An answer that the server may not have yet.
   *
   * @param {string} id
   * @returns {any} a draft that says the same, or null
   */
  answer(id) {
    const found = keep.get(this.#key("answer", id));
    return found && this.#mine(found) ? (found.body.answer ?? found.body) : null;
  }

  /**
   * What was said to a question and not taken.
   *
   * @param {string} id
   * @returns {any} a draft, or null
   */
  parked(id) {
    return keep.get(this.#key(PARKED, id))?.body ?? null;
  }

  /**
   * Keep the whole history of a draft, where the draft itself has not all of it.
   *
   * @param {string} id
   * @param {import("./drafts.js").History} history
   */
  remember(id, { revision, strokes, undone }) {
    keep.put(this.#key(HISTORY, id), { desk, at: Date.now(), what: HISTORY, id, body: { revision, strokes, undone } });
  }

  /**
   * @param {string} id
   * @returns {import("./drafts.js").History|null} what this tab remembers of a question
   */
  history(id) {
    const found = keep.get(this.#key(HISTORY, id));
    return found?.desk === desk ? found.body : null;
  }

  /** Letters not delivered yet, oldest first, answers before drafts. */
  waiting() {
    return keep
      .entries()
      .filter(([key, letter]) => key.startsWith(`${this.run}/`) && SENT.has(letter.what) && this.#mine(letter))
      .map(([key, letter]) => /** @type {[string, Letter]} */ ([key, letter]))
      .sort(([, a], [, b]) => Number(a.what === "draft") - Number(b.what === "draft") || a.at - b.at);
  }

  /** Send everything that waits; asked while it is under way, the same one. */
  send() {
    this.sending ??= this.#deliverAll().finally(() => {
      this.sending = null;
      this.changed();
    });
    return this.sending;
  }

  async #deliverAll() {
    clearTimeout(this.timer);
    this.timer = 0;
    for (let next = this.waiting()[0]; next; next = this.waiting()[0]) {
      this.changed();
      if (!(await this.#deliver(...next))) return;
    }
  }

  /** @returns {Promise<boolean>} whether to go on with the next */
  async #deliver(/** @type {string} */ key, /** @type {Letter} */ letter) {
    try {
      if (this.most < Infinity && JSON.stringify(letter.body).length >= this.most && this.#lighten(key, letter)) return true;
      const answer = await call(letter.method, letter.path, letter.body);
      this.offline = false;
      if (keep.get(key) === letter) keep.drop(key);
      if (letter.what === "answer") keep.drop(this.#key(HISTORY, letter.id));
      this.delivered(letter, answer);
      return true;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const wait = error.status === 0 || error.status === 401 || error.status === 429 || error.status >= 500;
      this.offline = error.status === 0;
      if (wait) {
        this.#later(this.offline);
        return false;
      }
      if (error.status === 413) {
        this.most = Math.min(this.most, JSON.stringify(letter.body).length);
        if (this.#lighten(key, letter)) return true;
      }
      const stale = error.status === 409 && error.body?.revision !== undefined;
      if (!stale) this.#park(letter);
      if (keep.get(key) === letter) keep.drop(key);
      this.refused(letter, error);
      return true;
    }
  }

  /** Put a letter without strokes in the place of one that is too large; false where strokes are not what is large. */
  #lighten(/** @type {string} */ key, /** @type {Letter} */ letter) {
    const said = letter.body.answer ?? letter.body;
    if (!said.strokes?.length && !said.undone?.length) return false;
    if (keep.get(key) !== letter) return true;
    if (this.history(letter.id)?.revision !== said.revision) this.remember(letter.id, said);
    const light = { ...said, strokes: [], undone: [] };
    keep.put(key, { ...letter, body: letter.body.answer ? { ...letter.body, answer: light } : light });
    return true;
  }

  #park(/** @type {Letter} */ letter) {
    if (letter.what !== "draft" && letter.what !== "answer") return;
    const body = letter.body.answer ?? letter.body;
    const draft = keep.get(this.#key("draft", letter.id));
    if ((draft && draft !== letter) || this.parked(letter.id)?.revision >= body.revision) return;
    keep.put(this.#key(PARKED, letter.id), { ...letter, what: PARKED, body });
  }

  #later(/** @type {boolean} */ offline) {
    this.offline = offline;
    this.changed();
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.send(), PAUSE);
  }

  #key(/** @type {string} */ what, /** @type {string} */ id) {
    return `${this.run}/${what}/${id}`;
  }

  #mine(/** @type {Letter} */ letter) {
    return letter.desk === desk || Date.now() - letter.at > ORPHAN;
  }
}
