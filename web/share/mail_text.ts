/** A run as a mail: the account in 72 columns, how to repeat it, and the link. */

import { replayLink } from '../../src/report/link.ts';
import { serveCommand } from '../../src/report/outcome_text.ts';

export interface Mail {
  /** As directmap run prints it. */
  readonly account: string;
  /** The script, where it is in no library that the reader of the mail has. */
  readonly script: string | null;
  readonly replay: { readonly id: string; readonly text: string } | null;
  readonly fragment: string;
  readonly url: string;
}

export function mailText({ account, script, replay, fragment, url }: Mail): string {
  // Where in the run one is makes it no other run.
  const isReplay = replay !== null && fragment.replaceAll(/&(?:m|at)=[^&]*/g, '') === replayLink(replay.id);
  if (isReplay) return replay.text;
  const saved = script === null ? '' : `\nsave as a file for directmap run:\n\n${script}`;
  const isLocal = /^https?:\/\/(127\.0\.0\.1|localhost)[:/]/.test(url);
  return `${account}see it               ${isLocal ? serveCommand(fragment) : url}\n${saved}`;
}
