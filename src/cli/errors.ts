/** How a command ends when it cannot do what was asked: one message, one exit status, no stack trace. */

import { InputError, NotModelledError } from '../errors.ts';

export const EXIT_CLEAN = 0;
/** An expectation was not met, a recording differs. */
export const EXIT_REFUTED = 1;
/** Bad input or usage. */
export const EXIT_INPUT = 2;
/** Undecided, or not modelled. */
export const EXIT_UNDECIDED = 3;
/** A bug of ours. */
export const EXIT_BUG = 70;

/** Run `body`; report what it throws on stderr and set the exit status. */
export async function runCommand(body: () => number | Promise<number>): Promise<void> {
  try {
    process.exitCode = await body();
  } catch (error) {
    process.exitCode = reportError(error);
  }
}

/** Tell a person of boot parameters that do nothing in the model. */
export function warnIgnored(parameters: readonly string[]): void {
  if (parameters.length === 0) return;
  process.stderr.write(`directmap: boot parameters without effect here: ${parameters.join(' ')}\n`);
}

/** Print an error for a person and return the exit status that it stands for. */
export function reportError(error: unknown): number {
  if (error instanceof InputError) {
    process.stderr.write(`directmap: ${error.message}\n`);
    return EXIT_INPUT;
  }
  if (error instanceof NotModelledError) {
    process.stderr.write(`directmap: ${error.message}\n`);
    return EXIT_UNDECIDED;
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  process.stderr.write(`directmap: this is a bug in directmap, please report it: ${text}\n`);
  if (process.env.DIRECTMAP_DEBUG !== undefined && error instanceof Error) {
    process.stderr.write(`${error.stack}\n`);
  }
  return EXIT_BUG;
}
