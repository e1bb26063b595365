/** The link that opens in the workbench what a command has shown. */

import { realpathSync } from 'node:fs';
import path from 'node:path';
import { encodeLink } from '../report/link.ts';
import type { RunOptions } from './run.ts';

/** Seen from where this file lies, compiled or not. */
const LIBRARY = path.join(import.meta.dirname, '../../scenarios');

/** The fragment for a script of a file: by its name if it is one of the library's. */
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
