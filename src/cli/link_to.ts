/** The link that opens in the workbench what a command has shown. */

import { realpathSync } from 'node:fs';
import path from 'node:path';
import { InputError } from '../errors.ts';
import { encodeLink } from '../report/link.ts';
import type { RunOptions } from './run.ts';

/** Seen from where this file lies, compiled or not. */
const LIBRARY = path.join(import.meta.dirname, '../../scenarios');

/** The same, for who says it beside something else; undefined where it is more than a link can say. */
export async function linkIfShort(...run: Parameters<typeof linkToRun>): Promise<string | undefined> {
  try {
    return await linkToRun(...run);
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

/**
 * The fragment for a script of a file: by its name if it is one of the library's.
 * @throws InputError where it is more than a link can say
 */
export function linkToRun(script: string, file: string, options: RunOptions = {}): Promise<string> {
  const { arch, kernel, boot, config, features, ram, cpus, refuse, grant, schedule } = options;
  const said = { arch, kernel, boot, config, features, ram, cpus, refuse, grant };
  const given = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  const name = nameInLibrary(file);
  return encodeLink({
    ...(name === undefined ? { script } : { scenario: name }),
    ...given,
    ...(schedule && { schedules: schedule }),
  });
}

function nameInLibrary(file: string): string | undefined {
  const name = path.relative(LIBRARY, realpathSync(file)).split(path.sep).join('/');
  return name.startsWith('../') || path.isAbsolute(name) ? undefined : name;
}
