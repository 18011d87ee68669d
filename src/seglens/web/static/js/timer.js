/** Seconds of work: they count only while the tab is in sight and the person does something. */

/** Without a sign of life for so long, milliseconds, the clock stands still. */
const IDLE = 20_000;
const TICK = 250;

let alive = performance.now();
let last = performance.now();
let seconds = 0;

for (const sign of ["pointerdown", "pointermove", "keydown", "wheel"]) {
  window.addEventListener(sign, () => (alive = performance.now()), { capture: true, passive: true });
}

function tick() {
  const now = performance.now();
  if (document.visibilityState === "visible" && now - alive < IDLE) seconds += Math.min(now - last, 4 * TICK) / 1000;
  last = now;
}

setInterval(tick, TICK);
document.addEventListener("visibilitychange", tick);

/** Begin a question's clock, with what was spent on it before. */
export function start(/** @type {number} */ spent) {
  tick();
  seconds = spent;
}

/** Seconds of work on the question so far, to the hundredth. */
export function spent() {
  tick();
  return Math.round(100 * seconds) / 100;
}
