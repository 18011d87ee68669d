/** Seconds of work: they count only while the tab is in sight and the person does something. */

/** Without a sign of life for so long, milliseconds, the clock stands still. */
const IDLE = 20_000;
const TICK = 250;

let alive = performance.now();
let last = performance.now();
/** Seconds of work since the page was loaded, and where in them the question's clock stood at zero. */
let worked = 0;
let begun = 0;

for (const sign of ["pointerdown", "pointermove", "keydown", "wheel"]) {
  window.addEventListener(sign, (event) => still(event) || (alive = performance.now()), { capture: true, passive: true });
}

let [x, y] = [NaN, NaN];

/** Whether a pointer is said to move that lies where it lay: browsers tell so when the page moves below it. */
function still(/** @type {any} */ event) {
  const same = event.type === "pointermove" && event.screenX === x && event.screenY === y;
  if ("screenX" in event) [x, y] = [event.screenX, event.screenY];
  return same;
}

function tick() {
  const now = performance.now();
  if (document.visibilityState === "visible" && now - alive < IDLE) worked += Math.min(now - last, 4 * TICK) / 1000;
  last = now;
}

setInterval(tick, TICK);
document.addEventListener("visibilitychange", tick);

/** Begin a question's clock, with what was spent on it before. */
export function start(/** @type {number} */ spent) {
  tick();
  begun = worked - spent;
}

/** When the last sign of life was, on the clock of `performance.now()`. */
export const lively = () => alive;

/** Seconds of work on the question so far, to the hundredth. */
export function spent() {
  tick();
  return hundredths(worked - begun);
}

/**
 * A clock of something else, that begins now.
 *
 * @returns {() => number} takes the seconds of work since it began or was last asked: the question is not charged them
 */
export function apart() {
  tick();
  let last = worked;
  return () => {
    tick();
    const taken = worked - last;
    [last, begun] = [worked, begun + taken];
    return hundredths(taken);
  };
}

const hundredths = (/** @type {number} */ seconds) => Math.round(100 * seconds) / 100;
