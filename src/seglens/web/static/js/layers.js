/** What lies over the image: maps and classes, each on a canvas of its own, and the labels that are being made. */

import { Failure } from "./api.js";
import { make, named } from "./dom.js";
import { heat } from "./palette.js";
import { address, bitmapOf, grey } from "./pictures.js";

const TITLES = {
  image: "Image",
  prediction: "Prediction",
  entropy: "Entropy (doubt)",
  proximity: "Nearness",
  eem: "Explainable error",
  score: "Score",
  candidates: "Candidates",
  labels: "Labels so far",
};
const CLASSES = new Set(["prediction", "candidates", "labels"]);
const HEAT = heat();

export class Layers {
  /**
   * @param {HTMLElement} world
   * @param {string[]} names those that the run has
   * @param {HTMLElement} controls
   * @param {(sentence: string) => void} tell
   */
  constructor(world, names, controls, tell) {
    this.world = world;
    this.tell = tell;
    this.names = names;
    this.image = "";
    /** The layer that was switched on last. */
    this.latest = "image";
    /** @type {[number, number]} */
    this.size = [1, 1];
    /** @type {string[]} those of the image that is shown */
    this.there = names;
    /** @type {Map<string, {values: Uint8Array, width: number, height: number}>} */
    this.values = new Map();
    /** @type {Map<string, HTMLCanvasElement>} */
    this.canvases = new Map();
    /** @type {import("./palette.js").Palette|null} */
    this.palette = null;
    for (const name of ["image", ...names.filter((other) => other !== "image")]) {
      const canvas = make("canvas", { class: `layer layer-${name}`, "aria-hidden": "true" });
      this.canvases.set(name, canvas);
      world.insertBefore(canvas, named("dim"));
      controls.append(this.#row(name, canvas));
    }
  }

  /**
   * Show another image. The picture itself is awaited, the maps come when they come.
   *
   * @param {string} image
   * @param {[number, number]} size
   * @param {string[]} there the layers that it can have; the others' switches are greyed
   * @param {string} why the others are missing
   */
  async show(image, size, there, why) {
    if (image !== this.image) {
      this.values.clear();
      for (const [name, canvas] of this.canvases) if (name !== "image") canvas.width = canvas.height = 1;
    }
    const fresh = image !== this.image;
    this.image = image;
    this.size = size;
    this.there = there;
    for (const name of this.names) this.#grey(name, there.includes(name) ? "" : why);
    if (fresh) await this.#picture();
    for (const name of this.names) if (name !== "image" && this.#on(name)) this.#fill(name);
  }

  async #picture() {
    const image = this.image;
    const picture = await bitmapOf(address("/api/picture", { image }));
    const canvas = /** @type {HTMLCanvasElement} */ (this.canvases.get("image"));
    if (image !== this.image) return;
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext("2d")?.drawImage(picture, 0, 0);
    picture.close();
  }

  /**
   * The values of a layer for the image that is shown.
   *
   * @param {string} name
   * @returns {Promise<{values: Uint8Array, width: number, height: number}|null>} null where there is none
   */
  async map(name) {
    if (!this.there.includes(name)) return null;
    const found = this.values.get(name);
    if (found) return found;
    const image = this.image;
    try {
      const map = await grey(address("/api/layer", { image, name }));
      if (image === this.image) this.values.set(name, map);
      return map;
    } catch (error) {
      if (error instanceof Failure && error.status === 404) return null;
      throw error;
    }
  }

  /** Forget what the model said: a new round knows better. */
  forget() {
    for (const name of this.names) if (name !== "image") this.values.delete(name);
    for (const name of this.names) if (name !== "image" && this.#on(name) && this.image) this.#fill(name);
  }

  /** @param {import("./palette.js").Palette} palette */
  recolor(palette) {
    this.palette = palette;
    for (const name of this.values.keys()) if (CLASSES.has(name)) this.#draw(name);
  }

  /** @param {string} name */
  toggle(name) {
    const box = named(`layer-${name}`);
    if (!box || box.disabled) return;
    box.checked = !box.checked;
    box.dispatchEvent(new Event("change"));
  }

  async #fill(/** @type {string} */ name) {
    const note = named(`note-${name}`);
    note.textContent = "";
    try {
      if (await this.map(name)) this.#draw(name);
      else note.textContent = "none yet";
    } catch (error) {
      note.textContent = "not loaded";
      if (error instanceof Failure) this.tell(`The layer “${title(name)}” did not load: ${error.message}`);
      else throw error;
    }
  }

  #draw(/** @type {string} */ name) {
    const map = this.values.get(name);
    const canvas = this.canvases.get(name);
    if (!map || !canvas || !this.palette) return;
    canvas.width = map.width;
    canvas.height = map.height;
    const data = new ImageData(map.width, map.height);
    const words = new Uint32Array(data.data.buffer);
    if (CLASSES.has(name)) this.palette.paint(map.values, words, map.width, [0, 0, map.height, map.width]);
    else for (let i = 0; i < words.length; i++) words[i] = HEAT[map.values[i]];
    canvas.getContext("2d")?.putImageData(data, 0, 0);
  }

  #on(/** @type {string} */ name) {
    return named(`layer-${name}`).checked && this.there.includes(name);
  }

  #grey(/** @type {string} */ name, /** @type {string} */ why) {
    const box = named(`layer-${name}`);
    box.disabled = named(`fade-${name}`).disabled = Boolean(why);
    box.closest(".layer-row").title = why;
    box.closest(".layer-row").classList.toggle("missing", Boolean(why));
    if (why) named(`note-${name}`).textContent = "";
  }

  #row(/** @type {string} */ name, /** @type {HTMLCanvasElement} */ canvas) {
    const shown = name === "image";
    const text = title(name);
    const box = make("input", { type: "checkbox", "data-test": `layer-${name}`, "aria-label": `Show ${text}` });
    const fade = make("input", {
      type: "range", min: 0, max: 100, value: shown ? 100 : 55, "data-test": `fade-${name}`, "aria-label": `Strength of ${text}`,
    });
    box.checked = shown;
    canvas.hidden = !shown;
    canvas.style.opacity = String(fade.value / 100);
    box.addEventListener("change", () => {
      canvas.hidden = !box.checked;
      if (box.checked) this.latest = name;
      if (box.checked && name !== "image" && this.image) this.#fill(name);
    });
    fade.addEventListener("input", () => (canvas.style.opacity = String(fade.value / 100)));
    return make(
      "div",
      { class: "layer-row" },
      make("label", {}, box, text, " ", make("span", { class: "note", "data-test": `note-${name}` })),
      fade,
    );
  }
}

/** @param {string} name */
export const title = (name) => /** @type {Record<string, string>} */ (TITLES)[name] ?? name;
