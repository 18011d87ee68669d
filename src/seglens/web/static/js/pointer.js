/**
 * Mouse, pen and fingers on the stage. One pointer works with the tool; two fingers, the middle button or a held space
 * bar move the picture; the wheel zooms. While a pen draws or hovers, whatever else touches is a palm and does nothing; a
 * pen takes the place of a finger that was first. Where a pen was seen lately, single fingers only move.
 *
 * @typedef {Pick<PointerEvent, "timeStamp"|"button"|"altKey">} Sign
 *
 * @typedef {object} Hand
 * @property {(place: import("./types.js").Place, event: Sign) => void} down
 * @property {(places: import("./types.js").Place[], event: Sign) => void} move
 * @property {(place: import("./types.js").Place, event: Sign) => void} up
 * @property {() => void} cancel
 * @property {(place: import("./types.js").Place|null, event: Sign) => void} hover
 * @property {() => boolean} pans whether the tool itself moves the picture
 * @property {() => boolean} keyed whether the keyboard has it: then the space bar is no hand
 */

/** So long after a pen was seen, milliseconds, a touch is the hand that holds it; and so long a finger only moves. */
const PALM = 500;
const PEN = 10_000;

/**
 * @param {import("./view.js").View} view
 * @param {Hand} hand
 */
export function listen(view, hand) {
  const { frame } = view;
  /** @type {Map<number, PointerEvent>} */
  const fingers = new Map();
  /** @type {"work"|"pan"|"pinch"|null} */
  let doing = null;
  let space = false;
  let pen = -Infinity;

  const places = (/** @type {PointerEvent} */ event) => {
    const all = event.getCoalescedEvents?.() ?? [];
    return (all.length ? all : [event]).map((one) => view.place(one.clientX, one.clientY));
  };

  const penDown = () => [...fingers.values()].some(({ pointerType }) => pointerType === "pen");
  const seen = (/** @type {PointerEvent} */ event) => {
    if (event.pointerType === "pen") pen = event.timeStamp;
  };

  /** The fingers on the picture were the hand that holds a pen. */
  function takeOver() {
    if (!fingers.size) return;
    if (doing === "work") hand.cancel();
    fingers.clear();
    doing = null;
  }

  frame.addEventListener("pointerdown", (event) => {
    if (event.button > 2) return;
    event.preventDefault();
    frame.focus({ preventScroll: true });
    if (event.pointerType === "pen") takeOver();
    if (event.pointerType === "touch" && (penDown() || event.timeStamp - pen < PALM)) return;
    seen(event);
    fingers.set(event.pointerId, event);
    frame.setPointerCapture(event.pointerId);
    if (fingers.size === 2) {
      if (doing === "work") hand.cancel();
      doing = "pinch";
    } else if (fingers.size === 1) {
      const palm = event.pointerType === "touch" && event.timeStamp - pen < PEN;
      doing = event.button === 1 || space || palm || hand.pans() ? "pan" : "work";
      if (doing === "work") hand.down(view.place(event.clientX, event.clientY), event);
    }
    frame.classList.toggle("moving", doing === "pan" || doing === "pinch");
  });

  frame.addEventListener("pointermove", (event) => {
    seen(event);
    const before = fingers.get(event.pointerId);
    if (!before) {
      if (fingers.size || event.pointerType === "touch" || hand.keyed()) return;
      hand.hover(view.place(event.clientX, event.clientY), event);
      return;
    }
    fingers.set(event.pointerId, event);
    if (doing === "work") hand.move(places(event), event);
    else if (doing === "pan") view.pan(event.clientX - before.clientX, event.clientY - before.clientY);
    else if (doing === "pinch" && fingers.size === 2) {
      const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
      if (!other) return;
      const was = Math.hypot(before.clientX - other.clientX, before.clientY - other.clientY);
      const is = Math.hypot(event.clientX - other.clientX, event.clientY - other.clientY);
      view.pan((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
      const [x, y] = [(event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2];
      if (was > 0) view.zoom(is / was, x, y);
    }
  });

  const release = (/** @type {PointerEvent} */ event) => {
    seen(event);
    if (!fingers.delete(event.pointerId)) return;
    if (doing === "work") {
      if (event.type === "pointerup") hand.up(view.place(event.clientX, event.clientY), event);
      else hand.cancel();
    }
    if (doing !== "pinch" || !fingers.size) doing = null;
    frame.classList.toggle("moving", doing !== null);
  };
  frame.addEventListener("pointerup", release);
  frame.addEventListener("pointercancel", release);
  frame.addEventListener("pointerleave", (event) => fingers.has(event.pointerId) || hand.hover(null, event));
  frame.addEventListener("contextmenu", (event) => event.preventDefault());

  frame.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      if (event.shiftKey) view.pan(-event.deltaY, -event.deltaX);
      else view.zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX, event.clientY);
    },
    { passive: false },
  );
  window.addEventListener("keydown", (event) => {
    if (event.key !== " " || hand.keyed() || /** @type {HTMLElement} */ (event.target).closest?.("button, input, textarea, select, dialog")) return;
    event.preventDefault();
    space = true;
    frame.classList.add("hand");
  });
  window.addEventListener("keyup", (event) => {
    if (event.key !== " ") return;
    space = false;
    frame.classList.remove("hand");
  });
}
