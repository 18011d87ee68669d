/** What is said of a question in classes and a point, with every step before it. */

/** @typedef {{classes: number[], point: [number, number]|null}} Named */
/** @typedef {{past: Named[], undone: Named[]}} Steps */

export class Naming {
  /**
   * @param {Partial<Named>|null} [said]
   * @param {Steps|null} [steps] those before it, and those taken back
   */
  constructor(said = null, steps = null) {
    /** @type {number[]} */
    this.classes = [...(said?.classes ?? [])];
    this.point = said?.point ?? null;
    /** @type {Named[]} */
    this.past = [...(steps?.past ?? [])];
    /** What was taken back, the last one last. @type {Named[]} */
    this.undone = [...(steps?.undone ?? [])];
  }

  /** @returns {Steps|null} */
  get steps() {
    return this.past.length || this.undone.length ? { past: this.past, undone: this.undone } : null;
  }

  /** @param {Partial<Named>} what */
  say({ classes = this.classes, point = this.point }) {
    this.past.push({ classes: this.classes, point: this.point });
    this.undone = [];
    Object.assign(this, { classes, point });
  }

  /** Take the last step back; false where there is none. */
  undo() {
    return this.#step(this.past, this.undone);
  }

  /** Do the step again that was taken back last; false where there is none. */
  redo() {
    return this.#step(this.undone, this.past);
  }

  /**
   * @param {Named[]} from
   * @param {Named[]} to
   */
  #step(from, to) {
    const found = from.pop();
    if (!found) return false;
    to.push({ classes: this.classes, point: this.point });
    Object.assign(this, found);
    return true;
  }
}
