/** Verdicts that were come by already, for a page that is loaded again. They are gone when its tab is closed. */

import type { Checked } from '../workers/check_api.ts';

const KEY = 'directmap: answers';

export function keepAnswers(answers: ReadonlyMap<string, Checked>): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify([...answers]));
  } catch {
    // No room, or nothing is kept here: they are there until the page is loaded again.
  }
}

export function keptAnswers(): Map<string, Checked> {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
    return new Map(kept as [string, Checked][]);
  } catch {
    return new Map();
  }
}
