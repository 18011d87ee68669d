/** What one person says to the question at hand: the labels, the classes, what it took, and every step back. */

import * as corners from "./corners.js";
import { history, latest } from "./drafts.js";
import { Mask } from "./mask.js";
import { Naming } from "./naming.js";
import * as timer from "./timer.js";

export class Work extends EventTarget {
  constructor() {
    super();
    /** @type {import("./types.js").Question|null} */
    this.question = null;
    /** @type {Mask|null} */
    this.mask = null;
    this.cls = 0;
    this.naming = new Naming();
    this.revision = 0;
    this.clicks = 0;
    this.edits = 0;
    /** Whether something was said that is not kept yet. */
    this.unsaved = false;
  }

  get drawn() {
    return this.question?.kind === "dense" || this.question?.kind === "mask";
  }

  /** Of a polygon that is not closed yet. */
  get corners() {
    return corners.open(this.mask?.strokes ?? []);
  }

  /** Whether there are steps to take back before the answer is handed in. */
  get stepwise() {
    return this.drawn || this.question?.kind === "class-set" || this.question?.kind === "point";
  }

  /**
   * Take up a question where it was left.
   *
   * @param {import("./types.js").Question} question
   * @param {import("./types.js").Draft|null} kept the browser's own draft
   * @param {import("./drafts.js").History|null} whole the history of a draft, where the browser has more of it
   * @returns {import("./types.js").Draft|import("./types.js").Answer|null} what was said to it last
   */
  take(question, kept, whole) {
    this.question = question;
    this.mask = new Mask(question.size, question.region.runs);
    const { newest, holds } = latest(question, kept);
    const draft = holds || !question.answer ? newest : null;
    const said = draft ?? question.answer;
    this.revision = Math.max(question.revision, newest?.revision ?? 0);
    const past = whole && whole.revision === draft?.revision ? whole : draft;
    this.mask.load(said?.mask, corners.completed(past?.strokes ?? [], draft?.polygon?.corners ?? []), past?.undone);
    this.naming = new Naming(said, draft?.steps);
    this.cls = draft?.polygon?.class ?? this.cls;
    const paid = (/** @type {"clicks"|"edits"|"seconds"} */ what) => Math.max(newest?.[what] ?? 0, question.answer?.[what] ?? 0);
    this.clicks = paid("clicks");
    this.edits = paid("edits");
    timer.start(paid("seconds"));
    return said;
  }

  /** Something is to be kept. */
  keep() {
    this.unsaved = true;
    this.happened("edit");
  }

  /** Something was said: keep it. */
  edited() {
    this.edits++;
    this.keep();
  }

  /**
   * Say classes or a point anew.
   *
   * @param {Partial<import("./naming.js").Named>} what
   */
  say(what) {
    this.naming.say(what);
    this.edited();
  }

  /** Take the last step back; false where there is none. */
  undo() {
    const stroke = this.mask?.undo();
    return Boolean(stroke || this.naming.undo()) && this.#stepped(stroke);
  }

  /** Do the step again that was taken back last; false where there is none. */
  redo() {
    const stroke = this.mask?.redo();
    return Boolean(stroke || this.naming.redo()) && this.#stepped(stroke);
  }

  #stepped(/** @type {import("./types.js").Stroke|null|undefined} */ stroke) {
    if (this.question?.kind === "point") this.cls = this.naming.classes[0] ?? this.cls;
    if (stroke?.corner) this.keep();
    else this.edited();
    return true;
  }

  /** @returns {import("./types.js").Draft} */
  draft() {
    const polygon = this.corners.length ? { class: this.cls, corners: this.corners } : null;
    return {
      ...history(this.mask),
      polygon,
      steps: this.naming.steps,
      revision: this.revision,
      mask: this.drawn && this.mask ? this.mask.said() : null,
      classes: this.naming.classes,
      point: this.naming.point,
      seconds: timer.spent(),
      clicks: this.clicks,
      edits: this.edits,
    };
  }
  /** @param {string} what */
  happened(what) {
    this.dispatchEvent(new Event(what));
  }
}
