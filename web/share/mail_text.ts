/** A run as a mail: the account in 72 columns, how to repeat it, and the link. */

import type { RunAnswer } from '../workers/model_api.ts';

export interface Mail {
  readonly run: RunAnswer;
  /** The script, where it is in no library that the reader of the mail has. */
  readonly script: string | null;
  readonly replay: { readonly id: string; readonly text: string } | null;
  readonly fragment: string;
  readonly url: string;
}

export function mailText({ run, script, replay, fragment, url }: Mail): string {
  // A replay's text has its claim, its run and its scenario.
  const account = replay === null ? run.text : replay.text;
  const saved = script === null || replay !== null ? '' : `\nsave as a file for directmap run:\n\n${script}`;
  const isLocal = /^https?:\/\/(127\.0\.0\.1|localhost)[:/]/.test(url);
  const see = isLocal ? `directmap serve '#${fragment}'` : url;
  return `${account.trimEnd()}\nsee it               ${see}\n${saved}`;
}
