/**
 * Which pixels a gesture covers: whole numbers only, so that the same gesture gives the same pixels everywhere. A place
 * is a pixel; distances are between pixels' centres. Nothing is anti-aliased.
 */

/** @typedef {import("./types.js").Place} Place */

/**
 * Every pixel within half a diameter of the straight line between two places.
 *
 * @param {Place} from
 * @param {Place} to
 * @param {number} diameter pixels, a whole number
 * @param {[number, number]} size
 * @param {(pixel: number) => void} visit
 */
export function thickLine(from, to, diameter, [height, width], visit) {
  const reach = Math.floor(diameter / 2);
  const dy = to.y - from.y;
  const dx = to.x - from.x;
  const long = dy * dy + dx * dx;
  const limit = diameter * diameter;
  const top = Math.max(0, Math.min(from.y, to.y) - reach);
  const bottom = Math.min(height - 1, Math.max(from.y, to.y) + reach);
  const left = Math.max(0, Math.min(from.x, to.x) - reach);
  const right = Math.min(width - 1, Math.max(from.x, to.x) + reach);
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const py = y - from.y;
      const px = x - from.x;
      const along = py * dy + px * dx;
      let near;
      if (along <= 0) near = 4 * (py * py + px * px) <= limit;
      else if (along >= long) near = 4 * ((y - to.y) ** 2 + (x - to.x) ** 2) <= limit;
      else near = 4 * (py * dx - px * dy) ** 2 <= limit * long;
      if (near) visit(y * width + x);
    }
  }
}

/**
 * Every pixel inside a polygon (even-odd), and its outline one pixel wide.
 *
 * @param {Place[]} corners
 * @param {[number, number]} size
 * @param {(pixel: number) => void} visit
 */
export function polygon(corners, [height, width], visit) {
  const ys = corners.map((corner) => corner.y);
  const xs = corners.map((corner) => corner.x);
  const [top, bottom] = [Math.max(0, Math.min(...ys)), Math.min(height - 1, Math.max(...ys))];
  const [left, right] = [Math.max(0, Math.min(...xs)), Math.min(width - 1, Math.max(...xs))];
  for (let y = top; y <= bottom; y++) {
    const crossed = corners
      .map((a, index) => [a, corners[(index + 1) % corners.length]].sort((p, q) => p.y - q.y))
      .filter(([a, b]) => a.y <= y && y < b.y);
    for (let x = left; x <= right; x++) {
      let odd = false;
      for (const [a, b] of crossed) if ((x - a.x) * (b.y - a.y) >= (y - a.y) * (b.x - a.x)) odd = !odd;
      if (odd) visit(y * width + x);
    }
  }
  corners.forEach((a, index) => thickLine(a, corners[(index + 1) % corners.length], 1, [height, width], visit));
}

/**
 * The parts that a line cuts off a region: of each connected piece (side by side) that the line divides, all but the
 * largest part, and the line itself. Nothing where the line divides nothing.
 *
 * @param {Uint8Array} inside the region's bitmap
 * @param {Place[]} line
 * @param {[number, number]} size
 * @returns {number[]} pixels
 */
export function cutOff(inside, line, size) {
  const wall = new Set();
  const [first] = line;
  for (let i = 0; i < line.length; i++) {
    thickLine(line[Math.max(0, i - 1)] ?? first, line[i], 1, size, (pixel) => inside[pixel] && wall.add(pixel));
  }
  const seen = new Uint8Array(inside.length);
  /** @type {number[]} */
  const found = [];
  for (const start of wall) {
    if (seen[start]) continue;
    const piece = flood(inside, start, size, seen, null);
    const done = new Uint8Array(inside.length);
    /** @type {number[][]} */
    const parts = [];
    for (const pixel of piece) if (!wall.has(pixel) && !done[pixel]) parts.push(flood(inside, pixel, size, done, wall));
    if (parts.length < 2) continue;
    parts.sort((a, b) => b.length - a.length);
    for (const part of parts.slice(1)) for (const pixel of part) found.push(pixel);
    for (const pixel of piece) if (wall.has(pixel)) found.push(pixel);
  }
  return found;
}

/**
 * @param {Uint8Array} inside
 * @param {number} start
 * @param {[number, number]} size
 * @param {Uint8Array} seen is written
 * @param {Set<number>|null} wall
 */
function flood(inside, start, [height, width], seen, wall) {
  const found = [start];
  seen[start] = 1;
  for (let next = 0; next < found.length; next++) {
    const pixel = found[next];
    const x = pixel % width;
    const y = (pixel - x) / width;
    const visit = (/** @type {number} */ at) => {
      if (seen[at] || !inside[at] || wall?.has(at)) return;
      seen[at] = 1;
      found.push(at);
    };
    if (y > 0) visit(pixel - width);
    if (y < height - 1) visit(pixel + width);
    if (x > 0) visit(pixel - 1);
    if (x < width - 1) visit(pixel + 1);
  }
  return found;
}
