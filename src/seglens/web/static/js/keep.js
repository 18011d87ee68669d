/**
 * What must outlive a reload, a crash or a lost connection: values by key, written at once to localStorage, and to
 * IndexedDB what does not fit there.
 */

const PREFIX = "seglens:kept:";

/** @type {Map<string, any>} */
const kept = new Map();
/** @type {Set<string>} those that did not fit */
const large = new Set();
/** @type {IDBDatabase|null} */
let database = null;

/** Read what was kept. To be awaited before anything else here. */
export async function open() {
  database = await connect();
  for (const [key, value] of await overflow()) {
    kept.set(key, value);
    large.add(key);
  }
  for (let i = 0; i < localStorage.length; i++) {
    const key = localStorage.key(i) ?? "";
    if (!key.startsWith(PREFIX)) continue;
    try {
      kept.set(key.slice(PREFIX.length), JSON.parse(localStorage.getItem(key) ?? "null"));
    } catch {
      localStorage.removeItem(key);
    }
  }
}

/** @param {string} key */
export const get = (key) => kept.get(key);

/** @returns {[string, any][]} */
export const entries = () => [...kept];

/**
 * @param {string} key
 * @param {any} value plain JSON
 */
export function put(key, value) {
  kept.set(key, value);
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value));
    forget(key);
  } catch {
    localStorage.removeItem(PREFIX + key);
    large.add(key);
    write((store) => store.put(value, key));
  }
}

/** @param {string} key */
export function drop(key) {
  kept.delete(key);
  localStorage.removeItem(PREFIX + key);
  forget(key);
}

/** @param {string} key */
function forget(key) {
  if (large.delete(key)) write((store) => store.delete(key));
}

/** @returns {Promise<IDBDatabase|null>} */
function connect() {
  return new Promise((resolve) => {
    if (!("indexedDB" in window)) return resolve(null);
    const asked = indexedDB.open("seglens", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("kept");
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = asked.onblocked = () => resolve(null);
  });
}

/** @returns {Promise<[string, any][]>} */
function overflow() {
  return new Promise((resolve) => {
    if (!database) return resolve([]);
    const store = database.transaction("kept").objectStore("kept");
    const keys = store.getAllKeys();
    const values = store.getAll();
    values.onsuccess = () => resolve(keys.result.map((key, index) => [String(key), values.result[index]]));
    values.onerror = () => resolve([]);
  });
}

/** @param {(store: IDBObjectStore) => void} work */
function write(work) {
  if (database) work(database.transaction("kept", "readwrite").objectStore("kept"));
}
