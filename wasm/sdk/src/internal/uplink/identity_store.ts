/**
 * Signature keys that are kept in this browser, so that people know an identity again: in
 * IndexedDB, by suite and name. Only the uplink worker touches them. Every script of the origin
 * could, which is what `identity: { keptAs }` says.
 */

const DATABASE = "smrtc";
const STORE = "identities";

/** The key kept under `name`; undefined if there is none. */
export async function keptIdentity(suite: string, name: string): Promise<Uint8Array | undefined> {
  const found: unknown = await run("readonly", (store) => store.get(place(suite, name)));
  return found instanceof Uint8Array ? found : undefined;
}

/** Keeps `secret` under `name`. */
export async function keepIdentity(suite: string, name: string, secret: Uint8Array): Promise<void> {
  await run("readwrite", (store) => store.put(secret, place(suite, name)));
}

const place = (suite: string, name: string): string => `${suite}/${name}`;

async function run(
  mode: IDBTransactionMode,
  action: (store: IDBObjectStore) => IDBRequest,
): Promise<unknown> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
  const database = await settled(opening);
  try {
    return await settled(action(database.transaction(STORE, mode).objectStore(STORE)));
  } finally {
    database.close();
  }
}

function settled<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}
