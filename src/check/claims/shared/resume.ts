/** Resuming from hibernation, with pages that are free. */

import type { Done, Finding, Pattern } from '../../claim.ts';
import { onNone } from './worlds.ts';

export const HIBERNATE_AND_RESUME: readonly Pattern[] = [
  onNone('alloc_pages', 0),
  onNone('hibernate', 0),
  onNone('hibernate', 1),
];

export function writesFreePage({ action, died }: Done): Finding | undefined {
  return died === undefined
    ? undefined
    : { text: `${action.text} writes a free page: ${died.how}`, failure: 'F8' };
}
