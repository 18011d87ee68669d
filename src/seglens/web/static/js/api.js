/** Talking to the server. Whatever goes wrong becomes one plain sentence; nothing waits longer than its limit. */

const DESK = "seglens:desk";
/** A page that is being loaded anew lets go of its desk well within this, milliseconds. */
const PATIENCE = 1000;
/** What is sent may take a second more for so many characters. */
const SLOWEST = 100_000;

/** What became of a request that failed. `status` 0: the server was not reached. */
export class Failure extends Error {
  /**
   * @param {string} sentence
   * @param {number} status
   * @param {any} [body]
   */
  constructor(sentence, status, body = null) {
    super(sentence);
    this.status = status;
    this.body = body;
  }
}

/** This tab's name: questions are claimed by it; a reload keeps it. */
export let desk = sessionStorage.getItem(DESK) ?? fresh();

/** Sit down. A duplicated tab brings its twin's name along: it gets one of its own. To be awaited before any claim. */
export async function sit() {
  sessionStorage.setItem(DESK, desk);
  while (navigator.locks && !(await alone())) sessionStorage.setItem(DESK, (desk = fresh()));
}

/** @returns {Promise<boolean>} whether no other tab has this desk; then it is held until the page goes */
function alone() {
  return new Promise((resolve) => {
    const forever = () => new Promise(() => resolve(true));
    navigator.locks
      .request(`${DESK}:${desk}`, { signal: AbortSignal.timeout(PATIENCE) }, forever)
      .catch(() => resolve(false));
  });
}

/** @returns {string} */
function fresh() {
  return crypto.randomUUID?.() ?? Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

/** Is told whether the server was reached, and when it asks for a login. */
export const line = {
  /** @type {(reached: boolean) => void} */
  reached: () => {},
  login: () => {},
};

/**
 * @param {string} url
 * @param {RequestInit} options
 * @param {number} seconds most to wait
 */
async function send(url, options, seconds) {
  let response;
  try {
    response = await fetch(url, { ...options, signal: AbortSignal.timeout(1000 * seconds) });
  } catch (error) {
    line.reached(false);
    const slow = error instanceof DOMException && error.name === "TimeoutError";
    throw new Failure(slow ? `The server did not answer within ${Math.round(seconds)} seconds.` : "The server cannot be reached.", 0);
  }
  line.reached(true);
  if (response.ok) return response;
  let body = null;
  try {
    body = await response.json();
  } catch {
    body = null;
  }
  if (response.status === 401 && !url.endsWith("/login")) line.login();
  throw new Failure(body?.error ?? `The server refused this (${response.status}).`, response.status, body);
}

/**
 * One call of the API.
 *
 * @param {"GET"|"POST"|"PUT"} method
 * @param {string} path below /api
 * @param {any} [body] sent as JSON
 * @param {{seconds?: number, keepalive?: boolean}} [how] seconds: most to wait for a short body's answer
 * @returns {Promise<any>} the answer's JSON; null where there is none (204)
 * @throws {Failure}
 */
export async function call(method, path, body = undefined, { seconds = 20, keepalive = false } = {}) {
  const headers = { "X-Seglens": "page", "X-Seglens-Desk": desk };
  const options = { method, headers, keepalive };
  let limit = seconds;
  if (method !== "GET") {
    const text = JSON.stringify(body ?? {});
    limit += text.length / SLOWEST;
    Object.assign(headers, { "Content-Type": "application/json" });
    Object.assign(options, { body: text });
  }
  const response = await send(`/api${path}`, options, limit);
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch {
    throw new Failure("The server's answer broke off.", 0);
  }
}

/**
 * @param {string} url
 * @returns {Promise<Blob>}
 * @throws {Failure}
 */
export async function fetchBlob(url) {
  const response = await send(url, { headers: { "X-Seglens": "page", "X-Seglens-Desk": desk } }, 60);
  try {
    return await response.blob();
  } catch {
    throw new Failure("A picture broke off on its way.", 0);
  }
}
