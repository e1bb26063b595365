/** The command line as a user has it: started as a process, from dist. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
export const SCRATCH = mkdtempSync(join(tmpdir(), 'directmap-'));

export function directmap(...args: string[]) {
  const { status, stdout, stderr } = spawnSync('./bin/directmap', args, { cwd: ROOT, encoding: 'utf8' });
  return { status, stdout, stderr };
}

export function scratch(name: string, content: string | Uint8Array): string {
  const path = join(SCRATCH, name);
  writeFileSync(path, content);
  return path;
}

/** What goes wrong must be said in a message that names the place, and never in a stack trace. */
export function expectMessage(result: ReturnType<typeof directmap>, status: number, ...parts: string[]) {
  expect(result.stderr).not.toMatch(/\n\s+at /);
  expect(result.stderr).toMatch(/^directmap: /);
  for (const part of parts) expect(result.stderr).toContain(part);
  expect(result.stdout).toBe('');
  expect(result.status).toBe(status);
}
