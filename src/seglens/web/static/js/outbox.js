/**
 * What is on its way to the server: the newest draft of each question, and answers. Everything is kept first and sent
 * then, one after the other, again and again until the server has it.
 *
 * @typedef {object} Letter
 * @property {string} desk the tab that wrote it
 * @property {number} at when, milliseconds
 * @property {"draft"|"answer"} what
 * @property {string} id of the question
 * @property {"PUT"|"POST"} method
 * @property {string} path
 * @property {any} body
 */

import { Failure, call, desk } from "./api.js";
import * as keep from "./keep.js";

/** A letter of another tab that is older than this has lost its tab. */
const ORPHAN = 120_000;
const PAUSE = 1500;
/** What the server would not take because the question was on another desk: it waits for the question to come back. */
const PARKED = "parked";

export class Outbox {
  /** @param {string} run id of the run, and the person: letters of another run stay where they are */
  constructor(run) {
    this.run = run;
    this.sending = false;
    this.offline = false;
    this.timer = 0;
    /** @type {() => void} */
    this.changed = () => {};
    /** @type {(letter: Letter, answer: any) => void} */
    this.delivered = () => {};
    /** @type {(letter: Letter, failure: Failure) => void} */
    this.refused = () => {};
    window.addEventListener("online", () => this.send());
    window.addEventListener("offline", () => this.#later(true));
  }

  /**
   * Keep and send. A newer letter of the same kind about the same question takes the older one's place.
   *
   * @param {"draft"|"answer"} what
   * @param {string} id
   * @param {"PUT"|"POST"} method
   * @param {string} path
   * @param {any} body with its `revision`
   */
  post(what, id, method, path, body) {
    keep.put(this.#key(what, id), { desk, at: Date.now(), what, id, method, path, body });
    if (what === "answer") keep.drop(this.#key("draft", id));
    keep.drop(this.#key(PARKED, id));
    this.changed();
    if (!this.timer) this.send();
  }

  /**
   * A draft that the server may not have yet, or would not take while another had the question.
   *
   * @param {string} id
   * @returns {any} its body, or null
   */
  draft(id) {
    const found = keep.get(this.#key("draft", id));
    return found && this.#mine(found) ? found.body : this.parked(id);
  }

  /**
   * What was said to a question when it was on another desk.
   *
   * @param {string} id
   * @returns {any} a draft, or null
   */
  parked(id) {
    return keep.get(this.#key(PARKED, id))?.body ?? null;
  }

  /** Letters not delivered yet, oldest first, answers before drafts. */
  waiting() {
    return keep
      .entries()
      .filter(([key, letter]) => key.startsWith(`${this.run}/`) && letter.what !== PARKED && this.#mine(letter))
      .map(([key, letter]) => /** @type {[string, Letter]} */ ([key, letter]))
      .sort(([, a], [, b]) => (a.what === b.what ? a.at - b.at : a.what === "answer" ? -1 : 1));
  }

  /** Send everything that waits. */
  async send() {
    if (this.sending) return;
    this.sending = true;
    clearTimeout(this.timer);
    this.timer = 0;
    try {
      for (let next = this.waiting()[0]; next; next = this.waiting()[0]) {
        this.changed();
        if (!(await this.#deliver(...next))) return;
      }
    } finally {
      this.sending = false;
      this.changed();
    }
  }

  /** @returns {Promise<boolean>} whether to go on with the next */
  async #deliver(/** @type {string} */ key, /** @type {Letter} */ letter) {
    try {
      const answer = await call(letter.method, letter.path, letter.body);
      this.offline = false;
      if (keep.get(key) === letter) keep.drop(key);
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
      if (keep.get(key) === letter) keep.drop(key);
      if (error.status === 409 && error.body?.revision === undefined) this.#park(letter);
      this.refused(letter, error);
      return true;
    }
  }

  #park(/** @type {Letter} */ letter) {
    const body = letter.body.answer ?? letter.body;
    const older = keep.get(this.#key("draft", letter.id));
    if (older || this.parked(letter.id)?.revision >= body.revision) return;
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
