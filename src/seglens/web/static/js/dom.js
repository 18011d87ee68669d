/** Elements by their `data-test` name, and a short way to make new ones. */

/**
 * @param {string} name
 * @returns {any}
 */
export const named = (name) => document.querySelector(`[data-test="${CSS.escape(name)}"]`);

/**
 * A new element. Keys that begin with "on" are listeners; `class`, `data-…`, `aria-…` and the like are attributes.
 *
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {any}
 */
export function make(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  apply(element, props);
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/**
 * The same for a part of a drawing.
 *
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Node|string)} children
 */
export function draw(tag, props = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  apply(element, props);
  element.append(...children);
  return element;
}

/**
 * @param {Element} element
 * @param {Record<string, any>} props
 */
function apply(element, props) {
  for (const [key, value] of Object.entries(props)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, String(value));
  }
}

/**
 * A small drawing for a button, from path data in a box of 24.
 *
 * @param {string} path
 */
export function icon(path) {
  return draw("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, draw("path", { d: path }));
}

/**
 * Seconds in words: "0.4 s", "12 s", "3 min", "2 h 5 min".
 *
 * @param {number} seconds
 */
export function duration(seconds) {
  if (seconds < 9.95) return `${Number(seconds.toFixed(1))} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * The same work, put off until the next frame is shown; asked for several times, it is done once. Out of sight there
 * are no frames: then a moment later.
 *
 * @param {() => void} work
 * @returns {() => void}
 */
export function afterFrame(work) {
  let asked = false;
  const begin = () => {
    if (!asked) return;
    asked = false;
    work();
  };
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => setTimeout(begin));
    setTimeout(begin, 100);
  };
}
