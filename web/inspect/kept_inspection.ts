/** What was found in the last dump, kept by the browser for a page that is loaded again. The dump itself is not kept. */

import type { Inspected } from '../workers/reader_api.ts';

const DATABASE = 'directmap';
const STORE = 'inspections';
const KEY = 'last';

/** Nothing is kept where the browser keeps nothing, as in a private window. */
export async function keepInspection(inspected: Inspected): Promise<void> {
  try {
    const database = await open();
    await done(database.transaction(STORE, 'readwrite').objectStore(STORE).put(inspected, KEY));
    database.close();
  } catch {
    // It is there until the page is loaded again.
  }
}

export async function keptInspection(): Promise<Inspected | undefined> {
  try {
    const database = await open();
    const kept: unknown = await done(database.transaction(STORE).objectStore(STORE).get(KEY));
    database.close();
    return isInspected(kept) ? kept : undefined;
  } catch {
    return undefined;
  }
}

export async function forgetInspection(): Promise<void> {
  try {
    const database = await open();
    await done(database.transaction(STORE, 'readwrite').objectStore(STORE).delete(KEY));
    database.close();
  } catch {
    // There is nothing to forget.
  }
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.addEventListener('upgradeneeded', () => request.result.createObjectStore(STORE));
  return done(request);
}

function done<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error));
  });
}

function isInspected(value: unknown): value is Inspected {
  return (
    typeof value === 'object' &&
    value !== null &&
    'snapshot' in value &&
    (value as Inspected).snapshot.format === 'directmap-report/1'
  );
}
